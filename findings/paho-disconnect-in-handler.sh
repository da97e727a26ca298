#!/usr/bin/env bash
# paho-mqtt 2.2.0 (broker: mosquitto 2.0.11), run 2026-11-29.
#
# Expected: `disconnect()` within `on_disconnect` ends the attempts to connect again, as it does
#   everywhere else.
# Seen: after a connection that was lost the client sets its state anew when the handler returns, and
#   connects again. `loop_stop()` within the handler ends it.
# Why it matters: a client that gives up (two of one name, a wrong password) goes on for ever.
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
import time

from paho.mqtt.client import CallbackAPIVersion, Client, MQTTv5

PORT = int(sys.argv[1])


def tried(how):
    joined = []
    client = Client(CallbackAPIVersion.VERSION2, f"watch-{how}", protocol=MQTTv5)
    client.on_connect = lambda *_: joined.append(1)
    client.on_disconnect = lambda *_: getattr(client, how)()
    for attempt in range(50):
        try:
            client.connect("127.0.0.1", PORT)
            break
        except OSError:
            time.sleep(0.1)
    client.loop_start()
    time.sleep(1)
    client.socket().shutdown(socket.SHUT_RDWR)  # as a network does
    time.sleep(4)
    return len(joined)


for how in ("disconnect", "loop_stop"):
    print(f"{how}() in on_disconnect: connected {tried(how)} times")
PY

cat >"$tmp/expected" <<'TXT'
disconnect() in on_disconnect: connected 2 times
loop_stop() in on_disconnect: connected 1 times
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: paho's disconnect() in on_disconnect is heeded now" >&2; exit 1; }
