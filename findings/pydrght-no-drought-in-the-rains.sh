#!/usr/bin/env bash
# pydrght 0.2.1 (drought indices) with scipy 1.17.1, run 2026-12-01.
#
# Expected: a standardized index of rain mixes a month's own chance of no rain with the distribution of its rain. A March of
#   3 mm, where 38 to 374 mm are usual, is below -3, an extreme drought. A month that is missing changes nothing for the rest.
# Seen: the chance of no rain is that of all months together. Where five months of the year never have rain it is 0.42 for March,
#   too, which never was without: no index can be below -0.21, that March is near normal, and no month of thirty years
#   is a drought. Percent of normal goes by rows, not by dates: behind one May that is missing, left out or NaN, each month
#   stands with the one before it, November with the dry October: half of its usual rain is 87 %.
# Why it matters: climates with a dry season, as in the north-east of Brazil or in the Sahel, live by their wet months, and no
#   drought of theirs is ever told.
# Way out: a fit for each calendar month by itself, or another package; fill missing months in before.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile \
    pydrght==0.2.1 scipy==1.17.1 numpy==2.4.6 pandas==2.3.3 matplotlib==3.11.1

cat >"$tmp/rains.py" <<'PY'
import numpy as np
import pandas as pd
from pydrght import PNI, SI
from scipy import stats

# Thirty years. June to October never have rain; the other months have the same thirty amounts, in an order of their own.
months = pd.date_range("1991-01-01", "2020-12-01", freq="MS")
amounts = stats.gamma.ppf((np.arange(30) + 0.5) / 30, 4, scale=40).round()
order = {month: np.random.default_rng(month).permutation(30) for month in range(1, 13)}
rain = pd.Series([0.0 if 6 <= day.month <= 10 else amounts[order[day.month][day.year - 1991]] for day in months], months)
rain["1998-03-01"] = 3.0
rain["2019-11-01"] = 80.0


def index(series):
    return SI(series).fit_parametric(stats.gamma, is_2p=True)["Index"]


march = rain[rain.index.month == 3]
shape, _, scale = stats.gamma.fit(march, floc=0)
told = index(rain)
print(f"other Marches: {march.sort_values().iloc[1]:.0f} to {march.max():.0f} mm, without rain: {(march == 0).sum()}")
print(f"March of 3 mm: {told['1998-03-01']:.2f}, by March alone {stats.norm.ppf(stats.gamma.cdf(3.0, shape, scale=scale)):.2f}")
print(f"months with a value: {told.notna().sum()}, below -1: {(told < -1).sum()}, below 0: {(told < 0).sum()}")

for name, series in (
    ("all months", rain),
    ("May 2005 left out", rain.drop(pd.Timestamp("2005-05-01"))),
    ("May 2005 is NaN", rain.where(rain.index != "2005-05-01")),
):
    normal = PNI(series).calculate_monthwise()
    print(f"November 2019, 80 mm, in percent of normal, {name}: {normal['2019-11-01']:.0f}")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/rains.py" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
other Marches: 38 to 374 mm, without rain: 0
March of 3 mm: -0.21, by March alone -3.59
months with a value: 210, below -1: 0, below 0: 27
November 2019, 80 mm, in percent of normal, all months: 51
November 2019, 80 mm, in percent of normal, May 2005 left out: 87
November 2019, 80 mm, in percent of normal, May 2005 is NaN: 87
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: a drought in the rains is told otherwise now" >&2; exit 1; }
