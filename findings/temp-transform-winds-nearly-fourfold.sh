#!/usr/bin/env bash
# temp-transform 0.0.19 with csv2bufr 0.8.8 and eccodes 2.50.0, run 2026-11-30.
#
# Expected: a sounding in TEMP (FM 35) whose winds are in knots (50 added to the day) stands in BUFR with the same winds
#   in m/s, 1 kt = 0.514 m/s. Pressures below 100 in part B are above 1,000 hPa, and a height of 1000 hPa above
#   500 is below the sea: 630 are -130 m, as under a deep low (WMO-No. 306).
# Seen: knots are multiplied by 1.944 instead of divided: 35 kt at the ground are 68.0 m/s, 50 kt at 850 hPa 97.2
#   instead of 25.7. A report in m/s is right. 1000 hPa lies at 630 m, above 925 hPa at 541. In part B the ground at
#   1012 hPa is at 12 hPa, and the level of 1000 hPa at nothing.
# Why it matters: most soundings are in knots. Each has winds 3.78 times too strong, in a message that says that it is in
#   m/s; a low-level jet of 17 m/s over a storm's inflow is one of 64, and at sea level part B begins above the stratosphere.
# Way out: none in the BUFR but to divide by 3.78 what is known to come from it; or decode the TAC oneself. A wind that
#   grows to hundreds of m/s, and a height that falls with the pressure, are marks of it.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
tables=/usr/share/eccodes/definitions
if [ ! -d "$tables" ] || ! ldconfig -p | grep -q libudunits2; then
    apt-get update -qq && apt-get install -y -qq libeccodes-data libudunits2-0 >/dev/null
fi
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check \
    temp-transform==0.0.19 csv2bufr==0.8.8 eccodes==2.50.0 eccodeslib==2.50.0.33

cd "$tmp" # csv2bufr looks for templates in the folder that it runs in
cat >sounding.py <<'PY'
import sys
import types

import eccodes

# The catalogue of stations comes from a package that PyPI does not have; its class is only named there.
catalogue = types.ModuleType("pywis_xform.opensearch")
catalogue.OpenSearchClient = type("OpenSearchClient", (), {})
sys.modules["pywis_xform"], sys.modules["pywis_xform.opensearch"] = types.ModuleType("pywis_xform"), catalogue

from TEMP_transform.data2bufr import transform  # noqa: E402


class Catalogue:
    srch_list = []

    def index_feature_field_query(self, *asked):
        return {"properties": {"latitude": -30.0, "longitude": -51.2, "elevation": 3}}


def levels(name, report):
    print(f"SEEN {name}")
    for made in transform(Catalogue(), f"USBZ01 SBPA 180000\n{report}=", 2026, 11):
        message = eccodes.codes_new_from_message(made["bufr4"])
        eccodes.codes_set(message, "unpack", 1)

        def values(key):
            return [None if abs(number) > 1e9 else float(number) for number in eccodes.codes_get_array(message, key)]

        keys = ("pressure", "nonCoordinateGeopotentialHeight", "airTemperature", "windSpeed")
        for pressure, height, temperature, wind in zip(*map(values, keys)):
            told = [f"{pressure / 100:.0f} hPa"]
            told += [f"{height:.0f} m"] if height is not None else []
            told += [f"{temperature - 273.15:.1f} C"] if temperature is not None else []
            told += [f"{wind:.1f} m/s"] if wind is not None else []
            print("SEEN  ", ", ".join(told))


STORM = "99985 20446 130{} 00630 ///// ///// 92541 16214 135{} 85220 11620 140{} 70750 01050 150{} 88999 77999"
levels("winds of 35, 45, 50 and 60 kt", "TTAA 68007 83746 " + STORM.format(35, 45, 50, 60))
levels("the same in m/s: 18, 23, 26 and 31", "TTAA 18007 83746 " + STORM.format(18, 23, 26, 31))
levels("part B, from 1012 hPa, 10 and 20 kt", "TTBB 68008 83746 00012 24022 11000 23018 22925 19020 33850 15056 21212 00012 09010 11850 12020")
PY
ECCODES_DEFINITION_PATH="$tables:/MEMFS/definitions" "$tmp/venv/bin/python" sounding.py 2>"$tmp/log" | grep '^SEEN' >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
SEEN winds of 35, 45, 50 and 60 kt
SEEN   985 hPa, 20.4 C, 68.0 m/s
SEEN   1000 hPa, 630 m
SEEN   925 hPa, 541 m, 16.2 C, 87.5 m/s
SEEN   850 hPa, 1220 m, 11.6 C, 97.2 m/s
SEEN   700 hPa, 2750 m, 1.0 C, 116.6 m/s
SEEN the same in m/s: 18, 23, 26 and 31
SEEN   985 hPa, 20.4 C, 18.0 m/s
SEEN   1000 hPa, 630 m
SEEN   925 hPa, 541 m, 16.2 C, 23.0 m/s
SEEN   850 hPa, 1220 m, 11.6 C, 26.0 m/s
SEEN   700 hPa, 2750 m, 1.0 C, 31.0 m/s
SEEN part B, from 1012 hPa, 10 and 20 kt
SEEN   12 hPa, 24.0 C, 19.4 m/s
SEEN   0 hPa, 23.0 C
SEEN   925 hPa, 19.0 C
SEEN   850 hPa, 15.0 C
SEEN   12 hPa, 24.0 C, 19.4 m/s
SEEN   850 hPa, 38.9 m/s
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: a sounding's winds or levels are others now" >&2; exit 1; }
