// How a system went: its outline and its places at each instant, moved through by hand or played.

import { look } from "./api.js";
import { h } from "./dom.js";
import { clock } from "./format.js";
import { store } from "./store.js";
import { t } from "./words.js";

const STEP_MS = 700;
const isStill = matchMedia("(prefers-reduced-motion: reduce)");

/** Controls for a system's history; null: it has stood where it stands from the first. `onStep` is given
    what the map is to show of an instant, and nothing once the present is shown again. */
export async function historyOf({ id, level, zone, onStep }) {
  const told = await look(`/feeds/systems/${encodeURIComponent(id)}.geojson`).catch(() => null);
  const steps = told?.features ?? [];
  if (steps.length < 2) return null;
  let timer = null;
  const last = steps.length - 1;
  const said = h("output", { class: "quiet small" });
  const slider = h("input", { type: "range", min: 0, max: last, value: last, "aria-label": t.systems.history, "data-key": `step ${id}`,
    oninput: () => {
      pause();
      show(Number(slider.value));
    } });
  const button = h("button", { type: "button", class: "button small", "data-key": `play ${id}`, onclick: () => (timer ? pause() : play()) }, t.systems.play);
  const show = (i) => {
    const { geometry, properties: { at, standing } } = steps[i];
    slider.value = i;
    said.textContent = `${clock(at, zone)} · ${t.systems.stood(standing.length)}`;
    slider.setAttribute("aria-valuetext", said.textContent);
    const places = standing.map((one) => store.places.get(one)).filter(Boolean).map((one) => [one.longitude, one.latitude]);
    const drawn = (one) => ({ type: "Feature", geometry: one, properties: { level } });
    onStep({ at, features: [drawn(geometry), drawn({ type: "MultiPoint", coordinates: places })] });
  };
  const pause = () => {
    clearInterval(timer);
    timer = null;
    button.textContent = t.systems.play;
  };
  const play = () => {
    button.textContent = t.systems.pause;
    let i = Number(slider.value) === last ? 0 : Number(slider.value);
    show(i);
    timer = setInterval(() => {
      i += 1;
      show(i);
      if (i === last) pause();
    }, STEP_MS);
  };
  said.textContent = `${clock(steps[last].properties.at, zone)} · ${t.systems.stood(steps[last].properties.standing.length)}`;
  slider.setAttribute("aria-valuetext", said.textContent);
  // Who wants no motion moves through it by hand.
  const element = h("div", { class: "history", role: "group", "aria-label": t.systems.history }, !isStill.matches && button, slider, said);
  return { element, end: () => {
    pause();
    slider.value = last;
    onStep(null);
  } };
}
