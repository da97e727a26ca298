// Layers of images from elsewhere, which the settings name: radar, or a model. Each is off until somebody
// switches it on, here and now: an address or a browser's memory switches none on, for whoever owns the
// images learns who asks for them.

import { h } from "../dom.js";
import { clock } from "../format.js";
import { on, store } from "../store.js";
import { panel, worded } from "./panel.js";
import { tileLayer } from "./tiles.js";

const PANE = "layers";
const LOOK_MS = 30_000;

export const told = () => JSON.parse(document.documentElement.dataset.layers || "[]");

/** The instant of a layer's images, as {time} has it: of now the newest that there is. */
export function timeOf({ step_s, delay_s }, now, then) {
  const seconds = then === null ? now - delay_s : then;
  return `${new Date(Math.floor(seconds / step_s) * step_s * 1000).toISOString().slice(0, 19)}Z`;
}

/** Opens the list of layers. Answers {element, close}. */
export async function open({ L, map, address }) {
  const { layers: t } = await worded();
  if (!map.getPane(PANE)) Object.assign(map.createPane(PANE).style, { zIndex: 260, pointerEvents: "none" });
  const all = told().map((one) => begun(L, map, one, t));
  const renew = () => all.forEach((one) => one.renew());
  const timer = setInterval(renew, LOOK_MS);
  const end = on("then", renew);
  address({ layers: "1" });
  const element = panel(t.label, "layers", h("ul", {}, all.map(({ line }) => line)));
  return { element, close() {
    clearInterval(timer);
    end();
    all.forEach((one) => one.off());
  } };
}

function begun(L, map, one, t) {
  const hasTime = one.url.includes("{time}");
  const note = h("span", { class: "small quiet", role: "status" });
  let shown = null;
  let isLacking = false;
  const say = () => {
    const isOf = shown && hasTime ? `${clock(shown.options.time)} · ` : "";
    note.textContent = !shown ? t.from(new URL(one.url.replaceAll(/[{}]/g, "")).host)
      : !hasTime && store.then ? t.then : isLacking ? `${isOf}${t.failed(one.label)}` : `${isOf}${one.attribution}`;
  };
  const time = () => timeOf(one, Date.now() / 1000, store.then ? store.then.at / 1000 : null);
  const box = h("input", { type: "checkbox", onchange: () => (box.checked ? begin() : off()) });
  const line = h("li", {}, h("label", {}, box, h("span", {}, one.label)), note);

  function begin() {
    shown = tileLayer(L, one.url, {
      pane: PANE, opacity: one.opacity, minZoom: one.min_zoom, maxNativeZoom: one.max_zoom, maxZoom: 18, time: time(),
    });
    shown.on("tileerror", () => {
      isLacking = true;
      say();
    });
    renew();
  }

  /** As the hour is that the map shows: what has no time is of now alone. */
  function renew() {
    if (!shown) return say();
    const isWanted = hasTime || !store.then;
    if (!isWanted) shown.remove();
    else if (!map.hasLayer(shown)) {
      shown.options.time = time();
      shown.addTo(map);
    } else if (shown.options.time !== time() && hasTime) {
      isLacking = false;
      shown.options.time = time();
      shown.redraw();
    }
    return say();
  }

  function off() {
    shown?.remove();
    [shown, isLacking] = [null, false];
    say();
  }

  say();
  return { line, renew, off };
}
