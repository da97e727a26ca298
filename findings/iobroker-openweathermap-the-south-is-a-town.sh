#!/usr/bin/env bash
# iobroker.openweathermap 2.0.0, run 2026-12-01.
#
# Expected: a place given as latitude and longitude is asked for by them, Recife's `-8.05,-34.9` as Madrid's `40.4,-3.7`. What a
#   day feels like is told where it is worst, in heat as in cold; a day's wind is from where its hours' winds are from.
# Seen: only what begins with a figure is a position: south of the equator it is asked for as the name of a town, `q=-8.05,-34.9`.
#   What a day feels like is the least of its hours: of an afternoon that feels like 44 degrees the 24 of the night is told, beside
#   a highest temperature of 36. Winds from 350 and 10 degrees are a day from 180, "S". The day's weather is that of
#   noon or the next step: a thunderstorm of the morning is "Clear", beside its 30 mm of rain.
# Why it matters: in half the world a position is asked for as a word. A rule on what it feels like never fires in a heat wave.
# Way out: the place's id or name; the values of its `period0` to `period39` instead of its days.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
command -v npm >/dev/null || apt-get install -y -qq npm >&2
npm install --silent --no-audit --no-fund --ignore-scripts --omit=peer --prefix "$tmp" iobroker.openweathermap@2.0.0 >&2

cat >"$tmp/read.cjs" <<'JS'
const { readFileSync } = require("node:fs");
const Module = require("node:module");

const root = require.resolve("iobroker.openweathermap/package.json").replace("package.json", "");
const objects = JSON.parse(readFileSync(`${root}io-package.json`)).instanceObjects;
const step = (hour, temp, feels_like, deg, main, rain) => ({
  dt: Date.UTC(2026, 11, 2, hour) / 1000, main: { temp, feels_like, temp_min: temp, temp_max: temp, pressure: 1010, humidity: 60 },
  weather: [{ id: 800, main, description: main, icon: "01d" }], clouds: { all: 0 }, wind: { speed: 5, deg, gust: 9 },
  visibility: 10000, ...(rain ? { rain: { "3h": rain } } : {}),
});
const FORECAST = { list: [
  step(3, 25, 24, 350, "Clear"), step(6, 27, 29, 10, "Thunderstorm", 30), step(9, 32, 38, 350, "Clear"),
  step(12, 35, 43, 10, "Clear"), step(15, 36, 44, 350, "Clear"), step(18, 33, 40, 10, "Clear"),
] };

// The host of the adapter, with its objects and the states that it keeps; the rest is the adapter's.
const asked = [];
const states = {};
let done;
class Adapter {
  constructor({ ready }) { Object.assign(this, { ready, namespace: "openweathermap.0", log: { debug() {}, info() {}, error(text) { throw new Error(text); } } }); }
  async getForeignObjectAsync() { return { common: { schedule: "7 * * * *" } }; }
  getStatesOf(_, __, callback) { callback(null, objects.filter(({ type }) => type === "state")); }
  async getObjectAsync(id) { return objects.find(({ _id }) => _id === id) ?? null; }
  async setObjectAsync() {}
  async setStateAsync(id, value) { states[id] = value; }
  async stop() { done(); }
}
const axios = async ({ params }) => { asked.push(params); return { data: FORECAST }; };
const load = Module._load;
Module._load = (request, ...more) => ({ "@iobroker/adapter-core": { Adapter }, axios: { __esModule: true, default: axios } })[request] ?? load(request, ...more);

(async () => {
  for (const location of ["40.4,-3.7", "-8.05,-34.9"]) {
    const adapter = require("iobroker.openweathermap")({});
    adapter.config = { location, apikey: "none", language: "en" };
    adapter.sleep = async () => {};
    await new Promise((resolve) => { done = resolve; adapter.ready(); });
    const { lat, lon, q } = asked.at(-1);
    console.log(`${location}: asked for lat ${lat}, lon ${lon}, town ${q}`);
  }
  const day = (name) => states[`forecast.day0.${name}`];
  console.log(`feels like ${day("temperatureFeel")}, highest ${day("temperatureMax")}, lowest ${day("temperatureMin")}`);
  console.log(`wind from ${day("windDirection")}, ${day("windDirectionText")}; ${day("state")}, rain ${day("precipitation")} mm`);
  process.exit(0);
})();
JS
TZ=UTC NODE_PATH="$tmp/node_modules" node "$tmp/read.cjs" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
40.4,-3.7: asked for lat 40.4, lon -3.7, town undefined
-8.05,-34.9: asked for lat undefined, lon undefined, town -8.05,-34.9
feels like 24, highest 36, lowest 25
wind from 180, S; Clear, rain 30 mm
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: a place or a day is told otherwise now" >&2; exit 1; }
