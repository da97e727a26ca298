#!/usr/bin/env bash
# homebridge-weather-plus 3.4.1 (npm), run 2026-11-30.
#
# Expected: the forecast of a day, made of OpenWeather's steps of three hours (API 2.5), is that of the day whose name it
#   has; a thunderstorm is a weather of its own or a severe one, and a frost is below zero.
# Seen: a day is the next eight steps, whatever the hour, under the weekday of the first. Asked on Monday at 21 h, gusts on
#   Tuesday at 18 h are Monday's, with their wind of 28 m/s and 45 mm, and Tuesday is dry. Its condition is that of
#   the fifth step alone. A thunderstorm (211) is "overcast", without rain, in both of its scales, a heavy one
#   (212) is severe. Temperatures are cut towards zero: -0.9 degrees are 0.
# Why it matters: who is told on Monday night of a storm on Monday thinks that it has gone by, and that Tuesday is calm.
#   A switch that shuts the shutters at rain, snow or severe weather leaves them open in a thunderstorm.
# Way out: the newer API (3.0), which has days of its own; thunder by its text (`Condition`), not by the category.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
command -v npm >/dev/null || apt-get install -y -qq npm >&2
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" homebridge-weather-plus@3.4.1 >&2

cat >"$tmp/read.cjs" <<'JS'
const axios = require("axios");
const { OpenWeatherMapAPI } = require("homebridge-weather-plus/apis/openweathermap");

const MONDAY_21 = Date.UTC(2026, 10, 30, 21) / 1000;
const CLEAR = { id: 800, description: "clear sky" };
const step = (number) => {
  const isStorm = number === 7; // Tuesday, 18 h
  return {
    dt: MONDAY_21 + 10800 * number, weather: [CLEAR], clouds: { all: 10 }, pop: isStorm ? 1 : 0, visibility: 10000,
    main: { temp: 5, temp_min: -0.9, temp_max: 5, feels_like: 3, pressure: 1000, humidity: 80 },
    wind: { speed: isStorm ? 28 : 4, deg: 250, gust: isStorm ? 41 : 7 }, ...(isStorm && { rain: { "3h": 45 } }),
  };
};
const SUN = { sunrise: MONDAY_21, sunset: MONDAY_21 };
const NOW = { ...step(0), sys: SUN, timezone: 0, name: "Hamburg" };
const LIST = { timezone: 0, list: Array.from({ length: 40 }, (_, number) => step(number)), city: { timezone: 0, ...SUN } };

// What the service would have sent to one whose key is for API 2.5; the rest is the package's.
axios.get = async (url) => {
  if (url.includes("/3.0/")) throw new Error("Request failed with status code 401");
  return { data: url.includes("/forecast") ? LIST : NOW };
};

const log = Object.assign(() => {}, { debug() {}, info() {}, warn: console.log, error: console.log });
const api = new OpenWeatherMapAPI("key", "en", undefined, [53.55, 10.0], undefined, true, log);
api.update(5, (_, { report, forecasts }) => {
  for (const { ForecastDay, WindSpeed, RainDay, RainChance, TemperatureMin } of forecasts.slice(0, 3))
    console.log(`${ForecastDay}: wind ${WindSpeed} m/s, rain ${RainDay} mm, chance ${RainChance} %, lowest ${TemperatureMin} C`);
  for (const id of [210, 211, 212, 201]) {
    const thunder = {};
    api.parseReportLegacy(thunder, { ...NOW, weather: [{ id, description: "thunderstorm" }] });
    console.log(`thunderstorm ${id}: detailed ${thunder.ConditionCategory}, simple ${api.getConditionCategory(id, false)},`
      + ` rain ${thunder.RainBool}, snow ${thunder.SnowBool}`);
  }
});
JS
NODE_PATH="$tmp/node_modules" node "$tmp/read.cjs" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
Monday: wind 28 m/s, rain 45 mm, chance 100 %, lowest 0 C
Tuesday: wind 4 m/s, rain 0 mm, chance 0 %, lowest 0 C
Wednesday: wind 4 m/s, rain 0 mm, chance 0 %, lowest 0 C
thunderstorm 210: detailed 3, simple 1, rain false, snow false
thunderstorm 211: detailed 3, simple 1, rain false, snow false
thunderstorm 212: detailed 9, simple 2, rain true, snow false
thunderstorm 201: detailed 6, simple 2, rain true, snow false
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: days or categories are others now" >&2; exit 1; }
