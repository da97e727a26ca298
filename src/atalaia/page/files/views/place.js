// One place: how it stands, what is ahead, the last days with the limits drawn in, its episodes.

import { look, Problem } from "../api.js";
import { chart } from "../chart.js";
import { fill, h } from "../dom.js";
import { ago, amount, capital, clock, figure, hazard, length, measured, number, variable, zoned } from "../format.js";
import { icon } from "../icons.js";
import { badge, highest, LEVELS, RANK, shape } from "../levels.js";
import { ahead, fans, grouped, instants, keyOf, latest, measures, passed, within } from "../series.js";
import { levelAt, now as serverNow, on, open, placesOf, store } from "../store.js";
import { t } from "../words.js";
import { failed, report, share, unloaded } from "./parts.js";

// Shown whether or not a rule judges them, the first of them first.
const ALWAYS = ["temperature_c", "wind_gust_m_s", "relative_humidity_pct", "pressure_hpa"];
const TILES = ["temperature_c|value|0", "rain_mm|sum|3600", "rain_mm|sum|86400", "wind_gust_m_s|value|0",
  "relative_humidity_pct|value|0", "pressure_hpa|value|0"];
const AHEAD_S = 48 * 3600;
const AGAIN_MS = 120_000;

export async function show(main, { id, query, titled }) {
  const hours = query.get("hours") === "24" ? 24 : 72;
  let place;
  try {
    place = await look(`/v1/places/${encodeURIComponent(id)}`);
  } catch (error) {
    return failed(main, error, t.place.missing, store.places.get(id)?.name);
  }
  titled(place.name);
  const parts = Object.fromEntries(["state", "now", "next", "charts", "eyes", "past"].map((name) => [name, h("div", {})]));
  const time = h("p", { class: "quiet" });
  main.append(h("div", { class: "page" },
    h("div", {}, h("a", { class: "back", href: "/#/" }, icon("back", 18), t.place.back)),
    h("header", { class: "title-row" },
      h("div", {}, h("h1", { tabindex: -1 }, place.name), time),
      h("div", { class: "buttons" }, share(`/place/${encodeURIComponent(id)}${location.hash.replace(/^[^?]*/, "")}`), report("place", id, place.name),
        h("a", { class: "button first", href: `/#/subscribe?place=${encodeURIComponent(id)}` }, icon("bell", 18), t.place.subscribe))),
    parts.state, parts.now, parts.next, parts.charts, parts.eyes, climate(place), parts.past));

  const told = { groups: null, ends: [], isGone: false };
  const drawState = () => {
    fill(time, [place.area, t.place.local_time(zoned({ weekday: "long", hour: "2-digit", minute: "2-digit" }, place.timezone).format(new Date()))].filter(Boolean).join(" · "));
    fill(parts.state, state(place));
  };
  const drawReadings = async () => {
    const path = `/v1/places/${encodeURIComponent(id)}`;
    const names = [...new Set([...ALWAYS, ...(place.climate?.bands ?? []).map((band) => band.variable)])];
    try {
      const [newest, judged, read, runs] = await Promise.all([look(path), look(`${path}/measures?hours=72`),
        look(`${path}/readings?hours=72&variables=${names.join(",")}`), runsOf(path)]);
      place.newest_at = newest.newest_at;
      const lines = measures(judged);
      const isJudged = new Set(lines.map(keyOf));
      const plain = names.filter((name) => !isJudged.has(`${name}|value|0`)).flatMap((name) => instants(read, name));
      told.groups = fanned(grouped([...lines, ...plain]), fans(runs));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // What is drawn already stays.
      if (!told.isGone && !told.groups) fill(parts.charts, unloaded(t.place.charts, error));
      return;
    }
    if (told.isGone) return;
    const now = serverNow();
    drawState();
    fill(parts.now, nowTiles(told.groups, now));
    fill(parts.next, nextHours(told.groups, now, place));
    told.ends.forEach((end) => end());
    const drawn = charts(place, told.groups, now, hours);
    told.ends = drawn.ends;
    fill(parts.charts, drawn.element);
  };
  const drawPast = async () => {
    try {
      const take = (page) => told.isGone || fill(parts.past, past(page.items, place));
      take(await look(`/v1/incidents?place=${encodeURIComponent(id)}&limit=20`, take));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (!told.isGone && !parts.past.childElementCount) fill(parts.past, unloaded(t.place.incidents, error));
    }
  };
  const drawEyes = async () => {
    try {
      const near = await look(`/v1/places/${encodeURIComponent(id)}/stations`);
      if (!told.isGone) fill(parts.eyes, eyes(near.items, place));
    } catch (error) {
      // Whoever reads of the weather misses nothing: which instruments it came of is beside it.
      if (!(error instanceof Problem)) throw error;
    }
  };
  drawState();
  await Promise.all([drawReadings(), drawPast(), drawEyes()]);
  const timer = setInterval(drawReadings, AGAIN_MS);
  const ends = [on("data", drawState), on("alert", (alert) => {
    if (placesOf(alert).includes(id)) {
      drawPast();
      drawReadings();
    }
  })];
  return () => {
    told.isGone = true;
    clearInterval(timer);
    [...ends, ...told.ends].forEach((end) => end());
  };
}

/** What ensembles say there. Where that cannot be had, all else is still shown. */
async function runsOf(path) {
  try {
    return await look(`${path}/chances`);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return {};
  }
}

/** The lines of each chart, with what runs of models make of the same measure. */
function fanned(groups, found) {
  const known = new Set(groups.map(keyOf));
  const alone = [...found.values()].filter((fan) => !known.has(keyOf(fan))).map((fan) => ({ ...fan, lines: [] }));
  return [...groups, ...alone].map((group) => {
    const fan = found.get(keyOf(group)) ?? null;
    return { ...group, fan, limits: { ...fan?.limits, ...group.limits } };
  });
}

// How it stands

function state(place) {
  // By the server's word: it knows how often each source speaks there.
  const hasData = store.summary ? !store.noData.has(place.id) : place.has_data;
  const mine = open().filter((one) => placesOf(one).includes(place.id)).map((one) => ({ ...one, level: levelAt(one, place.id) }))
    .sort((a, b) => RANK[b.level] - RANK[a.level]);
  const lost = store.blind.filter((one) => one.places?.includes(place.id));
  const shown = mine.map((one) => h("a", { class: `state-line level-${one.level}`, href: `/#/alert/${encodeURIComponent(one.incident)}` },
    shape(one.level, 30),
    h("span", {}, h("strong", {}, capital(hazard(one.hazard))),
      h("span", {}, `${t.levels[one.level]} · ${one.certainty === "Possible" ? t.map.from(clock(one.onset_at, place.timezone)) : t.map.since(clock(one.onset_at ?? one.opened_at, place.timezone))}`)),
    h("span", { class: "to" }, icon("arrow"))));
  lost.forEach((one) => shown.push(h("p", { class: "state-line" }, shape("blind", 26),
    h("span", {}, h("strong", {}, t.place.blind(one.source, clock(one.since, place.timezone))), h("span", { class: "quiet" }, t.blind.means)))));
  if ((!shown.length || !hasData) && !lost.length) {
    // Calm is only what is seen.
    const never = place.newest_at === null ? t.place.never : t.place.unseen_since(clock(place.newest_at, place.timezone));
    const [how, title, more] = hasData ? ["calm", t.place.calm, t.place.calm_sub] : ["blind", t.place.unseen, never];
    shown.push(h("p", { class: "state-line" }, shape(how, 26),
      h("span", {}, h("strong", {}, title), h("span", { class: "quiet" }, more))));
  }
  return h("section", { class: "state", "aria-label": t.place.now }, shown);
}

function nowTiles(groups, now) {
  const tiles = [];
  for (const key of TILES) {
    const group = groups.find((one) => keyOf(one) === key);
    const found = group && latest(group.lines, now);
    if (!found) continue;
    const [plain, other] = amount(found.value, group.unit).split(" (");
    tiles.push(h("div", { class: "tile" },
      h("dt", {}, measured(group)),
      h("dd", { class: "figure" }, plain, other && h("small", {}, ` ${other.replace(")", "")}`)),
      h("dd", {}, `${t.kinds[found.kind]} ${ago(found.at * 1000, now * 1000)} · ${found.source}`)));
  }
  return h("section", { "aria-labelledby": "now" }, h("h2", { id: "now" }, t.place.now),
    tiles.length ? h("dl", { class: "tiles" }, tiles) : h("p", { class: "quiet" }, t.place.no_now));
}

// What is ahead

function nextHours(groups, now, place) {
  const rows = groups.filter((group) => Object.keys(group.limits).length).map((group) => {
    const best = ahead(group.lines, group.is_below, now);
    return best && row(group, best, place);
  }).filter(Boolean);
  if (!rows.length) return null;
  return h("section", { class: "panel", "aria-labelledby": "next" },
    h("h2", { id: "next" }, t.place.next), h("p", { class: "quiet" }, t.place.next_sub),
    h("div", { class: "ahead" }, rows));
}

function row(group, best, place) {
  const level = passed(best.value, group.limits, group.is_below);
  const said = level ? t.place.passes(t.short[level].toLowerCase()) : t.place.within;
  return h("div", { class: "ahead-row" },
    h("div", { class: "ahead-head" }, h("span", {}, h("b", {}, measured(group))),
      h("span", {}, h("b", {}, figure(best.value, group.unit, group.measure)), ` ${clock(best.at * 1000, place.timezone)} `,
        level ? badge(level) : h("span", { class: "quiet" }, said), level && h("span", { class: "unseen" }, said))),
    gauge(group, best.value, level));
}

function gauge(rule, value, level) {
  const limits = Object.values(rule.limits);
  const far = rule.is_below ? Math.max(value, Math.max(...limits) * 1.6, 1) : Math.max(value, Math.max(...limits)) * 1.12;
  const near = rule.is_below || Math.min(value, ...limits) >= 0 ? 0 : Math.min(value, ...limits) * 1.2;
  const part = (one) => Math.min(100, Math.max(0, ((one - near) / (far - near)) * 100));
  const ticks = LEVELS.filter((one) => rule.limits[one] !== undefined && one !== "watch");
  // Two limits that lie close together have their figures above and below.
  const close = (i) => i > 0 && Math.abs(part(rule.limits[ticks[i]]) - part(rule.limits[ticks[i - 1]])) < 14 && !(i > 1 && close(i - 1));
  const filled = rule.is_below ? 100 - part(value) : part(value);
  return h("div", { class: `gauge${rule.is_below ? " is-below" : ""}`, "aria-hidden": "true" },
    h("div", { class: `upto level-${level ?? "none"}`, style: { width: `${filled}%` } }),
    ticks.map((one, i) =>
      h("span", { class: `tick${close(i) ? " low" : ""}`, style: { left: `${part(rule.limits[one])}%` } },
        h("span", {}, shape(one, 11), number(rule.limits[one])))));
}

// The last days

function charts(place, groups, now, hours) {
  // Runs of models may reach farther than the forecast: all charts do then.
  const last = Math.max(now + AHEAD_S, ...groups.map((group) => group.fan?.times.at(-1) ?? 0));
  const span = [now - hours * 3600, last];
  const bands = (place.climate?.bands ?? []).map((band) => ({ ...band, usual: usualOf(band, place) })).filter((one) => one.usual);
  // What is going on comes first, the worst before the others.
  const levels = new Map();
  for (const one of [...open()].reverse()) {
    if (one.variable && placesOf(one).includes(place.id)) levels.set(keyOf(one), levelAt(one, place.id));
  }
  const drawn = [];
  for (const group of [...groups].sort((a, b) => (RANK[levels.get(keyOf(b))] ?? 0) - (RANK[levels.get(keyOf(a))] ?? 0))) {
    const level = levels.get(keyOf(group));
    const lines = group.lines.map((line) => within(line, ...span)).filter(Boolean);
    const band = group.measure === "value" && bands.find((one) => one.variable === group.variable);
    if (!(lines.length || group.fan) || !(level || band || Object.keys(group.limits).length)) continue;
    drawn.push(chart({ ...group, isBelow: group.is_below, usual: band?.usual, level, zone: place.timezone, now, span, lines }));
  }
  const choose = h("div", { class: "segmented", role: "radiogroup", "aria-label": t.place.period },
    [24, 72].map((one) => h("label", {}, h("input", { type: "radio", name: "hours", value: one, checked: one === hours,
      onchange: () => { location.hash = `#/place/${encodeURIComponent(place.id)}?hours=${one}`; } }),
    h("span", {}, t.place.hours[one]))));
  const element = h("section", { "aria-labelledby": "charts" },
    h("div", { class: "title-row" }, h("div", {}, h("h2", { id: "charts" }, t.place.charts), h("p", { class: "quiet" }, t.place.charts_sub)), choose),
    drawn.length ? h("div", { class: "charts" }, drawn) : h("p", { class: "quiet" }, t.place.no_data));
  return { element, ends: drawn.map((one) => one.end) };
}

// What is usual, and what was

// Which instruments speak for it, and how far away they stand

function eyes(stations, place) {
  const speaking = stations.filter((one) => one.speaks_for.length);
  if (!speaking.length) return null;
  return h("section", { class: "panel", "aria-labelledby": "eyes" },
    h("h2", { id: "eyes" }, t.place.eyes), h("p", { class: "quiet" }, t.place.eyes_sub),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": t.place.eyes }, h("table", {}, h("tbody", {},
      speaking.map((one) => h("tr", {}, h("th", { scope: "row" }, one.name),
        h("td", {}, t.place.away(number(one.km))),
        h("td", { class: "quiet" }, one.last_valid_at ? clock(one.last_valid_at, place.timezone) : "—"),
        h("td", { class: "quiet" }, one.speaks_for.map(spoken).join(", "))))))));
}

function spoken(told) {
  const [name, , hours] = told.split(" ");
  return variable(name) + (hours ? ` (${t.place.sums_of(hours)})` : "");
}

function climate(place) {
  const known = place.climate;
  if (!known?.bands?.length && !known?.return_levels?.length) return null;
  const month = monthOf(place);
  const named = zoned({ month: "long" }, place.timezone).format(new Date());
  const rows = known.bands.map((band) => ({ band, now: band.months.find((one) => one.month === month) })).filter((one) => one.now);
  const returns = new Map();
  for (const one of known.return_levels ?? []) {
    const key = `${one.variable}|${one.window_s}|${one.extreme}`;
    returns.set(key, [...(returns.get(key) ?? []), one]);
  }
  const years = rows.map(({ band }) => `${band.first_year}–${band.last_year}`)[0] ?? "";
  return h("section", { class: "panel", "aria-labelledby": "climate" },
    h("h2", { id: "climate" }, t.place.climate),
    years && h("p", { class: "quiet" }, t.place.climate_sub(named, years)),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": t.place.climate }, h("table", {}, h("tbody", {},
      rows.map(({ band, now }) => h("tr", {}, h("th", { scope: "row" }, variable(band.variable)), h("td", {}, usual(now, band.unit)), h("td", { class: "quiet" }, band.source))),
      [...returns.values()].map((some) => h("tr", {},
        h("th", { scope: "row" }, variable(some[0].variable) + (some[0].window_s ? t.over(length(some[0].window_s)) : "")),
        h("td", { colspan: 2 }, some.sort((a, b) => a.return_years - b.return_years).map((one) => `${t.place.return(one.return_years)}: ${amount(one.level, one.unit)}`).join(" · "))))))));
}

function usual(month, unit) {
  const [low, middle, high] = spreadOf(month);
  if (low === undefined) return `${t.place.normal}: ${amount(month.mean, unit)}`;
  return `${t.place.range}: ${amount(low, unit)} – ${amount(high, unit)}; ${t.place.normal} ${amount(middle, unit)}`;
}

/** Eight of ten hours of a month lie between these, and half below the middle one. */
function spreadOf(month) {
  const by = Object.entries(month.percentiles ?? {}).map(([key, value]) => [Number(key.replace(/\D/g, "")), value]).sort((a, b) => a[0] - b[0]);
  if (by.length < 2) return [];
  const low = by.find(([key]) => key >= 10) ?? by[0];
  const high = [...by].reverse().find(([key]) => key <= 90) ?? by.at(-1);
  return [low[1], by.find(([key]) => key === 50)?.[1] ?? month.mean, high[1]];
}

function usualOf(band, place) {
  const month = band.months.find((one) => one.month === monthOf(place));
  const [low, , high] = month ? spreadOf(month) : [];
  return low === undefined ? null : { low, high };
}

const monthOf = (place) => Number(zoned({ month: "numeric" }, place.timezone).format(new Date()));

function past(items, place) {
  const shown = items.filter((one) => one.hazard !== "cannot_see");
  return h("section", { "aria-labelledby": "past" }, h("h2", { id: "past" }, t.place.incidents),
    shown.length ? h("ol", { class: "history" }, shown.map((one) => {
      const level = highest([one.level, one.peak_level ?? "none"]);
      const from = clock(one.onset_at ?? one.opened_at, place.timezone, { long: true });
      return h("li", {}, h("a", { href: `/#/alert/${encodeURIComponent(one.incident)}` },
        shape(level, 24),
        h("span", {}, h("b", {}, capital(hazard(one.hazard))), h("small", {}, [t.short[level], RANK[level] && one.peak !== null ? figure(one.peak, one.unit, one.measure) : null, from].filter(Boolean).join(" · "))),
        h("span", { class: "quiet small" }, one.status === "open" ? t.alert.ongoing : t.alert.status[one.status])));
    })) : h("p", { class: "quiet" }, t.place.no_incidents));
}
