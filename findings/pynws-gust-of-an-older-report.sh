#!/usr/bin/env bash
# pynws 2.1.0, run 2026-11-30.
#
# Expected: `observation` is a report of the station that was asked for: its values are those of its `timestamp`.
# Seen: each value is taken for itself from the newest report that has one. The National Weather Service gives no
#   gust where none was noted, and no rain where none fell or none was measured: when the storm is
#   over, its gust of 126 km/h and the 40 mm of its hour stand beside the calm of two hours later, under
#   the newest `timestamp`, until the reports that had them are no longer in the answer.
# Why it matters: the alarm is raised again with each report, as new, and the storm lasts as long as the list of
#   reports does; a peak is told at the wrong hour.
# Way out: `get_stations_observations()`, and each report with its own time; or `update_observation(limit=1)`.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check pynws==2.1.0 aiohttp==3.14.5 metar==2.0.2

cat >"$tmp/observe.py" <<'PY'
import asyncio

import pynws
import pynws.urls
from aiohttp import ClientSession, web


def report(hour, wind, gust, rain):
    def value(number, unit):
        return {"unitCode": f"wmoUnit:{unit}", "value": number, "qualityControl": "V"}

    return {
        "properties": {
            "timestamp": f"2026-11-30T{hour:02}:00:00+00:00",
            "windSpeed": value(wind, "km_h-1"),
            "windGust": value(gust, "km_h-1"),
            "precipitationLastHour": value(rain, "mm"),
        }
    }


REPORTS = [report(10, 70.0, 126.0, 40.0), report(11, 22.0, None, None), report(12, 9.0, None, None)]


async def answer(request):
    newest_first = REPORTS[::-1][: int(request.query.get("limit", len(REPORTS)))]
    return web.json_response({"features": newest_first})


async def observe():
    app = web.Application()
    app.router.add_get("/{any:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pynws.urls.API_URL = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    async with ClientSession() as session:
        nws = pynws.SimpleNWS(25.8, -80.3, "watch@example.org", session)
        await nws.set_station("KMIA")
        for limit in (0, 1):
            await nws.update_observation(limit=limit)
            now = nws.observation
            print(f"limit={limit}: {now['timestamp'][11:16]} wind {now['windSpeed']} gust {now['windGust']} km/h,"
                  f" last hour {now['precipitationLastHour']} mm")
        for one in await nws.get_stations_observations():
            print(f"  {one['timestamp'][11:16]} gust {one['windGust']['value']}, rain {one['precipitationLastHour']['value']}")
    await runner.cleanup()


asyncio.run(observe())
PY
"$tmp/venv/bin/python" "$tmp/observe.py" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
limit=0: 12:00 wind 9.0 gust 126.0 km/h, last hour 40.0 mm
limit=1: 12:00 wind 9.0 gust None km/h, last hour None mm
  12:00 gust None, rain None
  11:00 gust None, rain None
  10:00 gust 126.0, rain 40.0
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: pynws puts its observation together otherwise now" >&2; exit 1; }
