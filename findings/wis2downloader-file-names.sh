#!/usr/bin/env bash
# wis2downloader 0.3.2, run 2026-11-28.
#
# Expected: one file a report: `data_id` tells which report a WIS2 notification is of, whatever
#   address it may be fetched from.
# Seen: the name is made of the last part of the address, less its extension, and of a short list of
#   media types; all others are `.bin`, application/bufr among them.
#   - One report, offered by its origin and two caches under names of their own, is kept three times.
#   - Two reports, BUFR and GeoJSON of one station and hour, share one name: the second is "already
#     there" and never fetched. So are two stations whose files differ by their folder alone.
# Why it matters: counts of reports and sums of rain made from the folder are wrong both ways. Key
#   what you keep by data_id and pubtime.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check wis2downloader==0.3.2 urllib3==2.8.0

(cd "$tmp" && "$tmp/venv/bin/python" -W ignore) >"$tmp/seen" 2>"$tmp/log" <<'PY'
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from wis2downloader.downloader import DownloadWorker
from wis2downloader.queue import SimpleQueue


class Data(BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Data)
threading.Thread(target=server.serve_forever, daemon=True).start()
TOPIC = "cache/a/wis2/br-inmet/data/core/weather/surface-based-observations/synop"
BUFR, GEOJSON = "application/bufr", "application/geo+json"
for title, offers in (
    ("one report, origin and two caches",
     [("83499", f"/{name}.bufr4", BUFR) for name in ("20261128T12_83499", "c1-5f0e", "GTS_83499_a")]),
    ("BUFR and GeoJSON of one report",
     [("83499-b", "/20261128T12_83499.bufr4", BUFR), ("83499-g", "/20261128T12_83499.geojson", GEOJSON)]),
    ("two stations, two folders",
     [("83499", "/83499/20261128T12.bufr4", BUFR), ("83500", "/83500/20261128T12.bufr4", BUFR)]),
):
    folder = Path(title.replace(" ", "-"))
    worker = DownloadWorker(SimpleQueue(), str(folder), min_free_space=0)
    for data_id, path, media in offers:
        link = {"rel": "canonical", "type": media, "href": f"http://127.0.0.1:{server.server_port}{path}"}
        payload = {"properties": {"data_id": data_id}, "links": [link]}
        worker.process_job({"topic": TOPIC, "target": ".", "payload": payload})
    files = sorted(path.name for path in folder.rglob("*") if path.is_file())
    print(f"{title}: {len({data_id for data_id, *_ in offers})} in, {len(files)} kept: {' '.join(files)}")
server.shutdown()
PY

cat >"$tmp/expected" <<'TXT'
one report, origin and two caches: 1 in, 3 kept: 20261128T12_83499.bin GTS_83499_a.bin c1-5f0e.bin
BUFR and GeoJSON of one report: 2 in, 1 kept: 20261128T12_83499.bin
two stations, two folders: 2 in, 1 kept: 20261128T12.bin
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { cat "$tmp/log" >&2; echo "CHANGED: wis2downloader names files otherwise now" >&2; exit 1; }
