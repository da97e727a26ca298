#!/usr/bin/env bash
# EAS2Text 0.1.12 (its clock held by freezegun 1.5.5), run 2026-11-29.
#
# Expected: the header of an alert by radio (SAME, 47 CFR 11.31) says when it was issued by the day of
#   the year and the time in UTC, without the year: day 061 is 1 March in a leap year, and day 365 heard
#   early on 1 January is yesterday.
# Seen: the day is put into a year that has no 29 February, and the year is that of its own clock: in 2028
#   every alert from 1 March on is a day late: it begins tomorrow. Day 365, heard at 00:30 UTC on
#   1 January 2027, is 31 December 2027, a year ahead.
# Why it matters: a flash flood warning that is in force for six hours is announced for tomorrow, or for next
#   year; who drops what is over or far ahead drops it. Take the year that is nearest to the time of receipt.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cat >"$tmp/read.py" <<'PY'
from freezegun import freeze_time
from EAS2Text import EAS2Text

HEADER = "ZCZC-WXR-FFW-048113+0600-{}2200-KFWD/NWS-"
for heard, day in (
    ("2027-03-01 22:05", "060"),
    ("2028-02-28 22:05", "059"),
    ("2028-03-01 22:05", "061"),
    ("2028-11-29 22:05", "334"),
    ("2027-01-01 00:30", "365"),
):
    with freeze_time(heard):
        told = EAS2Text(HEADER.format(day))
    print(f"heard {heard}, day {day} 22:00: {told.startTime:%Y-%m-%d %H:%M} to {told.endTime:%Y-%m-%d %H:%M}")
PY
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check EAS2Text==0.1.12 freezegun==1.5.5
TZ=UTC "$tmp/venv/bin/python" -W ignore "$tmp/read.py" >"$tmp/seen" # it tells the machine's local time

cat >"$tmp/expected" <<'TXT'
heard 2027-03-01 22:05, day 060 22:00: 2027-03-01 22:00 to 2027-03-02 04:00
heard 2028-02-28 22:05, day 059 22:00: 2028-02-28 22:00 to 2028-02-29 04:00
heard 2028-03-01 22:05, day 061 22:00: 2028-03-02 22:00 to 2028-03-03 04:00
heard 2028-11-29 22:05, day 334 22:00: 2028-11-30 22:00 to 2028-12-01 04:00
heard 2027-01-01 00:30, day 365 22:00: 2027-12-31 22:00 to 2028-01-01 04:00
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: the day of the year is read otherwise now" >&2; exit 1; }
