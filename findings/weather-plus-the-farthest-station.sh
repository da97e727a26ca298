#!/usr/bin/env bash
# weather-plus 1.6.0 (npm), run 2026-11-30.
#
# Expected: the weather at a place in the United States is that of the nearest station. The National Weather Service
#   names the stations of a place, the nearest first, each with its distance.
# Seen: the list is taken from its end. Asked for the town below, with a station 3 km away that has a thunderstorm at
#   31 degrees, it says clear and -4 degrees: the last one of the list, 96 km away and in the mountains. What that
#   station lacks comes from the next to last one: one answer is made of two stations. As it waits for a sunrise
#   and a sunset, which the service does not have, all the stations are asked for each place, the nearest one
#   too, and its answer is not used.
# Why it matters: lists have dozens of stations, up to 100 km away and more: a storm is a clear night, the heat of the
#   valley is the frost of the pass, and nothing in the answer names a station.
# Way out: ask the service oneself, and the list's first station first; or take another provider than `nws`.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
command -v npm >/dev/null || apt-get install -y -qq npm >&2
npm install --silent --no-audit --no-fund --prefix "$tmp" weather-plus@1.6.0 axios@1.21.1 >&2

cat >"$tmp/read.cjs" <<'JS'
const axios = require("axios");
const WeatherPlus = require("weather-plus").default;

const API = "https://api.weather.gov";
const station = (name, distance, temperature, humidity, textDescription) =>
  ({ name, distance, temperature, humidity, textDescription });
const STATIONS = [ // as the service orders them
  station("KVAL", 3, 31, 79, "Thunderstorm"),
  station("KMID", 41, 24, 60, "Mostly Cloudy"),
  station("KPAS", 96, -4, null, "Clear"),
];
const quantity = (unit, value) => ({ unitCode: `wmoUnit:${unit}`, value });
const asked = [];

// What the service would have sent; the rest is the library's.
const answer = (url) => {
  if (url.startsWith(`${API}/points/`)) return { properties: { observationStations: `${API}/gridpoints/BOU/62,60/stations` } };
  if (url.endsWith("/stations")) {
    return {
      features: STATIONS.map(({ name, distance }) => ({
        id: `${API}/stations/${name}`,
        properties: { stationIdentifier: name, distance: quantity("m", distance * 1000) },
      })),
    };
  }
  const { name, temperature, humidity, textDescription } = STATIONS.find(({ name }) => url.includes(name));
  asked.push(name);
  return {
    properties: {
      textDescription,
      temperature: quantity("degC", temperature),
      dewpoint: quantity("degC", null),
      relativeHumidity: quantity("percent", humidity),
      cloudLayers: [],
      icon: null,
    },
  };
};
axios.defaults.adapter = async (config) => ({ data: answer(config.url), status: 200, statusText: "OK", headers: {}, config });

new WeatherPlus({ providers: ["nws"] }).getWeather(39.74, -104.99).then(({ temperature, conditions, humidity }) => {
  for (const { name, distance, temperature, textDescription } of STATIONS)
    console.log(`${name}, ${distance} km: ${temperature} C, ${textDescription}`);
  console.log(`asked, one after the other: ${asked.join(" ")}`);
  console.log(`told: ${temperature.value} ${temperature.unit}, ${conditions.value}, ${humidity.value} %`);
});
JS
NODE_PATH="$tmp/node_modules" node "$tmp/read.cjs" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
KVAL, 3 km: 31 C, Thunderstorm
KMID, 41 km: 24 C, Mostly Cloudy
KPAS, 96 km: -4 C, Clear
asked, one after the other: KPAS KMID KVAL
told: -4 C, Clear, 60 %
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: the package takes another station now" >&2; exit 1; }
