// A layer of the map: thousands of places on one canvas, each with the shape of its level, the worst
// on top, with as many names as there is room for, the gravest first.

import { CLUSTERS_BELOW, clustered } from "./clusters.js";
import { CORNERS, RANK } from "./levels.js";

const MARGIN = 0.25; // of the view, drawn around it so that a drag shows no edge
const SIZE = { watch: 6.5, yellow: 9, orange: 9.5, red: 10.5 };
const FLASH_MS = 4000;
const CELL = 64; // pixels
const REACH = matchMedia("(pointer: coarse)").matches ? 24 : 14;

/** The layer's class, for this Leaflet. Options: onPick(place, latlng), onGroup(places). */
export const dots = (L) => L.Layer.extend({
  initialize(options) {
    L.setOptions(this, options);
    this._places = [];
    this._stations = [];
    this._flashes = new Map();
  },

  onAdd(map) {
    this._canvas = L.DomUtil.create("canvas", "dots leaflet-zoom-animated");
    this._canvas.setAttribute("aria-hidden", "true");
    map.getPane("overlayPane").append(this._canvas);
    this.redraw();
  },

  onRemove() {
    this._canvas.remove();
    cancelAnimationFrame(this._frame);
  },

  getEvents() {
    return {
      moveend: this.redraw, viewreset: this.redraw, resize: this.redraw, zoomanim: this._zoom,
      click: this._click, mousemove: this._hover,
    };
  },

  /** places: [{id, name, latitude, longitude, level, isBlind}] */
  setPlaces(places) {
    this._places = [...places].sort((a, b) => (RANK[a.level] ?? 0) - (RANK[b.level] ?? 0));
    this._apart = null;
    this.redraw();
  },

  /** What paints towns where the places leave room (map/lines.js); null: none. */
  setTowns(paint) {
    this._towns = paint;
    this.redraw();
  },

  /** What paints the newest values beside the places (map/values.js); null: none. */
  setValues(paint) {
    this._values = paint;
    this.redraw();
  },

  /** Instruments, as small marks beneath: as places, and each with its kind. */
  setStations(stations, wanted = null) {
    this.wanted = wanted; // what is asked for and has not come yet is late
    if (stations.length + this._stations.length) this.redraw(this._stations = stations);
  },

  /** Draw attention to places for a moment. */
  flash(ids) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    for (const id of ids) this._flashes.set(id, performance.now());
    this._animate();
  },

  _animate() {
    cancelAnimationFrame(this._frame);
    const now = performance.now();
    for (const [id, since] of this._flashes) if (now - since > FLASH_MS) this._flashes.delete(id);
    this.redraw();
    if (this._flashes.size) this._frame = requestAnimationFrame(() => this._animate());
  },

  redraw() {
    const map = this._map;
    if (!map || !this._canvas || map._animatingZoom) return;
    const size = map.getSize();
    const margin = size.multiplyBy(MARGIN).round();
    const full = size.add(margin.multiplyBy(2));
    this._origin = map.containerPointToLayerPoint(margin.multiplyBy(-1)).round();
    this._corner = map.layerPointToLatLng(this._origin);
    L.DomUtil.setPosition(this._canvas, this._origin);
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const canvas = this._canvas;
    if (canvas.width !== Math.round(full.x * ratio) || canvas.height !== Math.round(full.y * ratio)) {
      canvas.width = Math.round(full.x * ratio);
      canvas.height = Math.round(full.y * ratio);
      canvas.style.width = `${full.x}px`;
      canvas.style.height = `${full.y}px`;
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, full.x, full.y);
    this._look = looks(canvas);
    this._shown = this._within(full, this._grouped());
    this._marked = this._within(full, this._stations);
    for (const one of this._marked) cross(pen, one, this._look);
    this._paint(pen);
    canvas.dataset.levels = counted(this._places);
    canvas.dataset.stations = this._marked.length;
    canvas.dataset.clusters = this._shown.filter(({ place }) => place.with).length;
  },

  /** The places, or at a low zoom those that stand for them; made once for a zoom. */
  _grouped() {
    const zoom = this._map.getZoom();
    if (zoom >= CLUSTERS_BELOW) return this._places;
    if (this._apart?.zoom !== zoom) {
      const project = ({ latitude, longitude }) => this._map.project([latitude, longitude], zoom);
      this._apart = { zoom, places: clustered(this._places, project) };
    }
    return this._apart.places;
  },

  _within(full, places) {
    const map = this._map;
    const shown = [];
    for (const place of places) {
      const point = map.latLngToLayerPoint([place.latitude, place.longitude]);
      const x = point.x - this._origin.x;
      const y = point.y - this._origin.y;
      if (x > -20 && y > -20 && x < full.x + 20 && y < full.y + 20) shown.push({ place, x, y });
    }
    return shown;
  },

  _paint(pen) {
    // The more there are, the smaller are those where all is calm.
    const count = this._shown.length;
    const [scale, calm] = count > 1500 ? [0.8, 0.5] : count > 400 ? [0.85, 0.75] : [1, 1];
    const now = performance.now();
    for (const one of this._shown) {
      const since = (one.place.with ?? [one.place]).map(({ id }) => this._flashes.get(id)).find(Boolean);
      if (since !== undefined) ripple(pen, one, this._look, (now - since) / FLASH_MS);
      one.reach = mark(pen, one, this._look, one.place.level ? scale : calm);
    }
    const seen = this._map.containerPointToLayerPoint([0, 0]).subtract(this._origin);
    const size = this._map.getSize();
    const view = [seen.x, seen.y, seen.x + size.x, seen.y + size.y];
    const taken = names(pen, this._shown, this._look, view);
    const free = (box) => fits(taken, box, view) && taken.add(box);
    const within = (some) => this._within(size.multiplyBy(1 + 2 * MARGIN), some);
    const room = { within, free, look: this._look, map: this._map, shown: this._shown };
    this._canvas.dataset.values = this._values?.(pen, room) ?? "";
    this._canvas.dataset.towns = this._towns?.(pen, room) ?? 0;
  },

  _zoom(event) {
    const scale = this._map.getZoomScale(event.zoom);
    const offset = this._map._latLngToNewLayerPoint(this._corner, event.zoom, event.center);
    L.DomUtil.setTransform(this._canvas, offset, scale);
  },

  _nearest(event) {
    const at = event.layerPoint.subtract(this._origin);
    let best = null;
    let least = REACH * REACH;
    for (const one of [...this._shown ?? [], ...this._marked ?? []]) {
      const far = (one.x - at.x) ** 2 + (one.y - at.y) ** 2 - (one.place.kind ? 0 : 9 + (RANK[one.place.level] ?? 0));
      if (far <= least) [best, least] = [one, far];
    }
    return best?.place ?? null;
  },

  _click(event) {
    const place = this._nearest(event);
    if (place?.with) this.options.onGroup(place.with);
    else if (place) this.options.onPick(place, [place.latitude, place.longitude]);
  },

  _hover(event) {
    this._map.getContainer().classList.toggle("over-place", Boolean(this._nearest(event)));
  },
});

function looks(canvas) {
  const style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    font: style.fontFamily, halo: colour("surface"), ink: colour("ink"), muted: colour("muted"),
    calm: colour("calm"), land: colour("land"),
    watch: colour("watch"), yellow: colour("yellow"), orange: colour("orange"), red: colour("red"),
    edge: colour("level-edge"),
  };
}

/** Draw one station. */
function cross(pen, { x, y }, look) {
  pen.beginPath();
  pen.moveTo(x - 4, y);
  pen.lineTo(x + 4, y);
  pen.moveTo(x, y - 4);
  pen.lineTo(x, y + 4);
  pen.lineWidth = 1.6;
  pen.strokeStyle = look.muted;
  pen.stroke();
}

/** Draw one place; how far it reaches from its middle. */
function mark(pen, { place, x, y }, look, scale) {
  if (!place.level) {
    const r = (place.with ? 5.5 : place.isBlind ? 4.5 : 3.4) * scale;
    pen.beginPath();
    pen.arc(x, y, r, 0, 2 * Math.PI);
    pen.fillStyle = place.isBlind ? look.land : look.calm;
    pen.strokeStyle = place.isBlind ? look.ink : look.halo;
    pen.lineWidth = place.isBlind ? 1.4 : 1.2;
    pen.setLineDash(place.isBlind ? [2.2, 2] : []);
    pen.fill();
    pen.stroke();
    pen.setLineDash([]);
    return r;
  }
  const size = SIZE[place.level] * scale * (place.with ? 1.2 : 1);
  outline(pen, x, y, size + 2.6, place.level);
  pen.fillStyle = look.halo;
  pen.fill();
  outline(pen, x, y, size, place.level);
  pen.fillStyle = look[place.level];
  pen.fill();
  pen.lineWidth = 1.2;
  pen.strokeStyle = look.edge;
  pen.lineJoin = "round";
  pen.stroke();
  if (place.level === "red") exclaim(pen, x, y, size);
  return size + 2;
}

function outline(pen, x, y, size, level) {
  pen.beginPath();
  const corners = CORNERS[level];
  if (!corners) {
    pen.arc(x, y, size, 0, 2 * Math.PI);
    return;
  }
  corners.forEach(([cx, cy], i) => pen[i ? "lineTo" : "moveTo"](x + cx * size, y + cy * size));
  pen.closePath();
}

function exclaim(pen, x, y, size) {
  pen.fillStyle = "#fff";
  pen.fillRect(x - 1.1, y - size * 0.55, 2.2, size * 0.7);
  pen.fillRect(x - 1.1, y + size * 0.33, 2.2, 2.2);
}

function ripple(pen, { place, x, y }, look, part) {
  const turn = (part * 3) % 1;
  pen.beginPath();
  pen.arc(x, y, 10 + 26 * turn, 0, 2 * Math.PI);
  pen.globalAlpha = (1 - turn) * 0.8;
  pen.lineWidth = 2.5;
  pen.strokeStyle = look[place.level] ?? look.calm;
  pen.stroke();
  pen.globalAlpha = 1;
}

/** Names of the worst first, where nothing is yet that is as grave; answers what is taken. */
function names(pen, shown, look, view) {
  const boxOf = ({ x, y, reach }) => [x - reach, y - reach, x + reach, y + reach];
  const all = new Boxes(shown.map(boxOf));
  const graver = [1, 2, 3, 4].map((rank) => new Boxes(shown.filter(({ place }) => RANK[place.level] >= rank).map(boxOf)));
  const taken = new Boxes();
  const isFull = shown.length > 1500; // of the calm alone: who is in danger is always named
  pen.textBaseline = "middle";
  pen.lineJoin = "round";
  for (const { place, x, y, reach } of [...shown].reverse()) {
    const rank = RANK[place.level] ?? 0;
    if (isFull && !rank) break;
    const name = place.with ? `${place.name} +${place.with.length - 1}` : place.name;
    pen.font = `${rank ? 650 : 450} ${rank ? 13 : 11.5}px ${look.font}`;
    const width = pen.measureText(name).width;
    const spots = [
      [x + reach + 5, y], [x - reach - 5 - width, y], [x - width / 2, y - reach - 10], [x - width / 2, y + reach + 10],
    ].map(([left, middle]) => ({ left, middle, box: [left - 2, middle - 8, left + width + 2, middle + 8] }));
    const where = (marks) => spots.find(({ box }) => fits(taken, box, view) && fits(marks, box, view));
    const spot = where(all) ?? (rank ? where(graver[rank - 1]) : null);
    if (!spot) continue;
    taken.add(spot.box);
    all.add(spot.box);
    pen.strokeStyle = look.land;
    pen.lineWidth = 3;
    pen.strokeText(name, spot.left, spot.middle);
    pen.fillStyle = rank ? look.ink : look.muted;
    pen.fillText(name, spot.left, spot.middle);
  }
  return all;
}

/** Boxes, found by where they lie: thousands of names are tried. */
class Boxes {
  constructor(some = []) {
    this._cells = new Map();
    for (const box of some) this.add(box);
  }

  add(box) {
    for (const key of keys(box)) if (!this._cells.get(key)?.push(box)) this._cells.set(key, [box]);
    return true;
  }

  meet([left, top, right, bottom]) {
    const isMet = ([l, t, r, b]) => left < r && right > l && top < b && bottom > t;
    return keys([left, top, right, bottom]).some((key) => this._cells.get(key)?.some(isMet));
  }
}

function keys([left, top, right, bottom]) {
  const found = [];
  for (let x = Math.floor(left / CELL); x * CELL <= right; x += 1) {
    for (let y = Math.floor(top / CELL); y * CELL <= bottom; y += 1) found.push(x * 10_000 + y);
  }
  return found;
}

function fits(taken, box, view) {
  return box[0] >= view[0] && box[1] >= view[1] && box[2] <= view[2] && box[3] <= view[3] && !taken.meet(box);
}

/** How many places have which level: what the canvas shows, for programs. */
function counted(places) {
  const count = {};
  for (const { level } of places) if (level) count[level] = (count[level] ?? 0) + 1;
  return Object.entries(count).map((pair) => pair.join(":")).join(" ");
}
