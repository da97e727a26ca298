// For operators, behind a key that this tab alone keeps. What lies behind it, few load.

import { ask, inTime } from "../api.js";
import { fill, h } from "../dom.js";
import { language, t } from "../words.js";
import { inWords } from "./parts.js";

export async function show(main, { id, query, titled }) {
  titled(t.operator.title);
  const page = h("div", { class: "page" });
  main.append(page);
  const key = sessionStorage.getItem("operator");
  if (!key) {
    login(page);
    return undefined;
  }
  try {
    const [{ desk }, { words }] = await inTime(Promise.all([import("../operator/desk.js"), import(`../operator/words/${language}.js`)]));
    Object.assign(t.operator, words);
    return await desk(page, key, id, query);
  } catch (error) {
    fill(page, h("h1", { tabindex: -1 }, t.operator.title), h("p", { class: "fault", role: "status" }, t.errors.unloaded, " ", inWords(error)));
    return undefined;
  }
}

const reload = () => dispatchEvent(new Event("hashchange"));

function login(page) {
  page.classList.add("narrow");
  const fault = h("div", { role: "alert" });
  const field = h("input", { id: "key", type: "password", autocomplete: "off", required: true, "aria-describedby": "key-hint" });
  const enter = async (event) => {
    event.preventDefault();
    try {
      await ask("/v1/lag", { key: field.value.trim() });
      sessionStorage.setItem("operator", field.value.trim());
      reload();
    } catch (error) {
      fill(fault, h("p", { class: "fault" }, [401, 403].includes(error.status) ? t.operator.wrong : inWords(error)));
    }
  };
  fill(page, h("h1", { tabindex: -1 }, t.operator.title),
    h("form", { class: "panel step", onsubmit: enter, novalidate: true },
      h("div", { class: "field" }, h("label", { for: "key" }, t.operator.key), field, h("p", { class: "hint", id: "key-hint" }, t.operator.key_hint)),
      fault, h("div", {}, h("button", { type: "submit", class: "button first" }, t.operator.enter))));
}
