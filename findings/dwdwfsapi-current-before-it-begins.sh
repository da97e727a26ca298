#!/usr/bin/env bash
# dwdwfsapi 1.1.0, run 2026-11-30.
#
# Expected: `current_warning_level` is, as its documentation says, the highest level of the warnings that are active
#   now; what begins later is expected, what has ended is neither.
# Seen: the two lists are made by CAP's `urgency` alone. The German weather service uses two of its words: Immediate
#   for each warning, whenever it begins, and Future for the announcements before them. So a warning of
#   hurricane-force gusts in nine hours is current, at level 4, and so is one that ended an hour ago,
#   as long as the service hands it out; a warning is never expected.
# Why it matters: at noon the level says that tonight's storm is there, and does not change when it comes; who asks
#   what is to come in the next hours is told nothing.
# Way out: compare `start_time` and `end_time` of each warning in both lists with the clock.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check dwdwfsapi==1.1.0 requests==2.34.2

cat >"$tmp/warn.py" <<'PY'
import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import requests
from dwdwfsapi import DwdWeatherWarningsAPI

NOW = datetime.now(UTC).replace(microsecond=0)
CELL = {"WARNCELLID": 101054000, "NAME": "Kreis Nordfriesland"}


def warning(event, urgency, severity, begins, ends):
    onset, expires = (f"{NOW + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}" for hours in (begins, ends))
    told = {"EVENT": event, "URGENCY": urgency, "SEVERITY": severity, "ONSET": onset, "EXPIRES": expires}
    return {"type": "Feature", "properties": CELL | told}


WARNINGS = [
    warning("STURMBÖEN", "Immediate", "Moderate", -5, -1),
    warning("FROST", "Immediate", "Minor", -2, 4),
    warning("ORKANBÖEN", "Immediate", "Extreme", 9, 15),
    warning("VORABINFORMATION", "Future", "Severe", 30, 40),
]


class Service(BaseHTTPRequestHandler):
    def do_GET(self):
        layer = parse_qs(urlsplit(self.path).query)["typeName"][0]
        features = [{"properties": CELL}] if "Warngebiete" in layer else WARNINGS
        answer = {"timeStamp": NOW.isoformat(), "numberReturned": len(features), "features": features}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()


class Local(requests.adapters.HTTPAdapter):
    """What is meant for the service is sent to the one above."""

    def send(self, request, **options):
        request.url = f"http://127.0.0.1:{server.server_address[1]}/?{urlsplit(request.url).query}"
        return super().send(request, **options | {"proxies": {}})


requests.adapters.HTTPAdapter, requests.sessions.HTTPAdapter = Local, Local


def hours_from_now(moment):
    return round((moment - NOW).total_seconds() / 3600)


area = DwdWeatherWarningsAPI("101054000")
for name in ("current", "expected"):
    print(f"{name}: level {getattr(area, f'{name}_warning_level')}")
    for one in getattr(area, f"{name}_warnings"):
        print(f"  {one['event']}, level {one['level']}, {hours_from_now(one['start_time']):+} h to"
              f" {hours_from_now(one['end_time']):+} h")
PY
"$tmp/venv/bin/python" "$tmp/warn.py" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
current: level 4
  STURMBÖEN, level 2, -5 h to -1 h
  FROST, level 1, -2 h to +4 h
  ORKANBÖEN, level 4, +9 h to +15 h
expected: level 3
  VORABINFORMATION, level 3, +30 h to +40 h
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: dwdwfsapi sorts warnings otherwise now" >&2; exit 1; }
