#!/usr/bin/env bash
# scores 2.7.0, run 2026-11-28.
#
# Expected: one verification library counts a value that is equal to the threshold the same way in
#   all its scores.
# Seen: for "50 mm and more", forecast and observed as 50.0 mm in the same cell, the contingency
#   table counts a hit (its operator is "at least") and the fractions skill score says 0, no skill
#   (its operator is "greater than"). With `threshold_operator=numpy.greater_equal` it says 1.
# Why it matters: rain comes in whole and half millimetres and limits are round numbers, so ties are
#   common; the two scores of one table then speak of different events. Give both the operator.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check scores==2.7.0 numpy==2.4.6 xarray==2026.9.0 pandas==3.1.1 scipy==1.17.1

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
import numpy as np
import xarray as xr
from scores.categorical import ThresholdEventOperator
from scores.spatial import fss_2d_single_field

LIMIT = 50.0
rain = np.zeros((4, 4))
rain[1, 1] = LIMIT
field = xr.DataArray(rain, dims=("y", "x"))
table = ThresholdEventOperator(default_event_threshold=LIMIT).make_contingency_manager(field, field)
counts = table.get_counts()
print("hits in the contingency table:", int(counts["tp_count"]))
same = {"event_threshold": LIMIT, "window_size": (1, 1)}
print("fractions skill score:        ", float(fss_2d_single_field(rain, rain, **same)))
print("with greater_equal:           ", float(fss_2d_single_field(rain, rain, threshold_operator=np.greater_equal, **same)))
PY

cat >"$tmp/expected" <<'TXT'
hits in the contingency table: 1
fractions skill score:         0.0
with greater_equal:            1.0
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: scores treats the threshold otherwise now" >&2; exit 1; }
