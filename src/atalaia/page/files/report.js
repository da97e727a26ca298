// Which days of a place or of a system a report is to be of, and in which form; the server makes it (page/reports.py).

import { fill, h } from "./dom.js";
import { language, t } from "./words.js";

const MOST_DAYS = 31; // as page/reports.py has it
const DAY_MS = 86_400_000;

const text = (ms) => new Date(ms).toISOString().slice(0, 10);
const radio = (name, choices) => h("div", { class: "segmented", role: "radiogroup", "aria-label": t.place.report }, choices.map(([value, label], i) =>
  h("label", {}, h("input", { type: "radio", name, value, checked: i === 0 }), h("span", {}, label))));

/** Ask for days and form of a report of this kind ("place", "system"). */
export async function askReport(kind, id, name) {
  const { words: { report: o } } = await import(`./map/words/${language}.js`);
  const today = Date.now();
  const first = h("input", { id: "report-first", type: "date", value: text(today - 6 * DAY_MS), max: text(today) });
  const last = h("input", { id: "report-last", type: "date", value: text(today), max: text(today) });
  const days = h("div", { class: "form" }, h("div", { class: "field" }, h("label", { for: "report-first" }, o.first), first),
    h("div", { class: "field" }, h("label", { for: "report-last" }, o.last), last));
  const fault = h("p", { class: "hint", role: "alert" });
  const forms = radio("report-form", document.documentElement.dataset.reports.split(" ").map((one) => [one, o.forms[one]]));
  const range = radio("report-range", [["whole", o.whole], ["days", o.some]]);
  const open = h("a", { class: "button first", target: "_blank", rel: "noopener" }, o.open);
  const changed = () => {
    const isWhole = kind === "system" && range.querySelector(":checked").value === "whole";
    const n = (last.valueAsNumber - first.valueAsNumber) / DAY_MS + 1;
    const fits = isWhole || (n >= 1 && n <= MOST_DAYS);
    days.hidden = isWhole;
    fill(fault, !fits && o.most(MOST_DAYS));
    const asked = new URLSearchParams({ lang: language });
    if (!isWhole && fits) {
      asked.set("from", first.value);
      asked.set("to", text(last.valueAsNumber + DAY_MS));
    }
    if ("colours" in document.documentElement.dataset) asked.set("colours", "colour-blind");
    const form = forms.querySelector(":checked").value;
    if (fits) open.href = `/report/${kind}/${encodeURIComponent(id)}.${form}?${asked}`;
    else open.removeAttribute("href");
    open.setAttribute("aria-disabled", String(!fits));
  };
  const end = () => dialog.remove();
  const dialog = h("dialog", { onclose: end, oninput: changed, "aria-labelledby": "report-title" }, h("div", {},
    h("h2", { id: "report-title" }, t.place.report), h("p", {}, name),
    kind === "system" && range, days, fault, forms, h("p", { class: "hint" }, o.lead),
    h("div", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: () => dialog.close() }, o.close), open)));
  changed();
  document.body.append(dialog);
  dialog.showModal();
}
