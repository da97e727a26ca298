#!/usr/bin/env bash
# py-ha-smn 1.0.0 (client of Argentina's weather service, SMN), run 2026-12-01.
#
# Expected: when the service does not answer, or refuses the token, a client of warnings says so.
# Seen: where the service says 500 or 401, or what it sends is no JSON, the weather raises `SMNConnectionError`; warnings, those
#   for the next hours and those of heat are empty, as on a day without any, and the log has no warning of it either.
# Why it matters: a service of warnings is least well on the worst night. An outage and an all-clear are the same answer, and what
#   ends a warning that is gone from the list ends it while the storm is overhead.
# Way out: ask for the weather in the same turn, and believe an empty list only if that was answered.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile py-ha-smn==1.0.0 aiohttp==3.14.5

cat >"$tmp/outage.py" <<'PY'
import asyncio
import logging

import aiohttp
from aiohttp import web
from smn_argentina_api import SMNApiClient, client


class Loud(logging.Handler):
    """Counts what is logged as a warning or worse."""

    count = 0

    def emit(self, record):
        self.count += record.levelno >= logging.WARNING


loud = Loud()
logging.getLogger("smn_argentina_api").addHandler(loud)
ANSWERS = {
    "a warning": lambda: web.json_response({"warnings": [{"events": [{"max_level": 5}]}]}),
    "none": lambda: web.json_response({"warnings": []}),
    "500": lambda: web.Response(status=500),
    "401": lambda: web.Response(status=401),
    "a page of HTML": lambda: web.Response(text="<html>maintenance</html>", content_type="text/html"),
}


class Token:
    async def get_token(self):
        return "a.b.c"


async def main():
    now = None

    async def answer(request):
        return now()

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    here = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    for name in ("API_ALERT_ENDPOINT", "API_SHORTTERM_ALERT_ENDPOINT", "API_HEAT_WARNING_ENDPOINT", "API_WEATHER_ENDPOINT"):
        setattr(client, name, here)
    async with aiohttp.ClientSession() as session:
        smn = SMNApiClient(session, Token())
        for name, now in ANSWERS.items():
            try:
                weather = f"{len(await smn.async_get_current_weather('1'))} field"
            except Exception as error:
                weather = type(error).__name__
            loud.count = 0
            alerts = await smn.async_get_alerts("1")
            soon, heat = await smn.async_get_shortterm_alerts("1"), await smn.async_get_heat_warnings("1")
            print(f"{name}: warnings {alerts.get('warnings', [])}, next hours {soon}, heat {heat.get('level')}, logged {loud.count};"
                  f" weather: {weather}")
    await runner.cleanup()


asyncio.run(main())
PY
"$tmp/venv/bin/python" -W ignore "$tmp/outage.py" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
a warning: warnings [{'events': [{'max_level': 5}]}], next hours [], heat None, logged 0; weather: 1 field
none: warnings [], next hours [], heat None, logged 0; weather: 1 field
500: warnings [], next hours [], heat None, logged 0; weather: SMNConnectionError
401: warnings [], next hours [], heat None, logged 0; weather: SMNConnectionError
a page of HTML: warnings [], next hours [], heat None, logged 0; weather: SMNConnectionError
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: an outage is told otherwise now" >&2; exit 1; }
