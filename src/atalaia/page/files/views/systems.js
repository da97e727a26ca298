// A system in the list: incidents that are one weather (docs/systems.md), as one card that opens.

import { h } from "../dom.js";
import { capital, clock, number } from "../format.js";
import { shape } from "../levels.js";
import { placesOf, zoneOf } from "../store.js";
import { language, t } from "../words.js";
import { report, share } from "./parts.js";

const LEAST_KM = 10; // less than that is a place more or less, and no way

/** A group of `store.grouped` as a card; `card` makes those within. `opened` has the ids of those that
    stand open, also after the list is drawn anew; `onOpen` is told of the places of one that opens, and
    `onStep` of what its history shows. */
export function systemCard({ system, incidents }, { card, opened, histories, onOpen, onStep }) {
  const [{ level }] = incidents;
  const told = system.properties;
  const ids = [...new Set(incidents.flatMap(placesOf))];
  const list = h("ol", { class: "cards" });
  const fillList = () => list.childElementCount || list.append(...incidents.map(card));
  const past = h("div", {});
  const begin = async () => {
    if (!histories.has(system.id)) {
      const zone = zoneOf(ids[0]);
      histories.set(system.id, import("../history.js").then((it) => it.historyOf({ id: system.id, level, zone, onStep })).catch(() => null));
    }
    const found = await histories.get(system.id);
    if (!opened.has(system.id)) return;
    histories.set(system.id, found);
    if (found) past.append(found.element);
  };
  if (opened.has(system.id)) {
    fillList();
    if (histories.get(system.id)?.element) past.append(histories.get(system.id).element);
    else begin();
  }
  const toggled = ({ target }) => {
    if (target.open === opened.has(system.id)) return;
    opened[target.open ? "add" : "delete"](system.id);
    if (!target.open) {
      Promise.resolve(histories.get(system.id)).then((found) => found?.end());
      histories.delete(system.id); // what comes meanwhile is in the next one
      past.replaceChildren();
      return;
    }
    fillList();
    begin();
    onOpen(ids);
  };
  return h("li", {}, h("details", { class: "system", open: opened.has(system.id), ontoggle: toggled },
    h("summary", { class: `card level-${level}`, "data-key": `system ${system.id}` },
      h("span", { class: "card-shape" }, shape(level, 26)),
      h("span", { class: "card-text" },
        h("span", { class: "card-title" }, capital(told.name[language])),
        h("span", { class: "card-place" }, [t.systems.now(ids.length), ...course(told)].join(" · ")),
        h("span", { class: "card-more" }, h("b", {}, t.short[level]), " · ", t.map.since(clock(told.started_at, zoneOf(ids[0]))))),
      h("span", { class: "card-value" }, h("b", {}, incidents.length), h("span", {}, t.systems.alerts))),
    h("div", { class: "buttons" }, share(`/system/${encodeURIComponent(system.id)}`), report("system", system.id, capital(told.name[language]))),
    past, list));
}

/** How it grew and which way it went in three hours, in words; nothing of what stood in one place. */
function course({ standing, standing_before: before, moved_km: km, bearing_deg: way }) {
  const size = Math.sign(standing.length - before);
  return [
    before > 0 && size !== 0 && t.systems[size > 0 ? "grows" : "shrinks"](before),
    km >= LEAST_KM && t.systems.moved(number(km, 0), t.systems.ways[Math.round(way / 45) % 8]),
  ].filter(Boolean);
}
