#!/usr/bin/env bash
# weather-decoder 1.1.4, run 2026-11-30.
#
# Expected: what a METAR writes as slashes was not measured: it has no value, as the dew point of `25///` has none.
# Seen: only the dew point. A wind of `/////KT` is 0 kt from 0 degrees, and so is one whose direction alone is
#   missing, `///35G60KT`; `////` is a visibility of 9999 m, `/////` a temperature of 0.0 degrees, `Q////` a pressure
#   of 29.92 inHg. A report in which all is missing is a calm, clear day at freezing point in the
#   standard atmosphere, with the same fields as one that was measured.
# Why it matters: a station loses its sensors in the storm that breaks them: it then says all clear, and frost in the
#   tropics. A gust of 60 kt is a calm where the vane alone is stuck, as vanes are in ice.
# Way out: look for "/" in each raw group before its value is believed; of zero wind, only `00000KT`.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check weather-decoder==1.1.4

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
from weather_decoder import MetarDecoder

for groups in (
    "00000KT 9999 SCT030 00/M02 Q1013",
    "12035G60KT 0800 BKN010 25/18 Q0998",
    "///35G60KT 0800 BKN010 25/18 Q0998",
    "/////KT 0800 BKN010 25/18 Q0998",
    "12035G60KT //// BKN010 25/18 Q0998",
    "12035G60KT 0800 BKN010 25/// Q0998",
    "12035G60KT 0800 BKN010 ///// Q0998",
    "12035G60KT 0800 BKN010 25/18 Q////",
    "/////KT //// ////// ///// Q////",
):
    report = MetarDecoder().decode(f"METAR SBGR 281200Z AUTO {groups}")
    wind, sight, pressure = report.wind, report.visibility, report.altimeter
    gust = f" gusts {wind['gust']}" if "gust" in wind else ""
    print(f"{groups:36} {wind['direction']} deg {wind['speed']} kt{gust}, {sight['value']} {sight['unit'].lower()},"
          f" {report.temperature} C, dew {report.dewpoint}, {pressure['value']} {pressure['unit']}")
PY

cat >"$tmp/expected" <<'TXT'
00000KT 9999 SCT030 00/M02 Q1013     0 deg 0 kt, 9999 m, 0.0 C, dew -2, 1013 hPa
12035G60KT 0800 BKN010 25/18 Q0998   120 deg 35 kt gusts 60, 800 m, 25 C, dew 18, 998 hPa
///35G60KT 0800 BKN010 25/18 Q0998   0 deg 0 kt, 800 m, 25 C, dew 18, 998 hPa
/////KT 0800 BKN010 25/18 Q0998      0 deg 0 kt, 800 m, 25 C, dew 18, 998 hPa
12035G60KT //// BKN010 25/18 Q0998   120 deg 35 kt gusts 60, 9999 m, 25 C, dew 18, 998 hPa
12035G60KT 0800 BKN010 25/// Q0998   120 deg 35 kt gusts 60, 800 m, 25 C, dew None, 998 hPa
12035G60KT 0800 BKN010 ///// Q0998   120 deg 35 kt gusts 60, 800 m, 0.0 C, dew None, 998 hPa
12035G60KT 0800 BKN010 25/18 Q////   120 deg 35 kt gusts 60, 800 m, 25 C, dew 18, 29.92 inHg
/////KT //// ////// ///// Q////      0 deg 0 kt, 9999 m, 0.0 C, dew None, 29.92 inHg
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: weather-decoder takes missing groups otherwise now" >&2; exit 1; }
