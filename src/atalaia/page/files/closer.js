// The map for who looks closely.

import { look } from "./api.js";
import { h } from "./dom.js";
import { capital, clock, hazard } from "./format.js";
import { icon } from "./icons.js";
import { badge } from "./levels.js";
import { blindPlaces, levelsByPlace, store } from "./store.js";
import { t } from "./words.js";

/** By a box in whole degrees: who moves a little asks for the same. */
export async function showStations(map, layer) {
  const [west, south, east, north] = map.getBounds().toBBoxString().split(",");
  const mine = layer.wanted = [Math.floor(west), Math.floor(south), Math.ceil(east), Math.ceil(north)].join();
  const told = await look(`/v1/stations?bbox=${mine}`).catch(() => null);
  if (told && layer.wanted === mine) layer.setStations(told.items);
}

export function pick(L, map, one, at) {
  const content = one.kind ? instrument(one) : placed(one);
  L.popup({ offset: [0, -8], minWidth: 190, closeButton: false }).setLatLng(at).setContent(content).openOn(map);
}

function instrument(one) {
  return h("div", { class: "popup" }, h("strong", {}, one.name), h("span", {}, t.map.kinds[one.kind]),
    h("span", { class: "quiet" }, t.map.heard(clock(one.last_valid_at))));
}

function placed({ id, name }) {
  const { then } = store;
  const levels = Object.entries((then?.levels ?? levelsByPlace()).get(id) ?? {});
  const lines = levels.map(([name, level]) =>
    h("li", {}, icon(name, 17), h("span", {}, capital(hazard(name))), badge(level)));
  if ((then?.blind ?? blindPlaces()).has(id)) lines.push(h("li", {}, icon("cannot_see", 17), capital(t.blind.tag)));
  if (!lines.length) lines.push(h("li", { class: "quiet" }, then ? t.map.none : t.place.calm));
  const value = !then && store.value?.(id);
  return h("div", { class: "popup" }, h("strong", {}, name), then && h("b", {}, clock(then.at)), h("ul", {}, lines, value && h("li", {}, value)),
    h("a", { href: `/#/place/${encodeURIComponent(id)}` }, t.map.open, icon("arrow", 16)));
}
