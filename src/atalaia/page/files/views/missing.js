// An address that leads nowhere.

import { h, put } from "../dom.js";
import { t } from "../words.js";

export function show(main, { titled }) {
  titled(t.errors.title);
  put(main, h("div", { class: "page narrow" }, h("h1", { tabindex: -1 }, t.errors.page),
    h("p", {}, h("a", { href: "/#/" }, t.place.back))));
}
