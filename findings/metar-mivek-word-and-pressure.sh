#!/usr/bin/env bash
# metar-taf-parser-mivek 1.13.1 (PyPI) and its sister metar-taf-parser 9.1.3 (npm), run 2026-11-28.
#
# Expected: a report as it is sent, with the word METAR in front, is read; and two parsers of one
#   family agree on the pressure.
# Seen: the Python one takes the word METAR for the station and fails on the next word; the npm one
#   reads it. Without the word Python turns A2992 into whole hPa, cut, not rounded (1013 for
#   1013.2, 1015 for 1015.9), where npm keeps 29.92 inHg. Neither has the visibility of 20KM.
# Why it matters: strip the word before you parse. A pressure cut by up to 1 hPa makes a fall over
#   3 h wrong by as much, a third of what a rapid fall takes.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check metar-taf-parser-mivek==1.13.1
command -v npm >/dev/null || apt-get install -y -qq npm >&2
npm install --silent --no-audit --no-fund --prefix "$tmp" metar-taf-parser@9.1.3 >&2

reports=(
    "METAR KJFK 281151Z 23010KT 10SM FEW020 09/05 A2992"
    "KJFK 281151Z 23010KT 10SM FEW020 09/05 A2992"
    "KJFK 281151Z 23010KT 10SM FEW020 09/05 A3000"
    "ZBAA 281200Z 23005MPS 20KM FEW020 09/05 Q1015"
)
cat >"$tmp/read.py" <<'PY'
import sys

from metar_taf_parser.parser.parser import MetarParser

for text in sys.argv[1:]:
    try:
        m = MetarParser().parse(text)
        print("PyPI", text[:10], m.station, m.altimeter, m.visibility and m.visibility.distance)
    except ValueError as error:
        print("PyPI", text[:10], error)
PY
cat >"$tmp/read.mjs" <<'JS'
import { parseMetar } from "metar-taf-parser";
for (const text of process.argv.slice(2)) {
  const { station, altimeter, visibility } = parseMetar(text);
  console.log("npm ", text.slice(0, 10), station, `${altimeter.value} ${altimeter.unit}`, visibility?.value);
}
JS
{
    "$tmp/venv/bin/python" -W ignore "$tmp/read.py" "${reports[@]}"
    node "$tmp/read.mjs" "${reports[@]}"
} >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
PyPI METAR KJFK invalid literal for int() with base 10: 'KJ'
PyPI KJFK 28115 KJFK 1013 10
PyPI KJFK 28115 KJFK 1015 10
PyPI ZBAA 28120 ZBAA 1015 None
npm  METAR KJFK KJFK 29.92 inHg 10
npm  KJFK 28115 KJFK 29.92 inHg 10
npm  KJFK 28115 KJFK 30 inHg 10
npm  ZBAA 28120 ZBAA 1015 hPa undefined
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: mivek's parsers read these reports otherwise now" >&2; exit 1; }
