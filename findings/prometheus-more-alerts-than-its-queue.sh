#!/usr/bin/env bash
# Prometheus 2.42.0 (Debian 12), run 2026-11-30.
#
# Expected: what one evaluation finds is told, however much it is: a queue holds what Alertmanager has not
#   taken yet, and is as empty as can be on a calm day.
# Seen: of 12,000 alerts that fire at once, 2,000 are dropped before one is sent, with an Alertmanager that is idle and
#   answers in a millisecond. The queue's 10,000 are all that an evaluation may find. To Prometheus they are sent:
#   its page shows 12,000 firing, and they come again a minute later at the earliest, when all 12,000 are due
#   again at once, and 2,000 of them, others by chance, are dropped again. One line in the log and a counter say so.
# Why it matters: a rule that tells people by the place they follow finds 28,000 on the night on which 5,600 places turn red:
#   two in three hear nothing, some of them minute after minute; each smaller storm went well.
# Way out: --alertmanager.notification-queue-capacity above the most that can fire at once, and an alert
#   on prometheus_notifications_dropped_total.
set -euo pipefail
tmp=$(mktemp -d)
started=
trap '[ -z "$started" ] || { kill $started; wait; }; rm -rf "$tmp"' EXIT
command -v prometheus >/dev/null || apt-get install -y -qq prometheus >&2
python=${PYTHON:-python3}

# An Alertmanager that takes all at once and counts whom it has heard of; and what is scraped.
cat >"$tmp/both.py" <<'PY'
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PEOPLE, heard, state = 12_000, set(), {"red": 0}


class Both(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        posted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        heard.update(one["labels"]["person"] for one in posted)
        self.answer("{}")

    def do_GET(self):
        if self.path == "/heard":
            return self.answer(str(len(heard)))
        if self.path == "/red":
            state["red"] = 1
            return self.answer("")
        red = f"gust_m_s {60 if state['red'] else 5}\n"
        self.answer(red + "".join(f'follows{{person="{i}"}} 1\n' for i in range(PEOPLE)))

    def answer(self, text):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Both)
print(server.server_port, flush=True)
server.serve_forever()
PY
"$python" "$tmp/both.py" >"$tmp/both" &
started=$!
until [ -s "$tmp/both" ]; do sleep 0.1; done
both=127.0.0.1:$(cat "$tmp/both")
port=$("$python" -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')

cat >"$tmp/prometheus.yml" <<YML
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: ["$both"]}]}]}
scrape_configs: [{job_name: night, static_configs: [{targets: ["$both"]}]}]
YML
cat >"$tmp/rules.yml" <<'YML'
groups: [{name: night, rules: [{alert: Red, expr: follows and on() (gust_m_s > 30)}]}]
YML
prometheus --config.file="$tmp/prometheus.yml" --storage.tsdb.path="$tmp/data" \
    --web.listen-address="127.0.0.1:$port" >"$tmp/log" 2>&1 &
started="$started $!"

"$python" - "$both" "127.0.0.1:$port" >"$tmp/seen" <<'PY'
import json
import re
import sys
import time
from urllib.request import urlopen

BOTH, PROMETHEUS = (f"http://{one}" for one in sys.argv[1:])


def text(url):
    return urlopen(url).read().decode()


def number(name):
    return int(float(re.search(rf"^{name}(?:{{.*}})? (\S+)$", text(f"{PROMETHEUS}/metrics"), re.M)[1]))


def until(what, within_s=60):
    end = time.monotonic() + within_s
    while not what():
        if time.monotonic() > end:
            sys.exit("nothing came of it")
        time.sleep(0.2)


def is_up():
    try:
        found = json.loads(text(f"{PROMETHEUS}/api/v1/query?query=count(follows)"))["data"]["result"]
        return found and found[0]["value"][1] == "12000"
    except OSError:
        return False


def say(when):
    firing = json.loads(text(f"{PROMETHEUS}/api/v1/query?query=count(ALERTS)"))["data"]["result"]
    dropped = number("prometheus_notifications_dropped_total")
    print(f"{when}: firing {firing[0]['value'][1]}, heard of {text(BOTH + '/heard')},"
          f" dropped {dropped}, queue of {number('prometheus_notifications_queue_capacity')}")


until(is_up)
text(BOTH + "/red")
began = time.monotonic()
until(lambda: int(text(BOTH + "/heard")) >= 10_000)
time.sleep(20)
say("20 s later")
until(lambda: number("prometheus_notifications_dropped_total") > 2_000, 90)
print("the next are dropped after a minute:", 58 <= time.monotonic() - began <= 75)
time.sleep(10)
heard = int(text(BOTH + "/heard"))
print("a minute later all have been heard of:", heard == 12_000)
PY
grep -o 'msg="Alert batch.*' "$tmp/log" | head -1 >>"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
20 s later: firing 12000, heard of 10000, dropped 2000, queue of 10000
the next are dropped after a minute: True
a minute later all have been heard of: False
msg="Alert batch larger than queue capacity, dropping alerts" num_dropped=2000
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: Prometheus sends what one evaluation finds in another way now" >&2; exit 1; }
