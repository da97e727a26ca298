// A field that finds towns as one types.

import { ask } from "./api.js";
import { combo } from "./combo.js";
import { calmly, fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { inWords } from "./views/parts.js";
import { t } from "./words.js";

/** An element; `chosen` is called with the town. */
export function townField(chosen) {
  let turn = 0;
  const list = h("ul", { id: "towns", role: "listbox", "aria-label": t.subscribe.find });
  const status = h("p", { class: "unseen", role: "status" });
  const fault = h("p", { class: "hint", role: "alert" });
  const input = h("input", {
    id: "town", type: "text", role: "combobox", autocomplete: "off", spellcheck: "false",
    "aria-expanded": "false", "aria-controls": "towns", "aria-autocomplete": "list",
    "aria-describedby": "town-hint", placeholder: t.subscribe.find_hint,
    oninput: () => look(input.value.trim()), onblur: () => { turn += 1; },
  });
  const line = (town) => {
    const [name, ...rest] = town.label.split(", ");
    return [name, h("small", {}, rest.join(", "))];
  };
  const offer = combo(input, list, { name: "town", line, none: t.subscribe.no_town, chosen: (town) => {
    turn += 1; // what is still asked for is late
    chosen(town);
    input.focus();
  } });

  const look = calmly(160, async (text) => {
    const mine = ++turn;
    if (text.length < 2) return offer(null);
    let told;
    try {
      told = await ask(`/v1/towns?limit=7&q=${encodeURIComponent(text)}`);
    } catch (error) {
      if (mine === turn) fill(fault, inWords(error));
      return undefined;
    }
    if (mine !== turn) return undefined;
    fill(fault);
    fill(status, told.items.length ? t.subscribe.towns_found(told.items.length) : t.subscribe.no_town);
    return offer(told.items);
  });

  return h("div", { class: "field" }, h("label", { for: "town" }, t.subscribe.find),
    h("div", { class: "combo" }, h("div", { class: "with-icon" }, icon("search", 18), input), list),
    h("p", { class: "hint unseen", id: "town-hint" }, t.subscribe.find_hint), status, fault);
}
