#!/usr/bin/env bash
# MetPy 1.7.1, meteocalc 1.1.0, thermofeel 2.3.0, pythermalcomfort 4.8.1, run 2026-11-29.
#
# Expected: all four name the heat index of the United States' weather service and its regression
#   (Rothfusz, 1990), so that they agree to a tenth of a degree. Its page says: take the plain formula,
#   average it with the temperature, and if that reaches 80 F take the regression with two corrections,
#   for dry and for damp air.
# Seen: at 26.1 C and 85 % three answers: none at all, 27.0 C and 28.1 C twice; of dry and of damp heat two packages
#   have the corrections and two leave them out.
# Why it matters: "caution" begins at 26.7 C (80 F). Whether an ordinary damp evening is told of depends
#   on the package. Use one, in the rule and in its test, and hold it against the service's table.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check \
    metpy==1.7.1 meteocalc==1.1.0 thermofeel==2.3.0 pythermalcomfort==4.8.1

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
import meteocalc
import metpy.calc
import numpy as np
import thermofeel
from metpy.units import units
from pythermalcomfort.models import heat_index_rothfusz


def dew_point_k(kelvin, percent):
    """That which thermofeel itself takes for so much humidity."""
    low, high = 150.0, kelvin
    for _ in range(60):
        middle = (low + high) / 2
        told = thermofeel.calculate_relative_humidity_percent(np.array([kelvin]), np.array([middle]))[0]
        low, high = (middle, high) if told < percent else (low, middle)
    return low


print(f"{'air':>15} {'MetPy':>7} {'meteocalc':>10} {'thermofeel':>11} {'pythermalcomfort':>17}")
for fahrenheit, percent in ((79, 85), (84, 95), (90, 60), (100, 10)):
    celsius = (fahrenheit - 32) / 1.8
    kelvin = celsius + 273.15
    metpy_ = metpy.calc.heat_index(fahrenheit * units.degF, percent * units.percent, mask_undefined=False)
    meteocalc_ = meteocalc.heat_index(meteocalc.Temp(fahrenheit, "f"), percent).c
    dew = dew_point_k(kelvin, percent)
    thermofeel_ = thermofeel.calculate_heat_index_adjusted(np.array([kelvin]), np.array([dew]))[0] - 273.15
    comfort = heat_index_rothfusz(tdb=celsius, rh=percent).hi
    print(
        f"{celsius:6.1f} C {percent:4} % {float(np.ravel(metpy_.to('degC').m)[0]):7.1f} {meteocalc_:10.1f} "
        f"{thermofeel_:11.1f} {comfort:17.1f}"
    )
PY

cat >"$tmp/expected" <<'TXT'
            air   MetPy  meteocalc  thermofeel  pythermalcomfort
  26.1 C   85 %    28.1       28.1        27.0               nan
  28.9 C   95 %    38.3       37.9        38.3              37.9
  32.2 C   60 %    37.6       37.6        37.6              37.6
  37.8 C   10 %    34.5       34.9        34.5              34.9
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: one of the four has another heat index now" >&2; exit 1; }
