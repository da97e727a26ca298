// What the page knows: places, open incidents, sources. It is loaded once, then follows the events;
// where events do not come, it is asked for again every now and then.

import { all, ask } from "./api.js";
import { calmly } from "./dom.js";
import { highest, RANK } from "./levels.js";

const POLL_MS = 20_000;
const REST_MS = 60_000;
const PATIENCE_MS = 4_000;

const news = new EventTarget();

export const store = {
  places: new Map(),
  incidents: new Map(),
  sources: [],
  blind: [],
  summary: null,
  live: "connecting",
  updatedAt: null,
  problem: null,
};

/** Call on each change: "data", "live", or "alert" with the alert. Answers how to end it. */
export function on(topic, run) {
  const listener = (event) => run(event.detail);
  news.addEventListener(topic, listener);
  return () => news.removeEventListener(topic, listener);
}

function tell(topic, detail) {
  news.dispatchEvent(new CustomEvent(topic, { detail }));
}

// What is kept

/** The ids of the places that an incident concerns. */
export function placesOf(incident) {
  if (incident.places?.length) return incident.places;
  if (store.places.has(incident.place_id)) return [incident.place_id];
  const inside = [];
  for (const place of store.places.values()) if (place.area === incident.place_id) inside.push(place.id);
  return inside;
}

/** Open weather incidents, the worst first, then the newest. */
export function open() {
  return [...store.incidents.values()]
    .filter((one) => one.hazard !== "cannot_see")
    .sort((a, b) => RANK[b.level] - RANK[a.level] || time(b) - time(a));
}

const time = (one) => new Date(one.onset_at ?? one.opened_at ?? one.last_sent_at).getTime();

/** Level by hazard of each place where something is going on. */
export function levelsByPlace() {
  const found = new Map();
  for (const incident of open()) {
    for (const id of placesOf(incident)) {
      const levels = found.get(id) ?? {};
      levels[incident.hazard] = highest([levels[incident.hazard] ?? "none", incident.level]);
      found.set(id, levels);
    }
  }
  return found;
}

/** The ids of places that no source can see now. */
export function blindPlaces() {
  return new Set(store.blind.flatMap((one) => one.places ?? []));
}

/** Whether some source that is asked answers: else no alert says nothing of the weather. */
export const canSee = () => store.sources.some((one) => one.fresh);

/** What people call it: a place's name, or an area's. */
export const nameOf = (id) => store.places.get(id)?.name ?? id;
export const zoneOf = (id) => store.places.get(id)?.timezone;

// Loading

let loading = null;

/** Load what is going on; the places once. */
export function load() {
  loading ??= fetched().finally(() => { loading = null; });
  return loading;
}

async function fetched() {
  try {
    const [summary, incidents] = await Promise.all([
      ask("/v1/summary"),
      all("/v1/incidents?active=true&limit=500"),
      store.places.size ? null : loadPlaces(),
      loadSources(),
    ]);
    store.summary = summary;
    store.incidents = new Map(incidents.map((one) => [one.incident, one]));
    store.problem = null;
    arrived();
  } catch (error) {
    store.problem = error;
    tell("data");
  }
}

async function loadPlaces() {
  const places = await all("/v1/places?limit=10000");
  store.places = new Map(places.map((place) => [place.id, place]));
}

async function loadSources() {
  const told = await ask("/v1/sources");
  store.sources = told.items ?? [];
  store.blind = told.blind ?? [];
}

const reloadSources = calmly(400, async () => {
  try {
    await loadSources();
    arrived();
  } catch {
    // The next event or poll asks again.
  }
});

function arrived() {
  store.updatedAt = Date.now();
  tell("data");
}

// Live

let stream = null;

/** Follow what happens from now on, for as long as the page is looked at. */
export function follow() {
  listen();
  // A browser has few connections for a host: a tab that nobody looks at gives its own back.
  let hiding;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (!document.hidden && stream === null) listen();
    else if (document.hidden) hiding = setTimeout(rest, REST_MS);
  });
}

function rest() {
  stream?.close();
  stream = null;
  setLive("connecting");
}

function listen() {
  const source = new EventSource("/v1/events");
  stream = source;
  let isOpen = false;
  setTimeout(() => { if (!isOpen && stream === source) poll(); }, PATIENCE_MS);
  source.addEventListener("open", () => {
    isOpen = true;
    setLive("live");
    load();
  });
  source.addEventListener("alert", (event) => take(JSON.parse(event.data)));
  source.addEventListener("sources", () => reloadSources());
  source.addEventListener("error", () => {
    isOpen = false;
    setLive("connecting");
    const isRefused = source.readyState === EventSource.CLOSED;
    // A browser does not try again after an answer that is no stream.
    if (isRefused) setTimeout(() => { if (stream === source) listen(); }, POLL_MS);
    setTimeout(() => { if (!isOpen && stream === source) poll(); }, isRefused ? 0 : PATIENCE_MS);
  });
}

let polling = null;

function poll() {
  if (polling) return;
  const again = async () => {
    if (store.live === "live" || stream === null) {
      polling = null;
      return;
    }
    await load();
    // Meanwhile the events may have come.
    if (store.live !== "live") setLive(store.problem ? "down" : "polling");
    polling = setTimeout(again, POLL_MS);
  };
  polling = setTimeout(again, 0);
}

function setLive(how) {
  if (store.live === how) return;
  store.live = how;
  tell("live");
}

/** One entry of the alert log, as an event brings it. */
function take(event) {
  const alert = event.alert ?? event;
  const places = event.places ?? [];
  if (alert.hazard === "cannot_see") {
    reloadSources();
  } else if (alert.type === "end" || alert.type === "cancel") {
    store.incidents.delete(alert.incident);
  } else {
    const known = store.incidents.get(alert.incident) ?? { opened_at: event.opened_at };
    store.incidents.set(alert.incident, { ...known, ...seen(alert, known), places });
  }
  arrived();
  tell("alert", { ...alert, places });
}

function seen(alert, known) {
  return {
    incident: alert.incident, hazard: alert.hazard, place_id: alert.place_id, level: alert.level,
    peak_level: highest([known.peak_level ?? "none", alert.level]),
    status: "active", onset_at: alert.onset_at, last_sent_at: alert.sent_at,
    certainty: alert.certainty, source: alert.source, text: alert.text,
    variable: alert.variable, window_s: alert.window_s, unit: alert.unit, limit: alert.limit,
    value: alert.value, versions: alert.version,
  };
}
