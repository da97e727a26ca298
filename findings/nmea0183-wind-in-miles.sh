#!/usr/bin/env bash
# nmea-simple 3.3.0 and @signalk/nmea0183-signalk 3.20.1 (npm), run 2026-11-30.
#
# Expected: the wind of a station at sea (NMEA 0183 and IEC 61162-1, sentence MWV) has one of four units: K
#   km/h, M m/s, N knots, S statute miles an hour. A storm of 30 m/s is one storm in each of them; an empty
#   field is "not known".
# Seen: three of the four are read. S is knots to nmea-simple, its name for it too: 34.5 m/s. To Signal K it is
#   metres per second: the same 67.1 miles an hour are 67.1 m/s, beyond any hurricane. An empty speed is a wind
#   of 0, a calm, to both (nmea-simple makes the angle 0 as well), where of the sentence MWD Signal K leaves it
#   out.
# Why it matters: a fresh breeze of 20 miles an hour, 9 m/s, is a gale of 20 m/s on board, and stands in its log
#   as one; and a sensor that has lost its cups tells a calm in the storm, under a status of A, valid.
# Way out: read speed and unit from the raw sentence, its fourth and fifth field (the name counted), before its
#   values.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
command -v npm >/dev/null || apt-get install -y -qq npm >&2
npm install --silent --no-audit --no-fund --prefix "$tmp" nmea-simple@3.3.0 @signalk/nmea0183-signalk@3.20.1 >&2

cat >"$tmp/wind.cjs" <<'JS'
const { parseNmeaSentence } = require("nmea-simple");
const Parser = require("@signalk/nmea0183-signalk");

const METRES = { K: 1 / 3.6, M: 1, N: 1852 / 3600 };
const sentence = (body) => {
  const check = [...body].reduce((sum, letter) => sum ^ letter.charCodeAt(0), 0);
  return `$${body}*${check.toString(16).toUpperCase().padStart(2, "0")}`;
};

const signalK = (body) => {
  const values = new Parser().parse(sentence(body))?.updates[0].values ?? [];
  const wind = values.filter(({ path }) => path.startsWith("environment.wind.speed"));
  return wind.length ? `${wind[0].value.toFixed(1)} m/s` : "no speed";
};
const simple = (body) => {
  const { speed, units, windAngle, status } = parseNmeaSentence(sentence(body));
  return `${speed} ${units}, ${(speed * METRES[units]).toFixed(1)} m/s, from ${windAngle}, ${status}`;
};

for (const wind of ["108.0,K", "30.0,M", "58.3,N", "67.1,S", ",N"]) {
  const body = `WIMWV,240.0,T,${wind},A`;
  console.log(`${body}: nmea-simple ${simple(body)}; Signal K ${signalK(body)}`);
}
console.log(`WIMWV,,T,,M,A: nmea-simple ${simple("WIMWV,,T,,M,A")}; Signal K ${signalK("WIMWV,,T,,M,A")}`);
console.log(`WIMWD,240.0,T,,M,,N,,M: Signal K ${signalK("WIMWD,240.0,T,,M,,N,,M")}`);
JS
node "$tmp/wind.cjs" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
WIMWV,240.0,T,108.0,K,A: nmea-simple 108 K, 30.0 m/s, from 240, valid; Signal K 30.0 m/s
WIMWV,240.0,T,30.0,M,A: nmea-simple 30 M, 30.0 m/s, from 240, valid; Signal K 30.0 m/s
WIMWV,240.0,T,58.3,N,A: nmea-simple 58.3 N, 30.0 m/s, from 240, valid; Signal K 30.0 m/s
WIMWV,240.0,T,67.1,S,A: nmea-simple 67.1 N, 34.5 m/s, from 240, valid; Signal K 67.1 m/s
WIMWV,240.0,T,,N,A: nmea-simple 0 N, 0.0 m/s, from 240, valid; Signal K 0.0 m/s
WIMWV,,T,,M,A: nmea-simple 0 M, 0.0 m/s, from 0, valid; Signal K 0.0 m/s
WIMWD,240.0,T,,M,,N,,M: Signal K no speed
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: the wind of NMEA 0183 is read otherwise now" >&2; exit 1; }
