#!/usr/bin/env bash
# wis2downloader 0.3.2, run 2026-11-28.
#
# Expected: a WIS2 notification whose link has no `length` (which the schema makes optional) and
#   whose sha512 fits is downloaded and kept.
# Seen: the length that is not there is compared with the file's, so the file is fetched, counted as
#   failed and thrown away. The same message with the length is kept, and one without a length and
#   without a checksum is kept too: naming a checksum loses the file.
# Why it matters: all reports of a centre that leaves out the length are lost, one by one, with no
#   more than a line in the log. Compare a length only where it is given.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check wis2downloader==0.3.2 urllib3==2.8.0

(cd "$tmp" && "$tmp/venv/bin/python" -W ignore) >"$tmp/seen" 2>"$tmp/log" <<'PY'
import base64
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from wis2downloader.downloader import DownloadWorker
from wis2downloader.queue import SimpleQueue

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
integrity = {"method": "sha512", "value": base64.b64encode(hashlib.sha512(REPORT).digest()).decode()}
TOPIC = "cache/a/wis2/br-inmet/data/core/weather/surface-based-observations/synop"
for title, length, checked in (
    ("length and checksum", True, True),
    ("checksum alone", False, True),
    ("neither", False, False),
):
    name = title.replace(" ", "-")
    href = f"http://127.0.0.1:{server.server_port}/{name}.bufr4"
    link = {"rel": "canonical", "type": "application/bufr", "href": href}
    properties = {"data_id": f"{TOPIC}/{name}"}
    if length:
        link["length"] = len(REPORT)
    if checked:
        properties["integrity"] = integrity
    asked.clear()
    worker = DownloadWorker(SimpleQueue(), "data", min_free_space=0)
    worker.process_job({"topic": TOPIC, "target": ".", "payload": {"properties": properties, "links": [link]}})
    kept = any(path.stem == name for path in Path("data").rglob("*"))
    print(f"{title}: fetched {len(asked)}, kept {kept}")
server.shutdown()
PY

cat >"$tmp/expected" <<'TXT'
length and checksum: fetched 1, kept True
checksum alone: fetched 1, kept False
neither: fetched 1, kept True
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { cat "$tmp/log" >&2; echo "CHANGED: wis2downloader takes a link without length otherwise now" >&2; exit 1; }
