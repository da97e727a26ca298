#!/usr/bin/env bash
# rasterio 1.4.4 (GDAL 3.10.3), beside eccodes 2.50.0, run 2026-11-30.
#
# Expected: the parameter "total precipitation rate" (GRIB 2, discipline 0, category 1, number 52), accumulated
#   over a period (code table 4.10, type 1), is an amount in kg m-2, which is mm; averaged (type 0) it is a rate
#   in kg m-2 s-1. The German weather service's ICON sends its rain so, ECMWF's tables have it so.
# Seen: the band of either one has the same name, the same element and the same unit, kg/(m^2*s): 50 mm of rain
#   in six hours are 50 kg/(m^2*s), which is 180,000 mm an hour. No tag in words tells the two apart; snow, rain
#   of showers and radiation (J m-2, said to be W/(m^2)) go the same way. And a highest temperature of six hours
#   is a plain temperature, in degrees Celsius, where eccodes and the message have kelvins.
# Why it matters: who takes the unit at its word and makes mm of it warns of a flood everywhere; who has always
#   taken it for an amount gets a rate of 0.002 for 50 mm from the next model.
# Way out: the octets of the template (`GRIB_PDS_TEMPLATE_ASSEMBLED_VALUES`): the type of processing stands
#   there.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile rasterio==1.4.4 eccodes==2.50.0 eccodeslib==2.50.0.33 numpy==2.4.6

cat >"$tmp/rain.py" <<'PY'
import sys

import eccodes
import numpy as np
import rasterio

AREA = {
    "Ni": 2, "Nj": 2, "latitudeOfFirstGridPointInDegrees": -8, "longitudeOfFirstGridPointInDegrees": 325,
    "latitudeOfLastGridPointInDegrees": -9, "longitudeOfLastGridPointInDegrees": 326,
    "iDirectionIncrementInDegrees": 1, "jDirectionIncrementInDegrees": 1, "dataDate": 20261130, "dataTime": 0,
    "productDefinitionTemplateNumber": 8,
}
PATH = f"{sys.argv[1]}/field.grib2"
AVERAGE, SUM, MAXIMUM = range(3)

for category, number, processing, value in (
    (1, 52, SUM, 50.0),
    (1, 52, AVERAGE, 50.0 / 21_600),
    (1, 37, SUM, 50.0),
    (1, 53, SUM, 50.0),
    (4, 7, SUM, 9.0e6),
    (0, 0, MAXIMUM, 313.15),
):
    message = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib2")
    keys = {"parameterCategory": category, "parameterNumber": number, "typeOfStatisticalProcessing": processing}
    for key, one in (AREA | keys | {"stepRange": "6-12"}).items():
        eccodes.codes_set(message, key, one)
    eccodes.codes_set_values(message, np.full(4, value))
    with open(PATH, "wb") as file:
        eccodes.codes_write(message, file)
    print(f"eccodes: {eccodes.codes_get(message, 'name')} {eccodes.codes_get_values(message).max():.6g}"
          f" {eccodes.codes_get(message, 'units')}")
    with rasterio.open(PATH) as raster:
        tags = raster.tags(1)
        told = tags["GRIB_COMMENT"].removesuffix(tags["GRIB_UNIT"]).strip()
        print(f"   GDAL: {told} {raster.read(1).max():.6g} {tags['GRIB_UNIT']} ({tags['GRIB_ELEMENT']});"
              f" of the type: {tags['GRIB_PDS_TEMPLATE_ASSEMBLED_VALUES'].split()[23]}")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/rain.py" "$tmp" >"$tmp/seen" 2>"$tmp/log" || { cat "$tmp/log" >&2; exit 1; }

cat >"$tmp/expected" <<'TXT'
eccodes: Total Precipitation 50 kg m**-2
   GDAL: Total precipitation rate 50 [kg/(m^2*s)] (TPRATE); of the type: 1
eccodes: Time-mean total precipitation rate 0.00231481 kg m**-2 s**-1
   GDAL: Total precipitation rate 0.00231481 [kg/(m^2*s)] (TPRATE); of the type: 0
eccodes: Convective precipitation 50 kg m**-2
   GDAL: Convective precipitation rate 50 [kg/(m^2*s)] (CPRAT); of the type: 1
eccodes: Snowfall water equivalent 50 kg m**-2
   GDAL: Total snowfall rate water equivalent 50 [kg/(m^2*s)] (TSRWE); of the type: 1
eccodes: Surface short-wave (solar) radiation downwards 9e+06 J m**-2
   GDAL: Downward short-wave radiation flux 9e+06 [W/(m^2)] (DSWRF); of the type: 1
eccodes: Time-maximum temperature 313.15 K
   GDAL: Temperature 40 [C] (TMP); of the type: 2
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: GDAL names what GRIB adds up otherwise now" >&2; exit 1; }
