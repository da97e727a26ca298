#!/usr/bin/env bash
# pywis-pubsub 0.12.0, run 2026-11-28.
#
# Expected: a small report travels inside its WIS2 notification (properties.content); a subscriber
#   takes it from there and asks nobody.
# Seen: the package's own publisher writes `properties.content`, as the standard says; its
#   subscriber looks for `content` beside `properties`, where no message has it, and fetches the
#   link each time. With the data server away the report is lost, although it was received.
# Why it matters: one request a report, seconds of delay, and a dependence on the weakest server of
#   the chain, which the inline copy was made to avoid.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check pywis-pubsub==0.12.0 requests==2.34.2

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" 2>"$tmp/log" <<'PY'
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from pywis_pubsub.message import get_data
from pywis_pubsub.publish import create_message, get_url_info

REPORT, asked = b"BUFR of one station", []


class Data(BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(REPORT)))
        self.end_headers()
        self.wfile.write(REPORT)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Data)
threading.Thread(target=server.serve_forever, daemon=True).start()
info = get_url_info(f"http://127.0.0.1:{server.server_port}/report.bufr4")
message = create_message("origin/a/wis2/br-inmet/data/core/weather", "application/bufr", info, "1", inline=True)
print("inline:", message["properties"]["content"]["encoding"], message["properties"]["content"]["size"], "octets")
asked.clear()
print("read:", get_data(message) == REPORT, "requests:", len(asked))
server.shutdown()
server.server_close()
try:
    get_data(message)
    print("server away: read")
except OSError as error:
    print("server away:", type(error).__name__)
PY

cat >"$tmp/expected" <<'TXT'
inline: base64 19 octets
read: True requests: 1
server away: ConnectionError
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { cat "$tmp/log" >&2; echo "CHANGED: pywis-pubsub takes inline content otherwise now" >&2; exit 1; }
