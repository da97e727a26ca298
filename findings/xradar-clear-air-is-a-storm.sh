#!/usr/bin/env bash
# xradar 0.12.0 and recast-radar 0.1.3, run 2026-11-30.
#
# Expected: in a radar's file (ODIM_H5, attributes of `what`) two raw values are no measurements: `nodata`,
#   where it did not look, and `undetect`, where it looked and nothing came back. Gain and offset are for the
#   others. What has no echo has no speed.
# Seen: `nodata` is missing; `undetect` is scaled. Where nothing flies the air comes at the radar with the
#   greatest speed that the file can hold: a sweep with one shower at 12 m/s has -48 m/s in all rays beside it.
#   Its reflectivity is -32 dBZ there, and weighs in each mean (-23 for 48 dBZ); rain, where the offset is 0, is
#   0 by luck. Both know the raw value: one keeps it as `_Undetect`, the other drops it, too.
# Why it matters: the strongest wind towards or from the radar is past any limit in fair weather, and with it
#   each shear between a shower and the clear air beside it, as of a tornado.
# Way out: mask what equals gain * undetect + offset in each field but rain, from the file's own attributes.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile \
    xradar==0.12.0 recast-radar==0.1.3 xarray==2026.9.0 h5py==3.16.0 numpy==2.4.6

cat >"$tmp/sweep.py" <<'PY'
import sys

import h5py
import numpy as np
import recast_radar
import xarray as xr
import xradar  # noqa: F401

PATH = f"{sys.argv[1]}/sweep.h5"
NODATA, UNDETECT = 255, 0
QUANTITIES = {"DBZH": (0.5, -32.0), "VRADH": (0.375, -48.0), "RATE": (0.5, 0.0)}
GROUPS = {
    "what": {"object": "SCAN", "version": "H5rad 2.2", "date": "20261130", "time": "120000", "source": "NOD:brrec,PLC:Recife"},
    "where": {"lat": -8.05, "lon": -34.9, "height": 50.0},
    "dataset1/what": {"product": "SCAN", "startdate": "20261130", "starttime": "120000", "enddate": "20261130", "endtime": "120010"},
    "dataset1/where": {"elangle": 0.5, "nbins": 4, "nrays": 360, "rscale": 1000.0, "rstart": 0.0, "a1gate": 0},
    "dataset1/how": {"NI": 48.0},
}

with h5py.File(PATH, "w") as file:
    file.attrs["Conventions"] = np.bytes_("ODIM_H5/V2_2")
    for number, (quantity, (gain, offset)) in enumerate(QUANTITIES.items(), 1):
        GROUPS[f"dataset1/data{number}/what"] = {
            "quantity": quantity, "gain": gain, "offset": offset, "nodata": float(NODATA), "undetect": float(UNDETECT),
        }
    for name, attributes in GROUPS.items():
        group = file.require_group(name)
        for key, value in attributes.items():
            group.attrs[key] = np.bytes_(value) if isinstance(value, str) else value
    raw = np.full((360, 4), UNDETECT, "u1")
    raw[0:60, 1:3] = 160
    raw[:, 3] = NODATA
    for number in range(1, len(QUANTITIES) + 1):
        file[f"dataset1/data{number}"].create_dataset("data", data=raw)

readers = {
    "xradar": xr.open_dataset(PATH, engine="odim", group="sweep_0"),
    "recast-radar": recast_radar.open(PATH)["sweep_0"],
}
for quantity, (gain, offset) in QUANTITIES.items():
    echoes = (raw != NODATA) & (raw != UNDETECT)
    speeds = raw[echoes] * gain + offset
    print(f"{quantity} as measured: {echoes.sum()} values, {speeds.min():g} to {speeds.max():g}, mean {speeds.mean():g}")
    for who, sweep in readers.items():
        seen = sweep[quantity].values
        known = seen[~np.isnan(seen)]
        print(f"{quantity}, {who}: {known.size} values, {known.min():g} to {known.max():g}, mean {known.mean():.1f};"
              f" of undetect: {[name for name in sweep[quantity].attrs if 'detect' in name.lower()]}")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/sweep.py" "$tmp" >"$tmp/seen" 2>"$tmp/log" || { cat "$tmp/log" >&2; exit 1; }

cat >"$tmp/expected" <<'TXT'
DBZH as measured: 120 values, 48 to 48, mean 48
DBZH, xradar: 1080 values, -32 to 48, mean -23.1; of undetect: ['_Undetect']
DBZH, recast-radar: 1080 values, -32 to 48, mean -23.1; of undetect: []
VRADH as measured: 120 values, 12 to 12, mean 12
VRADH, xradar: 1080 values, -48 to 12, mean -41.3; of undetect: ['_Undetect']
VRADH, recast-radar: 1080 values, -48 to 12, mean -41.3; of undetect: []
RATE as measured: 120 values, 80 to 80, mean 80
RATE, xradar: 1080 values, 0 to 80, mean 8.9; of undetect: ['_Undetect']
RATE, recast-radar: 1080 values, 0 to 80, mean 8.9; of undetect: []
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: what gave no echo is read otherwise now" >&2; exit 1; }
