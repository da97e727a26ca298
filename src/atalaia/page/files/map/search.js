// The field above the map: type the name of a watched place, and the map goes there.

import { fill, h } from "../dom.js";
import { plain } from "../format.js";
import { badge, highest } from "../levels.js";
import { levelsByPlace, store } from "../store.js";
import { t } from "../words.js";

const MOST = 7;

/** Make a combo box of an input; `chosen` is called with a place. */
export function search(input, list, said, chosen) {
  let found = [];
  let at = -1;

  function look() {
    const asked = plain(input.value.trim());
    const names = [...store.places.values()].map((place) => ({ place, name: plain(place.name) }));
    found = !asked ? [] : names.filter(({ name, place }) => name.includes(asked) || place.id === asked)
      .sort((a, b) => b.name.startsWith(asked) - a.name.startsWith(asked) || a.name.localeCompare(b.name))
      .slice(0, MOST).map(({ place }) => place);
    at = found.length ? 0 : -1;
    fill(said, asked && (found.length ? t.map.found(found.length) : t.map.none_found));
    draw(Boolean(asked));
  }

  function draw(isOpen) {
    const levels = levelsByPlace();
    fill(list, found.map((place, i) => {
      const level = highest(Object.values(levels.get(place.id) ?? {}));
      return h("li", { id: `go-${i}`, role: "option", "aria-selected": String(i === at), onmousedown: (event) => {
        event.preventDefault();
        choose(i);
      } }, place.name, place.area && h("small", {}, place.area), level && badge(level));
    }), isOpen && !found.length && h("li", { role: "option", "aria-disabled": "true", "aria-selected": "false" }, t.map.none_found));
    input.setAttribute("aria-expanded", String(isOpen));
    if (at >= 0) input.setAttribute("aria-activedescendant", `go-${at}`);
    else input.removeAttribute("aria-activedescendant");
  }

  function close() {
    found = [];
    at = -1;
    draw(false);
  }

  function choose(i) {
    const place = found[i];
    input.value = "";
    close();
    chosen(place);
  }

  input.addEventListener("input", look);
  input.addEventListener("blur", () => setTimeout(close, 150));
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && found.length) {
      at = (at + step + found.length) % found.length;
      draw(true);
    } else if (event.key === "Enter" && at >= 0) choose(at);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
  if (input.value) look();
}
