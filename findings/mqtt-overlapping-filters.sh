#!/usr/bin/env bash
# mosquitto 2.0.11 (Debian 12), seen with paho-mqtt 2.2.0, run 2026-11-28.
#
# Expected: a client with two filters that both fit a topic (all of a centre, and its synops) gets a
#   message once, and the same with either version of the protocol.
# Seen: ten messages come ten times to a client of MQTT 3.1.1 and twenty times to the same client of
#   MQTT 5, from one broker. (The standards of both versions allow either.)
# Why it matters: rain is counted twice after a client is moved to MQTT 5 and nothing else changed.
#   De-duplicate by the message's own id, not by how one subscribed.
set -euo pipefail
tmp=$(mktemp -d)
broker=
trap '[ -z "$broker" ] || kill "$broker"; rm -rf "$tmp"' EXIT
PATH=$PATH:/usr/sbin
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check paho-mqtt==2.2.0
command -v mosquitto >/dev/null || apt-get install -y -qq mosquitto >&2
port=$("$tmp/venv/bin/python" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')

printf 'listener %s 127.0.0.1\nallow_anonymous true\n' "$port" >"$tmp/mosquitto.conf"
chmod 755 "$tmp" # started by root the broker drops its rights and must still read this
mosquitto -c "$tmp/mosquitto.conf" >"$tmp/log" 2>&1 &
broker=$!

{
    (mosquitto -h || true) | head -n 1
    "$tmp/venv/bin/python" - "$port" <<'PY'
import sys
import time
from threading import Event

from paho.mqtt.client import CallbackAPIVersion, Client, MQTTv5, MQTTv311

PORT, N = int(sys.argv[1]), 10


def connected(client):
    for attempt in range(50):
        try:
            client.connect("127.0.0.1", PORT)
            break
        except OSError:
            time.sleep(0.1)
    client.loop_start()
    return client


for title, protocol in (("MQTT 3.1.1", MQTTv311), ("MQTT 5", MQTTv5)):
    got, is_subscribed = [], Event()
    reader = Client(CallbackAPIVersion.VERSION2, "watch", protocol=protocol)
    reader.on_subscribe = lambda *_: is_subscribed.set()
    reader.on_message = lambda _, __, message: got.append(message.payload)
    connected(reader).subscribe([("cache/br-inmet/#", 1), ("cache/+/synop", 1)])
    assert is_subscribed.wait(10)
    writer = connected(Client(CallbackAPIVersion.VERSION2, "station"))
    for n in range(N):
        writer.publish("cache/br-inmet/synop", str(n), 1).wait_for_publish(10)
    time.sleep(1)  # a second copy, if there is one, follows the first
    print(f"{title}: {len(got)} of {N}")
    for client in (reader, writer):
        client.disconnect()
        client.loop_stop()
PY
} >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
mosquitto version 2.0.11
MQTT 3.1.1: 10 of 10
MQTT 5: 20 of 10
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: overlapping filters are delivered otherwise now" >&2; exit 1; }
