#!/usr/bin/env bash
# Prometheus Alertmanager 0.25.0 (Debian 12), run 2026-11-30.
#
# Expected: a warning is told as an alert with its own startsAt and endsAt, and told anew by the same labels
#   when it is changed: what was said last holds, its times as its words. It fires from its onset on.
# Seen: only the words are those said last. An end earlier than the one it has is dropped, a later start
#   too, with 200 and without a line in the log: a warning cut from six hours to two stands six hours under its
#   new text. An end is believed at once only where it has passed by Alertmanager's own clock: one sent
#   two seconds before that is dropped as well, and the alert stands to its first end. And a start
#   tomorrow is no reason to wait: it is active and told at once.
# Why it matters: the all-clear of a sender whose clock is two seconds ahead is lost, for as long as the
#   warning was first given; and tomorrow's storm sounds the siren today.
# Way out: end with a time well in the past, keep ends short or post them anew in their order, and post a
#   warning when its onset comes.
set -euo pipefail
tmp=$(mktemp -d)
manager=
trap '[ -z "$manager" ] || kill "$manager"; rm -rf "$tmp"' EXIT
command -v prometheus-alertmanager >/dev/null || apt-get install -y -qq prometheus-alertmanager >&2
python=${PYTHON:-python3}
read -r port told <<<"$("$python" -c '
import socket
a, b = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
print(a.getsockname()[1], b.getsockname()[1])')"

cat >"$tmp/alertmanager.yml" <<YML
route: {receiver: siren, group_by: [area], group_wait: 1s, group_interval: 1s, repeat_interval: 1h}
receivers:
  - name: siren
    webhook_configs: [{url: "http://127.0.0.1:$told/", send_resolved: true}]
YML
prometheus-alertmanager --config.file="$tmp/alertmanager.yml" --storage.path="$tmp/data" \
    --web.listen-address="127.0.0.1:$port" --cluster.listen-address= >"$tmp/log" 2>&1 &
manager=$!

"$python" - "$port" "$told" >"$tmp/seen" <<'PY'
import json
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen

ALERTS, TOLD = f"http://127.0.0.1:{sys.argv[1]}/api/v2/alerts", int(sys.argv[2])
sounded = []


class Siren(BaseHTTPRequestHandler):
    def do_POST(self):
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        sounded.extend((one["labels"]["area"], one["status"]) for one in said["alerts"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


threading.Thread(target=ThreadingHTTPServer(("127.0.0.1", TOLD), Siren).serve_forever, daemon=True).start()
BEGAN = datetime.now(timezone.utc)


def posted(area, starts_h, ends_h, text):
    """Times in hours from the beginning of this run."""
    at = [(BEGAN + timedelta(hours=h)).isoformat() for h in (starts_h, ends_h)]
    one = {"labels": {"alertname": "storm", "area": area}, "startsAt": at[0], "endsAt": at[1],
           "annotations": {"text": text}}
    asked = Request(ALERTS, json.dumps([one]).encode(), {"Content-Type": "application/json"})
    for _ in range(50):
        try:
            return urlopen(asked).status
        except ConnectionError:
            time.sleep(0.2)
        except OSError as error:
            if not isinstance(getattr(error, "reason", None), ConnectionError):
                raise
            time.sleep(0.2)


def shown(what, area):
    for one in json.load(urlopen(ALERTS)):
        if one["labels"]["area"] == area:
            hours = [(datetime.fromisoformat(one[k].replace("Z", "+00:00")) - BEGAN).total_seconds() / 3600
                     for k in ("startsAt", "endsAt")]
            print(f"{what}: {one['status']['state']} from {round(hours[0])} h to {round(hours[1])} h,"
                  f" \"{one['annotations']['text']}\"")
            return
    print(f"{what}: no alert")


posted("Recife", 0, 6, "for six hours")
shown("told for six hours", "Recife")
posted("Recife", 0, 2, "for two hours only")
shown("cut to two hours", "Recife")
posted("Recife", 1, 2, "from one o'clock on")
shown("its start put off by an hour", "Recife")
since = (datetime.now(timezone.utc) - BEGAN).total_seconds()
posted("Recife", 0, (since + 2) / 3600, "over")
time.sleep(5)
shown("ended two seconds ahead of its clock, five seconds ago", "Recife")
posted("Recife", 0, 0, "over")
shown("ended before its clock", "Recife")
posted("Olinda", 24, 30, "tomorrow")
shown("a storm of tomorrow", "Olinda")
time.sleep(4)
print("told of tomorrow's by now:", [status for area, status in sounded if area == "Olinda"])
PY

cat >"$tmp/expected" <<'TXT'
told for six hours: active from 0 h to 6 h, "for six hours"
cut to two hours: active from 0 h to 6 h, "for two hours only"
its start put off by an hour: active from 0 h to 6 h, "from one o'clock on"
ended two seconds ahead of its clock, five seconds ago: active from 0 h to 6 h, "over"
ended before its clock: no alert
a storm of tomorrow: active from 24 h to 30 h, "tomorrow"
told of tomorrow's by now: ['firing']
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: Alertmanager keeps other times of an alert now" >&2; exit 1; }
