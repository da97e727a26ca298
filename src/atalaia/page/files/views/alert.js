// One alert: what is going on, what to do, why it was sent, and its life entry by entry.

import { look } from "../api.js";
import { fill, h } from "../dom.js";
import { capital, clock, figure as worded, hazard, measured, stretch, variable } from "../format.js";
import { icon } from "../icons.js";
import { badge, highest, shape } from "../levels.js";
import { nameOf, on, placesOf, store, zoneOf } from "../store.js";
import { language, t } from "../words.js";
import { failed, share } from "./parts.js";

export async function show(main, { id, titled }) {
  const page = h("div", { class: "page" });
  let isGone = false;
  let asked = 0;
  let drawn = 0;
  const draw = async () => {
    const mine = (asked += 1);
    const take = (told) => {
      if (isGone || mine < drawn) return; // what was asked for later is newer
      drawn = mine;
      titled(`${capital(hazard(told.hazard))}, ${nameOf(told.place_id)}`);
      fill(page, parts(told));
    };
    take(await look(`/v1/incidents/${encodeURIComponent(id)}`, take));
  };
  try {
    await draw();
  } catch (error) {
    const known = store.incidents.get(id);
    return failed(main, error, t.alert.missing, known && `${capital(hazard(known.hazard))}, ${nameOf(known.place_id)}`);
  }
  main.append(page);
  const again = () => draw().catch(() => {});
  const ends = [on("alert", (alert) => { if (alert.incident === id) again(); })];
  // The places' names come after the first view of a shared address.
  if (!store.places.size) {
    const end = on("data", () => {
      end();
      again();
    });
    ends.push(end);
  }
  return () => {
    isGone = true;
    ends.forEach((end) => end());
  };
}

function parts(told) {
  const newest = told.entries.at(-1) ?? told;
  const zone = zoneOf(placesOf(told)[0]);
  const back = store.places.has(told.place_id)
    ? h("a", { class: "back", href: `/#/place/${encodeURIComponent(told.place_id)}` }, icon("back", 18), nameOf(told.place_id))
    : h("a", { class: "back", href: "/#/" }, icon("back", 18), t.place.back);
  return [
    h("div", { class: "title-row" }, back, h("div", { class: "buttons" }, share())),
    hero(told, newest, zone),
    h("div", { class: "two" }, whatToDo(told), why(told, zone)),
    life(told, zone),
  ];
}

const isOver = (told) => !["open", "active", "pending"].includes(told.status);

function hero(told, newest, zone) {
  const level = isOver(told) ? highest([told.level, told.peak_level ?? "none"]) : told.level;
  const began = told.onset_at ?? told.opened_at;
  const isToCome = told.certainty === "Possible" && !isOver(told);
  const lasted = told.ended_at && (Date.parse(told.ended_at) - Date.parse(began)) / 1000;
  return h("section", { class: `hero level-${level}${isOver(told) ? " is-over" : ""}` },
    h("p", { class: "hero-level" }, shape(level, 34), h("span", {}, t.levels[level]),
      h("span", { class: "status" }, !isOver(told) && h("span", { class: `live is-${store.live}` }, h("span", { class: "dot" })),
        isOver(told) ? t.alert.status[told.status] : t.alert.ongoing)),
    h("h1", { tabindex: -1 }, `${capital(hazard(told.hazard))}, ${nameOf(told.place_id)}`),
    told.issuer && h("p", {}, h("b", {}, t.alert.issued(told.issuer))),
    h("p", { class: "lead" }, isToCome ? t.alert.from(clock(began, zone)) : t.alert.began(clock(began, zone)),
      lasted > 0 ? ` · ${t.alert.lasted(stretch(lasted))}` : ""),
    h("dl", { class: "figures" },
      figure(t.alert.latest, newest.value, newest, zone, newest.valid_at),
      told.peak !== null && told.peak !== newest.value && figure(t.alert.peak, told.peak, told, zone, told.peak_at)));
}

function figure(label, value, of, zone, at) {
  if (value === null || value === undefined) return null;
  const name = of.variable && measured(of);
  return h("div", {}, h("dt", {}, name ? `${label}: ${lower(name)}` : label),
    h("dd", {}, worded(value, of.unit, of.measure), h("small", {}, clock(at, zone))));
}

function whatToDo(told) {
  const advice = t.advice[told.hazard] ?? t.advice.other;
  return h("section", { class: "panel do" }, h("h2", {}, t.alert.do), h("p", {}, advice),
    h("p", { class: "quiet" }, t.advice.emergency, " ", told.issuer ? "" : t.alert.official));
}

function why(told, zone) {
  const decided = [...told.entries].reverse().find((one) => one.limit !== null && one.limit !== undefined && one.type !== "end") ?? told;
  const fact = (name, value) => value && [h("dt", {}, name), h("dd", {}, value)];
  const sentence = decided.limit !== null && decided.limit !== undefined && reason(decided);
  return h("section", { class: "panel" }, h("h2", {}, t.alert.why),
    sentence && h("p", {}, sentence),
    h("dl", { class: "facts" },
      fact(t.alert.certainty, t.certainty[decided.certainty]), fact(t.alert.source, decided.source),
      fact(t.alert.valid, clock(decided.valid_at, zone, { long: true })),
      fact(t.alert.sent, clock(decided.sent_at ?? told.last_sent_at, zone, { long: true })),
      !isOver(told) && fact(t.alert.expires, told.expires_at && clock(told.expires_at, zone, { long: true })),
      fact(t.alert.rule, decided.rule)));
}

function reason(one) {
  const isChange = ["change", "day_change"].includes(one.measure);
  const say = isChange ? t.alert.why_change : one.is_below ? t.alert.why_below : t.alert.why_text;
  const sentence = say({
    what: measured(one), value: worded(one.value, one.unit, one.measure), limit: worded(one.limit, one.unit, one.measure),
    kind: t.kinds[one.evidence] ?? one.evidence, level: t.short[one.level].toLowerCase(),
  });
  return one.stands_for ? `${sentence} ${t.alert.stands_for(lower(variable(one.stands_for)))}` : sentence;
}

const lower = (text) => (/^.[A-ZÁ-Ú]/u.test(text) ? text : text.charAt(0).toLowerCase() + text.slice(1));

function life(told, zone) {
  const entries = [...told.entries].reverse();
  return h("section", { "aria-labelledby": "life" }, h("h2", { id: "life" }, t.alert.life),
    !isOver(told) && h("p", { class: "quiet" }, t.alert.no_end),
    h("ol", { class: "life" }, entries.map((one) => {
      const over = one.type === "end" || one.type === "cancel";
      return h("li", {}, shape(over ? "calm" : one.level, 24), h("div", {},
        h("header", {}, h("h3", {}, t.alert.reasons[one.reason] ?? one.reason), !over && badge(one.level),
          h("time", { datetime: one.sent_at }, clock(one.sent_at, zone, { long: true }))),
        h("p", {}, one.text?.[language] ?? one.text?.en ?? ""),
        h("p", { class: "small" }, h("a", { href: cap(one) }, t.alert.cap))));
    })));
}

/** Where the entry is as a CAP message. */
const cap = (one) => `/feeds/cap/${encodeURIComponent(one.cap ?? `atalaia.${one.incident}.${one.version}`)}.xml`;
