// Asking to be told: where, of what, by which way; then a code that proves whose address it is.

import { ask, look, once, Problem } from "../api.js";
import { fill, h } from "../dom.js";
import { icon } from "../icons.js";
import * as push from "../push.js";
import { on, store } from "../store.js";
import { language, t } from "../words.js";
import { failed, inWords, keepable } from "./parts.js";
import { counter, HAZARDS, lacking as lackingOf, quiet, step, watchedHazards, what, where, wished } from "./wish.js";

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
  const isReachable = wish.channel && (wish.channel === "webpush" || wish.address.trim());
  return lackingOf(wish) ?? (isReachable ? null : t.subscribe.need_contact);
}

export const contactOf = (wish) => `${wish.channel}:${tidy(wish.channel, wish.address)}`;
const asked = (wish) => ({ ...wished(wish), contacts: [contactOf(wish)] });

function tidy(channel, address) {
  return ["sms", "whatsapp"].includes(channel) ? address.replace(/[\s().-]/g, "") : address.trim();
}

// 3. How

function how(wish, changed, chosen) {
  return step(t.subscribe.how, reach(wish, Object.keys(t.subscribe.channels), chosen), quiet(wish, changed));
}

/** A way and an address by it, of those `among` them that are open here; `chosen` is told of each. */
export function reach(wish, among, chosen) {
  const on_ = (store.summary?.subscribers_channels ?? []).filter((name) => among.includes(name) && (name !== "webpush" || offered(wish)));
  if (!on_.length) return h("p", { class: "fault" }, t.subscribe.no_channels);
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
  return [choice, field];
}

/** Whether this browser's own notifications are a way at all: here, or on another page of it. */
const offered = (wish) => wish.terms?.push_key && push.hindrance() !== "none";

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
