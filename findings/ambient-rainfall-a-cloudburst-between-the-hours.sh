#!/usr/bin/env bash
# ambient-rainfall 0.1.2 with ambient-api 1.5.7, run 2026-12-01.
#
# Expected: the rain of a period is the sum of what fell: 2 inches between 14:05 and 14:50 are 2 inches, and a week has seven days.
# Seen: it adds up one `hourlyrainin` of each hour, which Ambient Weather's list of fields has as a rate in inches an hour. As the
#   answer begins with the newest report, the last one kept of an hour is that at its full hour: the cloudburst is 0. Drizzle
#   that falls at 0.3 inches an hour for five minutes about each full hour is 7.2 inches in a day. Of a week it asks for 2,016
#   reports at once, where the service's documentation has 288 at most, and does not look how many came: with 288 the last
#   day alone is summed up, and nothing says so.
# Why it matters: the rain that floods is the one that comes between the hours. `dailyrainin` of the same reports has it.
# Way out: sum up the rises of `dailyrainin`, a day at a time.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile \
    ambient-rainfall==0.1.2 ambient-api==1.5.7 diskcache==5.6.3 python-dotenv==1.2.4 tzlocal==5.4.5

cd "$tmp"
cat >rain.py <<'PY'
import datetime
import time

import requests

time.sleep = lambda seconds: None  # it waits a second between its calls
UTC = datetime.UTC
asked = []


def reports(rate):
    """What the station sent, each five minutes of eight days, with the rate of rain and the rain since midnight."""
    start, kept, rain = datetime.datetime(2026, 11, 20, tzinfo=UTC), [], 0.0
    for number in range(8 * 288):
        at = start + datetime.timedelta(minutes=5 * number)
        rain = rate(at) / 12 if (at.hour, at.minute) == (0, 0) else rain + rate(at) / 12
        kept.append({"date": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"), "dateutc": int(at.timestamp() * 1000),
                     "hourlyrainin": rate(at), "dailyrainin": round(rain, 3)})
    return kept


class Answer:
    """The service: the newest report first, up to `endDate`, 288 at most."""

    status_code = 200

    def __init__(self, kept):
        self.kept = kept

    def json(self):
        return self.kept


def serve(kept):
    def get(url, params, verify):
        asked.append(params["limit"])
        newest_first = [row for row in reversed(kept) if row["dateutc"] < params["endDate"]]
        return Answer(newest_first[: min(params["limit"], 288)])

    requests.get = get


from ambient_rainfall.core import get_total_rainfall_for_date_range


def told(name, rate, days=1):
    kept = reports(rate)
    serve(kept)
    end = datetime.datetime(2026, 11, 28, tzinfo=UTC)
    start = end - datetime.timedelta(days=days)
    total = get_total_rainfall_for_date_range("00:00:00:00:00:00", start, end, csv_path="rain.csv")
    fell = sum(row["hourlyrainin"] / 12 for row in kept if row["dateutc"] >= start.timestamp() * 1000)
    hours = len(open("rain.csv").readlines()) - 1
    print(f"SEEN {name}: {total:.2f} inches of {fell:.2f}, {hours} hours, asked for {asked[-1]} reports")


told("a cloudburst from 14:05 to 14:50", lambda at: 2.4 if at.hour == 14 and 5 <= at.minute <= 50 else 0.0)
told("five minutes each hour", lambda at: 0.3 if at.minute == 0 else 0.0)
told("a week, rain on its first day", lambda at: 1.0 if at.day == 21 else 0.0, days=7)
PY
AMBIENT_API_KEY=none AMBIENT_APPLICATION_KEY=none "$tmp/venv/bin/python" -W ignore rain.py | grep '^SEEN' >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
SEEN a cloudburst from 14:05 to 14:50: 0.00 inches of 2.00, 24 hours, asked for 288 reports
SEEN five minutes each hour: 7.20 inches of 0.60, 24 hours, asked for 288 reports
SEEN a week, rain on its first day: 0.00 inches of 24.00, 24 hours, asked for 2016 reports
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: rain is added up otherwise now" >&2; exit 1; }
