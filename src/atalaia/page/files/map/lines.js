// For who looks closely: borders of states, rivers and lakes beneath the places, main towns among
// them. All of it is one file (tools/map_lines.py), fetched once and only when it is wanted.

import { countries, file } from "../libraries.js";

const PANE = "lines";
const SMALL_TOWNS = 7; // zoom from which towns that are only their degree's largest are named
const FIRST = 3000; // towns of the file that are named before: it has the largest first
const NEAR = 26; // pixels: a watched place has its own name, and is often that town

let loading = null;
const loaded = () => (loading ??= load().catch(() => {
  loading = null; // asked for again when somebody moves
  return null;
}));

async function load() {
  const answer = await fetch(file("vendor/lines.json"));
  if (!answer.ok) throw new Error(answer.status);
  const told = await answer.json();
  const names = told.towns.names.split("\n");
  const points = path(told.towns.at, told.per_degree);
  return {
    ...Object.fromEntries(["states", "rivers", "lakes"].map((name) => [name, told[name].map((line) => path(line, told.per_degree))])),
    towns: points.map(([latitude, longitude], i) => ({ name: names[i], latitude, longitude })),
  };
}

/** Steps of a line → [latitude, longitude] of each point. */
export function path(steps, perDegree) {
  const points = [];
  let [x, y] = [0, 0];
  for (let i = 0; i < steps.length; i += 2) {
    x += steps[i];
    y += steps[i + 1];
    points.push([y / perDegree, x / perDegree]);
  }
  return points;
}

/** Lines beneath the places of a map, and coasts as they are seen from near; answers {show, hide, repaint}.
    `land` is what is drawn of countries, or will be. */
export function lines(L, map, layer, colour, land) {
  Object.assign(map.createPane(PANE).style, { zIndex: 250, pointerEvents: "none" });
  const renderer = L.canvas({ padding: 0.3, pane: PANE });
  const style = { interactive: false, pane: PANE, renderer, smoothFactor: 1.2 };
  const group = L.layerGroup();
  let isWanted = false;
  let isNear = false;
  const comeNear = async () => {
    const [drawn, world] = await Promise.all([land, countries("-near").catch(() => null)]);
    if (isNear || !isWanted || !drawn || !world) return;
    isNear = true;
    drawn.clearLayers().addData(world);
    map.getContainer().dataset.coast = "near";
  };
  return {
    async show() {
      isWanted = true;
      comeNear();
      const all = await loaded();
      if (!all || !isWanted || map.hasLayer(group)) return;
      if (!group.getLayers().length) {
        for (const [kind, add] of [["lakes", L.polygon], ["rivers", L.polyline], ["states", L.polyline]])
          group.addLayer(add(all[kind], { ...style, kind, ...looks(kind, colour) }));
      }
      group.addTo(map);
      map.getContainer().dataset.lines = "yes";
      layer.setTowns(named(all.towns));
    },
    hide() {
      isWanted = false;
      if (!map.hasLayer(group)) return;
      group.remove();
      delete map.getContainer().dataset.lines;
      layer.setTowns(null);
    },
    repaint: () => group.eachLayer((one) => one.setStyle(looks(one.options.kind, colour))),
  };
}

function looks(kind, colour) {
  if (kind === "lakes") return { color: colour("--river"), weight: 0.6, fillColor: colour("--sea"), fillOpacity: 1 };
  if (kind === "rivers") return { color: colour("--river"), weight: 1, opacity: 0.9 };
  return { color: colour("--border-state"), weight: 1, dashArray: "5 3" };
}

/** Paints names of towns where nothing is yet: the largest first. Called by the layer of places, last. */
const named = (towns) => (pen, { within, free, look, map, shown }) => {
  pen.font = `400 11px ${look.font}`;
  pen.textBaseline = "middle";
  pen.lineJoin = "round";
  const seen = map.getBounds().pad(0.1);
  const some = (map.getZoom() < SMALL_TOWNS ? towns.slice(0, FIRST) : towns).filter((one) => seen.contains([one.latitude, one.longitude]));
  let count = 0;
  for (const { place: { name }, x, y } of within(some)) {
    if (shown.some((one) => Math.abs(one.x - x) < NEAR && Math.abs(one.y - y) < NEAR)) continue;
    const width = pen.measureText(name).width;
    if (!free([x - 3, y - 7, x + width + 9, y + 7])) continue;
    pen.beginPath();
    pen.rect(x - 1.5, y - 1.5, 3, 3);
    pen.fillStyle = look.muted;
    pen.fill();
    pen.strokeStyle = look.land;
    pen.lineWidth = 2.5;
    pen.strokeText(name, x + 5, y);
    pen.fillText(name, x + 5, y);
    count += 1;
  }
  return count;
};
