#!/usr/bin/env bash
# pynina 0.3.6, run 2026-11-30.
#
# Expected: of the German warnings (NINA) an all-clear is one: the service lists it for hours as an entry whose `msgType` is
#   Cancel (its API's description, `/dashboard/{ARS}.json`; CAP 1.2, 3.2.1: Cancel ends the message it refers to).
# Seen: the type is not read: the all-clear is a Warning among the others, `isValid()` is True until it expires, and for ever
#   where it does not say when. It has the severity and the words of a warning; `Warning` has no name for the type, which
#   is in `raw` alone. A storm surge that is over counts as the one that comes, and as two where both are in the list.
# Why it matters: whoever counts warnings, or rings while there is one, begins to ring when the danger ends; and those who
#   look for words do not find them, as each sender has its own ("Entwarnung", "aufgehoben").
# Way out: `warning.raw["payload"]["data"]["msgType"]`, before all else.
# The service's answers are made here, as it has them; no network is asked.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check pynina==0.3.6 aiohttp==3.14.5

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
import asyncio
from datetime import UTC, datetime, timedelta

from pynina import Nina, baseApi

NOW = datetime.now(UTC).replace(microsecond=0)


def entry(number, kind, headline, expires):
    name = f"mow.DE-HH-HH-SE033-20261130-33-{number:03}"
    data = {"headline": headline, "provider": "MOWAS", "severity": "Severe", "urgency": "Immediate", "msgType": kind, "valid": True,
            "transKeys": {"event": "BBK-EVC-065"}, "area": {"type": "ZGEM", "data": "2079,100001"}}
    listed = {"id": name, "payload": {"version": 2, "type": "ALERT", "id": name, "hash": "0", "data": data},
              "i18nTitle": {"de": headline}, "sent": (NOW - timedelta(hours=8 - number)).isoformat()}
    return listed | ({"expires": (NOW + expires).isoformat()} if expires else {})


LISTED = [
    entry(1, "Alert", "Schwere Sturmflut in Hamburg erwartet", timedelta(hours=4)),
    entry(2, "Cancel", "Entwarnung: Schwere Sturmflut in Hamburg", timedelta(hours=6)),
    entry(3, "Cancel", "Aufgehoben: Gefahrstoff in Altona", None),
]
DETAIL = {"info": [{"language": "DE", "description": "...", "senderName": "Hamburg", "area": [{"areaDesc": "Hamburg"}], "parameter": []}]}


class Answer:
    """What the service would have sent; the rest is the package's."""

    status = 200

    def __init__(self, told):
        self.told = told

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    async def json(self):
        return self.told


class Session:
    async def close(self):
        pass

    def get(self, url, **_):
        if "/dashboard/" in url:
            return Answer(LISTED)
        return Answer(DETAIL if "/warnings/" in url else {"BBK-ISC-001": "..."})


async def main():
    baseApi.ClientSession = Session
    nina = Nina()
    nina.addRegion("020000000000")
    await nina.update()
    for warning in nina.warnings["020000000000"]:
        names = [name for name in vars(warning) if "type" in name.lower()]
        print(f"{warning.headline}: valid {warning.isValid()}, {warning.severity}, names of a type {names},"
              f" raw {warning.raw['payload']['data']['msgType']}")
    print("warnings in force:", sum(warning.isValid() for warning in nina.warnings["020000000000"]))


asyncio.run(main())
PY

cat >"$tmp/expected" <<'TXT'
Schwere Sturmflut in Hamburg erwartet: valid True, Severe, names of a type [], raw Alert
Entwarnung: Schwere Sturmflut in Hamburg: valid True, Severe, names of a type [], raw Cancel
Aufgehoben: Gefahrstoff in Altona: valid True, Severe, names of a type [], raw Cancel
warnings in force: 3
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: pynina takes an all-clear otherwise now" >&2; exit 1; }
