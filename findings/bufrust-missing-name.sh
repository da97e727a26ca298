#!/usr/bin/env bash
# bufrust 1.0.4, run 2026-11-28.
#
# Expected: a text element whose bits are all ones is missing in BUFR: None, or an empty text.
# Seen: the station name that is missing comes as the number 1020.0 (eccodes 2.50.0: an empty text,
#   earth2bufr 0.1.1: None); missing numbers do come as None.
# Why it matters: stations without a name are the rule among automatic ones. A column of names gets
#   a float, and a place called "1020.0" reaches a warning's text.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check eccodes==2.50.0 eccodeslib==2.50.0.33 \
    numpy==2.4.6 bufrust==1.0.4 earth2bufr==0.1.1

"$tmp/venv/bin/python" - "$tmp/message.bufr" >"$tmp/seen" <<'PY'
import sys

import bufrust
import earth2bufr
import eccodes as ec

h = ec.codes_bufr_new_from_samples("BUFR4")
ec.codes_set(h, "masterTablesVersionNumber", 36)
ec.codes_set(h, "numberOfSubsets", 1)
ec.codes_set(h, "compressedData", 0)
ec.codes_set_array(h, "unexpandedDescriptors", [1015, 12101, 13003])  # name, temperature, humidity
ec.codes_set(h, "#1#airTemperature", 280.0)
ec.codes_set(h, "pack", 1)
message = ec.codes_get_message(h)
with open(sys.argv[1], "wb") as file:
    file.write(message)

h = ec.codes_new_from_message(message)
ec.codes_set(h, "unpack", 1)
print("eccodes   ", repr(ec.codes_get(h, "#1#stationOrSiteName")))
(batch,) = earth2bufr.read_bufr(sys.argv[1])
print("earth2bufr", [batch.to_pylist()[0][key] for key in ("B001015", "B012101", "B013003")])
print("bufrust   ", [value.data for value in bufrust.loads(message).decode()])
PY

cat >"$tmp/expected" <<'TXT'
eccodes    ''
earth2bufr [None, 280.0, None]
bufrust    [1020.0, 280.0, None]
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: bufrust reads a missing text otherwise now" >&2; exit 1; }
