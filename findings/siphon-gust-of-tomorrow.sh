#!/usr/bin/env bash
# siphon 0.11.0, run 2026-11-30.
#
# Expected: files of NOAA's buoys and coast stations (NDBC, `cwind` and `supl`) give the highest gust, the lowest
#   pressure and the highest wind of the hour behind each report with its own time, hour and minute. That is
#   never after the report, and of the first report of a day it is one of the evening before.
# Seen: hour and minute are put on the report's own day. Of the report of 00:00 with a gust of 41.2 m/s at 23:18 the
#   gust is at 23:18 of the day that has just begun, almost a whole day ahead of the report. The lowest pressure
#   and the highest wind of a report at 00:50 go the same way.
# Why it matters: stations that report on the hour have it in each midnight's report, and a hurricane does not ask for
#   the hour: the gust that has been is in tomorrow's evening, and today's highest gust is missing.
# Way out: take a day from each such time that is later than the report's `time`.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile siphon==0.11.0 pandas==2.3.3 numpy==2.4.6

cat >"$tmp/cwind" <<'TXT'
#YY  MM DD hh mm WDIR WSPD GDR GST GTIME
#yr  mo dy hr mn degT m/s degT m/s hhmm
2026 09 26 01 00 185 22.1 190 35.0 0007
2026 09 26 00 00 181 24.6 180 41.2 2318
2026 09 25 23 50 179 23.9 999 99.0 9999
2026 09 25 23 00 170 20.3 170 33.0 2218
TXT
cat >"$tmp/supl" <<'TXT'
#YY  MM DD hh mm   PRES PTIME  WSPD  WDIR WTIME
#yr  mo dy hr mn    hPa  hhmm   m/s  degT  hhmm
2026 09 26 00 50  951.2  2355  29.0   180  2352
2026 09 25 23 50  953.3  2345  27.0   170  2301
TXT
cat >"$tmp/read.py" <<'PY'
import sys
from pathlib import Path

from siphon.simplewebservice.ndbc import NDBC

# What the service would have sent; the rest is the library's.
NDBC.raw_buoy_data = classmethod(lambda cls, buoy, data_type="txt": Path(sys.argv[1], data_type).read_text())


def told(data_type, value, unit, time):
    for _, row in NDBC.realtime_observations("WPOW1", data_type).dropna(subset=[time]).iterrows():
        ahead = (row[time] - row["time"]).total_seconds() / 3600
        print(f"report of {row['time']:%d, %H:%M}: {value} {row[value]} {unit} at {row[time]:%d, %H:%M} ({ahead:+.1f} h)")


told("cwind", "wind_gust", "m/s", "gust_time")
told("supl", "hourly_low_pressure", "hPa", "hourly_low_pressure_time")
told("supl", "hourly_high_wind", "m/s", "hourly_high_wind_time")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/read.py" "$tmp" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
report of 26, 01:00: wind_gust 35.0 m/s at 26, 00:07 (-0.9 h)
report of 26, 00:00: wind_gust 41.2 m/s at 26, 23:18 (+23.3 h)
report of 25, 23:00: wind_gust 33.0 m/s at 25, 22:18 (-0.7 h)
report of 26, 00:50: hourly_low_pressure 951.2 hPa at 26, 23:55 (+23.1 h)
report of 25, 23:50: hourly_low_pressure 953.3 hPa at 25, 23:45 (-0.1 h)
report of 26, 00:50: hourly_high_wind 29.0 m/s at 26, 23:52 (+23.0 h)
report of 25, 23:50: hourly_high_wind 27.0 m/s at 25, 23:01 (-0.8 h)
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: siphon dates gusts and pressures otherwise now" >&2; exit 1; }
