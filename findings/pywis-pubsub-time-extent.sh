#!/usr/bin/env bash
# pywis-pubsub 0.12.0, run 2026-11-28.
#
# Expected: a WIS2 notification made for data of a period has start_datetime and end_datetime, one
#   of the two forms the standard requires.
# Seen: the end is written as `endstart_datetime`. The message has neither a time nor a whole period.
# Why it matters: rain sums and forecasts are data of a period. Who reads such messages (the package
#   is a reference tool of the field) meets a period without an end and must not refuse the data.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check pywis-pubsub==0.12.0

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
from pywis_pubsub.publish import create_message

info = {"url": "https://example.org/rain.bufr4", "filename": "rain.bufr4", "size": 1,
        "checksum_type": "sha512", "checksum_value": "x"}
message = create_message("origin/a/wis2/br-inmet/data/core/weather", "application/bufr", info, "1",
                         start_datetime="2026-11-28T00:00:00Z", end_datetime="2026-11-29T00:00:00Z")
print(*sorted(name for name in message["properties"] if "datetime" in name), sep="\n")
PY

cat >"$tmp/expected" <<'TXT'
endstart_datetime
start_datetime
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: pywis-pubsub writes a period otherwise now" >&2; exit 1; }
