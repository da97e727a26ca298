#!/usr/bin/env bash
# netCDF4 1.7.5.1.post1 and xarray 2026.9.0 on one file, run 2026-11-29.
#
# Expected: `valid_max` says what an instrument or a format can hold (NetCDF User Guide, appendix A; CF 2.5.1:
#   what is outside is missing data). Two readers of one file agree which hours have a value.
# Seen: netCDF4 hides a gust of 71 m/s where `valid_max` is 60, with and without packing (`valid_range`): the
#   greatest gust of the file is 58. xarray, which reads the same file through netCDF4, turns the hiding off,
#   keeps `valid_max` as an attribute and says 71.
# Why it matters: limits are set by what was known when the file's form was made, and the value beyond them is
#   the record. By one reader the worst hour of the storm is an outage, by the other it is
#   a value that the standard calls missing. Decide which; with netCDF4 set_always_mask and
#   set_auto_mask, with xarray by comparing with the attribute.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check \
    netCDF4==1.7.5.1.post1 xarray==2026.9.0 numpy==2.4.6

"$tmp/venv/bin/python" -W ignore - "$tmp/gusts.nc" >"$tmp/seen" <<'PY'
import sys

import netCDF4
import numpy as np
import xarray as xr

GUSTS = [12.0, 58.0, 71.0]  # m/s
path = sys.argv[1]
with netCDF4.Dataset(path, "w") as file:
    file.createDimension("time", len(GUSTS))
    plain = file.createVariable("plain", "f4", ("time",), fill_value=-999.0)
    plain.setncatts({"units": "m s-1", "valid_min": np.float32(0), "valid_max": np.float32(60)})
    packed = file.createVariable("packed", "i2", ("time",), fill_value=-1)
    packed.setncatts({"units": "m s-1", "scale_factor": 0.1, "valid_range": np.array([0, 600], "i2")})
    file.set_auto_maskandscale(False)
    plain[:] = GUSTS
    packed[:] = [round(gust * 10) for gust in GUSTS]

for name in ("plain", "packed"):
    with netCDF4.Dataset(path) as file:
        values = file[name][:]
        print(f"netCDF4, {name}: {values.count()} of {values.size} hours, greatest {values.max():.1f}")
    with xr.open_dataset(path) as file:
        values = file[name]
        print(f"xarray, {name}: {int(values.count())} of {values.size} hours, greatest {float(values.max()):.1f}")
PY

cat >"$tmp/expected" <<'TXT'
netCDF4, plain: 2 of 3 hours, greatest 58.0
xarray, plain: 3 of 3 hours, greatest 71.0
netCDF4, packed: 2 of 3 hours, greatest 58.0
xarray, packed: 3 of 3 hours, greatest 71.0
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: the two readers treat valid_max otherwise now" >&2; exit 1; }
