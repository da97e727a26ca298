// Levels and how they look. Each has a shape, a colour and a word, so that none needs the colour.

import { s, h } from "./dom.js";
import { t } from "./words.js";

export const LEVELS = ["watch", "yellow", "orange", "red"];
export const RANK = { none: 0, watch: 1, yellow: 2, orange: 3, red: 4 };

/** The higher of two. */
export const higher = (a, b) => ((RANK[a] ?? 0) >= (RANK[b] ?? 0) ? a : b);

/** The highest of some; null: none. */
export const highest = (some) => some.reduce((a, b) => higher(a, b), null) || null;

/** Corners of each shape in a square from -1 to 1; a circle has none. */
const octagon = (r) =>
  Array.from({ length: 8 }, (_, i) => {
    const angle = ((i + 0.5) * Math.PI) / 4;
    return [r * Math.cos(angle), r * Math.sin(angle)];
  });
export const CORNERS = {
  watch: null,
  yellow: [[0, -1.02], [1.02, 0.78], [-1.02, 0.78]],
  orange: [[0, -1.12], [1.12, 0], [0, 1.12], [-1.12, 0]],
  red: octagon(1.08),
};

/** The shape of a level as a small drawing, hidden from readers: the word stands beside it. */
export function shape(level, size = 18) {
  const drawing = s("svg", {
    viewBox: "-1.4 -1.4 2.8 2.8", width: size, height: size,
    class: `shape level-${level}`, "aria-hidden": "true", focusable: "false",
  });
  const corners = CORNERS[level];
  if (corners) drawing.append(s("polygon", { points: corners.map((c) => c.join(",")).join(" ") }));
  else drawing.append(s("circle", { r: level === "watch" ? 0.9 : 0.6 }));
  if (level === "red") drawing.append(s("path", { class: "mark", d: "M0-.55v.7M0 .5v.05" }));
  return drawing;
}

/** Shape and word. */
export function badge(level, { long = false } = {}) {
  return h("span", { class: `badge level-${level}` }, shape(level, 15),
    h("span", {}, long ? t.levels[level] : t.short[level]));
}
