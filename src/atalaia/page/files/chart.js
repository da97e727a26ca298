// A chart with its limits drawn in, "now", what is forecast, and the same as a table.

import { h } from "./dom.js";
import { amount, clock, measured, number, zoned } from "./format.js";
import { LEVELS, shape } from "./levels.js";
import { hasLibraries, uplot } from "./libraries.js";
import { likeliest } from "./series.js";
import { t } from "./words.js";

const GAP_S = 3 * 3600 + 60;
const COLOURS = ["--line-1", "--line-2", "--line-3"];
const MOST_ROWS = 200;

/** {variable, measure, window_s, unit, limits, isBelow, usual: {low, high}, level, zone, now, span: [since, until],
    lines: [{source, kind, ahead, pairs}], fan} → an element; `.end()` it. `fan`: of `fans`, or null. */
export function chart(given) {
  const title = measured(given);
  const box = h("div", { class: "chart", role: "img", "aria-label": `${title}. ${summed(given)}` });
  const element = h("figure", { class: "chart-box" },
    h("h3", {}, given.level && shape(given.level, 18), title, " ", h("small", { class: "quiet" }, given.unit === "1" ? "" : given.unit)),
    keys(given), given.fan && h("p", { class: "small" }, odds(given)), hasLibraries ? box : h("p", { class: "quiet small" }, summed(given)), table(given, title));
  let end = () => {};
  if (hasLibraries) draw(box, given).then((done) => { end = done; }, () => box.remove());
  element.end = () => end();
  return element;
}

/** "At most 6 of 10 model runs reach Orange 50 mm (qua 18:00); …" */
function odds({ fan, unit, limits, isBelow, zone }) {
  const said = ["yellow", "orange", "red"].filter((level) => fan.chances[level] && limits[level] !== undefined).map((level) => {
    const { share, at } = likeliest(fan, level);
    const limit = `${t.short[level]} ${isBelow ? "≤" : "≥"} ${amount(limits[level], unit)}`;
    return share ? `${limit}: ${t.fan.tenths(share < 0.05 ? "<1" : share > 0.95 && share < 1 ? ">9" : number(share * 10, 0))} (${clock(at * 1000, zone)})` : `${limit}: ${t.fan.none}`;
  });
  return `${t.fan.told(Math.max(...fan.runs), fan.source, clock(fan.received_at, zone))} ${said.join("; ")}. ${t.fan.raw}`;
}

function summed({ lines, unit, zone, fan }) {
  const said = [];
  if (fan) {
    const { 10: low, 90: high } = fan.quantiles;
    said.push(`${t.fan.band}: ${amount(Math.min(...low), unit)} – ${amount(Math.max(...high), unit)}`);
  }
  for (const line of lines) {
    const most = line.pairs.reduce((a, b) => (b[1] > a[1] ? b : a));
    const least = line.pairs.reduce((a, b) => (b[1] < a[1] ? b : a));
    const kinds = [line.ahead > 0 && t.kinds[line.kind], line.ahead < line.pairs.length && t.kinds.forecast].filter(Boolean);
    said.push(`${line.source}, ${kinds.join(" + ")}: ${amount(least[1], unit)} – ${amount(most[1], unit)} (${clock(most[0] * 1000, zone)})`);
  }
  return said.join("; ");
}

function keys({ lines, limits, unit, usual, fan }) {
  const sources = [...new Set(lines.map((line) => line.source))];
  return h("ul", { class: "keys" },
    sources.map((source, i) => h("li", {},
      h("span", { class: `key-line line-${i + 1}` }), source)),
    fan && h("li", {}, h("span", { class: "key-fan" }), t.fan.band),
    fan && h("li", {}, h("span", { class: "key-line line-fan" }), t.fan.median),
    usual && h("li", {}, h("span", { class: "key-band" }), `${t.place.range} ${number(usual.low)} – ${amount(usual.high, unit)}`),
    LEVELS.filter((level) => limits[level] !== undefined).map((level) =>
      h("li", {}, shape(level, 12), h("span", {}, `${t.short[level]} ${amount(limits[level], unit)}`))));
}

function table({ lines, unit, zone, limits, isBelow, fan }, title) {
  const rows = new Map();
  for (const line of lines) {
    line.pairs.forEach(([at, value], i) => {
      const kind = i < line.ahead ? line.kind : "forecast";
      rows.set(`${at}|${line.source}`, [at, line.source, kind, value]);
    });
  }
  const sorted = [...rows.values()].sort((a, b) => b[0] - a[0]).slice(0, MOST_ROWS);
  const body = () => h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title }, h("table", {},
    h("caption", {}, title),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t.place.time), h("th", { scope: "col", class: "number" }, unit === "1" ? "" : unit),
      h("th", { scope: "col" }, t.alert.source), h("th", { scope: "col" }, t.place.limits))),
    h("tbody", {}, sorted.map(([at, source, kind, value]) => h("tr", {},
      h("td", {}, clock(at * 1000, zone, { long: true })), h("td", { class: "number" }, number(value)),
      h("td", {}, `${source}, ${t.kinds[kind]}`), h("td", {}, over(value, limits, isBelow)))))));
  const details = h("details", {}, h("summary", {}, t.place.table));
  details.addEventListener("toggle", () => { if (details.open && details.childElementCount === 1) details.append(body(), ...(fan ? [runsTable(fan, unit, zone, title, isBelow)] : [])); });
  return details;
}

/** The fan as a table: of each hour what tenths of the runs reach, and how many pass each limit. */
function runsTable(fan, unit, zone, title, isBelow) {
  const levels = LEVELS.filter((level) => fan.chances[level]);
  const quantiles = Object.entries(fan.quantiles);
  const named = `${title}, ${t.fan.title}`;
  const head = (text) => h("th", { scope: "col", class: "number" }, text);
  const cell = (text) => h("td", { class: "number" }, text);
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": named }, h("table", {},
    h("caption", {}, `${named}${unit === "1" ? "" : ` (${unit})`}`),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t.place.time),
      quantiles.map(([percent]) => head(percent === "50" ? t.fan.median : `${percent} %`)),
      levels.map((level) => head(`${isBelow ? "≤" : "≥"} ${t.short[level]}`)), head(t.fan.runs))),
    h("tbody", {}, fan.times.map((at, i) => h("tr", {}, h("td", { class: "when" }, clock(at * 1000, zone, { long: true })),
      quantiles.map(([, values]) => cell(number(values[i]))),
      levels.map((level) => cell(`${number(fan.chances[level][i] * 100, 0)} %`)), cell(fan.runs[i]))))));
}

function over(value, limits, isBelow) {
  const level = [...LEVELS].reverse().find((one) => limits[one] !== undefined &&
    (isBelow ? value <= limits[one] : value >= limits[one]));
  return level ? t.short[level] : "";
}

async function draw(box, given) {
  const uPlot = await uplot();
  const sources = [...new Set(given.lines.map((line) => line.source))];
  // A line goes on across "now": its two parts share the last point that was seen.
  const parts = given.lines.flatMap((line) => [
    { ...line, pairs: line.pairs.slice(0, line.ahead) },
    { ...line, pairs: line.pairs.slice(Math.max(0, line.ahead - 1)), isForecast: true },
  ]).filter((part) => part.pairs.length);
  const spread = given.fan ? Object.values(given.fan.quantiles) : [];
  const data = uPlot.join([...parts.map((part) => columns(part.pairs)), ...(given.fan ? [[given.fan.times, ...spread]] : [])]);
  const wide = () => Math.max(260, box.clientWidth);
  const look = () => looks(box);
  const options = {
    width: wide(), height: 220, padding: [12, 26, 0, 0],
    legend: { show: false },
    cursor: { points: { size: 8 }, drag: { x: false, y: false }, y: false },
    scales: { x: { range: () => given.span }, y: { range: (_, low, high) => reach(low, high, given) } },
    axes: axes(given, look),
    series: [{}, ...parts.map((part) => stroke(part, sources, look)), ...spread.map((_, i) => edge(i === 2, look))],
    bands: spread.length ? fanned(parts.length + 1, look) : [],
    hooks: { drawClear: [(u) => tint(u, given, look())], draw: [(u) => limitsOn(u, given, look())], setCursor: [tip(box, given, parts)] },
  };
  let plot = new uPlot(options, data, box);
  const sized = new ResizeObserver(() => plot.setSize({ width: wide(), height: 220 }));
  sized.observe(box);
  const themed = new MutationObserver(() => plot.redraw());
  themed.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  box.dataset.drawn = "yes";
  return () => {
    sized.disconnect();
    themed.disconnect();
    plot.destroy();
    plot = null;
  };
}

/** With an empty point wherever nothing came for long: missing is not drawn over. */
function columns(pairs) {
  const x = [];
  const y = [];
  pairs.forEach(([at, value], i) => {
    if (i && at - pairs[i - 1][0] > GAP_S) {
      x.push(at - 1);
      y.push(null);
    }
    x.push(at);
    y.push(value);
  });
  return [x, y];
}

/** From what there is to the first limit beyond it, so that one sees how far it is. */
function reach(low, high, { limits, isBelow, usual, variable: name }) {
  const all = Object.values(limits).sort((a, b) => a - b);
  let least = Math.min(low ?? 0, usual?.low ?? Infinity);
  let most = Math.max(high ?? 1, usual?.high ?? -Infinity);
  if (isBelow) {
    least = Math.min(least, [...all].reverse().find((one) => one < least) ?? least);
    most = Math.max(most, all.at(-1) ?? most);
  } else {
    most = Math.max(most, all.find((one) => one > most) ?? most);
    if (!name.endsWith("_c")) least = Math.min(least, 0);
    else least = Math.min(least, all[0] ?? least);
  }
  const room = (most - least || 1) * 0.09;
  return [least === 0 ? 0 : least - room, most + room];
}

function axes({ zone, unit }, look) {
  const hour = zoned({ hour: "2-digit", minute: "2-digit" }, zone);
  const day = zoned({ weekday: "short", day: "numeric" }, zone);
  const told = (_, splits) => splits.map((at) => {
    const text = hour.format(at * 1000);
    return text === "00:00" ? day.format(at * 1000).replace(".,", "") : text;
  });
  const common = {
    stroke: () => look().muted, font: `12px ${getComputedStyle(document.body).fontFamily}`,
    grid: { stroke: () => look().line, width: 1 }, ticks: { show: false },
  };
  return [
    { ...common, values: told, space: 64, size: 30, incrs: [3600, 7200, 10800, 21600, 43200, 86400, 172800],
      splits: (u, _, low, high, step) => localSplits(low, high, step, zone) },
    { ...common, size: 46, values: (_, splits) => splits.map((value) => number(value)), gap: unit ? 6 : 5 },
  ];
}

/** Round hours of the place's own clock. */
function localSplits(low, high, step, zone) {
  const parts = zoned({ hour: "numeric" }, zone).formatToParts(low * 1000);
  const hour = Number(parts.find((part) => part.type === "hour")?.value ?? 0);
  const start = low - (low % 3600) - ((hour * 3600) % step);
  const found = [];
  for (let at = start; at <= high; at += step) if (at >= low) found.push(at);
  return found;
}

function stroke(line, sources, look) {
  const i = sources.indexOf(line.source);
  return {
    stroke: () => look().lines[i % COLOURS.length], width: 2.2, dash: line.isForecast ? [5, 4] : undefined,
    points: { show: line.pairs.length < 3, size: 6 }, spanGaps: false,
  };
}

/** Of the fan's five lines the middle one is drawn; the others bound what is filled. */
function edge(isMedian, look) {
  return { stroke: () => (isMedian ? look().fan : "transparent"), width: isMedian ? 1.8 : 0, dash: isMedian ? [2, 3] : undefined,
    points: { show: false }, spanGaps: false };
}

function fanned(first, look) {
  const filled = (high, low, share) => ({ series: [first + high, first + low], fill: () => shaded(look().fan, share) });
  return [filled(4, 0, 0.16), filled(3, 1, 0.2)];
}

/** A colour as #rrggbb, so far let through. */
const shaded = (colour, share) => `${colour}${Math.round(share * 255).toString(16).padStart(2, "0")}`;

function looks(box) {
  const style = getComputedStyle(box);
  const colour = (name) => style.getPropertyValue(name).trim();
  return {
    lines: COLOURS.map(colour), muted: colour("--muted"), line: colour("--line"), ink: colour("--ink"),
    surface: colour("--surface"), fan: colour("--line-fan"), soft: colour("--accent-soft"), font: style.fontFamily,
    levels: Object.fromEntries(LEVELS.map((level) => [level, [colour(`--${level}`), colour(`--${level}-ink`)]])),
  };
}

/** The ground: of what is usual, and of what is to come. */
function tint(u, { now, usual }, look) {
  const { left, top, width, height } = u.bbox;
  if (usual) {
    const [from, to] = [usual.high, usual.low].map((value) => u.valToPos(value, "y", true));
    u.ctx.save();
    u.ctx.fillStyle = look.lines[0];
    u.ctx.globalAlpha = 0.13;
    u.ctx.fillRect(left, from, width, to - from);
    u.ctx.restore();
  }
  const x = u.valToPos(now, "x", true);
  if (x >= left + width) return;
  const from = Math.max(left, x);
  u.ctx.save();
  u.ctx.fillStyle = look.soft;
  u.ctx.globalAlpha = 0.55;
  u.ctx.fillRect(from, top, left + width - from, height);
  u.ctx.restore();
}

function limitsOn(u, { limits, now, unit }, look) {
  const pen = u.ctx;
  const ratio = devicePixelRatio || 1;
  const { left, top, width, height } = u.bbox;
  pen.save();
  pen.font = `600 ${11.5 * ratio}px ${look.font}`;
  pen.textAlign = "left";
  pen.textBaseline = "bottom";
  const told = []; // where a limit has its words: of two that lie close the graver one has
  for (const level of [...LEVELS].reverse()) {
    if (limits[level] === undefined) continue;
    const y = u.valToPos(limits[level], "y", true);
    if (y < top || y > top + height) continue;
    pen.strokeStyle = look.levels[level][0];
    pen.lineWidth = 1.8 * ratio;
    pen.setLineDash([7 * ratio, 5 * ratio]);
    pen.beginPath();
    pen.moveTo(left, y);
    pen.lineTo(left + width, y);
    pen.stroke();
    pen.setLineDash([]);
    if (told.some((one) => Math.abs(one - y) < 15 * ratio)) continue;
    told.push(y);
    const text = `${t.short[level]} ${number(limits[level])}${unit === "1" ? "" : ` ${unit}`}`;
    pen.lineWidth = 3.5 * ratio;
    pen.strokeStyle = look.surface;
    pen.lineJoin = "round";
    pen.strokeText(text, left + 6 * ratio, y - 2 * ratio);
    pen.fillStyle = look.levels[level][1];
    pen.fillText(text, left + 6 * ratio, y - 2 * ratio);
  }
  const x = u.valToPos(now, "x", true);
  if (x > left && x < left + width) {
    pen.fillStyle = look.ink;
    pen.fillRect(x - ratio / 2, top, ratio, height);
    pen.textBaseline = "top";
    const word = t.map.title.toLowerCase();
    const room = pen.measureText(word).width + 6 * ratio;
    pen.fillText(word, x + room > left + width ? x - room : x + 5 * ratio, top);
  }
  pen.restore();
}

function tip(box, { unit, zone }, lines) {
  const element = h("div", { class: "tip", hidden: true });
  box.append(element);
  return (u) => {
    const i = u.cursor.idx;
    const told = lines.map((line, n) => [line, i === null || i === undefined ? null : u.data[n + 1][i]])
      .filter(([, value]) => value !== null && value !== undefined);
    element.hidden = u.cursor.left < 0 || !told.length;
    if (element.hidden) return;
    const at = u.data[0][i];
    element.textContent = `${clock(at * 1000, zone)} · ${told.map(([line, value]) =>
      `${lines.length > 2 ? `${line.source}: ` : ""}${amount(value, unit)}`).join(" · ")}`;
    const half = element.offsetWidth / 2;
    const x = u.over.offsetLeft + u.cursor.left;
    element.style.left = `${Math.min(Math.max(x, half), box.clientWidth - half)}px`;
    element.style.top = `${u.over.offsetTop + Math.max(30, u.cursor.top)}px`;
  };
}
