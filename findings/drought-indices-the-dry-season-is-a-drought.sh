#!/usr/bin/env bash
# drought-indices-python 0.1.4, beside climate-indices 3.1.0, run 2026-11-30.
#
# Expected: the standardized precipitation index compares a month with the same month of other years, as McKee and others
#   (1993) have it and WMO's user guide to it (WMO-No. 1090): an index of zero is what is usual for the season.
# Seen: all months of the calibration are fitted as one. Where rain has a season, the index is the season: in the
#   driest March of thirty years, with 31 mm where 195 are usual, it is 0.02, "near normal", and -1.81, "severely dry", month
#   by month; in the wettest September, with near three times its rain, it is -0.79, and 25 of 30 are a drought.
# Why it matters: a watch with a limit of -1 is red each year from August on and never in the months in which a harvest
#   is lost; and each year's figures look as an index does, between -2 and 4.
# Way out: another package, or one call for each calendar month, with that month's values alone (sums made before).
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check drought-indices-python==0.1.4 climate-indices==3.1.0

cat >"$tmp/season.py" <<'PY'
import numpy as np
from climate_indices.compute import Periodicity
from climate_indices.indices import Distribution, spi
from drought_indices_python import calculate_spi

YEARS = 30
USUAL = np.array([80, 110, 160, 150, 90, 40, 20, 6, 3, 4, 8, 30.0])  # mm, as in a town of the Sertão
rain = np.random.default_rng(1).gamma(2, USUAL / 2, (YEARS, 12))
one = calculate_spi(rain.flatten(), 1, 1991, 1991, 2020).reshape(YEARS, 12)
by_month = spi(rain.flatten(), 1, Distribution.gamma, 1991, 1991, 2020, Periodicity.monthly).reshape(YEARS, 12)
for name, month in (("March", 2), ("September", 8)):
    driest, wettest = rain[:, month].argmin(), rain[:, month].argmax()
    print(f"SEEN {name}, {rain[:, month].mean():.1f} mm in the mean:")
    for what, year in (("driest", driest), ("wettest", wettest)):
        print(f"SEEN   the {what}, {rain[year, month]:.1f} mm: {one[year, month]:.2f}; month by month {by_month[year, month]:.2f}")
    print(f"SEEN   below -1, of {YEARS} years: {(one[:, month] < -1).sum()}; month by month {(by_month[:, month] < -1).sum()}")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/season.py" 2>&1 | grep '^SEEN' >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
SEEN March, 194.5 mm in the mean:
SEEN   the driest, 31.4 mm: 0.02; month by month -1.81
SEEN   the wettest, 778.2 mm: 3.87; month by month 2.83
SEEN   below -1, of 30 years: 0; month by month 5
SEEN September, 2.5 mm in the mean:
SEEN   the driest, 0.4 mm: -1.78; month by month -1.98
SEEN   the wettest, 6.7 mm: -0.79; month by month 2.06
SEEN   below -1, of 30 years: 25; month by month 5
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: the index of a season is another now" >&2; exit 1; }
