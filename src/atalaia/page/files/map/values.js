// The newest value of a variable beside each place. Where there is none for hours a dash stands, and
// what is old stands in brackets: neither is ever a 0. From afar they are thinned out, as names are.

import { ask } from "../api.js";
import { fill, h } from "../dom.js";
import { amount, clock, number } from "../format.js";
import { on, store } from "../store.js";
import { t as page } from "../words.js";
import { panel, worded } from "./panel.js";

const OLD_S = 3600;
const RELOAD_MS = 60_000;
const FIRST = "rain_mm";

/** What a value is on the map: its text, and whether it is old; null of what a place does not have. */
export function told(one, now, digits) {
  if (!one) return { text: "–", state: "missing" };
  const isOld = now - one.valid_at > OLD_S;
  const text = number(one.value, digits);
  return isOld ? { text: `(${text})`, state: "old" } : { text, state: "fresh" };
}

/** Opens the values. Answers {element, close}. */
export async function open({ layer, address }) {
  const { values: t } = await worded();
  const asked = address().get("values");
  let variable = asked in t.choices ? asked : FIRST;
  let known = null; // {unit, now, of: Map(id → {value, valid_at, source, kind})}

  const select = h("select", { onchange: () => {
    variable = select.value;
    known = null;
    address({ values: variable });
    load();
  } }, Object.entries(t.choices).map(([name, text]) => h("option", { value: name, selected: name === variable }, text)));
  const signs = h("p", { class: "small signs" });
  const said = h("p", { class: "small quiet", role: "status" });
  const element = panel(t.label, "values", h("label", {}, h("span", { class: "small" }, t.variable), select), signs, said);

  const digits = () => (known.unit === "%" ? 0 : 1);

  async function load() {
    const mine = variable;
    let columns;
    try {
      columns = await ask(`/v1/values?variable=${mine}`);
    } catch {
      if (mine === variable && known === null) said.textContent = t.failed;
      return; // what is shown grows old, and says so
    }
    if (mine !== variable) return;
    const of = new Map(columns.place.map((id, i) => [id, {
      value: columns.value[i], valid_at: columns.valid_at[i], source: columns.source[i], kind: columns.kind[i] }]));
    known = { unit: columns.unit, of, at: Date.now(), now: Date.parse(columns.now) / 1000 };
    show();
  }

  /** The server's time now. */
  const now = () => known.now + (Date.now() - known.at) / 1000;

  function show() {
    if (!known) return;
    const unit = known.unit === "1" ? "" : ` ${known.unit}`;
    fill(signs, h("span", {}, h("b", {}, `12${unit}`), ` ${t.fresh}`), h("span", {}, h("b", {}, "(12)"), ` ${t.old}`), h("span", {}, h("b", {}, "–"), ` ${t.missing}`));
    const some = [...known.of.keys()].filter((id) => store.places.has(id)).length;
    said.textContent = store.then ? t.then : some ? t.of(some, store.places.size) : t.none;
    layer.setValues(store.then ? null : paint);
  }

  function paint(pen, { free, look, shown }) {
    const at = now();
    const count = { fresh: 0, old: 0, missing: 0 };
    pen.textBaseline = "middle";
    pen.lineJoin = "round";
    // The gravest first, and of the others those that have a value.
    const all = [...shown].reverse().map((one) => ({ ...one, ...told(known.of.get(one.place.id), at, digits()) }));
    for (const { x, y, reach, text, state } of all.sort((a, b) => (a.state === "missing") - (b.state === "missing"))) {
      pen.font = `${state === "fresh" ? 700 : 450} 13px ${look.font}`;
      const width = pen.measureText(text).width;
      const spots = [[x - width / 2, y + reach + 9], [x - width / 2, y - reach - 9], [x + reach + 4, y], [x - reach - 4 - width, y]];
      const spot = spots.find(([left, middle]) => free([left - 1, middle - 7, left + width + 1, middle + 7]));
      if (!spot) continue;
      pen.strokeStyle = look.land;
      pen.lineWidth = 3.5;
      pen.strokeText(text, ...spot);
      pen.fillStyle = state === "fresh" ? look.ink : look.muted;
      pen.fillText(text, ...spot);
      count[state] += 1;
    }
    return Object.entries(count).map((pair) => pair.join(":")).join(" ");
  }

  store.value = (id) => {
    const one = known?.of.get(id);
    const named = t.choices[variable];
    if (!known) return null;
    return one ? `${named}: ${amount(one.value, known.unit)}, ${clock(one.valid_at * 1000)}, ${page.kinds[one.kind]} (${one.source})` : `${named}: – ${t.missing}`;
  };
  address({ values: variable });
  const timer = setInterval(load, RELOAD_MS);
  const ends = [on("data", show), on("then", show)];
  await load();
  return { element, close() {
    clearInterval(timer);
    ends.forEach((end) => end());
    store.value = null;
    layer.setValues(null);
  } };
}
