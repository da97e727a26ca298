#!/usr/bin/env bash
# openweather-api-node 3.1.5 (npm), run 2026-11-30.
#
# Expected: `feelsLike` of an hour of the forecast is the `feels_like` that OpenWeather's answer has for it, as it is for
#   the weather of now and for each part of a day.
# Seen: by the hour it is the temperature. 33 degrees that feel like 43 are 33, -8 in the wind that feel like -15 are -8.
#   In one answer (`getEverything`) the weather of now feels like 43 and the same hour like 33.
# Why it matters: heat in damp air, and frost in the wind, are warned of by what they feel like. By the hour neither
#   is ever reached, and nothing shows that the number is another one.
# Way out: `getCurrent`, `getForecast` (by three hours) and the days have it right; else the answer itself.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
command -v npm >/dev/null || apt-get install -y -qq npm >&2
npm install --silent --no-audit --no-fund --prefix "$tmp" openweather-api-node@3.1.5 >&2

cat >"$tmp/read.cjs" <<'JS'
const https = require("node:https");
const { PassThrough } = require("node:stream");

const weather = [{ id: 800, main: "Clear", description: "clear sky", icon: "01d" }];
const moment = (temp, feels_like, humidity, wind_speed) => ({
  dt: 1796126400, sunrise: 1796105000, sunset: 1796151000, temp, feels_like, pressure: 1012, humidity, dew_point: 20,
  uvi: 3, clouds: 0, visibility: 10000, wind_speed, wind_deg: 120, weather, pop: 0,
});
const places = {
  "-8.05": moment(33, 43, 74, 2),
  "52.52": moment(-8, -15, 80, 6),
};

// What the service would have sent; the rest is the library's.
https.get = (url, done) => {
  const path = new URL(url);
  const now = places[path.searchParams.get("lat")];
  const day = { ...now, temp: { morn: 0, day: now.temp, eve: 0, night: 0, min: 0, max: 0 },
    feels_like: { morn: 0, day: now.feels_like, eve: 0, night: 0 } };
  const answer = { lat: 0, lon: 0, timezone: "Etc/UTC", timezone_offset: 0, current: now, hourly: [now], daily: [day, day] };
  const response = new PassThrough();
  response.statusCode = 200;
  done(response);
  response.end(JSON.stringify(answer));
  return { on() {}, end() {} };
};
const { OpenWeatherAPI } = require("openweather-api-node");

(async () => {
  for (const [lat, { temp, feels_like }] of Object.entries(places)) {
    const api = new OpenWeatherAPI({ key: "0".repeat(32), units: "metric", coordinates: { lat: Number(lat), lon: 0 } });
    const { current, hourly, daily } = await api.getEverything();
    const [hour] = await api.getHourlyForecast();
    console.log(`sent: ${temp} C, feels like ${feels_like} C; now ${current.weather.feelsLike.cur},`
      + ` this hour ${hourly[0].weather.feelsLike.cur}, asked by the hour ${hour.weather.feelsLike.cur},`
      + ` the day ${daily[0].weather.feelsLike.day}`);
  }
})();
JS
NODE_PATH="$tmp/node_modules" node "$tmp/read.cjs" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
sent: 33 C, feels like 43 C; now 43, this hour 33, asked by the hour 33, the day 43
sent: -8 C, feels like -15 C; now -15, this hour -8, asked by the hour -8, the day -15
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: an hour feels otherwise now" >&2; exit 1; }
