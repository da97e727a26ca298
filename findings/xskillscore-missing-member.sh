#!/usr/bin/env bash
# xskillscore 0.0.29 with xarray 2026.9.0, run 2026-11-29.
#
# Expected: one package's two Brier scores of one ensemble agree when a member has no value, as members
#   do beyond the horizon of their model.
# Seen: threshold_brier_score takes the chance of the members that have a value: 1 of 3 passes 8 mm,
#   0.444. brier_score is given the members' yes or no, as its documentation shows, and a comparison
#   with a missing value is a no: 1 of 4, 0.562.
# Why it matters: chances shrink where members run out, and the score blames the forecast. Divide by
#   members with a value, or mask before you compare.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check xskillscore==0.0.29 xarray==2026.9.0 numpy==2.4.6

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
import numpy as np
import xarray as xr
import xskillscore

LIMIT_MM = 8.0
observed = xr.DataArray([10.0], dims="time")
members = xr.DataArray([[0.0, 5.0, np.nan, 20.0]], dims=("time", "member"))
by_amount = xskillscore.threshold_brier_score(observed, members, LIMIT_MM, dim=[])
by_event = xskillscore.brier_score(observed > LIMIT_MM, members > LIMIT_MM, member_dim="member", dim=[])
print(f"threshold_brier_score {float(by_amount.squeeze()):.3f}")
print(f"brier_score           {float(by_event.squeeze()):.3f}")
PY

cat >"$tmp/expected" <<'TXT'
threshold_brier_score 0.444
brier_score           0.562
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: a missing member counts otherwise now" >&2; exit 1; }
