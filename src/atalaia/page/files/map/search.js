// The field above the map: type the name of a watched place, and the map goes there.

import { combo } from "../combo.js";
import { fill, h } from "../dom.js";
import { plain } from "../format.js";
import { badge, highest } from "../levels.js";
import { levelsByPlace, store } from "../store.js";
import { t } from "../words.js";

const MOST = 7;

/** Make a combo box of an input; `chosen` is called with a place. */
export function search(input, list, said, chosen) {
  const line = (place) => {
    const level = highest(Object.values(levelsByPlace().get(place.id) ?? {}));
    return [place.name, place.area && h("small", {}, place.area), level && badge(level)];
  };
  const offer = combo(input, list, { name: "go", line, none: t.map.none_found, chosen });

  function look() {
    const asked = plain(input.value.trim());
    const found = !asked ? null : [...store.places.values()].map((place) => ({ place, name: plain(place.name) }))
      .filter(({ name, place }) => name.includes(asked) || place.id === asked)
      .sort((a, b) => b.name.startsWith(asked) - a.name.startsWith(asked) || a.name.localeCompare(b.name))
      .slice(0, MOST).map(({ place }) => place);
    fill(said, found && (found.length ? t.map.found(found.length) : t.map.none_found));
    offer(found);
  }

  input.addEventListener("input", look);
  if (input.value) look();
}
