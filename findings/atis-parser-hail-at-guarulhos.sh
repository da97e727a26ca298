#!/usr/bin/env bash
# atis-parser 0.0.1 (METAR, TAF and ATIS), run 2026-12-01.
#
# Expected: a fair day at São Paulo's airport has no weather; a METAR with a Q group has a temperature and a pressure; a thunderstorm
#   from 18 UTC on stands in a group of its own.
# Seen: codes of weather are looked for in the whole text, names of airports among it: SBGR has hail (GR) each hour, Fortaleza
#   (SBFZ) something that freezes, New York's La Guardia (KLGA) nothing. With a Q group, as all but a
#   few countries write it, there is no temperature and no pressure, and for `02/M01` no temperature either.
#   `1 1/2SM` is half a mile. `FM281800` opens no group: a TAF with 45 kt, gusts of 70 and a thunderstorm from 18 UTC on
#   is one group with the 8 kt of its morning and the storm's weather, and its gusts are nowhere.
# Why it matters: hail that never falls is a warning a day until nobody looks; a storm's wind in a TAF is not told at all.
# Way out: `metar` for METAR; of TAF another parser (the table here names what to mind in those).
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile atis-parser==0.0.1 pydantic==2.14.4

cat >"$tmp/read.py" <<'PY'
from atis_parser import parse_metar, parse_taf

for report in (
    "METAR SBGR 281200Z 09008KT 9999 FEW030 28/18 Q1015",
    "METAR SBFZ 281200Z 09008KT CAVOK 31/24 Q1012",
    "METAR KLGA 281200Z 09008KT 10SM CLR 28/18 A3001",
    "METAR KLGA 281200Z 09008KT 1 1/2SM BR OVC004 02/M01 A3001",
):
    told = parse_metar(report)
    print(report)
    print(f"  weather {told.weather_phenomena}, temperature {told.temperature}, pressure {told.altimeter}, visibility {told.visibility}")

taf = "TAF KLGA 281130Z 2812/2918 09008KT P6SM SCT030 FM281800 22045G70KT 1SM +TSRA BKN010CB FM282200 27010KT P6SM SKC"
print(taf)
for group in parse_taf(taf).forecasts:
    print(f"  from {group.time_group}: {group.wind_speed} kt, gusts {group.wind_gust}, {group.visibility}, {sorted(group.weather_phenomena)}")
PY
"$tmp/venv/bin/python" "$tmp/read.py" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
METAR SBGR 281200Z 09008KT 9999 FEW030 28/18 Q1015
  weather ['GR'], temperature None, pressure None, visibility 6.213105993761418
METAR SBFZ 281200Z 09008KT CAVOK 31/24 Q1012
  weather ['FZ'], temperature None, pressure None, visibility None
METAR KLGA 281200Z 09008KT 10SM CLR 28/18 A3001
  weather [], temperature 28, pressure A3001, visibility 10.0
METAR KLGA 281200Z 09008KT 1 1/2SM BR OVC004 02/M01 A3001
  weather ['BR'], temperature None, pressure A3001, visibility 0.5
TAF KLGA 281130Z 2812/2918 09008KT P6SM SCT030 FM281800 22045G70KT 1SM +TSRA BKN010CB FM282200 27010KT P6SM SKC
  from None: 8 kt, gusts None, P6SM, ['+TS', 'RA']
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: METAR or TAF are read otherwise now" >&2; exit 1; }
