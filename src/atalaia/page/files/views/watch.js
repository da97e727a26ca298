// The map and what is going on: the first thing that anybody sees.

import { apart, calmly, fill, h } from "../dom.js";
import { capital, clock, figure, hazard, length, plain } from "../format.js";
import { icon } from "../icons.js";
import { badge, highest, LEVELS, shape } from "../levels.js";
import { hasLibraries, leaflet } from "../libraries.js";
import { blindPlaces, canSee, grouped, nameOf, on, open, placesOf, renew, store, wanted, wantedByPlace, zoneOf } from "../store.js";
import { t } from "../words.js";
import { systemCard } from "./systems.js";

const FIRST = 40;

export async function show(main, { titled, query }) {
  titled("");
  const state = { asked: "", most: FIRST, opened: new Set(query.getAll("system")), histories: new Map(), onOpen: (ids) => map?.look(ids), onStep: (step) => map?.past(step), card };
  const head = h("div", { class: "headline" });
  const list = h("ol", { class: "cards" });
  const places = h("ul", { class: "places" });
  const found = h("p", { class: "quiet small", role: "status" });
  const searched = calmly(120, (text) => {
    Object.assign(state, { asked: text, most: FIRST });
    drawPlaces(places, found, state);
  });
  const search = h("input", { type: "search", id: "find", autocomplete: "off", placeholder: t.map.find,
    "aria-label": t.map.find, oninput: (event) => searched(event.target.value) });
  const bar = tools((place) => map?.open(place), (asked) => choose(address(asked)));
  const canvas = h("div", { class: "map", id: "map", role: "application", "aria-label": t.map.label });
  const panels = h("div", { class: "panels" });
  const drawn = h("section", { class: "map-box" }, bar, canvas, legend(panels));
  main.append(
    h("div", { class: "watch" }, drawn,
      h("div", { class: "side" }, head, list,
        h("section", { "aria-labelledby": "all-places" },
          h("h2", { id: "all-places" }, t.map.all_places),
          h("div", { class: "field with-icon" }, icon("search", 18), search), found, places))));

  let map = null;
  const draw = () => {
    drawHead(head);
    drawCards(list, state);
    drawPlaces(places, found, state);
    map?.update();
  };
  const choose = async (asked) => {
    const filters = await import("../map/filters.js").catch(() => null);
    if (isGone || !filters) return;
    store.chosen = filters.chosen(asked);
    renew();
  };
  let isGone = false;
  draw();
  if (["hazard", "level", "state"].some((name) => query.has(name))) afterPlaces(() => choose(query));
  const ends = [on("data", apart(60, draw)), on("live", () => drawHead(head)),
    on("alert", (alert) => map?.flash(placesOf(alert)))];
  if (hasLibraries) {
    begin();
  } else {
    fill(canvas, h("p", { class: "notice" }, t.map.missing));
    drawn.classList.add("without");
  }

  async function begin() {
    // The map comes when the page can be used already, and is fitted to the places once they are known;
    // what it is made of is fetched while they are.
    const fetched = [import("../map.js"), leaflet()];
    for (const each of fetched) each.catch(() => {});
    await new Promise(afterPlaces);
    if (isGone) return;
    const [{ showMap }] = await Promise.all(fetched);
    const shown = await showMap(canvas, panels, address);
    if (isGone) shown.remove();
    else map = shown;
    canvas.dataset.ready = "yes";
  }
  return () => {
    isGone = true;
    for (const one of state.histories.values()) one?.end?.();
    store.chosen = null;
    ends.forEach((end) => end());
    map?.remove();
  };
}

/** What the address asks for, after these changes; what is null or empty goes out of it. */
function address(changes) {
  const asked = new URLSearchParams(location.hash.split("?")[1]);
  for (const [name, value] of Object.entries(changes ?? {})) {
    if (value) asked.set(name, value);
    else asked.delete(name);
  }
  if (changes) history.replaceState(null, "", asked.size ? `/#/?${asked}` : "/#/");
  return asked;
}

/** Once the places are known. */
function afterPlaces(run) {
  if (store.places.size) return run();
  const end = on("data", () => {
    end();
    run();
  });
  return undefined;
}

function legend(panels) {
  const items = ["red", "orange", "yellow", "watch"].map((level) =>
    h("li", {}, shape(level, 15), h("span", {}, t.short[level])));
  items.push(h("li", {}, shape("calm", 15), h("span", {}, t.short.none)));
  items.push(h("li", {}, shape("blind", 15), h("span", {}, capital(t.blind.tag))));
  return h("div", { class: "legend" }, panels, h("ul", { "aria-label": t.map.legend }, items), colours());
}

/** Other colours of the levels, for who tells red from green badly; kept in the browser. */
function colours() {
  const { dataset } = document.documentElement;
  const button = h("button", { type: "button", class: "link", "aria-pressed": String("colours" in dataset), onclick: () => {
    const isOn = !("colours" in dataset);
    if (isOn) dataset.colours = "safe";
    else delete dataset.colours;
    button.setAttribute("aria-pressed", String(isOn));
    try {
      localStorage[isOn ? "setItem" : "removeItem"]("colours", "safe");
    } catch {
      // Storage is switched off: it holds for this view.
    }
  } }, t.map.colours);
  return button;
}

/** Above the map: a field that finds places ("/" goes there), and a button for the filters. What both
    do is fetched when they are used. */
function tools(go, choose) {
  const list = h("ul", { id: "go-list", role: "listbox", "aria-label": t.map.find });
  const said = h("p", { class: "unseen", role: "status" });
  const input = h("input", { id: "go", type: "search", role: "combobox", autocomplete: "off", spellcheck: "false",
    "aria-expanded": "false", "aria-controls": "go-list", "aria-autocomplete": "list", "aria-label": t.map.go,
    "aria-keyshortcuts": "/", placeholder: t.map.go, onfocus: () => begin() });
  let isBegun = false;
  const begin = async () => {
    if (isBegun) return;
    isBegun = true;
    const found = await import("../map/search.js").catch(() => null);
    if (found) found.search(input, list, said, go);
    else isBegun = false;
  };
  const box = h("div", { id: "filters", hidden: true });
  const open = async () => {
    const found = await import("../map/filters.js").catch(() => null);
    if (!found) return;
    const form = found.form(new URLSearchParams(location.hash.split("?")[1]), choose);
    fill(box, form);
    box.hidden = !box.hidden;
    button.setAttribute("aria-expanded", String(!box.hidden));
  };
  const button = h("button", { type: "button", class: "plain", "aria-expanded": "false", "aria-controls": "filters",
    "aria-label": t.map.filter, onclick: open }, icon("filter", 18), h("span", {}, t.map.filter));
  const element = h("div", { class: "map-bar" }, h("div", { class: "map-tools", role: "search" },
    h("div", { class: "combo" }, h("div", { class: "with-icon" }, icon("search", 18), input), list), button, said), box);
  return element;
}

addEventListener("keydown", (event) => {
  const field = document.getElementById("go");
  if (event.key !== "/" || !field || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, select, textarea")) return;
  event.preventDefault();
  field.focus();
});

function drawHead(head) {
  const active = wanted();
  const all = store.places.size;
  const counts = Object.fromEntries(LEVELS.map((level) => [level, 0]));
  const touched = new Set();
  for (const incident of active) {
    counts[incident.level] += 1;
    placesOf(incident).forEach((id) => touched.add(id));
  }
  const loud = active.length - counts.watch;
  const isKnown = store.updatedAt !== null;
  const some = store.chosen;
  const unknown = store.noData.size;
  const isNew = isKnown && all > 0 && !store.summary.answered;
  // Calm is only what is seen: no alert from no data is none.
  const isCalm = !unknown && !store.blind.length;
  const title = !isKnown ? t.map.title : some ? t.map.matching(active.length, open().length) : loud ? t.map.active(loud) : isNew ? t.map.unanswered(all) : isCalm ? t.map.calm(all) : t.map.none;
  const unused = store.sources.reduce((sum, one) => sum + (one.unused ?? 0), 0);
  const why = isNew ? (canSee() ? t.map.unanswered_more : t.map.unseen) : isCalm ? t.map.calm_more : canSee() ? t.map.unknown_calm : t.map.unseen;
  const live = store.live === "late" ? t.live.late(clock(store.newsAt)) : t.live[store.live];
  fill(head,
    h("p", { class: `live is-${store.live}` }, h("span", { class: "dot" }), live),
    h("h1", { tabindex: -1 }, title),
    some && h("p", { class: "lead chosen-few" }, icon("filter", 17), some.told, h("a", { href: "/#/" }, t.map.clear)),
    isKnown && !(some && !loud) && h("p", { class: "lead" }, loud ? t.map.in_places(touched.size, all) : why),
    isKnown && unknown > 0 && !isNew && h("p", { class: "lead" }, t.map.no_data(unknown, all)),
    isKnown && unused > 0 && h("p", { class: "lead" }, `${t.map.unused(unused)}.`),
    loud > 0 && h("ul", { class: "counts" }, [...LEVELS].reverse().filter((level) => counts[level])
      .map((level) => h("li", { class: `count level-${level}` }, shape(level, 20),
        h("b", {}, counts[level]), h("span", {}, t.short[level])))));
}

function drawCards(list, state) {
  const shown = grouped().slice(0, 60);
  const kept = document.activeElement?.dataset?.key;
  fill(list, shown.map((group) => (group.system ? systemCard(group, state) : card(group.incidents[0]))));
  if (kept) list.querySelector(`[data-key="${CSS.escape(kept)}"]`)?.focus();
}

function card(incident) {
  const ids = placesOf(incident);
  const zone = zoneOf(ids[0]);
  const isToCome = incident.certainty === "Possible";
  const at = clock(incident.onset_at ?? incident.opened_at, zone);
  return h("li", {}, h("a", { class: `card level-${incident.level}`, "data-key": incident.incident,
    href: `/#/alert/${encodeURIComponent(incident.incident)}` },
  h("span", { class: "card-shape" }, shape(incident.level, 26)),
  h("span", { class: "card-text" },
    h("span", { class: "card-title" }, capital(hazard(incident.hazard)), icon(incident.hazard, 19)),
    h("span", { class: "card-place" }, nameOf(incident.place_id),
      ids.length > 1 && ids[0] !== incident.place_id ? ` (${ids.length})` : ""),
    h("span", { class: "card-more" }, h("b", {}, t.short[incident.level]), " · ",
      isToCome ? t.map.from(at) : at),
    elsewhere(incident)),
  h("span", { class: "card-value" }, newest(incident))));
}

/** Where a warning stands at other levels than the card's. */
function elsewhere({ levels = {} }) {
  return LEVELS.map((level) => [level, Object.keys(levels).filter((id) => levels[id] === level)]).filter(([, ids]) => ids.length)
    .map(([level, ids]) => h("span", { class: "card-more" }, shape(level, 13),
      ` ${t.short[level]}: ${ids.slice(0, 3).map(nameOf).join(", ")}${ids.length > 3 ? ` (${ids.length})` : ""}`));
}

function newest(incident) {
  const value = incident.value ?? incident.peak;
  if (value === null || value === undefined) return null;
  const [plain, other] = figure(value, incident.unit, incident.measure).split(" (");
  const more = incident.window_s ? t.over(length(incident.window_s)).trim() : other?.replace(")", "");
  return [h("b", {}, plain), more && h("span", {}, more)];
}

let sorted = { of: null };

/** All places; sorted once, as of thousands that takes longer than to draw them. */
function byName() {
  if (sorted.of !== store.places) {
    const { compare } = new Intl.Collator();
    sorted = { of: store.places, places: [...store.places.values()].sort((a, b) => compare(a.name, b.name)) };
  }
  return sorted.places;
}

function drawPlaces(list, found, state) {
  const levels = wantedByPlace();
  const blind = blindPlaces();
  const asked = plain(state.asked.trim());
  const matching = byName()
    .filter((place) => store.chosen?.place(place, levels.has(place.id)) ?? true)
    .filter((place) => !asked || plain(`${place.name} ${place.area ?? ""}`).includes(asked));
  fill(found, asked && (matching.length ? t.map.found(matching.length) : t.map.none_found));
  fill(list, matching.slice(0, state.most).map((place) => {
    const level = highest(Object.values(levels.get(place.id) ?? {}));
    return h("li", {}, h("a", { href: `/#/place/${encodeURIComponent(place.id)}` },
      h("span", {}, place.name, place.area && h("small", {}, ` ${place.area}`)),
      level ? badge(level) : blind.has(place.id) && h("span", { class: "badge" }, shape("blind", 13), t.blind.tag)));
  }), matching.length > state.most && h("li", {}, h("button", { type: "button", class: "plain", onclick: () => {
    state.most += 400;
    drawPlaces(list, found, state);
  } }, t.map.show_all(Math.min(400, matching.length - state.most)))));
}
