#!/usr/bin/env bash
# pyextremes 2.6.1 with scipy 1.17.1, run 2026-11-30.
#
# Expected: how often a flood comes is counted in the years that were measured. A gauge that was out for twenty of forty
#   years has twenty years of record.
# Seen: with peaks over a threshold the years are those from the first day to the last. The same forty floods of twenty years of
#   days are two a year without a gap and one a year with one: the flood of ten years falls from 215 to 193, that of
#   a hundred from 288 to 266, and what came once in twenty years comes each 41.
# Why it matters: long records have gaps, by war, by money, by the flood that took the gauge. Walls and warning levels built on
#   such numbers are too low, and nothing says that there was a gap.
# Way out: join the measured years first; or a `return_period_size` in the proportion of all years to the measured ones.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile \
    pyextremes==2.6.1 scipy==1.17.1 numpy==2.4.6 pandas==2.3.3

cat >"$tmp/gap.py" <<'PY'
import numpy as np
import pandas as pd
from pyextremes import EVA, get_return_periods

# Forty floods in twenty years of days, two a year, at fixed ranks of an exponential distribution.
heights = 120 + 32 * -np.log((np.arange(40) + 0.5) / 40)
heights = heights[np.random.default_rng(7).permutation(40)].round(1)


def record(gap):
    """Twenty years of a river's level, with the years from 1980 on moved back by the gap."""
    days = pd.date_range("1970-01-01", "1989-12-31", freq="D")
    river = pd.Series(20.0, days)
    for number, height in enumerate(heights):
        river[pd.Timestamp(1970 + number // 2, 2 + 6 * (number % 2), 10)] = height
    later = river.index.year >= 1980
    river.index = river.index.where(~later, river.index + pd.DateOffset(years=gap))
    return river


def told(name, river, size="365.2425D"):
    peaks = EVA(river)
    peaks.get_extremes("POT", threshold=120)
    peaks.fit_model("MLE", distribution="expon")
    ten, hundred = peaks.get_summary([10, 100], return_period_size=size)["return value"]
    each = get_return_periods(river, peaks.extremes, "POT", extremes_type="high", return_period_size=size)["return period"]
    print(f"{name}: {len(peaks.extremes)} floods in {len(river) / 365.2425:.0f} years of days;"
          f" of ten years {ten:.0f}, of a hundred {hundred:.0f}, the greatest comes each {each.max():.1f} years")


told("no gap", record(0))
told("a gap of 20 years", record(20))
told("a gap, and twice the period", record(20), "730.485D")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/gap.py" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
no gap: 40 floods in 20 years of days; of ten years 215, of a hundred 288, the greatest comes each 20.5 years
a gap of 20 years: 40 floods in 20 years of days; of ten years 193, of a hundred 266, the greatest comes each 41.0 years
a gap, and twice the period: 40 floods in 20 years of days; of ten years 215, of a hundred 288, the greatest comes each 20.5 years
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: years without data are counted otherwise now" >&2; exit 1; }
