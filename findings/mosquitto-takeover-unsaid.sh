#!/usr/bin/env bash
# mosquitto 2.0.11 (Debian 12), seen with paho-mqtt 2.2.0, run 2026-11-29.
#
# Expected: who loses its MQTT 5 session to a second client of the same name is told so: DISCONNECT
#   with reason 142, "Session taken over" (MQTT 5.0, 3.1.4).
# Seen: the connection is closed without a word; paho says "Unspecified error". Both clients connect
#   again at once, and throw each other out for ever.
# Why it matters: a backup that was put back elsewhere and started makes two programs hear half of
#   what comes, each. Count connections that last for seconds, say so, and stop.
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

"$tmp/venv/bin/python" - "$port" >"$tmp/seen" <<'PY'
import sys
import time

from paho.mqtt.client import CallbackAPIVersion, Client, MQTTv5

PORT, lost, joined = int(sys.argv[1]), [], []


def connected():
    client = Client(CallbackAPIVersion.VERSION2, "watch", protocol=MQTTv5)
    client.on_connect = lambda *_: joined.append(1)
    client.on_disconnect = lambda _, __, flags, reason, ___: lost.append(
        f"told by the broker: {flags.is_disconnect_packet_from_server}, reason: {reason}"
    )
    for attempt in range(50):
        try:
            client.connect("127.0.0.1", PORT)
            break
        except OSError:
            time.sleep(0.1)
    client.loop_start()
    return client


first = connected()
time.sleep(1)
second = connected()
time.sleep(8)
print(lost[0])
print("connections of the two within eight seconds, more than six:", len(joined) > 6)
PY

cat >"$tmp/expected" <<'TXT'
told by the broker: False, reason: Unspecified error
connections of the two within eight seconds, more than six: True
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: mosquitto says now that a session was taken over" >&2; exit 1; }
