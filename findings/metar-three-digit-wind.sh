#!/usr/bin/env bash
# metar 2.0.2, avwx-engine 1.9.10, metar-taf-parser-mivek 1.13.1 (PyPI) and metar-taf-parser 9.1.3
# (npm), run 2026-11-28.
#
# Expected: 230120G145KT is a mean wind of 120 kt with gusts of 145 kt from 230°: from 100 kt on US
#   reports write three digits (Federal Meteorological Handbook No. 1).
# Seen: only `metar` reads it. avwx makes a mean of 1,205 kt and gusts of 14 kt of it; both mivek
#   parsers stop after two digits, read a mean of 12 kt, and lose the gust. With 99 kt and gusts of
#   130 kt avwx reads 990 and 13. Below 100 kt all four agree, and none of them ever complains.
# Why it matters: it is wrong in hurricanes alone, the only reports in which it must be right. A
#   check of plausibility removes avwx's value and cannot see mivek's.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check metar==2.0.2 avwx-engine==1.9.10 metar-taf-parser-mivek==1.13.1
command -v npm >/dev/null || apt-get install -y -qq npm >&2
npm install --silent --no-audit --no-fund --prefix "$tmp" metar-taf-parser@9.1.3 >&2

cat >"$tmp/read.py" <<'PY'
import sys

import avwx
from metar.Metar import Metar
from metar_taf_parser.parser.parser import MetarParser


def value(number):
    return number and number.value


for wind in sys.argv[1:]:
    text = f"KNEW 281150Z {wind} 1/4SM +RA OVC003 25/25 A2790"
    m, a, k = Metar(text), avwx.Metar.from_report(text).data, MetarParser().parse(text).wind
    print(wind, "metar", m.wind_speed.value(), m.wind_gust.value(), sep="|")
    print(wind, "avwx", value(a.wind_speed), value(a.wind_gust), sep="|")
    print(wind, "mivek (PyPI)", k.speed, k.gust, sep="|")
PY
cat >"$tmp/read.mjs" <<'JS'
import { parseMetar } from "metar-taf-parser";
for (const wind of process.argv.slice(2)) {
  const { speed, gust } = parseMetar(`KNEW 281150Z ${wind} 1/4SM +RA OVC003 25/25 A2790`).wind;
  console.log([wind, "mivek (npm)", speed, gust].join("|"));
}
JS
winds=(23095G99KT 23099G130KT 230120G145KT)
{
    "$tmp/venv/bin/python" -W ignore "$tmp/read.py" "${winds[@]}"
    node "$tmp/read.mjs" "${winds[@]}"
} | LC_ALL=C sort >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
230120G145KT|avwx|1205|14
230120G145KT|metar|120.0|145.0
230120G145KT|mivek (PyPI)|12|None
230120G145KT|mivek (npm)|12|
23095G99KT|avwx|95|99
23095G99KT|metar|95.0|99.0
23095G99KT|mivek (PyPI)|95|99
23095G99KT|mivek (npm)|95|99
23099G130KT|avwx|990|13
23099G130KT|metar|99.0|130.0
23099G130KT|mivek (PyPI)|99|130
23099G130KT|mivek (npm)|99|130
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: a parser reads three-digit winds otherwise now" >&2; exit 1; }
