// What is kept of somebody, for whom it is: see, change, take along, stop, erase. Opened by a signed
// link, whose token stays in this tab.

import { ask, look, Problem } from "../api.js";
import { fill, h } from "../dom.js";
import { amount, capital, clock, hazard, length, number, unitOf, variable } from "../format.js";
import { icon } from "../icons.js";
import { badge } from "../levels.js";
import { nameOf, on, store } from "../store.js";
import { language, LANGUAGES, t } from "../words.js";
import * as push from "../push.js";
import { download, inWords, keepable, sure } from "./parts.js";
import { contactOf, reach } from "./subscribe.js";
import { counter, HAZARDS, lacking, quiet, quietOf, watchedHazards, what, where, wished } from "./wish.js";

const LINKS_BY = ["webpush", "telegram", "sms", "email"]; // as people/links.py has it
const ADDED_BY = [...LINKS_BY, "webhook"]; // as people/adding.py has it
const TOKEN = /^atm_(p_[A-Za-z0-9_-]{1,62})\./;

export async function show(main, { titled }) {
  titled(t.manage.title);
  const page = h("div", { class: "page narrow" });
  main.append(page);
  const token = sessionStorage.getItem("manage") ?? "";
  const person = TOKEN.exec(token)?.[1];
  if (!person) return nobody(page, t.manage.need);
  const me = { key: token, path: `/v1/people/${encodeURIComponent(person)}` };
  return held(page, me);
}

function nobody(page, why) {
  const lost = h("div", {});
  fill(page, h("h1", { tabindex: -1 }, t.manage.title), h("p", { class: "lead" }, why), lost,
    h("p", { class: "buttons" }, h("a", { class: "button", href: "/#/subscribe" }, icon("bell", 18), t.menu.subscribe)));
  reached(lost, LINKS_BY, (wish, fault) => h("section", { class: "panel step" }, h("div", {}, h("h2", {}, t.manage.lost), h("p", {}, t.manage.lost_hint)),
    fault, h("div", {}, h("button", { type: "submit", class: "button first" }, t.manage.send_link))),
  async (contact, told) => {
    await ask("/v1/links", { method: "POST", body: { contact } });
    fill(told, h("p", { class: "good" }, icon("check"), t.manage.link_sent));
  });
}

/** A form for one address by one of these ways: `form` makes its panel, into whose middle the address
    comes; `send` is given the address, and where to say what came of it. */
async function reached(into, among, form, send) {
  if (!store.summary) await new Promise((done) => { const end = on("data", () => { end(); done(); }); });
  const wish = { channel: null, address: "", terms: await look(`/v1/subscribe?language=${language}`).catch(() => null) };
  const fault = h("div", { role: "status" });
  const panel = form(wish, fault);
  fault.before(...[reach(wish, among, () => fill(fault))].flat());
  fill(into, h("form", { novalidate: true, onsubmit: async (event) => {
    event.preventDefault();
    const say = (text) => fill(fault, h("p", { class: "fault" }, text));
    try {
      const contact = wish.channel === "webpush" ? await push.contact(wish.terms.push_key) : wish.address.trim() && contactOf(wish);
      if (contact) await send(contact, fault, wish);
      else say(t.subscribe.need_contact);
    } catch (error) {
      say(error instanceof Problem ? inWords(error) : t.subscribe.push.failed);
    }
  } }, panel));
}

/** Another way to be told: its address, then the code that comes there, given with this page's link. */
function adding(page, me, back) {
  const into = h("div", { class: "steps" });
  const cancel = () => h("button", { type: "button", class: "button", onclick: back }, t.manage.back);
  const done = async (told) => {
    const key = told.manage.split("#")[1]; // the link from before ends with it
    if (told.person !== TOKEN.exec(me.key)[1]) {
      fill(into, h("p", { class: "lead" }, t.manage.has_own), keepable(new URL(told.manage, location.origin).href, t.subscribe.keep), h("div", {}, cancel()));
      return;
    }
    sessionStorage.setItem("manage", key);
    await held(page, { ...me, key }, t.manage.added);
  };
  const confirming = (asked, fault) => {
    const code = h("input", { id: "code", class: "code", inputmode: "numeric", autocomplete: "one-time-code", maxlength: 7, required: true });
    const send = async (event) => {
      event.preventDefault();
      try {
        await done(await ask(`${me.path}/confirm`, { method: "POST", key: me.key, body: { code: code.value.trim() } }));
      } catch (error) {
        fill(fault, h("p", { class: "fault" }, [403, 422].includes(error.status) ? t.subscribe.bad_code : inWords(error)));
        code.focus();
      }
    };
    fill(into, h("p", { class: "lead" }, t.subscribe.code_lead(t.subscribe.channels[asked.to_confirm][0])),
      Object.values(asked.secrets).map((one) => h("section", { class: "panel step" }, h("div", {}, h("h2", {}, t.subscribe.secret), h("p", { class: "quiet small" }, t.subscribe.secret_hint)), keepable(one, t.subscribe.secret))),
      h("form", { class: "panel step", novalidate: true, onsubmit: send },
        h("div", { class: "words", tabindex: 0, role: "region", "aria-label": t.subscribe.consent_title }, asked.consent),
        h("div", { class: "field" }, h("label", { for: "code" }, t.subscribe.code), code), fault,
        h("div", { class: "buttons" }, h("button", { type: "submit", class: "button first" }, t.subscribe.confirm), cancel())));
    code.focus();
  };
  fill(page, h("h1", { tabindex: -1 }, t.manage.add_channel), into);
  reached(into, ADDED_BY, (wish, fault) => h("section", { class: "panel step" }, h("p", { class: "quiet" }, t.manage.add_hint),
    fault, h("div", { class: "buttons" }, h("button", { type: "submit", class: "button first" }, t.subscribe.send), cancel())),
  async (contact) => confirming(await ask(`${me.path}/contacts`, { method: "POST", key: me.key, body: { contact } }), h("div", { role: "alert" })));
  page.querySelector("h1").focus();
}

async function held(page, me, said = null) {
  let told;
  try {
    told = await ask(me.path, { key: me.key });
  } catch (error) {
    if ([401, 403, 404].includes(error.status)) {
      sessionStorage.removeItem("manage");
      return nobody(page, t.manage.expired);
    }
    return fill(page, h("h1", { tabindex: -1 }, t.errors.title), h("p", { class: "fault" }, inWords(error)));
  }
  const fault = h("div", { role: "alert" });
  const tried = async (run, near = fault) => {
    try {
      await run();
    } catch (error) {
      fill(near, h("p", { class: "fault" }, inWords(error)));
    }
  };
  const stop = (channel) => tried(async () => {
    const done = await ask(`${me.path}/stop`, { method: "POST", key: me.key, body: channel ? { channel } : {} });
    const link = done.manage?.split("#")[1]; // the link from before ends with the stop
    if (!link) {
      sessionStorage.removeItem("manage");
      nobody(page, t.manage.stopped_done);
      return;
    }
    sessionStorage.setItem("manage", link);
    await held(page, { ...me, key: link }, t.manage.stopped_done);
  });
  const save = (body, near) => tried(async () => {
    await ask(me.path, { method: "PATCH", key: me.key, body });
    await held(page, me, t.manage.changed);
  }, near);
  const back = () => held(page, me, "");
  const begin = (one) => editing(page, one, save, back);
  const isTold = told.person.channels.length > 0; // before, nothing of it holds
  fill(page,
    h("header", {}, h("h1", { tabindex: -1 }, t.manage.title),
      h("div", { role: "status" }, said && h("p", { class: "good" }, icon("check"), said)), fault),
    contacts(told, stop, save, isTold && (() => adding(page, me, back))), wishes(told, isTold && begin, save), isTold && when(told.person, save), messages(told),
    h("section", { class: "panel step" },
      h("div", { class: "buttons" },
        h("button", { type: "button", class: "button", onclick: () => download("atalaia.json", JSON.stringify(told, null, 2)) }, t.manage.download),
        h("button", { type: "button", class: "button", onclick: () => stop(null) }, t.manage.stop_all),
        h("button", { type: "button", class: "button", onclick: () => {
          sessionStorage.removeItem("manage");
          location.hash = "#/";
        } }, t.manage.leave)),
      h("div", {}, h("p", { class: "quiet small" }, t.manage.erase_hint)),
      h("div", {}, h("button", { type: "button", class: "button danger", onclick: () => tried(() => erase(page, me)) }, t.manage.erase))));
  if (said !== null) page.querySelector("h1").focus(); // what was pressed is there no more
  return undefined;
}

function contacts(told, stop, save, begin) {
  const shown = told.contacts.filter((one) => one.address);
  if (!shown.length) return null;
  return h("section", { class: "panel" }, h("h2", {}, t.manage.channels), h("ul", { class: "kept" }, shown.map((one) => {
    const name = t.subscribe.channels[one.channel]?.[0] ?? one.channel;
    // Of a browser nobody knows its address: it shows whose push service that is.
    const address = one.channel === "webpush" ? new URL(one.address).host : one.address;
    return h("li", {}, h("div", {}, h("b", {}, name), address ? ` · ${address}` : "", h("br"),
      h("small", { class: "quiet" }, t.manage[one.status] ?? one.status)),
    h("div", { class: "buttons" },
      told.person.channels.indexOf(one.channel) > 0 && one.status === "confirmed" && h("button", { type: "button", class: "button small", "aria-label": t.manage.first_by(name), onclick: () => save({ channels: [one.channel] }) }, t.manage.first),
      one.status !== "stopped" && h("button", { type: "button", class: "button small", "aria-label": t.manage.stop_by(name), onclick: () => stop(one.channel) }, t.manage.stop)));
  })), begin && h("p", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: begin }, t.manage.add_channel)));
}

function wishes(told, begin, save) {
  const some = told.person.subscriptions ?? [];
  if (!some.length) return null;
  const area = (one) => [one.name || `${number(one.latitude, 2)}, ${number(one.longitude, 2)}`, one.radius_km && t.manage.radius(one.radius_km)].filter(Boolean).join(", ");
  const small = (label, names, onclick) => h("button", { type: "button", class: "button small", "aria-label": `${label}: ${names}`, onclick }, label);
  return h("section", { class: "panel" }, h("h2", {}, t.manage.wishes), h("ul", { class: "kept" }, some.map((one) => {
    const names = one.where.map(area).join("; ");
    return h("li", {}, h("div", {}, h("b", {}, names), h("ul", { class: "channels" },
      Object.entries(one.hazards).map(([name, level]) => h("li", {}, capital(hazard(name)), " ", badge(level))),
      one.thresholds.map((own) => h("li", {}, `${variable(own.variable)}${own.window_s ? t.over(length(own.window_s)) : ""}: ${amount(own.limit, unitOf(own.variable))}${own.chance ? ` (${own.chance} %)` : ""}`)))),
    begin && h("div", { class: "buttons" }, small(t.manage.change, names, () => begin(one)),
      some.length > 1 && small(t.manage.remove, names, () => save({ subscriptions: { [one.id]: null } }))));
  })), begin && h("p", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: () => begin(null) }, t.manage.add)));
}

/** A limit of one's own, as the API reads it. */
const ownLimit = (own) => `${own.variable}${own.window_s ? ` over ${own.window_s / 60}min` : ""} >= ${own.limit}${own.chance ? ` chance ${own.chance} %` : ""}`;

/** A subscription as a form; null: a new one. */
async function editing(page, one, save, back) {
  const circles = new Set((one?.where ?? []).map((area) => area.radius_km).filter(Boolean));
  const watched = await watchedHazards(store.places.keys().next().value);
  const wish = {
    places: (one?.where ?? []).map((area) => ({ ...area, radius: area.radius_km })),
    radius: circles.size === 1 ? [...circles][0] : 25,
    hazards: new Map(one ? Object.entries(one.hazards) : HAZARDS.filter((name) => !watched || watched.has(name)).map((name) => [name, "yellow"])),
    thresholds: one?.thresholds.map(ownLimit), watched,
  };
  const preview = h("div", { class: "preview", role: "status" });
  const recount = counter(preview, wish);
  const fault = h("div", { role: "alert" });
  const changed = () => {
    fill(fault);
    recount();
  };
  const send = (event) => {
    event.preventDefault();
    const missing = lacking(wish);
    if (missing) {
      fill(fault, h("p", { class: "fault" }, missing));
      return;
    }
    const { where: areas, hazards } = wished(wish);
    save(one ? { subscriptions: { [one.id]: { where: areas, hazards } } } : { added: [{ where: areas, hazards }] }, fault);
  };
  fill(page, h("h1", { tabindex: -1 }, one ? t.manage.change : t.manage.add),
    h("form", { class: "steps", novalidate: true, onsubmit: send }, where(wish, changed), what(wish, changed, preview), fault,
      h("div", { class: "buttons" }, h("button", { type: "submit", class: "button first" }, t.manage.save),
        h("button", { type: "button", class: "button", onclick: back }, t.manage.back))));
  recount();
  scrollTo(0, 0);
  page.querySelector("h1").focus({ preventScroll: true });
}

/** In which language, and when not. */
function when(person, save) {
  const time = (minutes) => `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
  const { start = 1320, end = 420, timezone } = person.quiet ?? {};
  const wish = { isQuiet: Boolean(person.quiet), from: time(start), to: time(end) };
  const language = h("select", { id: "language" }, Object.entries(LANGUAGES).map(([tag, name]) => h("option", { value: tag, selected: tag === person.language, lang: tag }, name)));
  return h("section", { class: "panel" }, h("h2", {}, t.manage.when), h("form", { class: "step", onsubmit: (event) => {
    event.preventDefault();
    save({ language: language.value, ...quietOf(wish, timezone) });
  } }, h("div", { class: "field" }, h("label", { for: "language" }, t.manage.language), language),
  quiet(wish, () => {}), h("div", {}, h("button", { type: "submit", class: "button" }, t.manage.save))));
}

function messages(told) {
  const some = [...(told.messages ?? [])].slice(-20).reverse();
  return h("section", { class: "panel" }, h("h2", {}, t.manage.messages), some.length
    ? h("ul", { class: "kept" }, some.map((one) => h("li", {},
      h("div", {}, (one.alerts ?? []).map((alert) => h("div", {}, h("a", { href: `/#/alert/${encodeURIComponent(alert.incident)}` }, `${capital(hazard(alert.hazard))}, ${nameOf(alert.place_id)}`), " ", badge(alert.level))),
        !one.alerts?.length && h("div", {}, capital(t.operator.kinds[one.kind.split(":")[0]] ?? one.kind)),
        h("small", { class: "quiet" }, `${t.subscribe.channels[one.channel]?.[0] ?? one.channel} · ${t.operator.statuses[one.status] ?? one.status}`)),
      h("small", { class: "quiet" }, clock(one.settled_at ?? one.due_at, undefined, { long: true })))))
    : h("p", { class: "quiet" }, t.manage.no_messages));
}

async function erase(page, me) {
  if (!(await sure(t.manage.erase_sure, t.manage.erase_hint, t.manage.erase_yes, t.manage.erase_no))) return;
  await ask(me.path, { method: "DELETE", key: me.key });
  sessionStorage.removeItem("manage");
  fill(page, h("h1", { tabindex: -1 }, t.manage.erased), h("p", { class: "lead" }, t.manage.erased_lead),
    h("p", { class: "buttons" }, h("a", { class: "button", href: "/#/" }, icon("back", 18), t.place.back)));
  page.querySelector("h1").focus();
}
