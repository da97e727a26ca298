// What somebody wants to be told, as a form: where, of what, from which level, and when not.

import { ask, look } from "../api.js";
import { calmly, fill, h, put } from "../dom.js";
import { capital, clock, hazard } from "../format.js";
import { icon } from "../icons.js";
import { LEVELS, shape } from "../levels.js";
import { store } from "../store.js";
import { townField } from "../towns.js";
import { language, t } from "../words.js";
import { inWords } from "./parts.js";

export const HAZARDS = ["heavy_rain", "wind", "storm", "thunderstorm", "flood", "landslide", "river_flood", "heat", "dry_air", "cold", "frost", "temperature_drop", "snow", "uv", "fog", "sea", "fire_weather", "air_quality"];
const RADII = [10, 25, 50, 100, 200];
const CHOICES = LEVELS.slice(1);
const REACH_KM = RADII.at(-1); // as people/coverage.py has it
const COARSE = 20; // parts of a degree: a place is given away to some 5 km

/** Hazards that some rule judges: nobody can be told of others. */
export async function watchedHazards(id) {
  if (!id) return null;
  const place = await look(`/v1/places/${encodeURIComponent(id)}`).catch(() => null);
  return place?.rules?.length ? new Set(place.rules.map((rule) => rule.hazard)) : null;
}

/** What the API calls a wish; the preview asks the same without whom. */
export function wished(wish) {
  return {
    where: wish.places.map((place) => areaOf(place, wish)),
    hazards: Object.fromEntries(wish.hazards),
    thresholds: wish.thresholds ?? [],
    language,
    ...quietOf(wish, wish.places[0]?.timezone),
  };
}

const areaOf = (place, wish) => (place.rings
  ? { name: place.name, geojson: { type: "Polygon", coordinates: place.rings } }
  : { name: place.name.slice(0, 100), latitude: place.latitude, longitude: place.longitude, radius_km: radiusOf(place, wish) });

export const quietOf = (wish, timezone) => ({
  quiet: wish.isQuiet ? `${wish.from}-${wish.to}` : "",
  timezone: timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
});

/** What is missing of a wish; null: nothing. */
export function lacking(wish) {
  if (!wish.places.length) return t.subscribe.need_place;
  return wish.hazards.size || wish.thresholds?.length ? null : t.subscribe.need_hazard;
}

let steps = 0;

export function step(title, ...children) {
  const id = `step-${++steps}`;
  return h("section", { class: "panel step", "aria-labelledby": id }, h("h2", { id }, title), children);
}

// 1. Where

export function where(wish, changed) {
  const chosen = h("ul", { class: "chosen" });
  const note = h("p", { class: "hint small", role: "status" });
  const draw = () => fill(chosen, wish.places.map((place) => h("li", {},
    icon("place"),
    h("span", {}, h("b", {}, place.name), noteOf(place, wish) && h("small", { class: "quiet" }, noteOf(place, wish))),
    h("button", { type: "button", class: "round", "aria-label": t.subscribe.remove(place.name), onclick: () => {
      wish.places.splice(wish.places.indexOf(place), 1);
      draw();
      changed();
    } }, icon("close", 18)))));
  const add = (place) => {
    if (!wish.places.some((one) => one.name === place.name)) wish.places.push(place);
    fill(note);
    draw();
    changed();
  };
  draw();
  const radius = h("div", { class: "segmented", role: "radiogroup", "aria-label": t.subscribe.radius },
    RADII.map((km) => h("label", {}, h("input", { type: "radio", name: "radius", value: km, checked: km === wish.radius,
      onchange: () => {
        wish.radius = km;
        for (const place of wish.places) delete place.radius;
        draw();
        changed();
      } }), h("span", {}, t.subscribe.km(km)))));
  return step(t.subscribe.where,
    townField((town) => (town.within_reach ? add(ofTown(town)) : offer(note, town))), chosen,
    h("div", { class: "row" }, h("button", { type: "button", class: "button small", onclick: () => locate(add, note) },
      icon("here", 18), t.subscribe.my_location), h("span", { class: "quiet small" }, t.subscribe.my_location_note)),
    note, h("div", { class: "field" }, h("span", { class: "label" }, t.subscribe.radius), radius));
}

const ofTown = (town) => ({ name: town.label, latitude: town.latitude, longitude: town.longitude, timezone: town.timezone, near: town.nearest });

/** The distance that is asked for: as chosen, or as far as the nearest watched place lies. */
const radiusOf = (place, wish) => place.radius ?? Math.max(wish.radius, Math.ceil(place.near?.km ?? 0));

/** What is said of it: the distance that is used. */
function noteOf({ near, radius }, wish) {
  if (radius) return t.manage.radius(radius);
  if (!near || near.km < 1) return null;
  const km = Math.ceil(near.km);
  return near.km <= wish.radius ? t.subscribe.nearest(near.name, km) : t.subscribe.too_far(near.name, km);
}

/** Nobody can be told of where nothing is watched: the operator can be asked to. */
function offer(note, town) {
  const near = town.nearest;
  const button = h("button", { type: "button", class: "button small", onclick: async () => {
    button.disabled = true;
    try {
      await ask("/v1/wishes", { method: "POST", body: { town: town.id } });
      fill(note, h("span", { class: "good" }, icon("check", 18), t.subscribe.wished(town.label)));
    } catch (error) {
      button.disabled = false;
      put(note, " ", inWords(error));
    }
  } }, t.subscribe.wish);
  fill(note, h("b", {}, t.subscribe.out_of_reach(town.label)), " ",
    near && t.subscribe.nearest(near.name, Math.ceil(near.km)), " ", button);
}

/** The watched place that is nearest, by the great circle: where one is stays in the browser. */
function nearestTo({ latitude, longitude }) {
  const rad = (degrees) => (degrees * Math.PI) / 180;
  let best = null;
  for (const { name, latitude: other, longitude: across } of store.places.values()) {
    const half = Math.sin(rad(other - latitude) / 2) ** 2 +
      Math.cos(rad(latitude)) * Math.cos(rad(other)) * Math.sin(rad(across - longitude) / 2) ** 2;
    const km = 2 * 6371 * Math.asin(Math.min(1, Math.sqrt(half)));
    if (!best || km < best.km) best = { name, km };
  }
  return best;
}

/** Asked once, rounded before it is used, and never sent with the address. */
function locate(add, note) {
  if (!navigator.geolocation) {
    fill(note, t.subscribe.location_failed);
    return;
  }
  navigator.geolocation.getCurrentPosition(({ coords }) => {
    const round = (degrees) => Math.round(degrees * COARSE) / COARSE;
    const here = { name: t.subscribe.located, latitude: round(coords.latitude), longitude: round(coords.longitude) };
    const near = nearestTo(here);
    if (near && near.km > REACH_KM) fill(note, h("b", {}, t.subscribe.out_of_reach(here.name)), " ", t.subscribe.nearest(near.name, Math.ceil(near.km)));
    else add({ ...here, near });
  }, () => fill(note, t.subscribe.location_failed), { enableHighAccuracy: false, maximumAge: 600_000, timeout: 15_000 });
}

// 2. What

export function what(wish, changed, preview) {
  const shown = HAZARDS.filter((name) => !wish.watched || wish.watched.has(name) || wish.hazards.has(name));
  const levels = new Set(wish.hazards.values());
  const isOwn = levels.size > 1;
  const list = h("div", { class: isOwn ? "hazards own" : "hazards" });
  const draw = () => fill(list, shown.map((name) => hazardRow(name, wish, changed)));
  draw();
  const all = h("div", { class: "segmented", role: "radiogroup", "aria-label": t.subscribe.from },
    CHOICES.map((level) => h("label", {}, h("input", { type: "radio", name: "level", value: level, checked: !isOwn && levels.has(level),
      onchange: () => {
        for (const name of wish.hazards.keys()) wish.hazards.set(name, level);
        draw();
        changed();
      } }), h("span", {}, shape(level, 15), t.short[level]))));
  const own = h("button", { type: "button", class: "button small", "aria-expanded": String(isOwn), onclick: () => {
    own.setAttribute("aria-expanded", String(list.classList.toggle("own")));
  } }, t.subscribe.own);
  return step(t.subscribe.what,
    h("div", { class: "field" }, h("span", { class: "label" }, t.subscribe.from), all), list, h("div", {}, own), preview);
}

function hazardRow(name, wish, changed) {
  const level = h("select", { "aria-label": `${capital(hazard(name))}: ${t.subscribe.from}`, disabled: !wish.hazards.has(name),
    onchange: () => {
      wish.hazards.set(name, level.value);
      changed();
    } }, CHOICES.map((one) => h("option", { value: one, selected: wish.hazards.get(name) === one }, t.short[one])));
  const box = h("input", { type: "checkbox", checked: wish.hazards.has(name), onchange: () => {
    if (box.checked) wish.hazards.set(name, level.value);
    else wish.hazards.delete(name);
    level.disabled = !box.checked;
    changed();
  } });
  return h("div", { class: "hazard" }, h("label", {}, box, icon(name), h("span", {}, capital(hazard(name)))), level);
}

/** "In the last 30 days you would have received N messages." */
export function counter(element, wish) {
  let running = null;
  const count = calmly(350, async () => {
    running?.abort();
    if (lacking(wish)) {
      fill(element, h("p", {}, t.subscribe.preview_wait));
      return;
    }
    running = new AbortController();
    fill(element, h("p", { class: "quiet" }, t.subscribe.preview_busy));
    try {
      const told = await ask("/v1/preview?days=30", { method: "POST", body: wished(wish), signal: running.signal });
      fill(element, counted(told.messages));
    } catch (error) {
      if (error.name !== "AbortError") fill(element, h("p", { class: "quiet" }, t.subscribe.preview_failed));
    }
  });
  fill(element, h("p", {}, t.subscribe.preview_wait));
  return count;
}

function counted(messages) {
  if (!messages.length) return h("p", {}, h("strong", {}, t.subscribe.preview_none));
  const newest = [...messages].reverse().slice(0, 20);
  return [h("p", {}, h("strong", {}, t.subscribe.preview(messages.length))),
    h("details", {}, h("summary", {}, t.subscribe.preview_show),
      h("ol", { tabindex: 0, "aria-label": t.subscribe.preview_show }, newest.map((one) => h("li", { class: `level-${one.level}` },
        h("b", {}, `${t.short[one.level] ?? ""} · ${clock(one.at, undefined, { long: true })}`), h("br"), one.text))))];
}

export function quiet(wish, changed) {
  const time = (key, label) => h("label", { class: "field" }, h("span", { class: "hint" }, label),
    h("input", { type: "time", value: wish[key], onchange: (event) => {
      wish[key] = event.target.value || wish[key];
      changed();
    } }));
  const times = h("div", { class: "row", hidden: !wish.isQuiet }, time("from", t.subscribe.quiet_from), time("to", t.subscribe.quiet_to));
  const box = h("input", { type: "checkbox", checked: wish.isQuiet, onchange: () => {
    wish.isQuiet = box.checked;
    times.hidden = !box.checked;
    changed();
  } });
  return h("div", { class: "field" },
    h("div", { class: "hazard" }, h("label", {}, box, icon("moon"), h("span", {}, h("b", {}, t.subscribe.quiet), h("br"), h("small", { class: "quiet" }, t.subscribe.quiet_hint)))), times);
}

