#!/usr/bin/env bash
# pywis-pubsub 0.12.0 (broker: mosquitto 2.0.11), run 2026-11-28.
#
# Expected: `client_id` and `clean_session: false` in the configuration of `pywis-pubsub subscribe`
#   give a session that the broker keeps while the program is away.
# Seen: the option is read and never handed to the MQTT client, and a random number (two, in fact) is
#   put behind the client id, so every start is another client with a clean session. The broker
#   keeps nothing and sees a new name each time.
# Why it matters: what was published during a restart is lost, with a configuration that says it is
#   not. Fill the gap from a catalogue or cache after every start.
set -euo pipefail
tmp=$(mktemp -d)
broker=
trap '[ -z "$broker" ] || kill "$broker"; rm -rf "$tmp"' EXIT
PATH=$PATH:/usr/sbin
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check pywis-pubsub==0.12.0 paho-mqtt==2.2.0
command -v mosquitto >/dev/null || apt-get install -y -qq mosquitto >&2
port=$("$tmp/venv/bin/python" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')

printf 'listener %s 127.0.0.1\nallow_anonymous true\nlog_type all\n' "$port" >"$tmp/mosquitto.conf"
chmod 755 "$tmp" # started by root the broker drops its rights and must still read this
mosquitto -v -c "$tmp/mosquitto.conf" >"$tmp/log" 2>&1 &
broker=$!
for _ in $(seq 50); do
    grep -q running "$tmp/log" && break
    sleep 0.1
done

cat >"$tmp/watch.yml" <<YML
broker: mqtt://127.0.0.1:$port
client_id: watch
clean_session: false
qos: 1
subscribe_topics:
  - cache/#
YML
for start in 1 2; do
    "$tmp/venv/bin/pywis-pubsub" subscribe --config "$tmp/watch.yml" >"$tmp/said" 2>&1 &
    subscriber=$!
    for _ in $(seq 100); do
        [ "$(grep -c 'Sending SUBACK' "$tmp/log")" = "$start" ] && break
        sleep 0.1
    done
    kill "$subscriber"
    wait "$subscriber" || true
done

# In the broker's log "c1" is a clean session, "c0" one that is kept.
grep -o 'as watch[^ ]* (p[0-9], c[01]' "$tmp/log" | tr -d '(,' >"$tmp/connects"
{
    sed -E 's/[0-9]+-[0-9]+ /N-N /' "$tmp/connects"
    echo "different names: $(sort -u "$tmp/connects" | wc -l)"
} >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
as watch-N-N p2 c1
as watch-N-N p2 c1
different names: 2
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { cat "$tmp/log" >&2; echo "CHANGED: pywis-pubsub keeps a session otherwise now" >&2; exit 1; }
