// Asking to be told: where, of what, by which way; then a code that proves whose address it is.

import { ask, look, once, Problem } from "../api.js";
import { calmly, fill, h, put } from "../dom.js";
import { clock, hazard, capital } from "../format.js";
import { icon } from "../icons.js";
import { LEVELS, shape } from "../levels.js";
import * as push from "../push.js";
import { on, store } from "../store.js";
import { townField } from "../towns.js";
import { language, t } from "../words.js";
import { failed, inWords, keepable } from "./parts.js";

const HAZARDS = ["heavy_rain", "wind", "storm", "flood", "river_flood", "heat", "dry_air", "cold", "frost", "temperature_drop", "snow", "uv", "fog", "fire_weather", "air_quality"];
const RADII = [10, 25, 50, 100, 200];
const CHOICES = LEVELS.slice(1);
const REACH_KM = RADII.at(-1); // as people/coverage.py has it
const COARSE = 20; // parts of a degree: a place is given away to some 5 km
const PATIENCE_MS = 20_000;

/** What is asked for, while the form is open; kept on the way to the code and back. */
function blank() {
  return {
    places: [], radius: 25, hazards: new Map(HAZARDS.map((name) => [name, "yellow"])), watched: null,
    channel: null, address: "", terms: null, isQuiet: false, from: "22:00", to: "07:00",
  };
}

export async function show(main, { query, titled }) {
  titled(t.subscribe.title);
  const page = h("div", { class: "page narrow" });
  main.append(page);
  const wish = blank();
  const ends = [];
  if (!store.summary) await new Promise((done) => ends.push(on("data", done)));
  if (!store.summary) return failed(main, store.problem ?? new Problem(0, ""), "");
  const asking = look(`/v1/subscribe?language=${language}`).catch(() => null);
  await beginWith(wish, query.get("place"));
  wish.terms = await asking;
  form(page, wish, ends);
  return () => ends.forEach((end) => end());
}

async function beginWith(wish, id) {
  const place = store.places.get(id);
  if (place) wish.places.push({ name: place.name, latitude: place.latitude, longitude: place.longitude, timezone: place.timezone });
  wish.watched = await watchedHazards(id ?? store.places.keys().next().value);
  for (const name of HAZARDS) if (wish.watched && !wish.watched.has(name)) wish.hazards.delete(name);
}

/** Hazards that some rule judges: nobody can be told of others. */
async function watchedHazards(id) {
  if (!id) return null;
  const place = await look(`/v1/places/${encodeURIComponent(id)}`).catch(() => null);
  return place?.rules?.length ? new Set(place.rules.map((rule) => rule.hazard)) : null;
}

// The form

function form(page, wish, ends) {
  const preview = h("div", { class: "preview", role: "status" });
  const recount = counter(preview, wish);
  const fault = h("div", { role: "alert" });
  const changed = () => {
    fill(fault);
    recount();
  };
  const send = h("button", { type: "submit", class: "button first" });
  const agreed = agree(wish, fault, send);
  const element = h("form", { class: "steps", novalidate: true, onsubmit: async (event) => {
    event.preventDefault();
    const missing = lacking(wish);
    if (missing) {
      fill(fault, h("p", { class: "fault" }, missing));
      return;
    }
    send.disabled = true;
    send.textContent = t.subscribe.sending;
    const again = () => form(page, wish, ends);
    try {
      if (wish.channel === "webpush") await onThisDevice(page, wish, ends, again);
      else confirming(page, wish, await subscribed(asked(wish)), again);
    } catch (error) {
      fill(fault, h("p", { class: "fault" }, error instanceof Problem ? inWords(error) : t.subscribe.push.failed));
      agreed.draw();
    }
  } }, where(wish, changed), what(wish, changed, preview), how(wish, changed, agreed.draw), agreed.element);
  fill(page, h("header", {}, h("h1", { tabindex: -1 }, t.subscribe.title), h("p", { class: "lead" }, t.subscribe.lead)), element);
  recount();
  ends.push(recount.cancel);
}

function lacking(wish) {
  if (!wish.places.length) return t.subscribe.need_place;
  if (!wish.hazards.size) return t.subscribe.need_hazard;
  if (!wish.channel || (wish.channel !== "webpush" && !wish.address.trim())) return t.subscribe.need_contact;
  return null;
}

/** What the API calls a wish; the preview asks the same without whom. */
function wished(wish) {
  return {
    where: wish.places.map((place) => ({ name: place.name.slice(0, 100), latitude: place.latitude,
      longitude: place.longitude, radius_km: radiusOf(place, wish) })),
    hazards: Object.fromEntries(wish.hazards),
    language,
    quiet: wish.isQuiet ? `${wish.from}-${wish.to}` : "",
    timezone: wish.places[0]?.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
  };
}

const asked = (wish) => ({ ...wished(wish), contacts: [`${wish.channel}:${tidy(wish.channel, wish.address)}`] });

function tidy(channel, address) {
  return ["sms", "whatsapp"].includes(channel) ? address.replace(/[\s().-]/g, "") : address.trim();
}

function step(title, ...children) {
  const id = `step-${title.length}-${children.length}`;
  return h("section", { class: "panel step", "aria-labelledby": id }, h("h2", { id }, title), children);
}

// 1. Where

function where(wish, changed) {
  const chosen = h("ul", { class: "chosen" });
  const note = h("p", { class: "hint small", role: "status" });
  const draw = () => fill(chosen, wish.places.map((place) => h("li", {},
    icon("place"),
    h("span", {}, h("b", {}, place.name), noteOf(place, wish) && h("small", { class: "quiet" }, noteOf(place, wish))),
    h("button", { type: "button", class: "round", "aria-label": t.subscribe.remove(place.name), onclick: () => {
      wish.places.splice(wish.places.indexOf(place), 1);
      draw();
      changed();
    } }, icon("close", 18)))));
  const add = (place) => {
    if (!wish.places.some((one) => one.name === place.name)) wish.places.push(place);
    fill(note);
    draw();
    changed();
  };
  draw();
  const radius = h("div", { class: "segmented", role: "radiogroup", "aria-label": t.subscribe.radius },
    RADII.map((km) => h("label", {}, h("input", { type: "radio", name: "radius", value: km, checked: km === wish.radius,
      onchange: () => {
        wish.radius = km;
        draw();
        changed();
      } }), h("span", {}, t.subscribe.km(km)))));
  return step(t.subscribe.where,
    townField((town) => (town.within_reach ? add(ofTown(town)) : offer(note, town))), chosen,
    h("div", { class: "row" }, h("button", { type: "button", class: "button small", onclick: () => locate(add, note) },
      icon("here", 18), t.subscribe.my_location), h("span", { class: "quiet small" }, t.subscribe.my_location_note)),
    note, h("div", { class: "field" }, h("span", { class: "label" }, t.subscribe.radius), radius));
}

const ofTown = (town) => ({ name: town.label, latitude: town.latitude, longitude: town.longitude, timezone: town.timezone, near: town.nearest });

/** The distance that is asked for: as chosen, or as far as the nearest watched place lies. */
const radiusOf = (place, wish) => Math.max(wish.radius, Math.ceil(place.near?.km ?? 0));

/** What is said of it: the distance that is used. */
function noteOf({ near }, wish) {
  if (!near || near.km < 1) return null;
  const km = Math.ceil(near.km);
  return near.km <= wish.radius ? t.subscribe.nearest(near.name, km) : t.subscribe.too_far(near.name, km);
}

/** Nobody can be told of where nothing is watched: the operator can be asked to. */
function offer(note, town) {
  const near = town.nearest;
  const button = h("button", { type: "button", class: "button small", onclick: async () => {
    button.disabled = true;
    try {
      await ask("/v1/wishes", { method: "POST", body: { town: town.id } });
      fill(note, h("span", { class: "good" }, icon("check", 18), t.subscribe.wished(town.label)));
    } catch (error) {
      button.disabled = false;
      put(note, " ", inWords(error));
    }
  } }, t.subscribe.wish);
  fill(note, h("b", {}, t.subscribe.out_of_reach(town.label)), " ",
    near && t.subscribe.nearest(near.name, Math.ceil(near.km)), " ", button);
}

/** The watched place that is nearest, by the great circle: where one is stays in the browser. */
function nearestTo({ latitude, longitude }) {
  const rad = (degrees) => (degrees * Math.PI) / 180;
  let best = null;
  for (const { name, latitude: other, longitude: across } of store.places.values()) {
    const half = Math.sin(rad(other - latitude) / 2) ** 2 +
      Math.cos(rad(latitude)) * Math.cos(rad(other)) * Math.sin(rad(across - longitude) / 2) ** 2;
    const km = 2 * 6371 * Math.asin(Math.min(1, Math.sqrt(half)));
    if (!best || km < best.km) best = { name, km };
  }
  return best;
}

/** Asked once, rounded before it is used, and never sent with the address. */
function locate(add, note) {
  if (!navigator.geolocation) {
    fill(note, t.subscribe.location_failed);
    return;
  }
  navigator.geolocation.getCurrentPosition(({ coords }) => {
    const round = (degrees) => Math.round(degrees * COARSE) / COARSE;
    const here = { name: t.subscribe.located, latitude: round(coords.latitude), longitude: round(coords.longitude) };
    const near = nearestTo(here);
    if (near && near.km > REACH_KM) fill(note, h("b", {}, t.subscribe.out_of_reach(here.name)), " ", t.subscribe.nearest(near.name, Math.ceil(near.km)));
    else add({ ...here, near });
  }, () => fill(note, t.subscribe.location_failed), { enableHighAccuracy: false, maximumAge: 600_000, timeout: 15_000 });
}

// 2. What

function what(wish, changed, preview) {
  const shown = HAZARDS.filter((name) => !wish.watched || wish.watched.has(name));
  const list = h("div", { class: "hazards" });
  const draw = () => fill(list, shown.map((name) => hazardRow(name, wish, changed)));
  draw();
  const all = h("div", { class: "segmented", role: "radiogroup", "aria-label": t.subscribe.from },
    CHOICES.map((level) => h("label", {}, h("input", { type: "radio", name: "level", value: level, checked: level === "yellow",
      onchange: () => {
        for (const name of wish.hazards.keys()) wish.hazards.set(name, level);
        draw();
        changed();
      } }), h("span", {}, shape(level, 15), t.short[level]))));
  const own = h("button", { type: "button", class: "button small", "aria-expanded": "false", onclick: () => {
    own.setAttribute("aria-expanded", String(list.classList.toggle("own")));
  } }, t.subscribe.own);
  return step(t.subscribe.what,
    h("div", { class: "field" }, h("span", { class: "label" }, t.subscribe.from), all), list, h("div", {}, own), preview);
}

function hazardRow(name, wish, changed) {
  const level = h("select", { "aria-label": `${capital(hazard(name))}: ${t.subscribe.from}`, disabled: !wish.hazards.has(name),
    onchange: () => {
      wish.hazards.set(name, level.value);
      changed();
    } }, CHOICES.map((one) => h("option", { value: one, selected: wish.hazards.get(name) === one }, t.short[one])));
  const box = h("input", { type: "checkbox", checked: wish.hazards.has(name), onchange: () => {
    if (box.checked) wish.hazards.set(name, level.value);
    else wish.hazards.delete(name);
    level.disabled = !box.checked;
    changed();
  } });
  return h("div", { class: "hazard" }, h("label", {}, box, icon(name), h("span", {}, capital(hazard(name)))), level);
}

/** "In the last 30 days you would have received N messages." */
function counter(element, wish) {
  let running = null;
  const count = calmly(350, async () => {
    running?.abort();
    if (!wish.places.length || !wish.hazards.size) {
      fill(element, h("p", {}, t.subscribe.preview_wait));
      return;
    }
    running = new AbortController();
    fill(element, h("p", { class: "quiet" }, t.subscribe.preview_busy));
    try {
      const told = await ask("/v1/preview?days=30", { method: "POST", body: wished(wish), signal: running.signal });
      fill(element, counted(told.messages));
    } catch (error) {
      if (error.name !== "AbortError") fill(element, h("p", { class: "quiet" }, t.subscribe.preview_failed));
    }
  });
  fill(element, h("p", {}, t.subscribe.preview_wait));
  return count;
}

function counted(messages) {
  if (!messages.length) return h("p", {}, h("strong", {}, t.subscribe.preview_none));
  const newest = [...messages].reverse().slice(0, 20);
  return [h("p", {}, h("strong", {}, t.subscribe.preview(messages.length))),
    h("details", {}, h("summary", {}, t.subscribe.preview_show),
      h("ol", { tabindex: 0, "aria-label": t.subscribe.preview_show }, newest.map((one) => h("li", { class: `level-${one.level}` },
        h("b", {}, `${t.short[one.level] ?? ""} · ${clock(one.at, undefined, { long: true })}`), h("br"), one.text))))];
}

// 3. How

function how(wish, changed, chosen) {
  const on_ = (store.summary?.subscribers_channels ?? []).filter((name) => name in t.subscribe.channels && (name !== "webpush" || offered(wish)));
  if (!on_.length) return step(t.subscribe.how, h("p", { class: "fault" }, t.subscribe.no_channels));
  const first = on_.find((name) => name !== "webpush" || !push.hindrance()) ?? on_[0];
  wish.channel = on_.includes(wish.channel) ? wish.channel : first;
  const field = h("div", { class: "field" });
  const draw = () => {
    const [, label, hint, example] = t.subscribe.channels[wish.channel];
    chosen();
    if (wish.channel === "webpush") {
      const why = push.hindrance();
      fill(field, why ? h("p", { class: "fault" }, t.subscribe.push.hindrance[why]) : h("p", {}, hint));
      return;
    }
    const kind = { email: "email", sms: "tel", whatsapp: "tel", webhook: "url" }[wish.channel] ?? "text";
    fill(field, h("label", { for: "address" }, label),
      h("input", { id: "address", type: kind, value: wish.address, placeholder: example, required: true, "aria-describedby": "address-hint",
        autocomplete: { email: "email", tel: "tel" }[kind] ?? "off", inputmode: kind === "text" ? "numeric" : kind, spellcheck: "false",
        oninput: (event) => { wish.address = event.target.value; } }),
      h("p", { class: "hint", id: "address-hint" }, hint));
  };
  draw();
  const choice = h("div", { class: "segmented", role: "radiogroup", "aria-label": t.subscribe.how }, on_.map((name) =>
    h("label", {}, h("input", { type: "radio", name: "channel", value: name, checked: name === wish.channel, onchange: () => {
      Object.assign(wish, { channel: name, address: "" });
      draw();
    } }), h("span", {}, t.subscribe.channels[name][0]))));
  return step(t.subscribe.how, choice, field, quiet(wish, changed));
}

/** Whether this browser's own notifications are a way at all: here, or on another page of it. */
const offered = (wish) => wish.terms?.push_key && push.hindrance() !== "none";

function quiet(wish, changed) {
  const time = (key, label) => h("label", { class: "field" }, h("span", { class: "hint" }, label),
    h("input", { type: "time", value: wish[key], onchange: (event) => {
      wish[key] = event.target.value || wish[key];
      changed();
    } }));
  const times = h("div", { class: "row", hidden: !wish.isQuiet }, time("from", t.subscribe.quiet_from), time("to", t.subscribe.quiet_to));
  const box = h("input", { type: "checkbox", checked: wish.isQuiet, onchange: () => {
    wish.isQuiet = box.checked;
    times.hidden = !box.checked;
    changed();
  } });
  return h("div", { class: "field" },
    h("div", { class: "hazard" }, h("label", {}, box, icon("moon"), h("span", {}, h("b", {}, t.subscribe.quiet), h("br"), h("small", { class: "quiet" }, t.subscribe.quiet_hint)))), times);
}

// 4. In plain words

function agree(wish, fault, send) {
  const items = h("ul", { class: "consent" });
  const words = wish.terms && h("details", {}, h("summary", {}, t.subscribe.consent_words),
    h("div", { class: "words", tabindex: 0, role: "region", "aria-label": t.subscribe.consent_words }, wish.terms.consent));
  const draw = () => {
    const isHere = wish.channel === "webpush";
    const lines = [...t.subscribe.consent_items.slice(0, -1), isHere ? t.subscribe.push.only : t.subscribe.consent_items.at(-1)];
    fill(items, lines.map((line) => h("li", {}, icon("check", 18), h("span", {}, line))));
    if (isHere) words.open = true; // what the button agrees to
    send.textContent = isHere ? t.subscribe.push.agree : t.subscribe.send;
    send.disabled = isHere && push.hindrance() !== null;
  };
  return { draw, element: step(t.subscribe.consent, items, words, fault, h("div", {}, send)) };
}

const subscribed = (body) => ask("/v1/subscribe", { method: "POST", body, headers: { "Idempotency-Key": once() } });

/** Leave of the browser, the request, and its code, which the service worker gives back by itself. */
async function onThisDevice(page, wish, ends, again) {
  const contact = await push.contact(wish.terms.push_key);
  if (!contact) {
    again();
    return;
  }
  await push.expect();
  let done = null;
  let late = null;
  const stop = push.onConfirmed((told) => {
    stop();
    clearTimeout(late);
    if (told) finished(page, { ...done, ...told });
    else again();
  });
  ends.push(stop, () => clearTimeout(late));
  done = await subscribed({ ...wished(wish), contacts: [contact] });
  const told = h("p", { role: "status" });
  fill(page, h("header", {}, h("h1", { tabindex: -1 }, t.subscribe.push.title), h("p", { class: "lead" }, t.subscribe.push.lead)), notes(done.notes), told);
  page.querySelector("h1").focus({ preventScroll: true });
  late = setTimeout(() => { told.textContent = t.subscribe.push.late; }, PATIENCE_MS);
  await push.expect(done.person);
}

// The code

function confirming(page, wish, done, back) {
  const fault = h("div", { role: "alert" });
  const code = h("input", { id: "code", class: "code", inputmode: "numeric", autocomplete: "one-time-code", maxlength: 7, pattern: "[0-9 ]*", required: true });
  const button = h("button", { type: "submit", class: "button first" }, t.subscribe.confirm);
  const send = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const told = await ask(`/v1/people/${encodeURIComponent(done.person)}/confirm`, { method: "POST", body: { code: code.value.trim() } });
      finished(page, { ...done, ...told }); // the link from before the confirmation ends with it
    } catch (error) {
      fill(fault, h("p", { class: "fault" }, [403, 422].includes(error.status) ? t.subscribe.bad_code : inWords(error)));
      button.disabled = false;
      code.focus();
    }
  };
  fill(page,
    h("header", {}, h("h1", { tabindex: -1 }, t.subscribe.code_title), h("p", { class: "lead" }, t.subscribe.code_lead(t.subscribe.channels[wish.channel][0]))),
    notes(done.notes),
    secret(done.secrets),
    h("form", { class: "panel step", onsubmit: send, novalidate: true },
      h("div", {}, h("h3", {}, t.subscribe.consent_title), h("div", { class: "words", tabindex: 0, role: "region", "aria-label": t.subscribe.consent_title }, done.consent)),
      h("div", { class: "field" }, h("label", { for: "code" }, t.subscribe.code), code),
      fault,
      h("div", { class: "buttons" }, button, h("button", { type: "button", class: "button", onclick: back }, t.subscribe.back))));
  scrollTo(0, 0);
  page.querySelector("h1").focus({ preventScroll: true });
}

function notes(some) {
  return some?.length ? h("section", { class: "panel" }, h("h2", {}, t.subscribe.notes), h("ul", {}, some.map((one) => h("li", {}, one)))) : null;
}

function secret(secrets) {
  return Object.values(secrets ?? {}).map((one) => h("section", { class: "panel step" },
    h("div", {}, h("h3", {}, t.subscribe.secret), h("p", { class: "quiet small" }, t.subscribe.secret_hint)), keepable(one, t.subscribe.secret)));
}

function finished(page, done) {
  const link = done.manage && new URL(done.manage, location.origin).href;
  fill(page,
    h("header", {}, h("p", { class: "good" }, icon("check", 26)), h("h1", { tabindex: -1 }, t.subscribe.done), h("p", { class: "lead" }, t.subscribe.done_lead)),
    link && h("section", { class: "panel step" }, h("div", {}, h("h2", {}, t.subscribe.keep), h("p", { class: "quiet" }, t.subscribe.keep_hint)),
      keepable(link, t.subscribe.keep),
      h("div", { class: "buttons" }, h("a", { class: "button", href: link }, icon("shield", 18), t.subscribe.manage))),
    h("p", { class: "buttons" }, h("a", { class: "button", href: "/#/" }, icon("back", 18), t.place.back)));
  scrollTo(0, 0);
  page.querySelector("h1").focus({ preventScroll: true });
}
