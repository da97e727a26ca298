// A field that offers what is found as one types: a combo box, by keyboard and by reader too.

import { fill, h } from "./dom.js";

/** Make one of an input and a list, whose options have ids that begin with `name`. `line(item)`: what
    an option shows. Answers what offers items; null: nothing was asked. */
export function combo(input, list, { name, line, none, chosen }) {
  let items = [];
  let at = -1;

  function draw(isOpen) {
    fill(list, items.map((item, i) => h("li", { id: `${name}-${i}`, role: "option", "aria-selected": String(i === at),
      onmousedown: (event) => {
        event.preventDefault();
        choose(i);
      } }, line(item))), isOpen && !items.length && h("li", { role: "option", "aria-disabled": "true", "aria-selected": "false" }, none));
    input.setAttribute("aria-expanded", String(isOpen));
    if (at >= 0) input.setAttribute("aria-activedescendant", `${name}-${at}`);
    else input.removeAttribute("aria-activedescendant");
  }

  function offer(found) {
    items = found ?? [];
    at = items.length ? 0 : -1;
    draw(found !== null);
  }

  function choose(i) {
    const item = items[i];
    input.value = "";
    offer(null);
    if (item) chosen(item);
  }

  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && items.length) {
      at = (at + step + items.length) % items.length;
      draw(true);
    } else if (event.key === "Enter" && at >= 0) choose(at);
    else if (event.key === "Escape") offer(null);
    else return;
    event.preventDefault();
  });
  input.addEventListener("blur", () => setTimeout(() => offer(null), 150));
  return offer;
}
