#!/usr/bin/env bash
# cfgrib 0.9.15.1 (with eccodes 2.50.0, xarray 2026.9.0), run 2026-11-29.
#
# Expected: in GRIB 2 a sum of rain has a beginning and an end, "0-12" and "6-12" are two fields of one file
#   (code table 4.10 and template 4.8; forecasts of the United States carry both in one file). A reader that
#   makes a data set of the file keeps both, or says that it cannot.
# Seen: only the end of the period is the field's place in time. Of two fields that end together the one
#   that stands first in the file is there, the other is gone, without an error or a warning: 60 mm in
#   12 hours or the 50 mm of the last six, by the order of the messages. No coordinate or attribute says
#   over how many hours a value is.
# Why it matters: a limit in mm for 6 hours is held against 12 hours or the reverse, and a file whose order
#   changes changes the alert. Open with filter_by_keys={"stepRange": "6-12"}, once for each period.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check \
    cfgrib==0.9.15.1 eccodes==2.50.0 eccodeslib==2.50.0.33 xarray==2026.9.0 numpy==2.4.6

cat >"$tmp/rain.py" <<'PY'
import sys
from pathlib import Path

import eccodes
import numpy as np
import xarray as xr

AREA = {
    "Ni": 2,
    "Nj": 2,
    "latitudeOfFirstGridPointInDegrees": 1,
    "longitudeOfFirstGridPointInDegrees": 0,
    "latitudeOfLastGridPointInDegrees": 0,
    "longitudeOfLastGridPointInDegrees": 1,
    "iDirectionIncrementInDegrees": 1,
    "jDirectionIncrementInDegrees": 1,
}


def message(hours, rain_mm):
    """Total precipitation (discipline 0, category 1, number 52) of a period, everywhere the same."""
    handle = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib2")
    eccodes.codes_set(handle, "productDefinitionTemplateNumber", 8)
    for key, value in {
        **AREA,
        "dataDate": 20261129,
        "dataTime": 0,
        "parameterCategory": 1,
        "parameterNumber": 52,
        "typeOfStatisticalProcessing": 1,
        "stepRange": hours,
    }.items():
        eccodes.codes_set(handle, key, value)
    eccodes.codes_set_values(handle, np.full(4, float(rain_mm)))
    return eccodes.codes_get_message(handle)


def opened(path, **options):
    return xr.open_dataset(path, engine="cfgrib", decode_timedelta=True, backend_kwargs={"indexpath": "", **options})


path = Path(sys.argv[1])
for periods in (("0-6", 10), ("0-12", 60), ("6-12", 50)), (("0-6", 10), ("6-12", 50), ("0-12", 60)):
    path.write_bytes(b"".join(message(*period) for period in periods))
    rain = next(iter(opened(path).data_vars.values()))
    steps = {int(step / np.timedelta64(1, "h")): float(values.max()) for step, values in zip(rain.step.values, rain.values)}
    print("in the file:", ", ".join(f"{hours} h {mm} mm" for hours, mm in periods))
    print(f"  read: {steps}; coordinates {sorted(rain.coords)}")
    print(f"  of a beginning: {[name for name in rain.attrs if 'start' in name.lower() or 'range' in name.lower()]}")
for hours in ("0-12", "6-12"):
    one = opened(path, filter_by_keys={"stepRange": hours})
    print(f"filtered by {hours}: {float(next(iter(one.data_vars.values())).max())} mm")
PY
"$tmp/venv/bin/python" "$tmp/rain.py" "$tmp/rain.grib2" >"$tmp/seen" 2>"$tmp/log" || { cat "$tmp/log" >&2; exit 1; }
echo "lines of warning: $(wc -l <"$tmp/log")" >>"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
in the file: 0-6 h 10 mm, 0-12 h 60 mm, 6-12 h 50 mm
  read: {6: 10.0, 12: 60.0}; coordinates ['latitude', 'longitude', 'step', 'surface', 'time', 'valid_time']
  of a beginning: []
in the file: 0-6 h 10 mm, 6-12 h 50 mm, 0-12 h 60 mm
  read: {6: 10.0, 12: 50.0}; coordinates ['latitude', 'longitude', 'step', 'surface', 'time', 'valid_time']
  of a beginning: []
filtered by 0-12: 60.0 mm
filtered by 6-12: 50.0 mm
lines of warning: 0
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: cfgrib keeps the two periods apart now, or differently" >&2; exit 1; }
