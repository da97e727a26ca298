#!/usr/bin/env bash
# climate-library 1.0.0 with xclim 0.62.0 and xarray 2026.9.0, run 2026-12-01.
#
# Expected: a day is warm (TX90p) or part of a warm spell (WSDI) if it is above the 90th percentile of its own day of the year.
#   Thirty years with the same seasons, a degree warmer or colder from day to day, have no warm spell: xclim has 0.
# Seen: each day is held against the thresholds of all 366 days of the year, and a spell counts if any of them is passed: the warm
#   spell of each year is up to 269 days, all but the depth of winter, and so is its cold spell. Warm days are not one
#   share but 366, from 0.3 to 82.5 %, one for each day whose threshold was taken.
# Why it matters: a heat wave of nine months each year hides any that comes, and what is told as a trend is the length of summer.
# Way out: `xclim.indices`, which it builds on, with the thresholds by day of the year.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile \
    climate-library==1.0.0 xclim==0.62.0 xarray==2026.9.0 numpy==2.4.6 pandas==3.1.1 scipy==1.17.1

cat >"$tmp/spell.py" <<'PY'
import sys

import numpy as np
import pandas as pd
import xarray as xr
import xclim
from climate_library import ClimateIndex
from xclim.core.calendar import percentile_doy

days = pd.date_range("1961-01-01", "1990-12-31")
season = -10 * np.cos(2 * np.pi * (days.dayofyear.values - 15) / 365.25)
highest = xr.DataArray(
    283.15 + season + 2 * np.sin(np.arange(len(days)) * 2.399), {"time": days}, name="t2m", attrs={"units": "K"}
)
highest.to_dataset().to_netcdf(sys.argv[1], engine="scipy")
index = ClimateIndex(sys.argv[1])
index.pre_process()

warm, cold = index.calculate_warm_spell()["wsdi"].values, index.calculate_cold_spell()["csdi"].values
share = index.calculate_tx90p()["tx90p"]
print(f"SEEN longest warm spell {warm.max()} days, {len(warm)} in 30 years; longest cold spell {cold.max()} days")
print(f"SEEN warm days: {share.size} answers, from {share.min().item():.1f} to {share.max().item():.1f} %")
above, below = (percentile_doy(highest, per=per, window=5).sel(percentiles=per) for per in (90, 10))
print(f"SEEN xclim: warm spells {xclim.indices.warm_spell_duration_index(highest, above, freq='YS').sum().item():.0f} days,"
      f" cold spells {xclim.indices.cold_spell_duration_index(highest, below, freq='YS').sum().item():.0f},"
      f" warm days {xclim.indices.tx90p(highest, above, freq='YS').sum().item() / len(days):.1%}")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/spell.py" "$tmp/highest.nc" 2>"$tmp/log" | grep '^SEEN' >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
SEEN longest warm spell 269 days, 30 in 30 years; longest cold spell 269 days
SEEN warm days: 366 answers, from 0.3 to 82.5 %
SEEN xclim: warm spells 0 days, cold spells 0, warm days 8.8%
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { tail -3 "$tmp/log" >&2; echo "CHANGED: warm spells are counted otherwise now" >&2; exit 1; }
