// Places that would lie upon each other on a map of the whole country are shown as one, with the
// gravest of their levels, where the gravest of them is.

import { RANK } from "./levels.js";

export const CLUSTERS_BELOW = 6; // zoom
const WITHIN = 20; // pixels

/** places: the gravest last; project(place) → {x, y} in pixels of the whole map, so that moving it
    changes none. Answers as many or fewer, in this order: those that stand for others have `with`,
    all that are there, themselves too. Where one of them is blind, they are not calm. */
export function clustered(places, project) {
  const cells = new Map();
  const found = [];
  for (let i = places.length - 1; i >= 0; i -= 1) {
    const { x, y } = project(places[i]);
    const one = { place: places[i], x, y, all: [places[i]] };
    const home = heart(cells, one);
    if (home) {
      home.all.push(places[i]);
      continue;
    }
    found.push(one);
    const key = cell(x, y);
    if (!cells.get(key)?.push(one)) cells.set(key, [one]);
  }
  return found.reverse().map(({ place, all }) => (all.length === 1 ? place : { ...place, with: all, isBlind: all.some((each) => each.isBlind) }));
}

const cell = (x, y) => Math.floor(x / WITHIN) * 100_000 + Math.floor(y / WITHIN);

/** What is near already, and at least as grave. */
function heart(cells, { x, y, place }) {
  for (const dx of [0, -1, 1]) for (const dy of [0, -1, 1]) {
    for (const one of cells.get(cell(x + dx * WITHIN, y + dy * WITHIN)) ?? []) {
      // What differs in level is told by itself while the map has room for both shapes.
      const reach = rank(one.place) === rank(place) ? WITHIN : WITHIN * 0.7;
      if ((one.x - x) ** 2 + (one.y - y) ** 2 < reach ** 2) return one;
    }
  }
  return null;
}

const rank = ({ level }) => RANK[level] ?? 0;
