// What is kept of somebody, for whom it is: see, take along, stop, erase. Opened by a signed link,
// whose token stays in this tab.

import { ask } from "../api.js";
import { fill, h } from "../dom.js";
import { capital, clock, hazard, number } from "../format.js";
import { icon } from "../icons.js";
import { badge } from "../levels.js";
import { nameOf } from "../store.js";
import { t } from "../words.js";
import { inWords, sure } from "./parts.js";

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
  fill(page, h("h1", { tabindex: -1 }, t.manage.title), h("p", { class: "lead" }, why), h("p", {}, t.manage.lost),
    h("p", { class: "buttons" }, h("a", { class: "button first", href: "/#/subscribe" }, icon("bell", 18), t.menu.subscribe)));
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
  const tried = async (run) => {
    try {
      await run();
    } catch (error) {
      fill(fault, h("p", { class: "fault" }, inWords(error)));
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
  fill(page,
    h("header", {}, h("h1", { tabindex: -1 }, t.manage.title),
      h("div", { role: "status" }, said && h("p", { class: "good" }, icon("check"), said)), fault),
    contacts(told, stop), wishes(told), messages(told),
    h("section", { class: "panel step" },
      h("div", { class: "buttons" },
        h("button", { type: "button", class: "button", onclick: () => save(told) }, t.manage.download),
        h("button", { type: "button", class: "button", onclick: () => stop(null) }, t.manage.stop_all),
        h("button", { type: "button", class: "button", onclick: () => {
          sessionStorage.removeItem("manage");
          location.hash = "#/";
        } }, t.manage.leave)),
      h("div", {}, h("p", { class: "quiet small" }, t.manage.erase_hint)),
      h("div", {}, h("button", { type: "button", class: "button danger", onclick: () => tried(() => erase(page, me)) }, t.manage.erase))));
  return undefined;
}

function contacts(told, stop) {
  const shown = told.contacts.filter((one) => one.address);
  if (!shown.length) return null;
  return h("section", { class: "panel" }, h("h2", {}, t.manage.channels), h("ul", { class: "kept" }, shown.map((one) => {
    const name = t.subscribe.channels[one.channel]?.[0] ?? one.channel;
    // Of a browser nobody knows its address: it shows whose push service that is.
    const address = one.channel === "webpush" ? new URL(one.address).host : one.address;
    return h("li", {}, h("div", {}, h("b", {}, name), address ? ` · ${address}` : "", h("br"),
      h("small", { class: "quiet" }, t.manage[one.status] ?? one.status)),
    one.status !== "stopped" && h("button", { type: "button", class: "button small", "aria-label": t.manage.stop_by(name), onclick: () => stop(one.channel) }, t.manage.stop));
  })));
}

function wishes(told) {
  const some = told.person.subscriptions ?? [];
  if (!some.length) return null;
  const area = (one) => [one.name || `${number(one.latitude, 2)}, ${number(one.longitude, 2)}`, one.radius_km && t.manage.radius(one.radius_km)].filter(Boolean).join(", ");
  return h("section", { class: "panel" }, h("h2", {}, t.manage.wishes), h("ul", { class: "kept" }, some.map((one) =>
    h("li", {}, h("div", {}, h("b", {}, one.where.map(area).join("; ")), h("ul", { class: "channels" },
      Object.entries(one.hazards).map(([name, level]) => h("li", {}, capital(hazard(name)), " ", badge(level)))))))));
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

function save(told) {
  const blob = new Blob([JSON.stringify(told, null, 2)], { type: "application/json" });
  const link = h("a", { href: URL.createObjectURL(blob), download: "atalaia.json" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

async function erase(page, me) {
  if (!(await sure(t.manage.erase_sure, t.manage.erase_hint, t.manage.erase_yes, t.manage.erase_no))) return;
  await ask(me.path, { method: "DELETE", key: me.key });
  sessionStorage.removeItem("manage");
  fill(page, h("h1", { tabindex: -1 }, t.manage.erased), h("p", { class: "lead" }, t.manage.erased_lead),
    h("p", { class: "buttons" }, h("a", { class: "button", href: "/#/" }, icon("back", 18), t.place.back)));
  page.querySelector("h1").focus();
}
