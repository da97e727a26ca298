// The page's frame: menu, language, light and dark, banner; and which view an address shows.

import { inTime, Problem } from "./api.js";
import { $, fill, h, put } from "./dom.js";
import { clock, hazard } from "./format.js";
import { icon } from "./icons.js";
import { follow, nameOf, on, store } from "./store.js";
import { failed, inWords } from "./views/parts.js";
import { LANGUAGES, language, speak, t } from "./words.js";

const VIEWS = {
  "": () => import("./views/watch.js"),
  place: () => import("./views/place.js"),
  alert: () => import("./views/alert.js"),
  subscribe: () => import("./views/subscribe.js"),
  manage: () => import("./views/manage.js"),
  operator: () => import("./views/operator.js"),
};

const SLOW_MS = 400;
const AHEAD_MS = 5_000;

let leave = null;
let turn = 0;

/** #/place/2611606?hours=72 → {name: "place", id: "2611606", query} */
export function route() {
  const [path, search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name = "", ...rest] = path.split("/");
  return { name, id: decodeURIComponent(rest.join("/")), query: new URLSearchParams(search) };
}

async function show({ isFirst = false } = {}) {
  const mine = ++turn;
  const { name, id, query } = route();
  const load = VIEWS[name] ?? (() => import("./views/missing.js"));
  const main = $("#main");
  const waiting = h("p", { class: "waiting quiet", role: "status" });
  const own = h("div", { class: "own" }); // what comes too late for this turn goes nowhere
  // No click is left without an answer: what takes long says that it is waited for.
  const slow = setTimeout(() => { waiting.textContent = t.waiting; }, SLOW_MS);
  leave?.();
  leave = null;
  main.replaceChildren(waiting, own);
  main.className = `view-${name || "watch"}`;
  window.scrollTo(0, 0);
  frame(name);
  const view = await inTime(load()).catch(() => ({ show: (at) => failed(at, new Problem(0, ""), t.place.missing) }));
  if (mine !== turn) return;
  const end = await view.show(own, { id, query, titled });
  clearTimeout(slow);
  waiting.remove();
  if (mine !== turn) end?.();
  else leave = end;
  if (!isFirst) $("h1", main)?.focus({ preventScroll: true });
}

/** Views that are likely to come next, while there is somebody to ask for them. */
function fetchOthers() {
  setTimeout(() => { for (const each of Object.values(VIEWS)) each().catch(() => {}); }, AHEAD_MS);
}

function titled(title) {
  document.title = title ? `${title} · Atalaia` : "Atalaia";
}

// The frame

function frame(name) {
  const link = (to, here, text, extra = "") =>
    h("a", { href: `/#/${to}`, class: extra, "aria-current": name === here ? "page" : null }, text);
  fill($("#menu"),
    link("", "", t.menu.map, "home"),
    link("subscribe", "subscribe", [icon("bell", 17), h("span", {}, t.menu.subscribe)], "call"));
  fill($("#tools"), languages(), theme());
  for (const each of document.querySelectorAll("[data-words]")) each.textContent = t[each.dataset.words];
  bottom();
  banner();
}

function languages() {
  const options = Object.entries(LANGUAGES).map(([code, name]) =>
    h("option", { value: code, selected: code === language }, name));
  const change = async (event) => {
    await speak(event.target.value);
    await show();
    $("#tools select").focus();
  };
  return h("label", { class: "language", title: t.language }, icon("globe", 19),
    h("span", { "aria-hidden": "true" }, language.slice(0, 2).toUpperCase()),
    h("select", { onchange: change, "aria-label": t.language }, options));
}

function theme() {
  const root = document.documentElement;
  const isDark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  const label = isDark ? t.toLight : t.toDark;
  const change = () => {
    root.dataset.theme = isDark ? "light" : "dark";
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch {
      // Storage is switched off: it holds for this view.
    }
    const button = theme();
    $("#tools button").replaceWith(button);
    button.focus();
  };
  return h("button", { type: "button", class: "round", "aria-label": label, title: label, onclick: change },
    icon(isDark ? "sun" : "moon"));
}

function bottom() {
  fill($("#bottom"),
    h("p", {}, t.footer.not_official),
    h("p", { class: "links" },
      h("a", { href: "/feeds/cap.atom" }, "CAP"), h("a", { href: "/feeds/alerts.geojson" }, "GeoJSON"),
      h("a", { href: "/openapi.json" }, "API"), h("a", { href: "/#/operator" }, t.footer.operator)),
    h("p", { class: "quiet" }, t.footer.no_tracker, store.summary?.version ? ` Atalaia ${store.summary.version}` : ""));
}

/** What no source can see, with since when. */
function banner() {
  const lines = store.blind.map((one) =>
    h("p", {}, icon("cannot_see"), h("span", {},
      h("strong", {}, t.blind.title(one.source)), " ", t.blind.places(one.places?.length ?? 0), " ",
      h("span", {}, t.blind.since(clock(one.since))), ". ", h("span", { class: "quiet" }, t.blind.means))));
  const out = outage();
  if (out) lines.unshift(h("p", {}, icon("cannot_see"), h("span", {}, out)));
  const shown = $("#banner");
  const text = lines.map((line) => line.textContent).join("\n");
  if (shown.dataset.text === text) return;
  shown.dataset.text = text;
  fill(shown, lines.length ? h("section", { class: "banner", role: "status" }, lines) : null);
}

/** What does not come, and how old what is shown is; null: all is as it should be. */
function outage() {
  const isOut = store.live === "late" || store.live === "down";
  if (!isOut && !store.problem) return null;
  const why = isOut ? t.errors[0] : inWords(store.problem);
  return store.newsAt === null ? why : [h("strong", {}, `${t.live.late(clock(store.newsAt))}.`), " ", why];
}

/** For readers of the screen: what just changed. */
function say(alert) {
  const level = t.short[alert.level] ?? alert.level;
  const over = alert.type === "end" || alert.type === "cancel";
  const what = `${hazard(alert.hazard)}, ${nameOf(alert.place_id)}`;
  put($("#said"), h("p", {}, over ? `${t.alert.reasons[alert.reason] ?? ""}: ${what}` : `${level}: ${what}`));
  while ($("#said").childElementCount > 3) $("#said").firstChild.remove();
}

/** From addresses that others may know to those of views. */
function redirect() {
  if (location.pathname === "/manage") {
    // The link's token leaves the address at once: it stays in this tab alone.
    const token = location.hash.slice(1);
    if (token) sessionStorage.setItem("manage", token);
    history.replaceState(null, "", "/#/manage");
  }
  // An address that can be shared, of which the server says what it leads to (page/share.py).
  const [, kind, id] = location.pathname.match(/^\/(place|system)\/(.+)/) ?? [];
  if (kind) history.replaceState(null, "", `/#/${kind === "place" ? `place/${id}${location.search}` : `?system=${id}`}`);
}

async function begin() {
  redirect();
  // View, words and what is known are fetched at once; `show` tells what fails.
  VIEWS[route().name]?.().catch(() => {});
  const spoken = speak();
  follow();
  await spoken;
  // The map has the height that the banner leaves.
  new ResizeObserver(([box]) => {
    document.documentElement.style.setProperty("--banner", `${Math.ceil(box.contentRect.height)}px`);
  }).observe($("#banner"));
  on("data", () => { banner(); bottom(); });
  on("live", banner);
  on("alert", say);
  addEventListener("hashchange", () => show());
  await show({ isFirst: true });
  fetchOthers();
}

begin();
