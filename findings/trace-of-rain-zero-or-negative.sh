#!/usr/bin/env bash
# synop2bufr 0.8.1 (with pymetdecoder 0.2.2) and bufr2geojson 0.7.1, eccodes 2.50.0, run 2026-11-29.
#
# Expected: rain too little to measure, a trace, is RRR = 990 in SYNOP and -0.1 in BUFR (WMO-No. 306,
#   regulation B/C1: "trace" is reported as -0.1 kg m-2). Who writes BUFR writes -0.1; who hands out
#   values to people and programs makes of -0.1 what it means.
# Seen: of the two tools that stand one behind the other in WIS2, synop2bufr writes 0.0, as of a dry
#   station (pymetdecoder says `trace: True`); and bufr2geojson hands out a correctly written trace as
#   a result of -0.1 kg m-2: rain that is negative.
# Why it matters: by the first way "it drizzled" and "it was dry" are one; by the second each such hour
#   takes 0.1 mm off a sum, and a check for values below 0 throws out what is right.
# Besides: with eccodes from its wheels bufr2geojson cannot be imported until ECCODES_DEFINITION_PATH
#   names tables on disk: the wheels hold them in memory. Debian's libeccodes-data has them.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
tables=/usr/share/eccodes/definitions
if [ ! -d "$tables" ] || ! ldconfig -p | grep -q libudunits2; then
    apt-get update -qq && apt-get install -y -qq libeccodes-data libudunits2-0 >/dev/null
fi
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check \
    synop2bufr==0.8.1 pymetdecoder==0.2.2 bufr2geojson==0.7.1 eccodes==2.50.0 eccodeslib==2.50.0.33

cd "$tmp" # synop2bufr looks for templates in the folder that it runs in
cat >wheel.py <<'PY'
try:
    import bufr2geojson
    print("SEEN bufr2geojson beside eccodes' wheels: can be imported")
except OSError as error:
    print(f"SEEN bufr2geojson beside eccodes' wheels: {error}")
PY
cat >trace.py <<'PY'
from pathlib import Path

import bufr2geojson
import eccodes
from synop2bufr import transform

bufr2geojson.TABLEDIR = Path("/usr/share/eccodes/definitions/bufr/tables/0/wmo")
STATION = """\
station_name,wigos_station_identifier,traditional_station_identifier,facility_type,latitude,longitude,elevation,territory_name,barometer_height,wmo_region
MADE UP,0-20000-0-15015,15015,landFixed,47.7771,23.9405,503.0,ROU,504.0,europe
"""
REPORT = "AAXX 21121 15015 02999 02515 10103 21090 39765 42952 57020 6{}1="
RAIN = "#1#totalPrecipitationOrTotalWaterEquivalent"


def bufr(rain):
    return next(
        told["bufr4"] for told in transform(REPORT.format(rain), STATION, 2022, 3) if "bufr4" in told
    )


def unpacked(message):
    handle = eccodes.codes_new_from_message(message)
    eccodes.codes_set(handle, "unpack", 1)
    return handle


for code, meaning in (("000", "no rain"), ("012", "12 mm"), ("990", "a trace")):
    amount = eccodes.codes_get(unpacked(bufr(code)), RAIN)
    print(f"SEEN synop2bufr, RRR = {code}, {meaning}: {amount:.1f}")

written = unpacked(bufr("990"))
eccodes.codes_set(written, RAIN, -0.1)
eccodes.codes_set(written, "pack", 1)
for told in bufr2geojson.transform(eccodes.codes_get_message(written)):
    for each in [told] if "geojson" in told else told.values():
        values = each["geojson"]["properties"]
        if "total_precipitation" in str(values.get("observedProperty")):
            result = values["result"]
            print(f"SEEN bufr2geojson, a trace, {values['observedProperty']}: {result['value']} {result['units']}")
PY
"$tmp/venv/bin/python" -W ignore wheel.py >all 2>log
ECCODES_DEFINITION_PATH=$tables "$tmp/venv/bin/python" -W ignore trace.py >>all 2>>log || { cat all log >&2; exit 1; }
grep '^SEEN' all >seen

cat >expected <<'TXT'
SEEN bufr2geojson beside eccodes' wheels: Cannot find ecCodes definition path
SEEN synop2bufr, RRR = 000, no rain: 0.0
SEEN synop2bufr, RRR = 012, 12 mm: 12.0
SEEN synop2bufr, RRR = 990, a trace: 0.0
SEEN bufr2geojson, a trace, total_precipitation_or_total_water_equivalent: -0.1 kg m-2
TXT
cat seen
diff -u expected seen || { echo "CHANGED: a trace of rain goes another way now" >&2; exit 1; }
