// What operators see and do: what the command line can, where it is no matter of files and keys of the machine.

import { all, ask, once, Problem } from "../api.js";
import { fill, h } from "../dom.js";
import { ago, capital, clock, figure, hazard, measured, number, zoned } from "../format.js";
import { icon } from "../icons.js";
import { badge, highest, LEVELS } from "../levels.js";
import { blindPlaces, levelsByPlace, on, store } from "../store.js";
import { townField } from "../towns.js";
import { download, inWords, sure } from "../views/parts.js";
import { HAZARDS } from "../views/wish.js";
import { LANGUAGES, language, t } from "../words.js";

const TABS = ["sources", "lag", "deliveries", "people", "rules", "places", "silences", "drills", "wishes", ...(document.documentElement.dataset.reports ? ["reports"] : [])];
const AGAIN_MS = 10_000;
const RETRIABLE = new Set(["dead", "late", "unknown"]);
const DAY_MS = 86_400_000;

/** A number of things, as people write large ones. */
const count = (n) => n.toLocaleString(language, { maximumFractionDigits: n < 10 ? 2 : 0 });

/** The tabs of an operator, of which `id` names one. */
export async function desk(page, key, id, query) {
  const tab = TABS.includes(id) ? id : "sources";
  const body = h("div", { class: "step" });
  const fault = h("div", { role: "alert" });
  const leave = () => {
    sessionStorage.removeItem("operator");
    dispatchEvent(new Event("hashchange"));
  };
  fill(page,
    h("div", { class: "title-row" }, h("h1", { tabindex: -1 }, t.operator.title), h("button", { type: "button", class: "button small", onclick: leave }, t.operator.leave)),
    h("nav", { class: "tabs", "aria-label": t.operator.title }, TABS.map((name) =>
      h("a", { href: `/#/operator/${name}`, "aria-current": name === tab ? "page" : null }, t.operator.tabs[name]))),
    h("div", {}, fault, body));
  const tried = async (run, missing = null) => {
    try {
      await run();
      fill(fault);
    } catch (error) {
      if (error.status === 401) leave();
      else fill(fault, h("p", { class: "fault" }, (error.status === 404 && missing) || inWords(error)));
    }
  };
  const draw = () => tried(() => DRAWN[tab](body, { key, query, tried, draw }), t.operator.not_here);
  page.querySelector(".tabs [aria-current]").scrollIntoView({ block: "nearest", inline: "center" });
  await draw();
  // Forms are left alone while somebody fills them in.
  const timer = setInterval(() => { if (["sources", "lag"].includes(tab)) draw(); }, AGAIN_MS);
  const end = store.places.size ? () => {} : on("data", () => {
    end();
    if (["silences", "drills", "places", "reports"].includes(tab)) draw();
  });
  return () => {
    clearInterval(timer);
    end();
  };
}

function rows(caption, heads, lines) {
  if (!lines.length) return h("p", { class: "quiet" }, t.operator.none);
  const table = h("table", {},
    h("caption", { class: "unseen" }, caption),
    h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
    h("tbody", {}, lines.map((cells) => h("tr", {}, cells.map((cell, i) => h("td", { "data-head": heads[i] }, cell))))));
  return [h("div", { class: "panel scroll", tabindex: 0, role: "region", "aria-label": caption }, table),
    h("div", {}, h("button", { type: "button", class: "button small", onclick: () => download(`${caption}.csv`, csv(table)) }, "CSV"))];
}

/** A table as it is shown; what a spreadsheet would take for a formula is a text there. */
const csv = (table) => [...table.rows].map((row) => [...row.cells].filter((cell) => !cell.querySelector("button")).map((cell) =>
  `"${cell.innerText.replace(/^(?=[=+@-])/, "'").replaceAll('"', '""')}"`).join(",")).join("\r\n");

const act = (label, onclick) => h("button", { type: "button", class: "button small", onclick }, label);

async function people(body, { key, tried }) {
  const list = h("div", { class: "step" });
  const draw = () => listed(list, { key, tried, draw });
  await draw();
  fill(body, adding({ key, tried, draw }), list);
}

async function listed(list, { key, tried, draw }) {
  const o = t.operator;
  const items = await all("/v1/people?limit=1000", { key });
  fill(list, rows(o.tabs.people, [o.person, o.begun, o.channel, ""], items.map(({ person, created_at: at, contacts }) => {
    const path = `/v1/people/${person}`;
    const then = (method, more, extra) => tried(async () => {
      await ask(path + more, { method, key, ...extra });
      await draw();
    });
    return [h("code", {}, person), clock(at, undefined, { long: true }),
      contacts.map((one) => h("div", {}, `${channelOf(one.channel)}: ${t.manage[one.status] ?? one.status}`)),
      h("div", { class: "buttons" },
        h("a", { class: "button small", href: `/#/operator/deliveries?person=${encodeURIComponent(person)}` }, o.messages),
        act(o.export, () => tried(async () => download(`${person}.json`, JSON.stringify(await ask(path, { key }), null, 2)))),
        contacts.some((one) => one.status === "confirmed") && act(t.manage.stop, () => then("POST", "/stop", { body: {} })),
        act(o.erase, async () => await sure(t.manage.erase_sure, t.manage.erase_hint, o.yes, o.no) && then("DELETE", "")))];
  })));
}

/** Somebody who asked an operator to be told: as `atalaia subscribe` does it, with a proof or without. */
function adding({ key, tried, draw }) {
  const o = t.operator;
  const channel = pick("add-channel", o.channel, Object.entries(t.subscribe.channels).filter(([name]) => name !== "webpush").map(([name, [label]]) => [name, label]));
  const address = input("add-address", o.address, { required: true, maxlength: 200, autocomplete: "off" });
  const place = h("p", { class: "quiet small", role: "status" });
  let chosen = null;
  const town = townField((one) => {
    chosen = one;
    fill(place, icon("place", 16), one.label);
  });
  const km = pick("add-km", t.subscribe.radius, [10, 25, 50, 100, 200].map((one) => [one, t.subscribe.km(one)]));
  km.element.value = 25;
  const level = pick("add-level", o.from_level, LEVELS.map((one) => [one, t.short[one]]));
  level.element.value = "yellow";
  const spoken = pick("add-language", t.manage.language, Object.entries(LANGUAGES));
  spoken.element.value = language;
  const proof = input("add-proof", o.proof, { maxlength: 500 }, "field wide");
  const organisation = h("input", { type: "checkbox" });
  const done = h("div", { role: "status" });
  const add = (event) => {
    event.preventDefault();
    tried(async () => {
      if (!chosen) {
        fill(done, h("p", { class: "fault" }, t.subscribe.need_place));
        return;
      }
      const told = await ask("/v1/subscriptions", { method: "POST", key, headers: { "Idempotency-Key": once() }, body: {
        contacts: [`${channel.element.value}:${address.element.value.trim()}`],
        where: [{ name: chosen.label.slice(0, 100), latitude: chosen.latitude, longitude: chosen.longitude, radius_km: Number(km.element.value) }],
        hazards: { all: level.element.value }, language: spoken.element.value, organisation: organisation.checked, proof: proof.element.value.trim(),
      } });
      const asked = told.to_confirm.map(channelOf).join(", ");
      fill(done, h("p", { class: "good" }, icon("check"), [o.added(told.person), asked && o.to_confirm(asked)].filter(Boolean).join(" ")),
        told.notes.map((one) => h("p", { class: "quiet" }, one)),
        Object.values(told.secrets).map((one) => h("p", {}, `${t.subscribe.secret}: `, h("code", {}, one), ` ${t.subscribe.secret_hint}`)));
      await draw();
    });
  };
  return h("details", { class: "panel" }, h("summary", {}, o.add), h("p", { class: "quiet" }, o.add_lead),
    h("form", { class: "form", onsubmit: add }, channel.field, address.field, h("div", { class: "wide" }, town, place), km.field, level.field, spoken.field, proof.field,
      h("div", { class: "hazard wide" }, h("label", {}, organisation, h("span", {}, o.organisation))),
      h("button", { type: "submit", class: "button first" }, o.add)), done);
}

async function rules(body) {
  const { name, items } = await ask("/v1/rules");
  fill(body, h("p", {}, h("b", {}, name)), rows(t.operator.tabs.rules, [t.operator.hazard, t.alert.rule, ...["yellow", "orange", "red"].map((level) => t.short[level])], items.map((rule) => [
    capital(hazard(rule.hazard)), [h("div", {}, measured(rule)), h("small", { class: "quiet" }, `${rule.name}: ${rule.in_words[language]}`)],
    ...["yellow", "orange", "red"].map((level) => (rule.norm || !(level in rule.limits) ? "—" : figure(rule.limits[level], rule.unit, rule.measure)))])));
}

async function watched(body) {
  const levels = levelsByPlace();
  const blind = blindPlaces();
  fill(body, rows(t.operator.tabs.places, [t.operator.place, "ID", "Lat.; lon.", t.operator.drill_level], [...store.places.values()].map((one) => [
    h("a", { href: `/#/place/${encodeURIComponent(one.id)}` }, one.name), one.id, `${number(one.latitude, 3)}; ${number(one.longitude, 3)}`,
    levels.has(one.id) ? badge(highest(Object.values(levels.get(one.id)))) : blind.has(one.id) ? t.blind.tag : t.short.none])));
}

const channelOf = (name) => t.subscribe.channels[name]?.[0] ?? name;

async function sources(body) {
  const { items, blind } = await ask("/v1/sources");
  const o = t.operator;
  const quota = (left) => Object.entries(left ?? {}).map(([window, n]) => `${count(n)} ${o.per[window] ?? window}`).join(" · ") || "—";
  fill(body, rows(o.tabs.sources, [o.source, o.fresh, o.last, o.quota, o.fault, o.next], items.map((one) => [
    h("b", {}, one.source),
    h("span", { class: `badge level-${one.fresh ? "calm" : "orange"}` }, icon(one.fresh ? "check" : "cannot_see", 15), one.fresh ? o.is_fresh : o.is_stale),
    one.last_success_at ? ago(one.last_success_at) : "—", quota(one.calls_left), one.in_words[language] ?? (one.unused ? t.map.unused(one.unused) : "—"), one.next_try_at ? clock(one.next_try_at) : "—",
  ])), blind.map((one) => h("p", { class: "fault" }, `${t.blind.title(one.source)} ${t.blind.places(one.places.length)}, ${t.blind.since(clock(one.since))}`)));
}

async function lag(body, { key }) {
  const told = await ask("/v1/lag", { key });
  fill(body, rows(t.operator.tabs.lag, [t.operator.stage, t.operator.value], Object.entries(told).map(([name, value]) =>
    [t.operator.stages[name] ?? name, value === null ? "—" : h("b", {}, count(value))])));
}

async function deliveries(body, { key, query, tried, draw }) {
  const wanted = query.get("status") ?? "";
  const person = query.get("person") ?? "";
  const path = `/v1/deliveries?limit=100${wanted ? `&status=${encodeURIComponent(wanted)}` : ""}${person ? `&person=${encodeURIComponent(person)}` : ""}`;
  const { items, counts } = await ask(path, { key });
  const o = t.operator;
  const sums = {};
  for (const some of Object.values(counts)) for (const [status, n] of Object.entries(some)) sums[status] = (sums[status] ?? 0) + n;
  const chip = (status, n) => h("a", { class: "button small", href: `/#/operator/deliveries${status ? `?status=${status}` : ""}`, "aria-current": status === wanted ? "true" : null },
    status ? o.statuses[status] ?? status : o.all, n !== null && h("b", {}, count(n)));
  const again = (one) => h("button", { type: "button", class: "button small", onclick: (event) => tried(async () => {
    await ask(`/v1/deliveries/${encodeURIComponent(one.id)}/retry`, { method: "POST", key });
    event.target.replaceWith(h("span", { class: "good", role: "status" }, icon("check", 16), o.retried));
    setTimeout(draw, 1500);
  }) }, o.retry);
  const read = (one) => act(o.acknowledge, () => tried(async () => {
    await ask(`/v1/people/${encodeURIComponent(one.person)}/messages/${encodeURIComponent(one.id)}/acknowledge`, { method: "POST", key });
    await draw();
  }));
  fill(body,
    person && h("p", { class: "lead chosen-few" }, icon("filter", 17), o.of_person(person), h("a", { href: "/#/operator/deliveries" }, t.map.clear)),
    !person && h("nav", { class: "figures-row", "aria-label": o.by_outcome }, chip("", null), Object.entries(sums).map(([status, n]) => chip(status, n))),
    rows(o.tabs.deliveries, [o.due, o.channel, o.status, o.tries, o.reason, o.id, ""], items.map((one) => [
      clock((one.settled_at || one.due_at) * 1000), channelOf(one.channel), o.statuses[one.status] ?? one.status, one.attempts, one.in_words[language] || "—",
      h("small", { class: "quiet" }, h("code", {}, one.id)),
      RETRIABLE.has(one.status) ? again(one) : one.acknowledged_at ? h("span", { class: "quiet" }, o.acknowledged) : one.status === "sent" && one.kind.startsWith("alert") && read(one)])));
}

function pick(id, label, options, attributes = {}) {
  const element = h("select", { id, ...attributes }, options.map(([value, text]) => h("option", { value }, text)));
  return { element, field: h("div", { class: "field" }, h("label", { for: id }, label), element) };
}

function input(id, label, attributes, kind = "field") {
  const element = h("input", { id, type: "text", ...attributes });
  return { element, field: h("div", { class: kind }, h("label", { for: id }, label), element) };
}

const anyHazard = () => [["", t.operator.any], ...HAZARDS.map((name) => [name, capital(hazard(name))])];
const places = () => [...store.places.values()].sort((a, b) => a.name.localeCompare(b.name)).map((one) => [one.id, one.name]);

async function silences(body, { key, tried, draw }) {
  const items = await all("/v1/silences", { key });
  const o = t.operator;
  const what = pick("silence-hazard", o.hazard, anyHazard());
  const where = pick("silence-place", o.place, [["", o.any], ...places()]);
  const hours = h("input", { id: "silence-hours", type: "number", min: 1, max: 168, value: 2 });
  const why = h("input", { id: "silence-why", type: "text", maxlength: 300, required: true });
  const add = (event) => {
    event.preventDefault();
    tried(async () => {
      await ask("/v1/silences", { method: "POST", key, body: {
        hazard: what.element.value || null, place: where.element.value || null,
        seconds: Math.round(Number(hours.value) * 3600), reason: why.value.trim(),
      } });
      await draw();
    });
  };
  const again = (one) => act(o.again, () => {
    what.element.value = one.hazard ?? "";
    where.element.value = one.place ?? "";
    why.value = one.reason;
    hours.focus();
  });
  const stop = (one) => !one.active ? again(one) : h("button", { type: "button", class: "button small", onclick: () => tried(async () => {
    await ask(`/v1/silences/${encodeURIComponent(one.id)}`, { method: "DELETE", key });
    await draw();
  }) }, o.end_silence);
  fill(body,
    h("form", { class: "panel form", onsubmit: add }, what.field, where.field,
      h("div", { class: "field" }, h("label", { for: "silence-hours" }, o.hours), hours),
      h("div", { class: "field wide" }, h("label", { for: "silence-why" }, o.comment), why),
      h("button", { type: "submit", class: "button first" }, o.add_silence)),
    rows(o.tabs.silences, [o.hazard, o.place, o.until, o.comment, o.by, ""], items.map((one) => [
      one.hazard ? capital(hazard(one.hazard)) : o.any, one.place ? store.places.get(one.place)?.name ?? one.place : o.any,
      clock(one.until, undefined, { long: true }), one.reason, one.by, stop(one)])));
}

async function drills(body, { key, tried }) {
  const o = t.operator;
  const what = pick("drill-hazard", o.hazard, anyHazard().slice(1));
  const where = pick("drill-place", o.place, places());
  const level = pick("drill-level", o.drill_level, LEVELS.slice(1).reverse().map((one) => [one, t.short[one]]));
  const everyone = h("input", { type: "checkbox" });
  const done = h("div", { role: "status" });
  const start = async (event) => {
    event.preventDefault();
    await tried(async () => {
      const body = { hazard: what.element.value, place: where.element.value, level: level.element.value, everyone: everyone.checked };
      const { people, channels } = await ask("/v1/drills/reach", { method: "POST", key, body });
      const by = Object.entries(channels).map(([name, some]) => `${channelOf(name)}: ${count(some)}`).join(", ");
      if (!(await sure(o.tabs.drills, o.drill_sure(people, by), o.yes, o.no))) return;
      const told = await ask("/v1/drills", { method: "POST", key, headers: { "Idempotency-Key": once() }, body });
      fill(done, h("p", { class: "good" }, icon("check"), o.drill_done(told.people)));
    });
  };
  fill(body, h("p", { class: "drill" }, o.drill_lead),
    h("form", { class: "panel form", onsubmit: start }, what.field, where.field, level.field,
      h("div", { class: "hazard wide" }, h("label", {}, everyone, h("span", {}, o.drill_everyone))),
      h("button", { type: "submit", class: "button first" }, o.drill_start)), done);
}

async function wishes(body, { key }) {
  const { items } = await ask("/v1/wishes", { key });
  const o = t.operator;
  fill(body, h("p", { class: "quiet" }, o.wishes_lead), rows(o.tabs.wishes, [o.town, o.wished, o.last_wished], items.map((one) =>
    [one.label, h("b", {}, count(one.count)), zoned({ day: "2-digit", month: "2-digit", year: "numeric" }).format(new Date(`${one.asked_at}T12:00:00`))])));
}

/** Of all places, or of one, of as many days as operators may have; as a file, since a link has no key. */
async function reports(body, { key, tried }) {
  const o = t.operator;
  const where = pick("report-place", o.place, [["", o.report_all], ...places()]);
  const day = (ago) => new Date(Date.now() - ago * DAY_MS).toISOString().slice(0, 10);
  const first = input("report-from", o.from, { type: "date", value: day(30), required: true });
  const last = input("report-to", o.to, { type: "date", value: day(0), required: true });
  const forms = document.documentElement.dataset.reports.split(" ");
  const form = pick("report-form", o.form, forms.map((one) => [one, one.toUpperCase()]));
  const done = h("div", { role: "status" });
  const button = h("button", { type: "submit", class: "button first" }, o.make);
  const make = async (event) => {
    event.preventDefault();
    button.disabled = true;
    fill(done, h("p", { class: "quiet" }, o.making));
    await tried(async () => {
      const until = new Date(Date.parse(last.element.value) + DAY_MS).toISOString().slice(0, 10);
      const of = where.element.value ? `place/${encodeURIComponent(where.element.value)}` : "all";
      const answer = await fetch(`/report/${of}.${form.element.value}?from=${first.element.value}&to=${until}&lang=${language}`, { headers: { Authorization: `Bearer ${key}`, "Accept-Language": language } })
        .catch(() => { throw new Problem(0, ""); })
        .finally(() => fill(done));
      if (!answer.ok) throw new Problem(answer.status, (await answer.json().catch(() => null))?.detail ?? "");
      download(`atalaia-${first.element.value}.${form.element.value}`, await answer.blob());
      fill(done, h("p", { class: "good" }, icon("check"), o.made));
    });
    button.disabled = false;
  };
  fill(body, h("p", { class: "quiet" }, o.report_lead),
    h("form", { class: "panel form", onsubmit: make }, where.field, first.field, last.field, form.field, button), done);
}

const DRAWN = { reports, people, rules, places: watched, wishes, sources, lag, deliveries, silences, drills };
