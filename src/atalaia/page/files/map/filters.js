// Which alerts somebody wants to see: by hazard, level and state. The choice stands in the address
// and can be passed on. What is left out is not called calm: the headline says what is chosen.

import { h } from "../dom.js";
import { capital, hazard } from "../format.js";
import { icon } from "../icons.js";
import { LEVELS, RANK } from "../levels.js";
import { levelAt, placesOf, store } from "../store.js";
import { t } from "../words.js";

const NAMES = ["hazard", "level", "state"];

// IBGE's codes of municipalities begin with their state's.
const STATES = Object.fromEntries(("11RO 12AC 13AM 14RR 15PA 16AP 17TO 21MA 22PI 23CE 24RN 25PB 26PE 27AL 28SE 29BA 31MG 32ES "
  + "33RJ 35SP 41PR 42SC 43RS 50MS 51MT 52GO 53DF").split(" ").map((one) => [one.slice(0, 2), one.slice(2)]));

/** A place's state by its code, else the area that it is in; undefined: neither is known. */
export const stateOf = ({ id, area }) => (/^\d{7}$/.test(id) && STATES[id.slice(0, 2)]) || area || undefined;

/** What an address asks for; null: all. `alert` and `place` say whether one of them is wanted. */
export function chosen(query) {
  const asked = Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? ""]));
  if (!(asked.level in RANK)) asked.level = "";
  if (!NAMES.some((name) => asked[name])) return null;
  const isThere = (place) => !asked.state || (place !== undefined && stateOf(place) === asked.state);
  const alert = (one) => (!asked.hazard || one.hazard === asked.hazard)
    && (!asked.level || RANK[one.level] >= RANK[asked.level])
    && (!asked.state || placesOf(one).some((id) => isThere(store.places.get(id)) && !(RANK[levelAt(one, id)] < RANK[asked.level])));
  // By hazard or level only those are places that have one: that others are calm is not known.
  const place = (one, hasLevel) => isThere(one) && (hasLevel || !(asked.hazard || asked.level));
  return { asked, alert, place, told: NAMES.filter((name) => asked[name]).map((name) => said(name, asked[name])).join(" · ") };
}

function said(name, value) {
  if (name === "hazard") return capital(hazard(value));
  return name === "level" ? t.map.from_level(t.short[value]) : value;
}

/** The form of the choices; `changed` is called with all of them. */
export function form(query, changed) {
  const select = (name, label, options) => h("label", {}, h("span", {}, label),
    h("select", { name, onchange: () => tell() },
      h("option", { value: "" }, t.map.all), options.map(([value, text]) =>
        h("option", { value, selected: query.get(name) === value }, text))));
  const hazards = Object.keys(t.hazards).filter((one) => one !== "cannot_see")
    .map((one) => [one, capital(hazard(one))]).sort((a, b) => a[1].localeCompare(b[1]));
  const states = [...new Set([...store.places.values()].map(stateOf).concat(query.get("state")).filter(Boolean))].sort();
  const made = h("form", { class: "filters", onsubmit: (event) => event.preventDefault(), "aria-label": t.map.filter },
    select("hazard", t.map.hazard, hazards),
    select("level", t.map.level, LEVELS.map((one) => [one, t.map.from_level(t.short[one])])),
    states.length > 1 && select("state", t.map.state, states.map((one) => [one, one])),
    h("button", { type: "button", class: "plain", onclick: () => {
      for (const one of made.querySelectorAll("select")) one.value = "";
      tell();
    } }, icon("close", 16), t.map.clear));
  const tell = () => {
    changed({ state: null, ...Object.fromEntries(new FormData(made)) });
  };
  return made;
}
