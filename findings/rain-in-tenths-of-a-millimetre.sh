#!/usr/bin/env bash
# isd-fetch 0.2.0 and historicdutchweather 1.2.0, run 2026-11-30.
#
# Expected: files of hours (NOAA's ISD-Lite, KNMI's hours of the Netherlands) have all in tenths: of a degree, of a metre
#   a second and of a millimetre of rain, -1 for a trace of it. Who divides temperature and wind by ten divides the
#   rain, too, and isd-fetch says "One-hour precipitation (mm)".
# Seen: rain stays as it is in the file. 12.4 mm in an hour, beside 18.3 degrees and 9.0 m/s, are 124 to both, and
#   31.0 mm in six hours 310. A trace is -1 mm to the one. The other lays a plane through the three nearest stations
#   for each value, rain too: with 0.4, 15.0 and 5.0 mm around it Heerlen has -130, 13 mm less than nothing.
# Why it matters: a limit of 30 mm in an hour, for a flood in the streets, is passed by a shower of 3 mm, each of them,
#   until nobody listens; and a climate made of such hours has no rain beyond its usual one.
# Way out: divide the rain by ten where it is not negative; -1 of ISD-Lite is a trace, less than 0 of a plane nothing.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile isd-fetch==0.2.0 pandas==2.3.3 numpy==2.4.6
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile historicdutchweather==1.2.0 pytz==2026.6 scipy==1.17.1

# ISD-Lite: year, month, day, hour, then temperature, dew point, pressure, direction and speed of the wind, clouds, rain
# of one hour and of six hours.
mkdir "$tmp/2026"
gzip >"$tmp/2026/725300-94846-2026.gz" <<'TXT'
2026 06 25 11   189   178 10071   190    62     8     0 -9999
2026 06 25 12   183   178 10065   200    90     8   124   310
2026 06 25 13   181   175 10069   210    41     8    -1 -9999
TXT
cat >"$tmp/isd.py" <<'PY'
import sys

from pyisd import IsdLite

IsdLite.data_url = f"file://{sys.argv[1]}/{{year}}/"  # a folder instead of the service; the rest is the library's
hours = IsdLite().get_data(start="2026-06-25", station_id="725300-94846")["725300-94846"]
for time, hour in hours.dropna(subset=["temp"]).iterrows():
    print(f"isd-fetch, {time:%H} h: {hour['temp']} C, {hour['windspeed']} m/s, rain {hour['precipitation-1h']:g} mm,"
          f" of six hours {hour['precipitation-6h']:g} mm")
PY
cat >"$tmp/knmi.py" <<'PY'
from datetime import datetime

import pandas as pd
from historicdutchweather import get_local_weather, main

COLUMNS = ["STN", "YYYYMMDD", "HH", "DD", "FH", "FF", "FX", "T", "T10N", "TD", "SQ", "Q", "DR", "RH", "P", "VV", "N", "U",
           "WW", "IX", "M", "R", "S", "O", "Y"]
read_csv = pd.read_csv


def ask(name, place, rain_of):
    """Asks for an hour of 18.3 degrees, 9.0 m/s and a rain by station, in tenths as KNMI would have sent them."""

    def read(url, *arguments, **named):
        if not isinstance(url, str):
            return read_csv(url, *arguments, **named)  # the library's own table of stations
        station = int(url.split("uurgeg_")[1].split("_")[0])
        known = {"STN": station, "YYYYMMDD": 20210625, "HH": 12, "DD": 190, "FH": 90, "T": 183, "DR": 10, "N": 8, "U": 97}
        row = {**dict.fromkeys(COLUMNS, "     "), **known, "RH": rain_of(station)}
        return pd.DataFrame([row] if "_2021-2030" in url else [], columns=COLUMNS)

    main.pd.read_csv = read
    hour = get_local_weather(datetime(2021, 6, 25), datetime(2021, 6, 26), *place, metrics=["T", "FH", "DR", "RH"]).iloc[0]
    print(f"historicdutchweather, {name}: {hour['T']:.1f} C, {hour['FH']:.1f} m/s, rain {hour['RH']:.0f}")


ask("12.4 mm at all stations", (52.10, 5.18), lambda station: 124)
SOUTH = {380: 4, 377: 150, 391: 50}  # Maastricht, Ell, Arcen: what is nearest to Heerlen
ask("0.4, 15.0 and 5.0 mm around Heerlen", (50.89, 5.98), lambda station: SOUTH.get(station, 124))
PY
"$tmp/venv/bin/python" -W ignore "$tmp/isd.py" "$tmp" >"$tmp/seen"
"$tmp/venv/bin/python" -W ignore "$tmp/knmi.py" 2>"$tmp/progress" | grep '^historic' >>"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
isd-fetch, 11 h: 18.9 C, 6.2 m/s, rain 0 mm, of six hours nan mm
isd-fetch, 12 h: 18.3 C, 9.0 m/s, rain 124 mm, of six hours 310 mm
isd-fetch, 13 h: 18.1 C, 4.1 m/s, rain -1 mm, of six hours nan mm
historicdutchweather, 12.4 mm at all stations: 18.3 C, 9.0 m/s, rain 124
historicdutchweather, 0.4, 15.0 and 5.0 mm around Heerlen: 18.3 C, 9.0 m/s, rain -130
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: rain is in other units now" >&2; exit 1; }
