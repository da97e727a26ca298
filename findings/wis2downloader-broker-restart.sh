#!/usr/bin/env bash
# wis2downloader 0.3.2 (broker: mosquitto 2.0.11), run 2026-11-28.
#
# Expected: when the broker was restarted and has no session any more, a subscriber that connects
#   again subscribes again, and goes on receiving.
# Seen: it subscribes when a topic is added and never after: it connects again by itself, says that
#   it is connected, lists its topic as subscribed, and nothing arrives.
# Why it matters: WIS2's brokers are restarted; one restart without persistence is an outage for
#   good that every health check shows as well-being. Subscribe in `on_connect`, and watch the age
#   of the last message.
set -euo pipefail
tmp=$(mktemp -d)
broker=
subscriber=
trap '[ -z "$broker" ] || kill "$broker"; [ -z "$subscriber" ] || kill "$subscriber"; rm -rf "$tmp"' EXIT
PATH=$PATH:/usr/sbin
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check wis2downloader==0.3.2 paho-mqtt==2.2.0
command -v mosquitto >/dev/null || apt-get install -y -qq mosquitto >&2
port=$("$tmp/venv/bin/python" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')

printf 'listener %s 127.0.0.1\nallow_anonymous true\nlog_type all\n' "$port" >"$tmp/mosquitto.conf"
chmod 755 "$tmp" # started by root the broker drops its rights and must still read this
start_broker() {
    mosquitto -v -c "$tmp/mosquitto.conf" >"$tmp/log" 2>&1 &
    broker=$!
    waits_for running "$tmp/log"
}
waits_for() { # a text in a file, at most 30 s
    for _ in $(seq 300); do
        grep -qs "$1" "$2" && return
        sleep 0.1
    done
    echo "$1 did not come" >&2
    return 1
}
publish() {
    "$tmp/venv/bin/python" -c 'import sys; from paho.mqtt import publish
publish.single("cache/a/wis2/br-inmet/synop", "{}", qos=1, hostname="127.0.0.1", port=int(sys.argv[1]))' "$port"
}

cat >"$tmp/watch.py" <<'PY'
import sys
import threading
import time

from wis2downloader.queue import SimpleQueue
from wis2downloader.subscriber import MQTTSubscriber

queue = SimpleQueue()
subscriber = MQTTSubscriber("127.0.0.1", int(sys.argv[1]), "everyone", "everyone", "tcp", queue, "watch")
threading.Thread(target=subscriber.start, daemon=True).start()
while not subscriber.client.is_connected():
    time.sleep(0.05)
subscriber.add_subscription("cache/a/wis2/#", ".")
while True:
    time.sleep(0.2)
    said = f"connected {subscriber.client.is_connected()}, topics {list(subscriber.list_subscriptions())}"
    print(f"{said}, received {queue.size()}", flush=True)
PY
start_broker
(cd "$tmp" && exec "$tmp/venv/bin/python" watch.py "$port" >said 2>/dev/null) &
subscriber=$!
waits_for 'Sending SUBACK to watch' "$tmp/log"
publish
waits_for 'received 1' "$tmp/said"
{
    echo "before: $(tail -n 1 "$tmp/said")"
    kill "$broker"
    wait "$broker" || true
    start_broker
    waits_for 'as watch ' "$tmp/log" # connected again
    sleep 2
    publish
    sleep 2
    echo "after:  $(tail -n 1 "$tmp/said")"
    echo "subscriptions that the new broker saw: $(grep -c 'Received SUBSCRIBE from watch' "$tmp/log" || true)"
} >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
before: connected True, topics ['cache/a/wis2/#'], received 1
after:  connected True, topics ['cache/a/wis2/#'], received 1
subscriptions that the new broker saw: 0
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { cat "$tmp/log" >&2; echo "CHANGED: wis2downloader subscribes again now" >&2; exit 1; }
