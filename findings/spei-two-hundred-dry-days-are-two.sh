#!/usr/bin/env bash
# spei 0.8.2 (drought indices, with those of Climdex), run 2026-12-01.
#
# Expected: CDD, which its docstring has as the maximum number of consecutive days with less than 1 mm, is 200 for a year with
#   200 days without rain. SDII, the mean rain of wet days, does not know how many years there are.
# Seen: `cdd` and `cwd` count how often wet and dry take turns in 365 days: 200 dry days are 2, a year without any rain is 0, and
#   rain each other day, where no dry spell is longer than a day, is 365; dry and wet spells are always of the same
#   length. `sdii` divides each 30 days' rain by the wet days of the whole series: wet days of 10 mm are 0.82 mm in a
#   series of a year and 0.08 mm in one of ten.
# Why it matters: the worst drought there is has the value of the least one. Nothing fails, and the numbers look like days.
# Way out: count the runs oneself, or another package (`xclim.indices.maximum_consecutive_dry_days`).
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile \
    spei==0.8.2 scipy==1.17.1 numpy==2.4.6 pandas==3.1.1 matplotlib==3.11.1

cat >"$tmp/spell.py" <<'PY'
import numpy as np
import pandas as pd
from spei import climdex


def rain(years, rule):
    days = pd.date_range("2015-01-01", periods=365 * years)
    return pd.Series([float(rule(number)) for number in range(len(days))], days)


def longest(is_so):
    """The longest run, counted here."""
    return int(is_so.groupby((~is_so).cumsum()).sum().max())


for name, series in (
    ("200 days without rain", rain(2, lambda day: 0 if 425 <= day < 625 else 5)),
    ("rain each other day", rain(2, lambda day: 5 * (day % 2))),
    ("no rain at all", rain(2, lambda day: 0)),
):
    year = series.iloc[-365:]
    print(f"{name}: cdd {climdex.cdd(series).iloc[-1]}, cwd {climdex.cwd(series).iloc[-1]},"
          f" counted {longest(year < 1)} dry and {longest(year >= 1)} wet")
for years in (1, 10):
    print(f"10 mm each other day, {years} years: sdii {climdex.sdii(rain(years, lambda day: 10 * (day % 2))).iloc[0]:.2f}")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/spell.py" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
200 days without rain: cdd 2, cwd 2, counted 200 dry and 105 wet
rain each other day: cdd 365, cwd 365, counted 1 dry and 1 wet
no rain at all: cdd 0, cwd 0, counted 365 dry and 0 wet
10 mm each other day, 1 years: sdii 0.82
10 mm each other day, 10 years: sdii 0.08
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: dry spells are counted otherwise now" >&2; exit 1; }
