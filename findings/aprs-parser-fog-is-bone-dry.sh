#!/usr/bin/env bash
# aprs-parser 1.0.9 (npm), beside aprslib 0.7.2, run 2026-11-30.
#
# Expected: of a weather report by amateur radio `h00` is a humidity of 100 %, as two figures hold no more (APRS Protocol
#   Reference 1.0.1, chapter 12); a report without a position, which begins with `_`, is a weather report, too.
# Seen: h00 is 0 %. From one report to the next a fog rises from 99 % to nothing. A report without a position is no data
#   and no error: a message with neither, as if none had come. The gust in it, 58 mph, is not there.
# Why it matters: fog and rain are the driest air on earth: a fire index made of it is extreme, a heat index too low, a
#   dew point has no value, and whoever averages the night gets half of it. It is right on each dry day.
# Way out: 0 % is 100 %, as nobody else sends it; of messages without `data` read what begins with `_` oneself.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
command -v npm >/dev/null || apt-get install -y -qq npm >&2
npm install --silent --no-audit --no-fund --prefix "$tmp" aprs-parser@1.0.9 >&2
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check aprslib==0.7.2

cat >"$tmp/reports" <<'TXT'
N0CALL>APRS,TCPIP*:@301100z0803.23S/03452.87W_090/002g005t066r000p000P000h98b10132wDvs
N0CALL>APRS,TCPIP*:@301130z0803.23S/03452.87W_090/001g003t066r000p000P000h99b10132wDvs
N0CALL>APRS,TCPIP*:@301200z0803.23S/03452.87W_090/001g003t066r000p000P000h00b10132wDvs
N0CALL>APRS,TCPIP*:_11301230c210s040g058t066r100p100P100h00b09982wDvs
TXT
cat >"$tmp/read.cjs" <<'JS'
const { APRSParser } = require("aprs-parser");
const lines = require("node:fs").readFileSync(0, "utf8").trim().split("\n");
for (const line of lines) {
  const { data, errors } = new APRSParser().parse(line);
  const weather = data && data.weather;
  console.log(weather ? `humidity ${weather.humidity} %, gust ${weather.windGust.toFixed(1)} m/s` : `data ${data}, errors ${errors}`);
}
JS
cat >"$tmp/read.py" <<'PY'
import sys

import aprslib

for line in sys.stdin:
    weather = aprslib.parse(line.strip())["weather"]
    print(f"humidity {weather['humidity']} %, gust {weather['wind_gust']:.1f} m/s")
PY
cp "$tmp/read.cjs" "$tmp/node_modules/read.cjs"
{
  echo "aprs-parser:"; node "$tmp/node_modules/read.cjs" <"$tmp/reports"
  echo "aprslib:"; "$tmp/venv/bin/python" -W ignore "$tmp/read.py" <"$tmp/reports"
} >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
aprs-parser:
humidity 98 %, gust 2.2 m/s
humidity 99 %, gust 1.3 m/s
humidity 0 %, gust 1.3 m/s
data undefined, errors undefined
aprslib:
humidity 98 %, gust 2.2 m/s
humidity 99 %, gust 1.3 m/s
humidity 100 %, gust 1.3 m/s
humidity 100 %, gust 25.9 m/s
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: aprs-parser reads humidity otherwise now" >&2; exit 1; }
