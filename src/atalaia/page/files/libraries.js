// Libraries, loaded when a view needs them. Without them (see docs/page.md) views do with lists.

const root = document.documentElement.dataset;
const loading = new Map();

export const hasLibraries = root.libraries === "yes";

/** Address of a file of the page. */
export const file = (name) => `${root.static}/${name}`;

function once(name, load) {
  if (!loading.has(name)) loading.set(name, load());
  return loading.get(name);
}

const script = (name) => once(name, () => new Promise((done, failed) => {
  const element = document.createElement("script");
  element.src = file(name);
  element.onload = done;
  element.onerror = () => failed(new Error(name));
  document.head.append(element);
}));

export const sheet = (name) => once(name, () => new Promise((done) => {
  const element = document.createElement("link");
  element.rel = "stylesheet";
  element.href = file(name);
  element.onload = element.onerror = done;
  // Before our own sheets, which have the last word.
  document.head.prepend(element);
}));

export async function leaflet() {
  await Promise.all([script("vendor/leaflet.js"), sheet("vendor/leaflet.css")]);
  return window.L;
}

export async function uplot() {
  await Promise.all([script("vendor/uplot.js"), sheet("vendor/uplot.css")]);
  return window.uPlot;
}

/** The world's countries as GeoJSON features: as they are seen from afar, or "-near". */
export const countries = (how = "") => once(`countries${how}`, async () => {
  const [answer] = await Promise.all([fetch(file(`vendor/countries${how}.json`)), script("vendor/topojson.js")]);
  const topology = await answer.json();
  const world = window.topojson.feature(topology, topology.objects.countries);
  for (const { geometry } of world.features) {
    const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
    polygons.flat().forEach(unwrap);
  }
  return world;
});

/** What lies on both sides of the 180th meridian is drawn on one, not across the whole map. */
function unwrap(ring) {
  const east = ring.map(([longitude]) => longitude);
  if (Math.max(...east) - Math.min(...east) < 300) return;
  if (ring.some(([, latitude]) => latitude < -80)) return; // Antarctica does go round
  for (const point of ring) if (point[0] < 0) point[0] += 360;
}
