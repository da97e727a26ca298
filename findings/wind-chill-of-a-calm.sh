#!/usr/bin/env bash
# pythermalcomfort 4.8.1, thermofeel 2.3.0, with MetPy 1.7.1 and meteocalc 1.1.0 beside them, run 2026-11-30.
#
# Expected: the wind chill of a calm is the temperature of the air, or none: its formula is for 10 degrees at the most
#   and winds above 4.8 km/h (3 miles an hour), and no wind makes air warmer than it is.
# Seen: two of the four calculate it for any wind. In a calm -30 degrees feel like -5.5 and -10 like +6.9, and at half a
#   kilometre an hour still like -26.3 and -6.8; 30 degrees in the lightest air feel like 32.4. The other two have
#   none there, masked or refused. thermofeel says in its text where the formula is valid, pythermalcomfort does not.
# Why it matters: the hardest frosts are those of calm, clear nights, and the calmer it is the further the frost is off:
#   a limit of -25 for those who sleep outside is passed in a wind of 20 km/h at -16, and in a calm not even at -50.
# Way out: below 4.8 km/h, or above 10 degrees, take the temperature of the air.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile \
    metpy==1.7.1 meteocalc==1.1.0 thermofeel==2.3.0 pythermalcomfort==4.8.1

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
import meteocalc
import metpy.calc
import numpy as np
import thermofeel
from metpy.units import units
from pythermalcomfort.models import wind_chill_temperature


def masked(celsius, kmh):
    told = metpy.calc.windchill([celsius] * units.degC, [kmh] * units("km/h"))
    return "none" if np.ma.getmaskarray(told.m)[0] else f"{told.to('degC').m[0]:.1f}"


def refused(celsius, kmh):
    try:
        return f"{meteocalc.wind_chill(meteocalc.Temp(celsius, 'c'), kmh / 1.609344).c:.1f}"
    except ValueError:
        return "none"


print(f"{'air':>8} {'wind':>10} {'MetPy':>7} {'meteocalc':>10} {'thermofeel':>11} {'pythermalcomfort':>17}")
for celsius, kmh in ((-30, 20), (-30, 0.5), (-30, 0), (-22, 0), (-10, 20), (-10, 0.5), (-10, 0), (30, 3.2)):
    thermofeel_ = thermofeel.calculate_wind_chill(np.array([celsius + 273.15]), np.array([kmh / 3.6]))[0] - 273.15
    comfort = wind_chill_temperature(tdb=celsius, v=kmh, round_output=False).wct
    print(
        f"{celsius:6.1f} C {kmh:5.1f} km/h {masked(celsius, kmh):>6} {refused(celsius, kmh):>10}"
        f" {thermofeel_:11.1f} {float(comfort):17.1f}"
    )
PY

cat >"$tmp/expected" <<'TXT'
     air       wind   MetPy  meteocalc  thermofeel  pythermalcomfort
 -30.0 C  20.0 km/h  -43.1      -43.1       -43.1             -43.1
 -30.0 C   0.5 km/h   none       none       -26.3             -26.3
 -30.0 C   0.0 km/h   none       none        -5.5              -5.5
 -22.0 C   0.0 km/h   none       none        -0.6              -0.6
 -10.0 C  20.0 km/h  -17.9      -17.8       -17.9             -17.9
 -10.0 C   0.5 km/h   none       none        -6.8              -6.8
 -10.0 C   0.0 km/h   none       none         6.9               6.9
  30.0 C   3.2 km/h   none       none        32.4              32.4
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: a calm feels otherwise now" >&2; exit 1; }
