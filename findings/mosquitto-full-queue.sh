#!/usr/bin/env bash
# mosquitto 2.0.11 (Debian 12), seen with paho-mqtt 2.2.0, run 2026-11-28.
#
# Expected: with WIS2's limit of 2,000 queued messages a client that was away finds the newest 2,000
#   reports when it is back, and publisher or subscriber hears of the loss.
# Seen: the oldest 2,000 are kept, all newer ones are dropped, and the publisher has its
#   acknowledgement (PUBACK) for every one of the 3,000.
# Why it matters: after an outage one reads the weather of its beginning; the storm that followed is
#   what is missing. After a gap, ask the catalogue or a cache for what lies between.
set -euo pipefail
tmp=$(mktemp -d)
broker=
trap '[ -z "$broker" ] || kill "$broker"; rm -rf "$tmp"' EXIT
PATH=$PATH:/usr/sbin
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check paho-mqtt==2.2.0
command -v mosquitto >/dev/null || apt-get install -y -qq mosquitto >&2
port=$("$tmp/venv/bin/python" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')

printf 'listener %s 127.0.0.1\nallow_anonymous true\nmax_queued_messages 2000\n' "$port" >"$tmp/mosquitto.conf"
chmod 755 "$tmp" # started by root the broker drops its rights and must still read this
mosquitto -c "$tmp/mosquitto.conf" >"$tmp/log" 2>&1 &
broker=$!

{
    (mosquitto -h || true) | head -n 1
    "$tmp/venv/bin/python" - "$port" <<'PY'
import sys
import time
from threading import Event

from paho.mqtt.client import CallbackAPIVersion, Client

PORT, N = int(sys.argv[1]), 3000


def connected(name, **kind):
    client, is_subscribed = Client(CallbackAPIVersion.VERSION2, name, **kind), Event()
    client.on_subscribe = lambda *_: is_subscribed.set()
    for attempt in range(50):
        try:
            client.connect("127.0.0.1", PORT)
            break
        except OSError:
            time.sleep(0.1)
    client.loop_start()
    return client, is_subscribed


def gone(client):
    client.disconnect()
    client.loop_stop()


reader, is_subscribed = connected("watch", clean_session=False)
reader.subscribe("synop", 1)
assert is_subscribed.wait(10)
gone(reader)

writer, _ = connected("station")
sent = [writer.publish("synop", str(n), 1) for n in range(N)]
for message in sent:
    message.wait_for_publish(30)
print("acknowledged to the publisher:", sum(message.is_published() for message in sent))
gone(writer)

got = []
reader = Client(CallbackAPIVersion.VERSION2, "watch", clean_session=False)
reader.on_message = lambda _, __, message: got.append(int(message.payload))
reader.connect("127.0.0.1", PORT)
reader.loop_start()
quiet_since, seen = time.monotonic(), -1
while time.monotonic() - quiet_since < 2:
    if len(got) != seen:
        quiet_since, seen = time.monotonic(), len(got)
    time.sleep(0.05)
gone(reader)
print(f"found on return: {len(got)}, numbers {got[0]} to {got[-1]} of 0 to {N - 1}")
PY
} >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
mosquitto version 2.0.11
acknowledged to the publisher: 3000
found on return: 2000, numbers 0 to 1999 of 0 to 2999
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: mosquitto treats a full queue otherwise now" >&2; exit 1; }
