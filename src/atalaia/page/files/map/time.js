// Another hour on the map: how things stood in the last 7 days, and what is announced for the next 48
// hours. What was told by then is shown, and a place that was not seen then is not calm. Beyond now
// only what is announced is known, and every other place is drawn as unknown.

import { ask } from "../api.js";
import { calmly, fill, h, s } from "../dom.js";
import { clock } from "../format.js";
import { icon } from "../icons.js";
import { higher, RANK } from "../levels.js";
import { on, renew, store } from "../store.js";
import { panel, worded } from "./panel.js";

const HOUR = 3600;
const STEP_MS = 450;
const RELOAD_MS = 1_500;
const isStill = matchMedia("(prefers-reduced-motion: reduce)");

/** The hours that the server told, and what was at each. Positions: 0 … past-1 are full hours, `past`
    is now, then come the hours ahead. */
export function hours(told) {
  const begins = Date.parse(told.begins_at) / 1000;
  const { stood, unseen } = told;
  const past = told.hours;
  return {
    past, last: past + told.hours_ahead,
    /** Unix seconds of a position. */
    at: (i) => begins + HOUR * (i < past ? i : i - 1),
    /** The position of an hour; null: it is out of reach. */
    position(at) {
      const i = Math.round((at - begins) / HOUR);
      if (i < 0 || i >= past + told.hours_ahead) return null;
      return i < past ? i : i + 1;
    },
    /** {levels, blind, incidents}: of the places, and which alerts there were. */
    look(i, isWanted = () => true) {
      const at = this.at(i);
      const isAhead = i > past;
      const levels = new Map();
      const incidents = new Set();
      for (let row = 0; row < stood.place.length; row += 1) {
        const until = stood.until[row];
        if (stood.is_ahead[row] !== isAhead || stood.since[row] > at || (until !== null && until <= at)) continue;
        const id = told.places[stood.place[row]];
        const [hazard, level] = [stood.hazard[row], stood.level[row]];
        if (!store.places.has(id) || !isWanted({ hazard, level, place_id: id, places: [id] })) continue;
        incidents.add(stood.incident[row]);
        const found = levels.get(id) ?? {};
        found[hazard] = higher(found[hazard] ?? "none", level);
        levels.set(id, found);
      }
      return { at: at * 1000, levels, incidents, blind: isAhead ? new Set(store.places.keys()) : unseenAt(i) };
    },
    /** The gravest level of each position, where there is any. */
    gravest() {
      const found = new Array(past + told.hours_ahead + 1).fill(null);
      for (let row = 0; row < stood.place.length; row += 1) {
        const end = stood.until[row] ?? this.at(past - 1) + 1;
        for (let i = stood.is_ahead[row] ? past + 1 : 0; i <= this.last; i += 1) {
          if (i === past || this.at(i) < stood.since[row]) continue;
          if (this.at(i) >= end || (!stood.is_ahead[row] && i > past)) break;
          found[i] = higher(found[i], stood.level[row]);
        }
      }
      return found;
    },
  };

  function unseenAt(i) {
    const known = new Set(told.places);
    const blind = new Set([...store.places.keys()].filter((id) => !known.has(id)));
    unseen.place.forEach((place, row) => {
      if (unseen.first[row] <= i && i <= unseen.last[row]) blind.add(told.places[place]);
    });
    return blind;
  }
}

/** 2026-01-15T14, an hour of UTC as the address has it. */
const written = (at) => new Date(at * 1000).toISOString().slice(0, 13);
const read = (text) => (/^\d{4}-\d\d-\d\dT\d\d$/.test(text ?? "") ? Date.parse(`${text}:00Z`) / 1000 : NaN);

/** Opens the timeline. Answers {element, close}. */
export async function open({ map, update, address }) {
  const { time: t } = await worded();
  const box = map.getContainer().closest(".map-box");
  const asked = address().get("at");
  let known = null;
  let chosen = null; // Unix seconds of the hour; null: now
  let timer = null;

  const sign = h("strong", { class: "then-sign" });
  const said = h("output", { class: "small" });
  const notice = h("p", { class: "small quiet" }, t.loading);
  const bars = s("svg", { class: "hours", preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" });
  const slider = h("input", { type: "range", min: 0, max: 1, step: 1, value: 0, disabled: true, "aria-label": t.hour, oninput: () => {
    pause();
    go(Number(slider.value));
  } });
  const play = !isStill.matches && h("button", { type: "button", class: "button small", disabled: true, onclick: () => (timer ? pause() : run()) }, t.play);
  const back = h("button", { type: "button", class: "button small", disabled: true, onclick: () => {
    pause();
    go(known.past);
    slider.focus();
  } }, icon("clock", 16), t.now);
  back.setAttribute("aria-label", t.back);
  const element = panel(t.label, "time", h("p", { class: "then" }, sign, said),
    h("div", { class: "track" }, bars, slider), h("div", { class: "keys" }, play, back, notice));

  const note = calmly(200, () => address({ at: chosen === null ? "now" : written(chosen) }));
  const here = () => (chosen === null ? known.past : known.position(chosen));

  function go(i) {
    chosen = i === known.past ? null : known.at(i);
    note();
    show();
  }

  function show({ isNew = true } = {}) {
    let i = here();
    if (i === null) [chosen, i] = [null, known.past];
    const isNow = chosen === null;
    slider.value = i;
    const then = known.look(i, store.chosen?.alert);
    store.then = isNow ? null : then;
    box.classList.toggle("is-then", !isNow);
    box.dataset.at = isNow ? "" : written(chosen);
    if (isNew) map.closePopup();
    update();
    renew("then");
    sign.textContent = isNow ? t.now : t.not_now;
    const places = [...then.levels.keys()].length;
    const told = i > known.past ? t.ahead(then.incidents.size, places) : t.past(then.incidents.size, places, then.blind.size);
    said.textContent = isNow ? "" : `${clock(then.at)} · ${told}`;
    slider.setAttribute("aria-valuetext", isNow ? t.now : `${t.not_now}: ${said.textContent}`);
    back.disabled = isNow;
    notice.textContent = isNow ? "" : t.list;
  }

  function drawBars() {
    bars.setAttribute("viewBox", `0 0 ${known.last + 1} 8`);
    const rects = known.gravest().map((level, i) => level && RANK[level] > 0 &&
      s("rect", { x: i, y: 8 - 2 * RANK[level], width: 1, height: 2 * RANK[level], class: `level-${level}` }));
    fill(bars, rects, s("rect", { x: known.past, y: 0, width: 1, height: 8, class: "now" }));
  }

  async function load() {
    const told = await ask("/v1/summary/hours");
    const isFirst = known === null;
    known = hours(told);
    slider.max = known.last;
    slider.disabled = false;
    if (play) play.disabled = false;
    drawBars();
    if (isFirst) begin();
    show({ isNew: isFirst });
    if (isFirst && asked && asked !== "now" && chosen === null) notice.textContent = t.gone;
  }

  /** With the hour of the address, if it can be shown. */
  function begin() {
    const at = read(asked);
    if (known.position(at) !== null && !Number.isNaN(at)) chosen = at;
    else note();
  }

  const failed = () => fill(notice, `${t.failed} `, h("button", { type: "button", class: "link", onclick: () => load().catch(failed) }, t.again));

  function pause() {
    clearInterval(timer);
    timer = null;
    if (play) play.textContent = t.play;
    said.removeAttribute("aria-live");
  }

  function run() {
    play.textContent = t.pause;
    said.setAttribute("aria-live", "off"); // else each hour is read aloud
    let i = here();
    if (i >= known.last || chosen === null) i = Math.max(0, known.past - 24) - 1;
    timer = setInterval(() => {
      i += 1;
      go(i);
      if (i >= known.last) pause();
    }, STEP_MS);
  }

  // What is new changes what is known of the hour, and never the hour.
  const reload = calmly(RELOAD_MS, () => load().catch(() => {}));
  const end = on("data", () => {
    if (known && chosen !== null) show({ isNew: false });
    reload();
  });
  await load().catch(failed);
  return { element, close() {
    pause();
    reload.cancel();
    note.cancel();
    end();
    store.then = null;
    box.classList.remove("is-then");
    delete box.dataset.at;
    renew("then");
  } };
}
