#!/usr/bin/env bash
# noaa-coops 1.0.0, run 2026-11-30.
#
# Expected: a period longer than the service hands out at once is asked for in blocks, which together are the period, and
#   of a block that is missing there is a warning, as its description says.
# Seen: hours beyond the last full day do not count for the number of blocks. Where the days are a multiple of the block (4
#   for levels by the minute, 31 for those by six minutes) the last hours are not asked for: of eight days and 18 hours
#   the 18, of 62 days and 18 hours, too, and no warning and no `missing_blocks`. With a day more or less all is there.
#   In local time (`lst_ldt`) the hour that comes twice when clocks go back is there once: the second one is thrown away.
# Why it matters: the last hours are the ones that matter: a gauge that is asked for up to now shows the calm water of this
#   morning and not the surge of tonight. One length in four is such a one by the minute.
# Way out: an end at 00:00 of the next day, or blocks of one's own; `time_zone="gmt"`; compare the last time with the end.
# The service's answers are made here, as it has them; no network is asked.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check noaa-coops==1.0.0 pandas==2.3.3 numpy==2.2.6 tzdata==2026.6

"$tmp/venv/bin/python" -W always >"$tmp/seen" 2>"$tmp/warnings" <<'PY'
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from noaa_coops import station

NEW_YORK = ZoneInfo("America/New_York")


class Gauge(station.Station):
    """The package's own station, whose description is not asked for."""

    def get_metadata(self):
        pass

    def get_data_inventory(self):
        self.data_inventory = {}


class Answer:
    """The water stands at 0.5 m but for a surge in the last hours of the period, as the service would have told it."""

    status_code = 200
    surge = None

    def __init__(self, url):
        asked = {key: found[0] for key, found in parse_qs(urlsplit(url).query).items()}
        zone = NEW_YORK if asked["time_zone"] == "lst_ldt" else UTC
        begin, end = (datetime.strptime(asked[key], "%Y%m%d %H:%M").replace(tzinfo=zone) for key in ("begin_date", "end_date"))
        step = timedelta(minutes=1 if asked["product"] == "one_minute_water_level" else 6)
        self.data, moment = [], begin.astimezone(UTC)
        while moment <= end.astimezone(UTC):
            level = "2.900" if moment > Answer.surge else "0.500"
            self.data.append({"t": f"{moment.astimezone(zone):%Y-%m-%d %H:%M}", "v": level, "s": "0.010", "f": "0,0,0,0", "q": "p"})
            moment += step

    def json(self):
        return {"metadata": {"id": "8518750", "name": "The Battery"}, "data": self.data}


station._SESSION.get = lambda url, **_: Answer(url)
gauge = Gauge("8518750")
now = datetime(2026, 10, 30, 18, tzinfo=UTC)
Answer.surge = now - timedelta(hours=6)
for product, days in (("one_minute_water_level", (7, 8, 9, 12)), ("water_level", (61, 62, 63))):
    for length in days:
        begin = now - timedelta(days=length, hours=18)
        told = gauge.get_data(f"{begin:%Y%m%d %H:%M}", f"{now:%Y%m%d %H:%M}", product, datum="MSL")
        print(f"{product}, {length} days and 18 hours to {now:%d %H:%M}: to {told.index[-1]:%d %H:%M}, highest {told['v'].max()} m,"
              f" missing blocks {told.attrs.get('missing_blocks')}")

Answer.surge = datetime(2026, 11, 1, 6, 10, tzinfo=UTC)
for zone, (begin, end) in {"gmt": ("20261101 05:00", "20261101 07:00"), "lst_ldt": ("20261101 01:00", "20261101 02:00")}.items():
    told = gauge.get_data(begin, end, "water_level", datum="MSL", time_zone=zone)
    print(f"the night of the change, {zone}: {len(told)} levels from {told.index[0]:%H:%M} to {told.index[-1]:%H:%M},"
          f" at 2.9 m {(told['v'] > 2).sum()} of them")
PY
echo "warnings: $(grep -c RuntimeWarning "$tmp/warnings" || true)" >>"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
one_minute_water_level, 7 days and 18 hours to 30 18:00: to 30 18:00, highest 2.9 m, missing blocks None
one_minute_water_level, 8 days and 18 hours to 30 18:00: to 30 00:00, highest 0.5 m, missing blocks None
one_minute_water_level, 9 days and 18 hours to 30 18:00: to 30 18:00, highest 2.9 m, missing blocks None
one_minute_water_level, 12 days and 18 hours to 30 18:00: to 30 00:00, highest 0.5 m, missing blocks None
water_level, 61 days and 18 hours to 30 18:00: to 30 18:00, highest 2.9 m, missing blocks None
water_level, 62 days and 18 hours to 30 18:00: to 30 00:00, highest 0.5 m, missing blocks None
water_level, 63 days and 18 hours to 30 18:00: to 30 18:00, highest 2.9 m, missing blocks None
the night of the change, gmt: 21 levels from 05:00 to 07:00, at 2.9 m 9 of them
the night of the change, lst_ldt: 11 levels from 01:00 to 02:00, at 2.9 m 1 of them
warnings: 0
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: noaa-coops asks for other blocks now" >&2; exit 1; }
