#!/usr/bin/env bash
# paho-mqtt 2.2.0 (broker: mosquitto 2.0.11), run 2026-11-30.
#
# Expected: of QoS 1 messages to one topic, the last copy of each arrives in the order of publish(),
#   also over a break (MQTT 5, 4.6, the note on QoS 1).
# Seen: what on_connect publishes goes out first, then the older message that had no PUBACK when the
#   line broke. The broker retains the older one.
# Why it matters: "publish the present state in on_connect, retained" is how alarms are bridged to
#   Home Assistant and the like. After a break in a storm the topic says calm until the next change.
#   Publish anew only when on_publish has named all that was open.
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
import socket
import sys
import threading
import time

from paho.mqtt.client import CallbackAPIVersion, Client, MQTTv5

PORT = int(sys.argv[1])
TOPIC = "alarm/recife"
is_mute, ends = False, []


def carry(source, to, is_answer):
    try:
        while said := source.recv(65536):
            if not (is_answer and is_mute):
                to.sendall(said)
    except OSError:
        pass


def serve(server):  # a line of which the way back can fail
    while True:
        near, _ = server.accept()
        far = socket.create_connection(("127.0.0.1", PORT))
        ends.extend((near, far))
        threading.Thread(target=carry, args=(near, far, False), daemon=True).start()
        threading.Thread(target=carry, args=(far, near, True), daemon=True).start()


def until(is_so):
    for _ in range(1500):
        if is_so():
            return
        time.sleep(0.02)
    raise SystemExit("it did not happen")


def open_socket():
    try:
        socket.create_connection(("127.0.0.1", PORT)).close()
    except OSError:
        return False
    return True


until(open_socket)
line = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=serve, args=(line,), daemon=True).start()

heard, is_subscribed = [], threading.Event()
reader = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
reader.on_message = lambda _c, _u, message: heard.append(message.payload.decode())
reader.on_subscribe = lambda *_: is_subscribed.set()
reader.connect("127.0.0.1", PORT)
reader.loop_start()
reader.subscribe(TOPIC, 1)
assert is_subscribed.wait(10)

state = "calm"
writer = Client(CallbackAPIVersion.VERSION2, "watch", protocol=MQTTv5)
writer.on_connect = lambda client, *_: client.publish(TOPIC, state, qos=1, retain=True)
writer.connect("127.0.0.1", line.getsockname()[1])
writer.loop_start()
until(lambda: heard == ["calm"])
time.sleep(1)
is_mute = True
writer.publish(TOPIC, "calm again", qos=1, retain=True)
until(lambda: "calm again" in heard)
state, is_mute = "storm", False
heard.clear()
for end in ends:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
until(lambda: len(heard) == 2)
print("after the break:", heard)

kept = []
late = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
late.on_message = lambda _c, _u, message: kept.append(message.payload.decode())
late.connect("127.0.0.1", PORT)
late.loop_start()
late.subscribe(TOPIC, 1)
until(lambda: kept)
print("retained:", kept)
PY

cat >"$tmp/expected" <<'TXT'
after the break: ['storm', 'calm again']
retained: ['calm again']
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: paho resends in order now" >&2; exit 1; }
