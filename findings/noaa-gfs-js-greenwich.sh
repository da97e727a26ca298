#!/usr/bin/env bash
# noaa-gfs-js 1.1.0 (npm), run 2026-11-30.
#
# Expected: a box of a forecast (NOAA's GFS, longitudes of 0 to 359 east) asked for from 5 west to 5 east is those eleven
#   degrees, London in the middle of it. What the model does not have is not there.
# Seen: the smaller of 355 and 5 is taken for the west side: it asks for 5 to 355, the whole world but the box.
#   Of the storm of 45 m/s within the box there are its two sides; its 351 columns are 5 m/s elsewhere. What is
#   east of Greenwich has longitudes of -359 and the like: asked for 1 to 5, nothing is found at 1. And the rain
#   of the first step, which no forecast has, is 999,900,000,000,000,000,000 mm.
# Why it matters: Great Britain, France, Spain, Algeria, Mali and Ghana lie on both sides of it. A watch over such
#   a box warns of storms in Japan and Brazil, and not of its own.
# Way out: ask once for the west (-5 to -1) and once for the east (0 to 5), add 360 where a longitude is below -180,
#   and leave out what is above 1e20.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
command -v npm >/dev/null || apt-get install -y -qq npm >&2
npm install --silent --no-audit --no-fund --prefix "$tmp" noaa-gfs-js@1.1.0 >&2

cat >"$tmp/read.cjs" <<'JS'
const { get_gfs_data } = require("noaa-gfs-js");

const say = console.log;
console.log = () => {}; // the library names its address here
const run = ([first, last]) => Array.from({ length: last - first + 1 }, (_, step) => first + step);
const gust = (longitude) => (longitude >= 355 || longitude <= 5 ? 45 : 5);

// What the service (OPeNDAP in ASCII) would have sent for the part that is asked for; the rest is the library's.
globalThis.fetch = async (url) => {
  const [, field, parts] = url.match(/\?(\w+)(.*)$/);
  const [times, rows, columns] = [...parts.matchAll(/\[(\d+):(\d+)\]/g)].map(([, first, last]) => run([+first, +last]));
  const value = (column, time) => (field === "gustsfc" ? gust(column) : time ? "1.25" : "9.999E20");
  const blocks = times.map((time) => rows.map((_, row) =>
    `[${time}][${row}], ${columns.map((column) => value(column, time)).join(", ")}\n`).join(""));
  const axis = (name, values) => `${name}, [${values.length}]\n${values.join(", ")}\n`;
  const text = `${field}, [${times.length}][${rows.length}][${columns.length}]\n${blocks.join("\n")}\n\n`
    + axis("time", times.map((time) => 739951 + time / 8)) + axis("lat", rows.map((row) => row - 90)) + axis("lon", columns);
  return { text: async () => text };
};

const ask = (longitudes, field = "gustsfc", steps = 0) =>
  get_gfs_data("1p00", "20261201", "00", [51, 51], longitudes, steps, field, false);

(async () => {
  for (const box of [[-5, -1], [-5, 5], [1, 5]]) {
    const { array_format: points, lons, url } = await ask(box);
    const stormy = points.filter(({ value }) => value > 30).map(({ lon }) => lon);
    say(`${box[0]} to ${box[1]}: asked for ${url.match(/\[\d+:\d+\]$/)}, ${lons.length} columns of ${lons[0]} to ${lons.at(-1)},`
      + ` storm at ${stormy.join(" ")}`);
  }
  const { array_format: rain } = await ask([-5, -5], "apcpsfc", 1);
  say(`rain, step by step: ${rain.map(({ value }) => value).join(" ")} mm`);
})();
JS
NODE_PATH="$tmp/node_modules" node "$tmp/read.cjs" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
-5 to -1: asked for [355:359], 5 columns of -5 to -1, storm at -5 -4 -3 -2 -1
-5 to 5: asked for [5:355], 351 columns of -355 to -5, storm at -355 -5
1 to 5: asked for [1:5], 5 columns of -359 to -355, storm at -359 -358 -357 -356 -355
rain, step by step: 999900000000000000000 1.25 mm
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: the library asks for other boxes now" >&2; exit 1; }
