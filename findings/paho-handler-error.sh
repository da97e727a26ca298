#!/usr/bin/env bash
# paho-mqtt 2.2.0 (broker: mosquitto 2.0.11), run 2026-11-28.
#
# Expected: an exception in `on_message` is told, or the client comes out as not connected.
# Seen: with `loop_start()` the network thread ends. `is_connected()` stays True two keep-alives
#   later, `on_disconnect` is never called, nothing reconnects and no message comes any more.
# Why it matters: one report of an unforeseen form makes a live source silent for good, and a health
#   check that asks `is_connected()` stays green. Catch all in the handler, and watch the age of the
#   last message.
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
import threading
import time

from paho.mqtt.client import CallbackAPIVersion, Client

PORT, KEEPALIVE_S = int(sys.argv[1]), 5
got, left, ended, is_subscribed = [], [], threading.Event(), threading.Event()


def on_message(_client, _userdata, message):
    got.append(int(message.payload))
    if got[-1] == 1:
        raise KeyError("content")


threading.excepthook = lambda failure: (print("thread ended by", failure.exc_type.__name__), ended.set())
reader = Client(CallbackAPIVersion.VERSION2, "watch")
reader.on_message, reader.on_disconnect = on_message, lambda *_: left.append(1)
reader.on_subscribe = lambda *_: is_subscribed.set()
for attempt in range(50):
    try:
        reader.connect("127.0.0.1", PORT, keepalive=KEEPALIVE_S)
        break
    except OSError:
        time.sleep(0.1)
reader.loop_start()
reader.subscribe("synop", 1)
assert is_subscribed.wait(10)
writer = Client(CallbackAPIVersion.VERSION2, "station")
writer.connect("127.0.0.1", PORT)
writer.loop_start()
for n in range(4):
    writer.publish("synop", str(n), 1).wait_for_publish(10)
assert ended.wait(10)
time.sleep(2 * KEEPALIVE_S)
print("handed over:", got)
print("is_connected():", reader.is_connected(), "on_disconnect calls:", len(left))
writer.disconnect()
writer.loop_stop()
PY

cat >"$tmp/expected" <<'TXT'
thread ended by KeyError
handed over: [0, 1]
is_connected(): True on_disconnect calls: 0
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: paho treats a failing handler otherwise now" >&2; exit 1; }
