#!/usr/bin/env bash
# feedparser 6.0.14, run 2026-11-29.
#
# Expected: feeds of warnings carry CAP's elements in each Atom entry (RFC 4287, 6, lets any be there): an
#   area of two polygons and two codes has `cap:polygon` and `cap:geocode` twice. What is there twice is
#   read twice, or not at all.
# Seen: of the polygons and of the codes the last one is there, as if it were the only one, and `bozo`, the
#   mark of a feed that was not understood, is not set. Where the whole message is embedded as the entry's
#   content, its elements are taken for those of the entry: the event of the entry stays, the
#   status beside it is the embedded message's, and `content` is empty.
# Why it matters: whoever lives in the first polygon of a flood is not warned, and nothing looks wrong.
# Way out: take the link of the entry alone, and read the CAP message itself with an XML parser.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check feedparser==6.0.14

"$tmp/venv/bin/python" >"$tmp/seen" <<'PY'
import feedparser

AREAS = """
<cap:polygon>-22.0,-43.0 -22.0,-42.0 -23.0,-42.0 -22.0,-43.0</cap:polygon>
<cap:polygon>-25.0,-49.0 -25.0,-48.0 -26.0,-48.0 -25.0,-49.0</cap:polygon>
<cap:geocode><valueName>IBGE</valueName><value>3304557</value></cap:geocode>
<cap:geocode><valueName>IBGE</valueName><value>4118204</value></cap:geocode>"""
EMBEDDED = """
<content type="application/cap+xml"><alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
<identifier>made.up.1</identifier><status>Exercise</status><info><event>Drill</event></info></alert></content>"""
FEED = """<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:cap="urn:oasis:names:tc:emergency:cap:1.2">
<id>urn:made:up</id><title>Warnings</title><updated>2026-11-29T12:00:00Z</updated>
<entry><id>urn:made:up:1</id><title>Flood</title><updated>2026-11-29T12:00:00Z</updated>
<cap:event>Flood</cap:event>{}</entry></feed>"""

feed = feedparser.parse(FEED.format(AREAS))
entry = feed.entries[0]
print(f"two areas: bozo {bool(feed.bozo)}")
print(f"  polygon: {entry.cap_polygon}")
print(f"  code: {entry.value}; codes in cap_geocode: {entry.cap_geocode!r}")
entry = feedparser.parse(FEED.format(EMBEDDED)).entries[0]
print(f"embedded message: event {entry.cap_event}, status {entry.cap_status}, content {entry.content[0].value!r}")
PY

cat >"$tmp/expected" <<'TXT'
two areas: bozo False
  polygon: -25.0,-49.0 -25.0,-48.0 -26.0,-48.0 -25.0,-49.0
  code: 4118204; codes in cap_geocode: ''
embedded message: event Flood, status Exercise, content ''
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: feedparser reads elements of CAP otherwise now" >&2; exit 1; }
