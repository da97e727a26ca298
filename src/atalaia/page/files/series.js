// Lines of a place as charts, tiles and gauges need them. What a rule judges comes as the server's
// own measures: the very values that are held against the limits. What no rule names comes as read.

const HOUR = 3600;
const DAY = 24 * HOUR;

/** Of the API's measures: one line a rule and source, past and forecast in one; `ahead` is the
    position of its first value that is foretold. */
export function measures(told) {
  return (told.measures ?? []).map((one) => ({
    ...one, pairs: one.times.map((at, i) => [Date.parse(at) / 1000, one.values[i]]),
  }));
}

/** Of the API's readings of instants, the same: of each source what was seen, then what is foretold. */
export function instants(told, name) {
  const found = new Map();
  for (const one of told.series ?? []) {
    if (one.variable !== name || one.period_s) continue;
    const pairs = one.times.map((at, i) => [Date.parse(at) / 1000, one.values[i]]).filter(([, value]) => value !== null);
    if (!pairs.length) continue;
    const line = found.get(one.source) ?? { source: one.source, kind: "forecast", variable: name, measure: "value", window_s: 0,
      unit: one.unit, limits: {}, is_below: false, seen: [], foretold: [] };
    if (one.kind === "forecast") line.foretold.push(...pairs);
    else {
      line.seen.push(...pairs);
      line.kind = one.kind;
    }
    found.set(one.source, line);
  }
  return [...found.values()].map(({ seen, foretold, ...line }) => {
    const past = [...new Map(seen.sort((a, b) => a[0] - b[0]))];
    const last = past.at(-1)?.[0] ?? -Infinity;
    const ahead = foretold.filter(([at]) => at > last).sort((a, b) => a[0] - b[0]);
    return { ...line, pairs: [...past, ...ahead], ahead: past.length };
  });
}

/** Lines of one chart: those of the same measure, whichever rule they are of. */
export const keyOf = (one) => `${one.variable}|${one.measure}|${one.window_s}`;

export function grouped(lines) {
  const found = new Map();
  for (const line of lines) {
    const group = found.get(keyOf(line)) ?? { ...line, lines: [] };
    if (!group.lines.some((one) => one.source === line.source)) group.lines.push(line);
    for (const [level, limit] of Object.entries(line.limits)) group.limits = { [level]: limit, ...group.limits };
    found.set(keyOf(line), group);
  }
  return [...found.values()];
}

/** Of the API's chances: what runs of models make of the measure of each chart, by `keyOf`. Rules of
    one measure say the same of it, each the chances of its own limits. */
export function fans(told) {
  const found = new Map();
  for (const one of told.chances ?? []) {
    const { times, chances, ...more } = one;
    const before = found.get(keyOf(one));
    if (before && before.source !== one.source) continue;
    const limits = { ...one.limits, ...before?.limits };
    found.set(keyOf(one), { ...more, limits, times: times.map((at) => Date.parse(at) / 1000), chances: { ...chances, ...before?.chances } });
  }
  return found;
}

/** The hour in which the most runs pass a level's limit, the first of equal ones: {share, at}. */
export function likeliest(fan, level) {
  const shares = fan.chances[level] ?? [];
  const share = Math.max(0, ...shares);
  return { share, at: fan.times[shares.indexOf(share)] };
}

/** The newest value that is no forecast: {value, at, source, kind}; null: none within a day. */
export function latest(lines, now) {
  let best = null;
  for (const line of lines) {
    const [at, value] = line.pairs[line.ahead - 1] ?? [];
    if (at !== undefined && now - at < DAY && (!best || at > best.at)) best = { value, at, source: line.source, kind: line.kind };
  }
  return best;
}

/** The most extreme value ahead: {value, at, source}; null: no forecast. */
export function ahead(lines, isBelow, now, hours = 48) {
  let best = null;
  for (const line of lines) {
    for (const [at, value] of line.pairs.slice(line.ahead)) {
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

/** A line's part that a chart shows; where it begins to be foretold stays known. */
export function within(line, since, until) {
  const from = line.pairs.findIndex(([at]) => at >= since);
  if (from < 0) return null;
  const pairs = line.pairs.slice(from).filter(([at]) => at <= until);
  return pairs.length ? { ...line, pairs, ahead: Math.min(pairs.length, Math.max(0, line.ahead - from)) } : null;
}
