// What the parts that are opened beneath the map share: their words, their sheet, their frame.

import { h } from "../dom.js";
import { sheet } from "../libraries.js";
import { language } from "../words.js";

/** Words of these parts, in the page's language. */
export async function worded() {
  const [{ words }] = await Promise.all([import(`./words/${language}.js`), sheet("style/panels.css")]);
  return words;
}

/** A part's frame. */
export const panel = (label, name, ...inside) => h("section", { class: `under under-${name}`, role: "group", "aria-label": label }, inside);
