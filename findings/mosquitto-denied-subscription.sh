#!/usr/bin/env bash
# mosquitto 2.0.11 (Debian 12), seen with paho-mqtt 2.2.0, run 2026-11-28.
#
# Expected: a subscription to a topic that one may not read is refused in the SUBACK (0x80 in MQTT
#   3.1.1, 135 "Not authorized" in MQTT 5).
# Seen: the access list forbids the topic, the SUBACK says "Granted QoS 1" in both versions, and not
#   one message ever comes.
# Why it matters: to a watch this is a calm day. That it was granted proves nothing: a source counts
#   as seen when its first message came, and a silent one raises an alarm.
set -euo pipefail
tmp=$(mktemp -d)
broker=
trap '[ -z "$broker" ] || kill "$broker"; rm -rf "$tmp"' EXIT
PATH=$PATH:/usr/sbin
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check paho-mqtt==2.2.0
command -v mosquitto >/dev/null || apt-get install -y -qq mosquitto >&2
port=$("$tmp/venv/bin/python" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')

printf 'topic write #\ntopic read core/#\n' >"$tmp/acl"
printf 'listener %s 127.0.0.1\nallow_anonymous true\nacl_file %s\n' "$port" "$tmp/acl" >"$tmp/mosquitto.conf"
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

PORT = int(sys.argv[1])


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
    got, said, is_subscribed, last_came = [], [], Event(), Event()
    reader = Client(CallbackAPIVersion.VERSION2, "watch", protocol=protocol)
    reader.on_subscribe = lambda _, __, ___, codes, ____: (said.extend(map(str, codes)), is_subscribed.set())
    reader.on_message = lambda _, __, message: (got.append(message.topic), message.payload == b"2" and last_came.set())
    connected(reader).subscribe([("recommended/#", 1), ("core/#", 1)])
    assert is_subscribed.wait(10)
    writer = connected(Client(CallbackAPIVersion.VERSION2, "station"))
    for payload, topic in ((b"1", "recommended/metar"), (b"2", "core/synop")):
        writer.publish(topic, payload, 1).wait_for_publish(10)
    assert last_came.wait(10)
    print(f"{title}: {said}, came: {got}")
    for client in (reader, writer):
        client.disconnect()
        client.loop_stop()
PY
} >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
mosquitto version 2.0.11
MQTT 3.1.1: ['Granted QoS 1', 'Granted QoS 1'], came: ['core/synop']
MQTT 5: ['Granted QoS 1', 'Granted QoS 1'], came: ['core/synop']
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: mosquitto answers a denied subscription otherwise now" >&2; exit 1; }
