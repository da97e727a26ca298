// Polygons that the operator brought (atalaia map import), filled by level, in place of dots.

import { highest } from "../levels.js";
import { onMap, store } from "../store.js";
import { path } from "./lines.js";

/** Answers {ids, draw}: whose they are, and how to paint them anew; null: none came. */
export async function shapes(L, map, colour, onPick) {
  const answer = await fetch("/map/shapes");
  if (!answer.ok) return null;
  const told = await answer.json();
  Object.assign(map.createPane("shapes").style, { zIndex: 300 });
  const renderer = L.canvas({ padding: 0.3, pane: "shapes" });
  const layers = new Map();
  for (const [id, parts] of Object.entries(told.shapes)) {
    const place = store.places.get(id);
    if (!place) continue;
    const points = parts.map((part) => part.map((ring) => path(ring, told.per_degree)));
    layers.set(id, L.polygon(points, { pane: "shapes", renderer, smoothFactor: 1.5, bubblingMouseEvents: false })
      .on("click", ({ latlng }) => onPick(place, latlng)).addTo(map));
  }
  const draw = () => {
    const { levels, blind } = onMap();
    let filled = 0;
    for (const [id, layer] of layers) {
      const level = highest(Object.values(levels.get(id) ?? {}));
      const opacity = Number(store.chosen?.place(store.places.get(id), levels.has(id)) ?? true);
      const isBlind = blind.has(id);
      filled += Boolean(level);
      layer.setStyle({ opacity, color: colour(level || isBlind ? "--ink" : "--border-land"), weight: level ? 1.2 : 0.7,
        dashArray: isBlind ? "3 3" : null, fillColor: colour(`--${level ?? "calm"}`), fillOpacity: opacity * (level ? 0.75 : isBlind ? 0 : 0.12) });
    }
    map.getContainer().dataset.filled = filled;
  };
  return { ids: new Set(layers.keys()), draw };
}
