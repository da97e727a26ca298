#!/usr/bin/env bash
# meteoalertapi 0.3.1 (what Home Assistant shows MeteoAlarm's warnings with), run 2026-11-30.
#
# Expected: of the warnings that are in force for a province, one hears of the gravest, or of all; the order of
#   entries in an Atom feed says nothing (RFC 4287, 4.1.1). What was cancelled is no warning.
# Seen: the first entry whose area fits is the answer, and the others are never looked at: yellow rain before red wind
#   is yellow rain, the other way round red wind. A message of the type Cancel is the answer as well, and
#   nothing in it says so; so is one that has expired. A name fits where it is a part of another:
#   Savoie hears the warnings of Haute-Savoie.
# Why it matters: a red warning is unheard because a yellow one stands before it.
# Way out: read the feed oneself, all entries of the area's code, by type, time and level.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check meteoalertapi==0.3.1

cat >"$tmp/hear.py" <<'PY'
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from meteoalertapi import Meteoalert

NOW = datetime.now(timezone.utc)
files = {}


class Feed(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(files[self.path].encode())

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Feed)
threading.Thread(target=server.serve_forever, daemon=True).start()
HERE = f"http://127.0.0.1:{server.server_address[1]}"
Meteoalert.endpoint = HERE + "/{0}"


def told(number, event, level, area="Finistère", type_="Alert", hours=6):
    """A warning as a CAP message, and its entry."""
    expires = (NOW + timedelta(hours=hours)).isoformat(timespec="seconds")
    info = "".join(
        f"<info><language>{language}</language><category>Met</category><event>{event}</event>"
        f"<urgency>Immediate</urgency><severity>Severe</severity><certainty>Likely</certainty><expires>{expires}</expires>"
        f"<parameter><valueName>awareness_level</valueName><value>{level}</value></parameter>"
        f"<parameter><valueName>awareness_type</valueName><value>{event}</value></parameter>"
        f"<area><areaDesc>{area}</areaDesc></area></info>"
        for language in ("fr-FR", "en-GB")
    )
    references = f"<references>met@example.org,{number}a,{NOW.isoformat(timespec='seconds')}</references>" if type_ != "Alert" else ""
    files[f"/{number}.xml"] = (
        '<?xml version="1.0" encoding="utf-8"?><alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">'
        f"<identifier>{number}</identifier><sender>met@example.org</sender>"
        f"<sent>{NOW.isoformat(timespec='seconds')}</sent><status>Actual</status><msgType>{type_}</msgType>"
        f"<scope>Public</scope>{references}{info}</alert>"
    )
    return (
        f"<entry><id>{HERE}/{number}</id><title>{event}</title><updated>{NOW.isoformat()}</updated>"
        f'<link href="{HERE}/{number}"/><link type="application/cap+xml" href="{HERE}/{number}.xml"/>'
        f"<cap:areaDesc>{area}</cap:areaDesc><cap:message_type>{type_}</cap:message_type></entry>"
    )


def heard(what, *entries, province="Finistère"):
    files["/france"] = (
        '<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom"'
        ' xmlns:cap="urn:oasis:names:tc:emergency:cap:1.2"><id>x</id><title>x</title>'
        f"<updated>{NOW.isoformat()}</updated>{''.join(entries)}</feed>"
    )
    alert = Meteoalert("france", province, "en-GB").get_alert()
    print(f"SEEN {what}: {alert.get('awareness_level')}, {alert.get('event')}; says Cancel: {'Cancel' in alert.values()}")


yellow, red = told(1, "Rain", "2; yellow; Moderate"), told(2, "Wind", "4; red; Extreme")
heard("yellow before red", yellow, red)
heard("red before yellow", red, yellow)
heard("cancelled, before red", told(3, "Snow", "3; orange; Severe", type_="Cancel"), red)
heard("expired yesterday, before red", told(4, "Fog", "2; yellow; Moderate", hours=-24), red)
heard("for Savoie", told(5, "Snow", "3; orange; Severe", area="Haute-Savoie"), province="Savoie")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/hear.py" | grep '^SEEN' >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
SEEN yellow before red: 2; yellow; Moderate, Rain; says Cancel: False
SEEN red before yellow: 4; red; Extreme, Wind; says Cancel: False
SEEN cancelled, before red: 3; orange; Severe, Snow; says Cancel: False
SEEN expired yesterday, before red: 2; yellow; Moderate, Fog; says Cancel: False
SEEN for Savoie: 3; orange; Severe, Snow; says Cancel: False
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: meteoalertapi hears other warnings now" >&2; exit 1; }
