#!/usr/bin/env bash
# metar 2.0.2 and avwx-engine 1.9.10, run 2026-11-28 (the clock is set by freezegun 1.5.5).
#
# Expected: a METAR names only the day of the month; a parser takes the month in which the report is
#   nearest to now. Routine reports do arrive some minutes before their own time.
# Seen: two libraries, two rules, both wrong at one end.
#   metar: a day after today's is the past: 00:00 Z read at 23:58 Z is a month old, and at New
#   Year's Eve 30 days; a stray report of day 31, read on 1 March, is of 31 January.
#   avwx: more than 200 hours ago is the future: day 05 read on the 28th is next month's; day 31
#   read on 1 March is of 28 February, another day of the month.
# Why it matters: every midnight the first report of a day is dropped as old (or opens a month
#   without data), and an archive is dated ahead. Date reports by the time of receipt, nearest
#   month, not more than an hour ahead.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check metar==2.0.2 avwx-engine==1.9.10 freezegun==1.5.5

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
import avwx
from freezegun import freeze_time
from metar.Metar import Metar

for now, group in (
    ("2026-11-28 23:58:00", "282300Z"),
    ("2026-11-28 23:58:00", "290000Z"),
    ("2026-12-31 23:58:00", "010000Z"),
    ("2026-11-28 23:58:00", "052000Z"),
    ("2026-03-01 00:05:00", "312355Z"),
):
    with freeze_time(now):
        text = f"SBGR {group} 12007KT CAVOK 25/18 Q1018"
        one, other = Metar(text).time, avwx.Metar.from_report(text).data.time.dt
        print(f"{now[:16]} {group} metar {one:%Y-%m-%d %H:%M} avwx {other:%Y-%m-%d %H:%M}")
PY

cat >"$tmp/expected" <<'TXT'
2026-11-28 23:58 282300Z metar 2026-11-28 23:00 avwx 2026-11-28 23:00
2026-11-28 23:58 290000Z metar 2026-10-29 00:00 avwx 2026-11-29 00:00
2026-12-31 23:58 010000Z metar 2026-12-01 00:00 avwx 2027-01-01 00:00
2026-11-28 23:58 052000Z metar 2026-11-05 20:00 avwx 2026-12-05 20:00
2026-03-01 00:05 312355Z metar 2026-01-31 23:55 avwx 2026-02-28 23:55
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: a parser dates reports otherwise now" >&2; exit 1; }
