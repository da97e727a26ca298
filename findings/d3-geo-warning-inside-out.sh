#!/usr/bin/env bash
# d3-geo 3.1.2 (npm), beside @turf/boolean-point-in-polygon 7.4.0 and @turf/area 7.4.0, run 2026-11-30.
#
# Expected: the area of a warning, as GeoJSON has it (RFC 7946, 3.1.6: outer rings go counterclockwise), holds
#   the town in its middle and not the other side of the world; CAP (3.2.4, polygon) asks for no direction at
#   all.
# Seen: to d3-geo the inside of a ring is on its other hand. An area written as the RFC asks is all the world
#   but itself: the town in its middle is outside, one 7,800 km away is inside, it is 510 million km² in size,
#   its centre is at the antipodes. Turned round, against the RFC, it is right. To turf both are the same area.
#   d3-geo's own pages say so; the data, which are right, do not.
# Why it matters: `geoContains` decides whether a place is warned: each is told of the warnings of all others,
#   and not of its own; a map is painted all over. Services write either direction, and some both in one answer.
# Way out: turn each ring that is larger than half the world (`geoArea(ring) > 2 * Math.PI`) before asking.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
command -v npm >/dev/null || apt-get install -y -qq npm >&2
npm install --silent --no-audit --no-fund --prefix "$tmp" \
    d3-geo@3.1.2 @turf/boolean-point-in-polygon@7.4.0 @turf/area@7.4.0 >&2

cat >"$tmp/area.mjs" <<'JS'
import { geoArea, geoCentroid, geoContains } from "d3-geo";
import { booleanPointInPolygon } from "@turf/boolean-point-in-polygon";
import { area } from "@turf/area";

const EARTH_KM2 = 6371.0088 ** 2;
const RECIFE = [-34.9, -8.05];
const VIENNA = [16.37, 48.21];
const AS_THE_RFC_HAS_IT = [[-36, -9], [-34, -9], [-34, -7], [-36, -7], [-36, -9]];

const thousands = (km2) => `${Math.round(km2 / 1000)} thousand km²`;
for (const [name, ring] of [["counterclockwise", AS_THE_RFC_HAS_IT], ["clockwise", [...AS_THE_RFC_HAS_IT].reverse()]]) {
  const warned = { type: "Polygon", coordinates: [ring] };
  const [longitude, latitude] = geoCentroid(warned).map((degrees) => Math.round(degrees));
  console.log(`${name}, d3-geo: Recife ${geoContains(warned, RECIFE)}, Vienna ${geoContains(warned, VIENNA)},`,
    `${thousands(geoArea(warned) * EARTH_KM2)}, its centre ${longitude} ${latitude}`);
  console.log(`${name}, turf: Recife ${booleanPointInPolygon(RECIFE, warned)}, Vienna ${booleanPointInPolygon(VIENNA, warned)},`,
    thousands(area(warned) / 1e6));
}
JS
node "$tmp/area.mjs" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
counterclockwise, d3-geo: Recife false, Vienna true, 510017 thousand km², its centre 145 8
counterclockwise, turf: Recife true, Vienna false, 49 thousand km²
clockwise, d3-geo: Recife true, Vienna false, 49 thousand km², its centre -35 -8
clockwise, turf: Recife true, Vienna false, 49 thousand km²
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: d3-geo has another inside now" >&2; exit 1; }
