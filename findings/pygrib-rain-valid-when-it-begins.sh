#!/usr/bin/env bash
# pygrib 2.1.8, beside eccodes 2.50.0 and rasterio 1.4.4 (GDAL 3.10.3), run 2026-11-30.
#
# Expected: a sum of rain or a highest gust is valid at the end of its period: GRIB 2 writes that instant out
#   (template 4.8, octets 35 to 41, the end of the overall time interval); its forecast time (octets 19 to 22)
#   is the beginning.
# Seen: pygrib's `validDate` is the beginning. Rain of 0-12 h is valid at the start of the run, rain of 6-12 h
#   at 6 h, beside a temperature at 12 h that is valid at 12 h. The two others have the end.
#   `select(validDate=...)` goes by it.
# Why it matters: heavy rain and gusts of a whole day are dated a day early, and are over when they begin; who
#   asks for the fields of 12 UTC gets the temperature without the rain.
# Way out: `validityDate` and `validityTime` of the same message, or `analDate` and `endStep`.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile \
    pygrib==2.1.8 rasterio==1.4.4 eccodes==2.50.0 eccodeslib==2.50.0.33 numpy==2.4.6

cat >"$tmp/write.py" <<'PY'
import json
import sys
from datetime import UTC, datetime

import eccodes
import numpy as np
import rasterio

FOLDER = sys.argv[1]
AREA = {
    "Ni": 2, "Nj": 2, "latitudeOfFirstGridPointInDegrees": -8, "longitudeOfFirstGridPointInDegrees": 325,
    "latitudeOfLastGridPointInDegrees": -9, "longitudeOfLastGridPointInDegrees": 326,
    "iDirectionIncrementInDegrees": 1, "jDirectionIncrementInDegrees": 1, "dataDate": 20261130, "dataTime": 0,
}
SUM = {"productDefinitionTemplateNumber": 8, "parameterCategory": 1, "parameterNumber": 52, "typeOfStatisticalProcessing": 1}
GUST = SUM | {"parameterCategory": 2, "parameterNumber": 22, "typeOfStatisticalProcessing": 2}
HEAT = {"parameterCategory": 0, "parameterNumber": 0}
told = {}

for name, keys, value in (
    ("temperature at 12 h", HEAT | {"stepRange": "12"}, 300),
    ("rain of 0-12 h", SUM | {"stepRange": "0-12"}, 60),
    ("rain of 6-12 h", SUM | {"stepRange": "6-12"}, 50),
    ("gust of 0-24 h", GUST | {"stepRange": "0-24"}, 35),
):
    message = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib2")
    for key, one in (AREA | keys).items():
        eccodes.codes_set(message, key, one)
    eccodes.codes_set_values(message, np.full(4, float(value)))
    path = f"{FOLDER}/{name}.grib"
    with open(path, "wb") as file:
        eccodes.codes_write(message, file)
    stamp = f"{eccodes.codes_get(message, 'validityDate')}{eccodes.codes_get(message, 'validityTime'):04d}"
    with rasterio.open(path) as raster:
        gdal = datetime.fromtimestamp(int(raster.tags(1)["GRIB_VALID_TIME"]), UTC)
    told[name] = {
        "eccodes": f"{datetime.strptime(stamp, '%Y%m%d%H%M'):%d %H}h",
        "GDAL": f"{gdal:%d %H}h",
    }
with open(f"{FOLDER}/told.json", "w") as file:
    json.dump(told, file)
PY
cat >"$tmp/read.py" <<'PY'
import json
import sys
from datetime import datetime
from pathlib import Path

import pygrib

folder = Path(sys.argv[1])
for name, others in json.loads((folder / "told.json").read_text()).items():
    with pygrib.open(str(folder / f"{name}.grib")) as file:
        [message] = file.read()
        print(f"{name}: pygrib {message.validDate:%d %H}h; {', '.join(f'{who} {when}' for who, when in others.items())}")
everything = folder / "all.grib"
everything.write_bytes(b"".join((folder / f"{name}.grib").read_bytes() for name in ("temperature at 12 h", "rain of 6-12 h")))
with pygrib.open(str(everything)) as file:
    print("of both, at 12 h:", *(message.name for message in file.select(validDate=datetime(2026, 11, 30, 12))))
PY
"$tmp/venv/bin/python" -W ignore "$tmp/write.py" "$tmp" 2>"$tmp/log" || { cat "$tmp/log" >&2; exit 1; }
"$tmp/venv/bin/python" -W ignore "$tmp/read.py" "$tmp" >"$tmp/seen" 2>"$tmp/log" || { cat "$tmp/log" >&2; exit 1; }

cat >"$tmp/expected" <<'TXT'
temperature at 12 h: pygrib 30 12h; eccodes 30 12h, GDAL 30 12h
rain of 0-12 h: pygrib 30 00h; eccodes 30 12h, GDAL 30 12h
rain of 6-12 h: pygrib 30 06h; eccodes 30 12h, GDAL 30 12h
gust of 0-24 h: pygrib 30 00h; eccodes 01 00h, GDAL 01 00h
of both, at 12 h: Temperature
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: pygrib dates sums otherwise now" >&2; exit 1; }
