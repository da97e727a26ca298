#!/usr/bin/env bash
# hotspell 0.1.5.8 (heat waves of stations), run 2026-12-01.
#
# Expected: of a summer from June to August a heat wave from 31 May to 20 June is twenty days of heat, at the least. Of a summer
#   from December to February (its documentation has `summer_months=(12, 1, 2)` for the south) each summer is one.
# Seen: a wave belongs to the day it begins on: from 1 to 20 June there is one of 20 days, from 31 May to 20 June none, and the
#   year has zero days of heat, as a year that was measured. In the south a wave of January and one of the next December, of two
#   summers, are two in one year; a wave from 30 December to 20 January is wholly in the old year, the new one has none.
# Why it matters: the longest waves are those that begin early. Trends of heat by year leave them out, and where summer spans the
#   new year each year is the halves of two.
# Way out: `summer_months=None` and one's own cut of the events; in the south years from July to June.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile \
    hotspell==0.1.5.8 numpy==2.4.6 pandas==2.3.3 setuptools==80.9.0

cat >"$tmp/heat.py" <<'PY'
import sys

import hotspell
import pandas as pd

DAYS = pd.date_range("1990-01-01", "2021-12-31")
INDEX = hotspell.index(name="hot_events_daytime")  # three days or more above 35 degrees


def told(name, months, *waves):
    spans = [pd.date_range(*wave) for wave in waves]
    hot = pd.DatetimeIndex([day for span in spans for day in span])
    rows = [(day.year, day.month, day.day, 15.0, 38.0 if day in hot else 25.0) for day in DAYS]
    pd.DataFrame(rows).to_csv(sys.argv[1], header=False, index=False)
    waves = hotspell.get_heatwaves(
        sys.argv[1], INDEX, ref_years=("1990-01-01", "2019-12-31"), summer_months=months, export=False
    )
    events = [f"{row.begin_date:%-d %b %Y} to {row.end_date:%-d %b %Y}" for row in waves.events.itertuples()]
    days = {year: int(waves.metrics.loc[year, "hwf"]) for year in (2019, 2020)}
    print(f"{name}: {'; '.join(events) or 'none'}; days of heat {days}")


told("1 to 20 June", (6, 7, 8), ("2020-06-01", "2020-06-20"))
told("31 May to 20 June", (6, 7, 8), ("2020-05-31", "2020-06-20"))
told("January and December", (12, 1, 2), ("2020-01-05", "2020-01-14"), ("2020-12-10", "2020-12-19"))
told("over the new year", (12, 1, 2), ("2019-12-30", "2020-01-20"))
PY
"$tmp/venv/bin/python" -W ignore "$tmp/heat.py" "$tmp/station.csv" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
1 to 20 June: 1 Jun 2020 to 20 Jun 2020; days of heat {2019: 0, 2020: 20}
31 May to 20 June: none; days of heat {2019: 0, 2020: 0}
January and December: 5 Jan 2020 to 14 Jan 2020; 10 Dec 2020 to 19 Dec 2020; days of heat {2019: 0, 2020: 20}
over the new year: 30 Dec 2019 to 20 Jan 2020; days of heat {2019: 22, 2020: 0}
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: heat waves are told otherwise now" >&2; exit 1; }
