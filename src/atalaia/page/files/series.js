// Readings of a place as charts, tiles and gauges need them: by variable and window, sums rolled.

const HOUR = 3600;
const COVERED = 0.75; // of a window, as the watch itself asks for

/** From the API: times as Unix seconds, in `x`; values in `y`. */
export function read(told) {
  return (told.series ?? []).map((one) => ({
    ...one, period_s: one.period_s ?? 0, isForecast: one.kind === "forecast",
    x: one.times.map((at) => Date.parse(at) / 1000), y: one.values,
  }));
}

/** Lines of one variable over a window (0: as they are), of each source: past, then forecast. */
export function lines(series, variable, window_s, measure, now) {
  const mine = series.filter((one) => one.variable === variable);
  const sources = [...new Set(mine.map((one) => one.source))];
  const found = [];
  for (const source of sources) {
    const of = (isForecast) => finest(mine.filter((one) => one.source === source && one.isForecast === isForecast), window_s);
    const past = of(false);
    const ahead = of(true);
    const before = past ? points(past).filter(([at]) => at <= now) : [];
    const after = ahead ? points(ahead).filter(([at]) => at > (before.at(-1)?.[0] ?? 0) && at > now - HOUR) : [];
    if (measure === "sum" && window_s) {
      const seen = rolled(before, window_s);
      const all = rolled([...before, ...after], window_s);
      add(found, source, past?.kind ?? "observed", seen);
      add(found, source, "forecast", all.filter(([at]) => at > (before.at(-1)?.[0] ?? 0)));
    } else {
      add(found, source, past?.kind ?? "observed", before);
      add(found, source, "forecast", after);
    }
  }
  return found;
}

function add(found, source, kind, pairs) {
  if (pairs.length) found.push({ source, kind, isForecast: kind === "forecast", pairs: pairs.map(([x, y]) => [x, y]) });
}

/** Of series of one source the one of the shortest periods that go into the window. */
function finest(some, window_s) {
  const fitting = some.filter((one) => !window_s || !one.period_s || one.period_s <= window_s);
  return fitting.sort((a, b) => a.period_s - b.period_s || b.x.length - a.x.length)[0];
}

function points(one) {
  const found = [];
  one.x.forEach((at, i) => {
    if (one.y[i] !== null) found.push([at, one.y[i], one.period_s]);
  });
  return found.sort((a, b) => a[0] - b[0]);
}

/** Sums over the window that ends at each point, where enough of it is covered. */
function rolled(pairs, window_s) {
  const found = [];
  let first = 0;
  let sum = 0;
  let covered = 0;
  pairs.forEach(([at, value, period_s]) => {
    sum += value;
    covered += period_s;
    while (pairs[first][0] <= at - window_s) {
      sum -= pairs[first][1];
      covered -= pairs[first][2];
      first += 1;
    }
    if (covered >= COVERED * window_s) found.push([at, Math.max(0, Math.round(sum * 100) / 100)]);
  });
  return found;
}

/** The newest value that is no forecast: {value, at, source, kind}; null: none within a day. */
export function latest(series, variable, now, window_s = 0) {
  let best = null;
  for (const line of lines(series, variable, window_s, window_s ? "sum" : "value", now)) {
    if (line.isForecast) continue;
    const [at, value] = line.pairs.at(-1);
    if (now - at < 24 * HOUR && (!best || at > best.at)) best = { value, at, source: line.source, kind: line.kind };
  }
  return best;
}

/** The most extreme value ahead: {value, at, source}; null: no forecast. */
export function ahead(found, isBelow, now, hours = 48) {
  let best = null;
  for (const line of found) {
    if (!line.isForecast) continue;
    for (const [at, value] of line.pairs) {
      if (at < now || at > now + hours * HOUR) continue;
      if (!best || (isBelow ? value < best.value : value > best.value)) best = { value, at, source: line.source };
    }
  }
  return best;
}

/** The level that a value passes; null: none. */
export function passed(value, limits, isBelow) {
  return ["red", "orange", "yellow", "watch"].find((level) =>
    limits[level] !== undefined && (isBelow ? value <= limits[level] : value >= limits[level])) ?? null;
}

/** A rule for each variable and window whose limits can be drawn; several rules of one: the first. */
export function drawable(rules) {
  const found = new Map();
  for (const rule of rules ?? []) {
    const key = `${rule.variable}|${rule.window_s}`;
    if (!rule.norm && ["value", "sum", "mean"].includes(rule.measure) && !found.has(key)) found.set(key, rule);
  }
  return [...found.values()];
}
