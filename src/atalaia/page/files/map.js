// The map: outlines of countries, and every watched place as a shape on one canvas.

import { CLUSTERS_BELOW } from "./clusters.js";
import { h } from "./dom.js";
import { dots } from "./dots.js";
import { icon } from "./icons.js";
import { countries, leaflet } from "./libraries.js";
import { highest } from "./levels.js";
import { grouped, onMap, store } from "./store.js";
import { t } from "./words.js";

const LINES_ZOOM = 5.5; // from here on there is room for borders of states, rivers and towns
const CLOSE_ZOOM = 7.5; // and for instruments
const AHEAD_MS = 5_000;
const isStill = matchMedia("(prefers-reduced-motion: reduce)");

/** What only who looks closely needs, and is fetched apart; null: it cannot be had. */
const fetched = () => import("./closer.js").catch(() => null);

// Where somebody last looked, while the page is open.
let looked = null;

// By the name that each has in the address.
const PANELS = [
  ["at", "clock", () => import("./map/time.js"), true],
  ["values", "values", () => import("./map/values.js"), true],
  ["layers", "layers", () => import("./map/layers.js"), document.documentElement.dataset.layers],
];

/** Show the map in an element; `panels` is where is shown what is opened beneath it, and `address` reads and
    changes what the address says of them. Answers {update, flash, fit, look, past, remove}. */
export async function showMap(element, panels, address) {
  const L = await leaflet();
  const map = L.map(element, {
    zoomControl: false, attributionControl: false, minZoom: 2, maxZoom: 12, zoomSnap: 0.25,
    zoomDelta: 0.75, wheelPxPerZoomLevel: 90, worldCopyJump: true, preferCanvas: true,
    maxBounds: [[-85, -260], [85, 260]], maxBoundsViscosity: 0.6,
  });
  let isThere = true; // what was fetched meanwhile finds no map when somebody left
  const closer = async () => {
    const found = await fetched();
    return isThere ? found : null;
  };
  const layer = new (dots(L))({
    onPick: async (one, at) => (await closer())?.pick(L, map, one, at),
    onGroup: (places) => look(L, map, places.map(({ id }) => id), { least: CLUSTERS_BELOW }),
  });
  const zoom = L.control.zoom({ position: "topright", zoomInTitle: t.map.nearer, zoomOutTitle: t.map.farther }).addTo(map);
  const tool = (...more) => button(L, zoom.getContainer(), ...more);
  tool("to-all", "home", t.map.home, () => {
    looked = null;
    toAll();
  });
  L.control.scale({ position: "bottomright", imperial: false }).addTo(map);
  let home = null; // the view of all places: who did not go elsewhere keeps it in a smaller map, too
  const isHome = () => home?.zoom === map.getZoom() && home.center.equals(map.getCenter());
  function toAll() {
    fit(L, map);
    home = { center: map.getCenter(), zoom: map.getZoom() };
  }
  toAll();
  if (looked) map.setView(looked.center, looked.zoom, { animate: false });
  const land = addLand(L, map, layer);
  addTiles(L, map);
  const outlines = addOutlines(L, map);
  layer.addTo(map);
  const instruments = async () => {
    if (map.getZoom() >= CLOSE_ZOOM) (await closer())?.showStations(map, layer);
    else layer.setStations([]);
  };
  land.then(() => setTimeout(closer, AHEAD_MS));
  let fine = null;
  const drawLines = async () => {
    if (map.getZoom() < LINES_ZOOM) return fine?.hide();
    const { lines } = await import("./map/lines.js").catch(() => ({}));
    if (!lines || !isThere || map.getZoom() < LINES_ZOOM) return;
    fine ??= lines(L, map, layer, colour, land);
    fine.show();
  };
  land.then(drawLines);
  map.on("moveend", () => {
    looked = { center: map.getCenter(), zoom: map.getZoom() };
    instruments();
    drawLines();
  });

  let areas = null;
  if (document.documentElement.dataset.shapes) land.then(async () => {
    const { shapes } = await import("./map/shapes.js").catch(() => ({}));
    if (isThere) areas = await shapes?.(L, map, colour, async (one, at) => (await closer())?.pick(L, map, one, at)).catch(() => null);
    if (isThere && areas) update();
  });

  let step = null; // of a system's history, while that is looked at
  const update = () => {
    // Filled by level, a place is no dot; one with an alert has its sign, for who sees no colour.
    layer.setPlaces(points().filter(({ id, level }) => level || !areas?.ids.has(id)));
    areas?.draw();
    drawOutlines(outlines, step);
    instruments();
  };
  update();
  const endPanels = addPanels({ tool, panels, address, given: { L, map, layer, update } });
  const repaint = () => { land.then((one) => one?.setStyle(landStyle())); outlines.setStyle(outlineStyle); fine?.repaint(); areas?.draw(); layer.redraw(); };
  const watcher = new MutationObserver(repaint);
  watcher.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "data-colours"] });
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", repaint);
  const resized = new ResizeObserver(() => {
    const again = isHome() && toAll;
    map.invalidateSize({ animate: false });
    if (again) again();
  });
  resized.observe(element);
  return {
    update,
    flash: (ids) => store.then || layer.flash(ids),
    fit: toAll,
    look: (ids) => look(L, map, ids),
    past(shown) {
      step = shown;
      drawOutlines(outlines, step);
    },
    /** Go to one, and say what is there; where the keyboard goes on from. */
    async open({ id, name, latitude, longitude }) {
      look(L, map, [id]);
      (await closer())?.pick(L, map, { id, name }, [latitude, longitude]);
      map.getPane("popupPane").querySelector("a")?.focus();
    },
    remove() {
      isThere = false;
      layer.wanted = null;
      endPanels();
      fine?.hide(); // what it still waits for is wanted no more
      watcher.disconnect();
      resized.disconnect();
      system.removeEventListener("change", repaint);
      map.remove();
    },
  };
}

function points() {
  const { levels, blind } = onMap();
  return [...store.places.values()].filter((place) => store.chosen?.place(place, levels.has(place.id)) ?? true).map((place) => ({
    id: place.id, name: place.name, latitude: place.latitude, longitude: place.longitude,
    level: highest(Object.values(levels.get(place.id) ?? {})), isBlind: blind.has(place.id),
  }));
}

function bounds(L, ids) {
  const chosen = ids.map((id) => store.places.get(id)).filter(Boolean);
  return L.latLngBounds(chosen.map((place) => [place.latitude, place.longitude]));
}

function fit(L, map) {
  const all = bounds(L, [...store.places.keys()]);
  if (!all.isValid()) map.setView([-14, -52], 4, { animate: false });
  else map.fitBounds(all, { animate: false, maxZoom: 8, paddingTopLeft: [28, 60], paddingBottomRight: [62, 84] });
}

function look(L, map, ids, { least = 0 } = {}) {
  const area = bounds(L, ids);
  if (!area.isValid()) return;
  const how = { duration: 0.6, animate: !isStill.matches };
  const zoom = Math.min(map.getBoundsZoom(area.pad(0.3)), Math.max(7, least));
  map.flyTo(area.getCenter(), Math.max(zoom, least), how);
}

/** A button with those of the zoom. */
function button(L, bar, name, drawing, title, run) {
  const made = h("a", { href: "#", role: "button", class: `tool ${name}`, title, "aria-label": title, onclick: (event) => {
    event.preventDefault();
    run();
  } }, icon(drawing, 20));
  L.DomEvent.disableClickPropagation(made);
  bar.append(made);
  return made;
}

/** What is opened beneath the map: each a button, and a module that is fetched with the first click. */
function addPanels({ tool, panels, address, given }) {
  const ends = [];
  const mark = () => panels.closest(".map-box").classList.toggle("has-panels", panels.textContent !== "");
  for (const [name, drawing, load, isThere] of PANELS) {
    if (!isThere) continue;
    let shown = null;
    const slot = panels.appendChild(h("div"));
    const open = async () => {
      const it = await load().catch(() => null);
      if (!it || panels.isGone) return;
      shown = await it.open({ ...given, address }).catch(() => null);
      if (!shown) return;
      if (panels.isGone) return shown.close();
      slot.append(shown.element);
      mark();
      made.setAttribute("aria-expanded", "true");
      given.update();
    };
    const close = () => {
      shown.close();
      shown.element.remove();
      mark();
      shown = null;
      made.setAttribute("aria-expanded", "false");
      address({ [name]: null });
      given.update();
    };
    let busy = null;
    const toggle = () => { busy ??= Promise.resolve(shown ? close() : open()).finally(() => { busy = null; }); };
    const made = tool(name, drawing, t.map.panels[name], toggle);
    made.setAttribute("aria-expanded", "false");
    if (address().has(name)) toggle();
    ends.push(() => shown?.close());
  }
  return () => {
    panels.isGone = true;
    ends.forEach((end) => end());
  };
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Systems, above the land and beneath the places, where no click stops. */
function addOutlines(L, map) {
  const pane = "systems";
  Object.assign(map.createPane(pane).style, { zIndex: 350, pointerEvents: "none" });
  const renderer = L.canvas({ padding: 0.3, pane });
  const pointToLayer = (_, at) => L.circleMarker(at, { pane, renderer, interactive: false, radius: 5 });
  return L.geoJSON(null, { pane, renderer, interactive: false, pointToLayer, style: outlineStyle }).addTo(map);
}

/** Those of now, or what a step of a system's history has. */
function drawOutlines(outlines, step) {
  const features = step?.features ?? (store.then ? [] : grouped()).filter(({ system }) => system)
    .map(({ system, incidents }) => ({ ...system, properties: { level: incidents[0].level } }));
  outlines.clearLayers().addData({ type: "FeatureCollection", features });
  const { dataset } = outlines.getPane();
  dataset.levels = features.map((one) => one.properties.level).join(" ");
  dataset.at = step?.at ?? "";
}

function outlineStyle({ properties: { level } }) {
  return { color: colour(`--${level}`), weight: 2, fillOpacity: 0.12 };
}

function landStyle() {
  return { fillColor: colour("--land"), color: colour("--border-land"), fillOpacity: 1, weight: 0.8 };
}

async function addLand(L, map, layer) {
  try {
    const world = await countries();
    const land = L.geoJSON(world, {
      interactive: false, style: landStyle, smoothFactor: 1.2,
      renderer: L.canvas({ padding: 0.3, pane: "tilePane" }),
    });
    land.addTo(map);
    layer.redraw();
    map.getContainer().dataset.land = "yes";
    return land;
  } catch {
    return null; // places show on plain water
  }
}

async function addTiles(L, map) {
  const { tiles, attribution } = document.documentElement.dataset;
  if (!tiles) return;
  const { tileLayer } = await import("./map/tiles.js").catch(() => ({}));
  if (!map.getContainer().isConnected) return;
  tileLayer?.(L, tiles, { maxZoom: 18, attribution, className: "tiles", zIndex: 2 }).addTo(map);
  map.setMaxZoom(16);
  if (attribution) L.control.attribution({ prefix: false }).addTo(map);
}
