#!/usr/bin/env bash
# earthkit-meteo 1.2.1, beside scipy 1.17.1 (numpy 2.4.6), run 2026-11-30.
#
# Expected: of the greatest rain of each year, fitted by a Gumbel distribution, `cdf(x)` is the chance of a year with x or
#   less, as its documentation says, and `ppf(0.99)` the amount that 99 years of 100 stay below.
# Seen: `cdf` is the chance of more than x, and falls as x grows; `ppf(0.99)` is what is passed in 99 years of 100: 29 mm,
#   where scipy has 153 mm from the same two parameters. The return periods of the package are right:
#   they take the chance of more for what `cdf` should be.
# Why it matters: whoever makes limits from such a fit, as with any other library, warns of each year's common rain at the
#   level of a century's; who mends `1 / cdf` into `1 / (1 - cdf)` has a flood of 88 years as one of a year.
# Way out: `value_to_return_period` and `return_period_to_value`; or `scipy.stats.gumbel_r` with `mu` and `sigma`.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check earthkit-meteo==1.2.1 scipy==1.17.1 numpy==2.4.6

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
import numpy as np
from earthkit.meteo import stats
from scipy.stats import gumbel_r

# Forty years' greatest rain of a day in mm: the quantiles of a Gumbel distribution with location 60 and scale 20.
years = gumbel_r.ppf((np.arange(40) + 0.5) / 40, 60, 20)
fitted = stats.fit_gumbel(years, 0)
mu, sigma = float(fitted.mu), float(fitted.sigma)
print(f"fitted: mu {mu:.1f} mm, sigma {sigma:.1f} mm; of the forty years {(years <= 100).sum()} have 100 mm or less")


def one(value):
    return float(np.ravel(value)[0])


for rain in (40.0, 60.0, 100.0, 150.0):
    print(f"{rain:5.0f} mm: cdf {one(fitted.cdf(np.array(rain))):.3f}, scipy {gumbel_r.cdf(rain, mu, sigma):.3f},"
          f" return period {one(stats.value_to_return_period(np.array(rain), fitted)):.1f} years")
for chance in (0.01, 0.5, 0.99):
    print(f"ppf({chance}): {one(fitted.ppf(np.array(chance))):.0f} mm, scipy {gumbel_r.ppf(chance, mu, sigma):.0f} mm")
print(f"of 100 years: {one(stats.return_period_to_value(np.array(100.0), fitted)):.0f} mm")
PY

cat >"$tmp/expected" <<'TXT'
fitted: mu 59.7 mm, sigma 20.2 mm; of the forty years 35 have 100 mm or less
   40 mm: cdf 0.930, scipy 0.070, return period 1.1 years
   60 mm: cdf 0.627, scipy 0.373, return period 1.6 years
  100 mm: cdf 0.127, scipy 0.873, return period 7.8 years
  150 mm: cdf 0.011, scipy 0.989, return period 87.7 years
ppf(0.01): 153 mm, scipy 29 mm
ppf(0.5): 67 mm, scipy 67 mm
ppf(0.99): 29 mm, scipy 153 mm
of 100 years: 153 mm
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: earthkit-meteo's Gumbel distribution is another one now" >&2; exit 1; }
