#!/usr/bin/env bash
# iobroker.open-meteo-weather 3.3.0 (npm), run 2026-11-30.
#
# Expected: a day of the forecast has the name and the date that Open-Meteo gives it, "2026-12-01", Tuesday.
# Seen: the date is read as midnight in UTC and written by the house's clock. West of Greenwich that is the day before: in
#   Recife and New York Tuesday's thunderstorm with 38 m/s stands under Monday, 30 November, and today's day under
#   Sunday. In Berlin and Tokyo it is right. The sun's times, which have an hour, are right everywhere.
# Why it matters: in the Americas each day is named for the one before. Who reads of Monday's storm on Monday night takes
#   it for past, and under Tuesday stands Wednesday's calm.
# Way out: count the days by their number (day0 is today); or TZ=UTC for the adapter.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
command -v npm >/dev/null || apt-get install -y -qq npm >&2
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" iobroker.open-meteo-weather@3.3.0 >&2

cat >"$tmp/days.cjs" <<'JS'
const Module = require("node:module");

// The host of an adapter, with the states that it keeps; the rest is the adapter's.
const states = {};
class Adapter {
  constructor() {
    this.name = "open-meteo-weather";
    this.config = {};
    this.log = { debug() {}, info() {}, warn() {}, silly() {}, error(text) { throw new Error(text); } };
    this.setState = this.setStateAsync = async (id, state) => { states[id] = state?.val ?? state; };
    for (const name of ["setObjectNotExistsAsync", "setObjectAsync", "extendObject", "extendObjectAsync", "getObjectAsync",
      "getStateAsync", "setStateChangedAsync", "delObjectAsync"]) this[name] ??= async () => null;
    this.setStateChangedAsync = this.setStateAsync;
  }
  on() {}
}
const load = Module._load;
Module._load = (request, ...more) => (request === "@iobroker/adapter-core" ? { Adapter } : load(request, ...more));
const adapter = require("iobroker.open-meteo-weather/build/main.js")({});
adapter.systemLang = "en";
adapter.cachedTranslations = { codes: { 0: "clear", 95: "thunderstorm" } };
adapter.cachedUnitMap = {};

const ANSWER = {
  current: {},
  daily: {
    time: ["2026-11-30", "2026-12-01", "2026-12-02"],
    weather_code: [0, 95, 0],
    wind_gusts_10m_max: [7, 38, 9],
    sunrise: ["2026-11-30T05:01", "2026-12-01T05:01", "2026-12-02T05:02"],
  },
};
adapter.processWeatherData(ANSWER, "home", -8.05, -34.9).then(() => {
  for (const day of [0, 1]) {
    const of = (key) => states[`home.weather.forecast.day${day}.${key}`];
    console.log(`${process.env.TZ}, day ${day}: ${of("name_day")}, ${of("time")}, ${of("weather_text")},`
      + ` gust ${of("wind_gusts_10m_max")}, sunrise ${of("sunrise")}`);
  }
  process.exit(0);
}, (error) => { console.error(error); process.exit(1); });
JS
for zone in America/Recife America/New_York Europe/Berlin Asia/Tokyo; do
    TZ=$zone NODE_PATH="$tmp/node_modules" node "$tmp/days.cjs"
done >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
America/Recife, day 0: Sunday, 11/29/2026, clear, gust 7, sunrise 05:01 AM
America/Recife, day 1: Monday, 11/30/2026, thunderstorm, gust 38, sunrise 05:01 AM
America/New_York, day 0: Sunday, 11/29/2026, clear, gust 7, sunrise 05:01 AM
America/New_York, day 1: Monday, 11/30/2026, thunderstorm, gust 38, sunrise 05:01 AM
Europe/Berlin, day 0: Monday, 11/30/2026, clear, gust 7, sunrise 05:01 AM
Europe/Berlin, day 1: Tuesday, 12/01/2026, thunderstorm, gust 38, sunrise 05:01 AM
Asia/Tokyo, day 0: Monday, 11/30/2026, clear, gust 7, sunrise 05:01 AM
Asia/Tokyo, day 1: Tuesday, 12/01/2026, thunderstorm, gust 38, sunrise 05:01 AM
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: a day has another name now" >&2; exit 1; }
