#!/usr/bin/env bash
# besttracks 0.2.1, run 2026-11-30.
#
# Expected: the best tracks of the National Hurricane Center (HURDAT2) have, between those of 00, 06, 12 and 18 h, entries of
#   landfall and peak at their own hour and minute. They keep it, and a choice of the four hours leaves them out.
# Seen: the minutes are cut off. A landfall at 18:45 is at 18:00, a second place, wind and pressure for the
#   same time, and passes the filter of hours that the package's own example shows: the energy (ACE)
#   of those six hours counts twice.
# Why it matters: the hour of landfall is what a warning is held against, and it is up to an hour early; statistics
#   of seasons have too much energy just for storms that came ashore.
# Way out: drop the second of two entries of one time before anything is summed; landfalls from the file itself.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check besttracks==0.2.1

cat >"$tmp/track.txt" <<'TXT'
AL092026,               DEMO,      3,
20260901, 1200,  , HU, 27.9N,  82.9W,  90,  968,  120,  100,   60,   90,   60,   50,   30,   40,   30,   20,   15,   20,   20
20260901, 1800,  , HU, 28.4N,  82.8W, 100,  955,  120,  100,   60,   90,   60,   50,   30,   40,   30,   20,   15,   20,   20
20260901, 1845, L, HU, 28.6N,  82.6W, 105,  951,  120,  100,   60,   90,   60,   50,   30,   40,   30,   20,   15,   20,   20
TXT

cat >"$tmp/read.py" <<'PY'
import sys

from besttracks import parse_TCs

[storm] = parse_TCs(sys.argv[1], agency="NHC", rec_cond=lambda df: df["TIME"].dt.hour.isin([0, 6, 12, 18]))
for row in storm.records.itertuples():
    print(f"SEEN {row.TIME:%H:%M} {row.LAT:.1f} N, {row.WND:.0f} kt, {row.PRS:.0f} hPa")
print(f"SEEN energy {storm.ace():.0f} kt2, of 12 and 18 h {90**2 + 100**2} kt2")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/read.py" "$tmp/track.txt" | grep '^SEEN' >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
SEEN 12:00 27.9 N, 90 kt, 968 hPa
SEEN 18:00 28.4 N, 100 kt, 955 hPa
SEEN 18:00 28.6 N, 105 kt, 951 hPa
SEEN energy 29125 kt2, of 12 and 18 h 18100 kt2
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: besttracks keeps other times of a landfall now" >&2; exit 1; }
