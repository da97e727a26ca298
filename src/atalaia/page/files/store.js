// What the page knows: places, open incidents, sources. It is loaded once, then follows the events;
// where events do not come, it is asked for again every now and then. How new all of it is, is told
// by when something was last heard, and by nothing else: a connection may be open and dead.

import { all, ask } from "./api.js";
import { calmly } from "./dom.js";
import { highest, RANK } from "./levels.js";

const POLL_MS = 20_000; // and longer, the longer nothing is new
const MOST_POLL_MS = 105_000; // with LIVE_MS these are the two minutes that the page speaks of
const REST_MS = 60_000;
const PATIENCE_MS = 8_000;
const LIVE_MS = 15_000; // a beat comes every 5 seconds (api/events.py)
const STANDING_MS = 30_000;

const news = new EventTarget();

export const store = {
  places: new Map(),
  incidents: new Map(),
  systems: [],
  sources: [],
  blind: [],
  summary: null,
  noData: new Set(),
  live: "connecting",
  newsAt: null,
  updatedAt: null,
  problem: null,
  chosen: null, // what of it somebody wants to see (map/filters.js); null: all
  then: null, // what the map shows of another hour (map/time.js): {at, levels, blind}; null: now
  value: null, // what a place's newest value is in words (map/values.js), by its id
};

/** Call on each change: "data", "live", "then" (another hour is shown), or "alert" with the alert. Answers how to end it. */
export function on(topic, run) {
  const listener = (event) => run(event.detail);
  news.addEventListener(topic, listener);
  return () => news.removeEventListener(topic, listener);
}

/** What is shown of it has changed, and nothing else. */
export const renew = (topic = "data") => tell(topic);

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

/** Its level at one of these: an official warning may have eased there, and stand elsewhere. */
export const levelAt = (incident, id) => incident.levels?.[id] ?? incident.level;

/** Open weather incidents, the worst first, then the newest. */
export function open() {
  return [...store.incidents.values()]
    .filter((one) => one.hazard !== "cannot_see")
    .sort((a, b) => RANK[b.level] - RANK[a.level] || time(b) - time(a));
}

const time = (one) => new Date(one.onset_at ?? one.opened_at ?? one.last_sent_at).getTime();

/** Those of them that somebody wants to see. */
export const wanted = () => (store.chosen ? open().filter(store.chosen.alert) : open());

/** Those, each system's together and in its place: [{system, incidents}], each as `open`
    has them, with what the feed says of the system; null where an incident stands alone. */
export function grouped() {
  const of = new Map(store.systems.flatMap((one) => one.properties.incidents.map((key) => [key, one])));
  const groups = new Map();
  for (const incident of wanted()) {
    const key = of.get(incident.incident)?.id ?? incident.incident;
    if (!groups.get(key)?.push(incident)) groups.set(key, [incident]);
  }
  return [...groups.values()].map((incidents) => ({
    incidents, system: incidents.length > 1 ? of.get(incidents[0].incident) : null,
  }));
}

/** Level by hazard of each place where something is going on, or some of it. */
export function levelsByPlace(some = open(), least = "none") {
  const found = new Map();
  for (const incident of some) {
    for (const id of placesOf(incident)) {
      const level = levelAt(incident, id);
      if (RANK[level] < RANK[least]) continue;
      const levels = found.get(id) ?? {};
      levels[incident.hazard] = highest([levels[incident.hazard] ?? "none", level]);
      found.set(id, levels);
    }
  }
  return found;
}

/** The ids of places of which nothing is known now, or that some source cannot see. */
export function blindPlaces() {
  return new Set([...store.noData, ...store.blind.flatMap((one) => one.places ?? [])]);
}

/** The same of what somebody wants to see. */
export const wantedByPlace = () => levelsByPlace(wanted(), store.chosen?.asked.level || "none");

/** What the map shows: of now, or of the hour that somebody chose. */
export const onMap = () => store.then ?? { levels: wantedByPlace(), blind: blindPlaces() };

/** What the server's clock shows, in seconds. */
export const now = () => (Date.now() + skew) / 1000;

/** Whether some source that is asked answers: else no alert says nothing of the weather. */
export const canSee = () => store.sources.some((one) => one.fresh);

/** What people call it: a place's name, or an area's. */
export const nameOf = (id) => store.places.get(id)?.name ?? id;
export const zoneOf = (id) => store.places.get(id)?.timezone;

// Loading

let loading = null;
let meanwhile = []; // what events told while it was loaded

/** Load what is going on; the places once. */
export function load() {
  loading ??= fetched().finally(() => { loading = null; });
  return loading;
}

/** Load it anew: what is on its way may be older. */
const reload = () => Promise.resolve(loading).then(load);

/** Asks, and takes the answer up, unless one to a later question has been. */
function inOrder(question, take) {
  let asked = 0;
  let taken = 0;
  return async () => {
    const mine = (asked += 1);
    const told = await question();
    if (mine < taken) return;
    taken = mine;
    take(told);
  };
}

async function fetched() {
  meanwhile = [];
  try {
    const [summary, incidents] = await Promise.all([
      ask("/v1/summary"),
      all("/v1/incidents?active=true&limit=500"),
      store.places.size ? null : loadPlaces(),
      loadSources(),
      loadSystems().catch(() => null), // without them each incident stands alone
    ]);
    stands(summary);
    store.incidents = new Map(incidents.map((one) => [one.incident, one]));
    for (const event of meanwhile) put(event); // the answer may have been made before
    store.problem = null;
    answeredAt = Date.now();
    arrived();
  } catch (error) {
    store.problem = error;
    tell("data");
  }
}

/** How things stand: of which places anything is known, by the server's word. */
function stands(summary) {
  // What has not changed comes from the browser's own memory, with the time at which it was said.
  if (summary.now !== store.summary?.now) skew = Date.parse(summary.now) - Date.now();
  store.summary = summary;
  store.noData = new Set(summary.no_data);
}

let skew = 0;

async function loadPlaces() {
  const places = await all("/v1/places?limit=10000");
  store.places = new Map(places.map((place) => [place.id, place]));
}

const loadSources = inOrder(() => ask("/v1/sources"), (told) => {
  store.sources = told.items ?? [];
  store.blind = told.blind ?? [];
});

const loadSystems = inOrder(() => ask("/feeds/systems.geojson", { cache: "no-cache" }), (told) => {
  store.systems = told.features;
});

const reloadSystems = calmly(1000, () => loadSystems().then(arrived, () => null));

const reloadSources = calmly(400, async () => {
  try {
    await loadSources();
    arrived();
  } catch {
    // The next event or poll asks again.
  }
});

function arrived() {
  if (!store.summary) return; // before all of it was loaded once, nothing is shown of a part
  store.updatedAt = Date.now();
  tell("data");
}

// Live

let stream = null;
let listenedAt = 0;
let canListen = true;
let beatAt = null;
let answeredAt = null;
const began = Date.now();

/** Follow what happens from now on, for as long as the page is looked at. */
export function follow() {
  listen();
  setInterval(judge, 1000);
  setInterval(standing, STANDING_MS);
  // A browser has few connections for a host: a tab that nobody looks at gives its own back.
  let hiding;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.hidden) {
      hiding = setTimeout(rest, REST_MS);
      return;
    }
    waitMs = POLL_MS;
    if (stream === null) listen();
    judge(); // a tab that slept says so before it has heard anything
  });
}

function rest() {
  stream?.close();
  stream = null;
}

/** Whether the server has events at all: where a gateway passes none, it says so (501), for good. */
async function askWhetherEvents() {
  const said = await fetch("/v1/events", { method: "HEAD" }).catch(() => null);
  canListen = said?.status !== 501;
}

function listen() {
  stream?.close();
  const source = new EventSource("/v1/events");
  stream = source;
  listenedAt = Date.now();
  load();
  const heard = (run) => (event) => {
    beat();
    run?.(event);
  };
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) askWhetherEvents();
  });
  source.addEventListener("ready", heard());
  source.addEventListener("beat", heard());
  source.addEventListener("alert", heard((event) => take(JSON.parse(event.data))));
  source.addEventListener("sources", heard(() => reloadSources()));
}

function beat() {
  // After a silence something may have been missed.
  const isBack = beatAt !== null && Date.now() - beatAt > LIVE_MS;
  beatAt = Date.now();
  judge();
  if (isBack) load();
}

/** How things stand, now and then: that values stop coming is told by no event. */
async function standing() {
  if (stream === null || store.live !== "live") return;
  const before = store.summary;
  try {
    stands(await ask("/v1/summary"));
  } catch {
    return;
  }
  if (store.summary.seq !== before?.seq) load();
  else arrived();
}

/** What is said of how new all of this is. */
function judge() {
  const at = Date.now();
  const within = (since, ms) => since !== null && at - since < ms;
  const isLive = within(beatAt, LIVE_MS);
  store.newsAt = beatAt === null && answeredAt === null ? null : Math.max(beatAt ?? 0, answeredAt ?? 0);
  if (isLive) setLive("live");
  else if (within(polledAt, waitMs + LIVE_MS)) setLive("polling");
  else if (at - began < PATIENCE_MS && beatAt === null) setLive("connecting");
  else setLive(store.newsAt === null ? "down" : "late");
  if (isLive || stream === null) return;
  if (at - began >= PATIENCE_MS || stream.readyState === EventSource.CLOSED) poll();
  if (canListen && at - listenedAt > POLL_MS) listen();
}

let polling = null;
let polledAt = null;
let waitMs = POLL_MS;

function poll() {
  if (polling) return;
  polledAt = null;
  waitMs = POLL_MS;
  const again = async () => {
    if (store.live === "live" || stream === null) {
      polling = polledAt = null;
      return;
    }
    const isNew = await askForNews();
    if (!store.problem) polledAt = Date.now();
    waitMs = isNew ? POLL_MS : Math.min(1.5 * waitMs, MOST_POLL_MS);
    judge();
    polling = setTimeout(again, waitMs);
  };
  polling = setTimeout(again, 0);
}

/** Whether anything is new: one small answer, of which a browser sends what it has (If-None-Match).
    All is loaded again only then. */
async function askForNews() {
  const before = store.summary;
  try {
    const summary = await ask("/v1/summary");
    if (before !== null && !store.problem && summary.seq === before.seq) {
      answeredAt = Date.now();
      const isOther = JSON.stringify(summary.no_data) !== JSON.stringify(before.no_data);
      stands(summary);
      if (isOther) arrived();
      return isOther;
    }
  } catch {
    // What cannot be loaded is told by what follows.
  }
  await load();
  return !store.problem;
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
  for (const name of ["measure", "is_below", "stands_for"]) alert[name] = event[name];
  if (loading) meanwhile.push(event);
  put(event);
  arrived();
  reloadSystems();
  tell("alert", { ...alert, places });
}

/** What it says is so from now on, unless something newer is known. */
function put(event) {
  const { alert = event, places = [], seq, still = [] } = event;
  const known = store.incidents.get(alert.incident) ?? { opened_at: event.opened_at };
  if (seq <= known.seq) return;
  if (alert.hazard === "cannot_see") reloadSources();
  else if (still.length) reload(); // it stands elsewhere as before: the list says how
  else if (alert.type === "end" || alert.type === "cancel") store.incidents.delete(alert.incident);
  else store.incidents.set(alert.incident, { ...known, ...seen(alert, known), places, levels: {}, seq });
}

function seen(alert, known) {
  return {
    incident: alert.incident, hazard: alert.hazard, place_id: alert.place_id, level: alert.level,
    peak_level: highest([known.peak_level ?? "none", alert.level]),
    status: "active", onset_at: alert.onset_at, last_sent_at: alert.sent_at,
    certainty: alert.certainty, source: alert.source, text: alert.text,
    variable: alert.variable, window_s: alert.window_s, unit: alert.unit, limit: alert.limit,
    value: alert.value, versions: alert.version,
    measure: alert.measure, is_below: alert.is_below, stands_for: alert.stands_for,
  };
}
