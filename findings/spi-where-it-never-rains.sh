#!/usr/bin/env bash
# climate-indices 3.1.0, xclim 0.62.0, run 2026-11-30.
#
# Expected: of a month in which rain never fell, and did not fall now, the standardized precipitation index says
#   that all is as ever, or has no value; and two packages that fit the same gamma distribution say the
#   same. (That zeros bound the index from below in dry seasons is known: Wu and others 2007.)
# Seen: -3.09 each year in climate-indices, "extreme drought", also where it is asked to place zeros in the middle of
#   their mass; and 8.21 in xclim, "extremely wet". With one rain in thirty years the one with rain has no
#   value in either, and the dry ones are 1.83, "very wet". From two rains on there is a value.
# Why it matters: dry seasons of the Sahel and the Sertao have such months. A drought watch with a limit of -2 is red
#   in each of them by one package, and can never be by the other; the only rain is a hole in the map.
# Way out: count the years with rain first, and ask for no index where there are few; or sum more months.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check climate-indices==3.1.0 xclim==0.62.0

cat >"$tmp/dry.py" <<'PY'
import numpy as np
import pandas as pd
import xarray as xr
from climate_indices.compute import Periodicity
from climate_indices.indices import Distribution, spi
from xclim.indices import standardized_precipitation_index

YEARS, AUGUST = 30, 7
MONTHS = pd.date_range("1991-01-01", periods=12 * YEARS, freq="MS")


def of(rain, **more):
    told = spi(rain.flatten(), 1, Distribution.gamma, 1991, 1991, 2020, Periodicity.monthly, **more)
    return told.reshape(YEARS, 12)[:, AUGUST]


def by_xclim(rain):
    daily = xr.DataArray(rain.flatten() / MONTHS.days_in_month, {"time": MONTHS}, "time", attrs={"units": "mm/d"})
    told = standardized_precipitation_index(
        daily, freq="MS", window=1, dist="gamma", method="ML", fitkwargs={"floc": 0}
    )
    return told.values.reshape(YEARS, 12)[:, AUGUST]


for wet in (0, 1, 2):
    rain = np.random.default_rng(1).gamma(2, 60, (YEARS, 12))  # mm
    rain[:, AUGUST] = 0
    rain[20 : 20 + wet, AUGUST] = (10.0, 14.0)[:wet]
    ways = {
        "climate-indices": of(rain),
        "in the middle of zeros": of(rain, zero_handling="center_of_mass"),
        "xclim": by_xclim(rain),
    }
    for name, august in ways.items():
        print(f"SEEN rain in {wet} of {YEARS} Augusts, {name}: a dry one {august[0]:.2f}, the one of 2011 {august[20]:.2f}")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/dry.py" 2>&1 | grep '^SEEN' >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
SEEN rain in 0 of 30 Augusts, climate-indices: a dry one -3.09, the one of 2011 -3.09
SEEN rain in 0 of 30 Augusts, in the middle of zeros: a dry one -3.09, the one of 2011 -3.09
SEEN rain in 0 of 30 Augusts, xclim: a dry one 8.21, the one of 2011 8.21
SEEN rain in 1 of 30 Augusts, climate-indices: a dry one 1.83, the one of 2011 nan
SEEN rain in 1 of 30 Augusts, in the middle of zeros: a dry one -0.04, the one of 2011 nan
SEEN rain in 1 of 30 Augusts, xclim: a dry one 1.83, the one of 2011 nan
SEEN rain in 2 of 30 Augusts, climate-indices: a dry one 1.50, the one of 2011 1.59
SEEN rain in 2 of 30 Augusts, in the middle of zeros: a dry one -0.08, the one of 2011 1.59
SEEN rain in 2 of 30 Augusts, xclim: a dry one 1.50, the one of 2011 1.59
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: the index of a month without rain is another now" >&2; exit 1; }
