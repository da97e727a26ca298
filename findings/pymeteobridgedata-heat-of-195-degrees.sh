#!/usr/bin/env bash
# pymeteobridgedata 0.1.23, run 2026-11-30.
#
# Expected: what 30 °C and 60 % feel like with a light wind, some 32 °C, is some 90 °F where Fahrenheit are asked for;
#   Steadman's apparent temperature, which it is (Norms of Apparent Temperature in Australia, 1994), has the mean wind.
# Seen: it is converted twice: of 32.5 °C become 90.5 °F, and of these, as if they were Celsius, 194.9. So in the example
#   of its own description (`units="imperial", homeassistant=False`). And the wind is the highest gust of the last minute:
#   with gusts of 20 m/s over a wind of 3 the same heat is one of 21 °C. A wind of 17.2 m/s, a gale by WMO's
#   table (force 8 from 17.2), is force 7, one of 32.7 force 11, as a limit is not part of its band.
# Why it matters: heat is deadly all summer, or 10 degrees less than it is when the wind comes in gusts; and the gale begins
#   a step later than for all others.
# Way out: the temperature and the mean wind from the same answer, and the formula oneself; `wind_avg` for the force.
# A data logger that answers as its templates have it is played here, on 127.0.0.1; the rest is the package's.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check pymeteobridgedata==0.1.23 aiohttp==3.14.5 python-aqi==0.6.1

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
import asyncio
import re

from aiohttp import web
from pymeteobridgedata import MeteobridgeApiClient

ALWAYS = {"epoch": "1796040000", "mbsystem-mac": "00:00:00:00:00:01", "mbsystem-swversion": "5.4", "mbsystem-platform": "VOCORE2",
          "mbsystem-station": "Vantage Pro2", "mbsystem-timezone": "America/Recife", "mbsystem-uptime": "100",
          "mbsystem-ip": "127.0.0.1", "mbsystem-altitude.0": "10", "th0temp-act": "30.0", "th0hum-act.0": "60",
          "th0dew-act": "21.4", "thb0seapress-act": "1012.0", "thb0press-act": "1011.0"}
measured = {}


async def template(request):
    """Each [name:what is told where there is none] by its value, as the logger does it."""
    given = ALWAYS | measured
    text = re.sub(r"\[([^\]:]+)(?::([^\]]*))?\]", lambda found: given.get(found[1], found[2] or ""), request.query["template"])
    return web.Response(text=text)


async def main():
    app = web.Application()
    app.router.add_get("/cgi-bin/template.cgi", template)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    for units in ("metric", "imperial"):
        client = MeteobridgeApiClient("meteobridge", "meteobridge", f"127.0.0.1:{port}", units=units, homeassistant=False)
        await client.initialize()
        degrees, speed = ("°C", "m/s") if units == "metric" else ("°F", "mph")
        for mean, gust in ((3.0, 3.0), (3.0, 20.0), (17.1, 20.0), (17.2, 20.0), (17.3, 20.0), (32.7, 40.0)):
            measured.update({"wind0avgwind-act": str(mean), "wind0wind-max1": str(gust)})
            told = await client.update_observations()
            if mean < 10:
                print(f"{units}, wind {mean}, gusts {gust} m/s: {told.air_temperature} {degrees} feel like {told.feels_like}")
            elif units == "metric":
                print(f"{units}, wind {told.wind_avg} {speed}: force {told.beaufort}, {told.beaufort_description}")
        await client.req.close()
    await runner.cleanup()


asyncio.run(main())
PY

cat >"$tmp/expected" <<'TXT'
metric, wind 3.0, gusts 3.0 m/s: 30.0 °C feel like 32.5
metric, wind 3.0, gusts 20.0 m/s: 30.0 °C feel like 20.6
metric, wind 17.1 m/s: force 7, moderate_gale
metric, wind 17.2 m/s: force 7, moderate_gale
metric, wind 17.3 m/s: force 8, fresh_gale
metric, wind 32.7 m/s: force 11, violent_storm
imperial, wind 3.0, gusts 3.0 m/s: 86.0 °F feel like 194.9
imperial, wind 3.0, gusts 20.0 m/s: 86.0 °F feel like 156.2
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: pymeteobridgedata feels otherwise now" >&2; exit 1; }
