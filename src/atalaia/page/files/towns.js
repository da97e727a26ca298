// A field that finds towns as one types: a combo box, by keyboard and by reader too.

import { ask } from "./api.js";
import { calmly, fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { inWords } from "./views/parts.js";
import { t } from "./words.js";

/** An element; `chosen` is called with the town. */
export function townField(chosen) {
  const state = { towns: [], at: -1, turn: 0 };
  const list = h("ul", { id: "towns", role: "listbox", "aria-label": t.subscribe.find });
  const status = h("p", { class: "unseen", role: "status" });
  const fault = h("p", { class: "hint", role: "alert" });
  const input = h("input", {
    id: "town", type: "text", role: "combobox", autocomplete: "off", spellcheck: "false",
    "aria-expanded": "false", "aria-controls": "towns", "aria-autocomplete": "list",
    "aria-describedby": "town-hint", placeholder: t.subscribe.find_hint,
    oninput: () => look(input.value.trim()), onkeydown: (event) => key(event),
    onblur: () => setTimeout(close, 150),
  });

  const look = calmly(160, async (text) => {
    const turn = ++state.turn;
    if (text.length < 2) return close();
    let told;
    try {
      told = await ask(`/v1/towns?limit=7&q=${encodeURIComponent(text)}`);
    } catch (error) {
      if (turn === state.turn) fill(fault, inWords(error));
      return undefined;
    }
    if (turn !== state.turn) return undefined;
    fill(fault);
    state.towns = told.items;
    state.at = told.items.length ? 0 : -1;
    fill(status, told.items.length ? t.subscribe.towns_found(told.items.length) : t.subscribe.no_town);
    return draw();
  });

  function draw() {
    fill(list, state.towns.map((town, i) => {
      const [name, ...rest] = town.label.split(", ");
      return h("li", { id: `town-${i}`, role: "option", "aria-selected": String(i === state.at),
        onmousedown: (event) => {
          event.preventDefault();
          choose(i);
        } }, name, h("small", {}, rest.join(", ")));
    }), !state.towns.length && h("li", { role: "option", "aria-disabled": "true", "aria-selected": "false" }, t.subscribe.no_town));
    input.setAttribute("aria-expanded", "true");
    if (state.at >= 0) input.setAttribute("aria-activedescendant", `town-${state.at}`);
    else input.removeAttribute("aria-activedescendant");
  }

  function key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps && state.towns.length) {
      state.at = (state.at + steps[event.key] + state.towns.length) % state.towns.length;
      draw();
    } else if (event.key === "Enter" && state.at >= 0) {
      choose(state.at);
    } else if (event.key === "Escape") {
      close();
    } else {
      return;
    }
    event.preventDefault();
  }

  function choose(i) {
    const town = state.towns[i];
    input.value = "";
    close();
    if (town) chosen(town);
    input.focus();
  }

  function close() {
    state.turn += 1;
    state.towns = [];
    state.at = -1;
    fill(list);
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  return h("div", { class: "field" }, h("label", { for: "town" }, t.subscribe.find),
    h("div", { class: "combo" }, h("div", { class: "with-icon" }, icon("search", 18), input), list),
    h("p", { class: "hint unseen", id: "town-hint" }, t.subscribe.find_hint), status, fault);
}
