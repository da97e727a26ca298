#!/usr/bin/env bash
# tfa-me-ha-local 1.0.10, run 2026-11-30.
#
# Expected: a gauge counts up; the rain of the last hour is what it counts now, less what it counted an hour ago
#   (and so of 24 hours).
# Seen: a reading is kept only if its value is new, and goes when it is older than the hour. So goes the last
#   dry one, which the rain is counted from, while the rain itself is still there: 20 mm of a cloudburst at
#   12:00 are told for 0 to 55 minutes and are 0.0 mm then, by the minute at which the program happened to be
#   started; over 24 hours they are told for 15 minutes to 20 hours. After a counter of 0 (a new battery) the
#   first rain is 0.0 mm always, as 0 is never kept.
# Why it matters: the rain of a day is what a flood warning adds up, and the gauge's sum is lost after minutes,
#   at no fixed hour.
# Way out: keep the counter with the time of each reading, equal ones too, and one reading from before the
#   period.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check tfa-me-ha-local==1.0.10 freezegun==1.5.5

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
from datetime import UTC, datetime, timedelta

from freezegun import freeze_time
from tfa_me_ha_local.history import SensorHistory

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
STEP = 5


def counter(moment, before):
    """A gauge that has counted some millimetres long ago, and 20 more at noon."""
    return before + (20.0 if moment >= NOON else 0.0)


def stands(first, before, period):
    """For how many minutes its 20 mm are told, of a station that was started then."""
    history = SensorHistory(max_age_minutes=period)
    moment, minutes = first, 0
    with freeze_time(first) as clock:
        while moment <= NOON + timedelta(minutes=period):
            clock.move_to(moment)
            history.add_measurement(counter(moment, before), int(moment.timestamp()))
            minutes += STEP if history.get_rain_amount() == 20.0 else 0
            moment += timedelta(minutes=STEP)
    return minutes


print("20 mm at 12:00, a reading each 5 minutes; minutes that they are told, by when the station was started:")
for name, before, period, first, apart in (
    ("last hour", 100.0, 60, 660, 10), ("last hour, counter at 0", 0.0, 60, 660, 10), ("last 24 hours", 100.0, 1440, 2880, 240),
):
    starts = [NOON - timedelta(minutes=first - number * apart) for number in range(6)]
    print(f"{name}:", ", ".join(f"{start:%d %H:%M} {stands(start, before, period)}" for start in starts))
PY

cat >"$tmp/expected" <<'TXT'
20 mm at 12:00, a reading each 5 minutes; minutes that they are told, by when the station was started:
last hour: 30 01:00 35, 30 01:10 45, 30 01:20 55, 30 01:30 0, 30 01:40 5, 30 01:50 15
last hour, counter at 0: 30 01:00 0, 30 01:10 0, 30 01:20 0, 30 01:30 0, 30 01:40 0, 30 01:50 0
last 24 hours: 28 12:00 15, 28 16:00 255, 28 20:00 495, 29 00:00 735, 29 04:00 975, 29 08:00 1215
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: tfa-me-ha-local adds up rain otherwise now" >&2; exit 1; }
