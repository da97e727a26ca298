#!/usr/bin/env bash
# bufrust 1.0.4, run 2026-11-28.
#
# Expected: a pressure that carries a quality bit (BUFR operator 204001 with 031021, as in the
#   national template 307092) decodes to the pressure and its bit.
# Seen: bufrust takes a quality bit in front of 031021 itself, where there is none, and reads all
#   that follows one bit off: 932.4 hPa becomes 226.4 hPa and 280 K becomes 560 K, without an error.
#   eccodes 2.50.0, pybufrkit 0.2.25 and earth2bufr 0.1.1 read the values that were written.
# Why it matters: values that are wrong by a factor of two, from a message that is whole. Only
#   limits of plausibility (no air at 287 °C) can tell.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check eccodes==2.50.0 eccodeslib==2.50.0.33 \
    numpy==2.4.6 pybufrkit==0.2.25 bitstring==4.4.0 bufrust==1.0.4 earth2bufr==0.1.1

"$tmp/venv/bin/python" - "$tmp/message.bufr" >"$tmp/seen" <<'PY'
import sys

import bufrust
import earth2bufr
import eccodes as ec
from pybufrkit.decoder import Decoder

PRESSURE, TEMPERATURE = "#1#nonCoordinatePressure", "#1#airTemperature"
h = ec.codes_bufr_new_from_samples("BUFR4")
ec.codes_set(h, "masterTablesVersionNumber", 36)
ec.codes_set(h, "numberOfSubsets", 1)
ec.codes_set(h, "compressedData", 0)
ec.codes_set_array(h, "unexpandedDescriptors", [204001, 31021, 10004, 204000, 12101])
ec.codes_set(h, PRESSURE, 93240.0)
ec.codes_set(h, PRESSURE + "->associatedField", 1)
ec.codes_set(h, PRESSURE + "->associatedField->associatedFieldSignificance", 1)
ec.codes_set(h, TEMPERATURE, 280.0)
ec.codes_set(h, "pack", 1)
message = ec.codes_get_message(h)
with open(sys.argv[1], "wb") as file:
    file.write(message)

h = ec.codes_new_from_message(message)
ec.codes_set(h, "unpack", 1)
print("eccodes   ", [ec.codes_get(h, PRESSURE), ec.codes_get(h, TEMPERATURE)])
print("pybufrkit ", Decoder().process(message).template_data.value.decoded_values_all_subsets[0][-2:])
(batch,) = earth2bufr.read_bufr(sys.argv[1])
print("earth2bufr", [batch.to_pylist()[0][key] for key in ("B010004", "B012101")])
print("bufrust   ", [v.data for v in bufrust.loads(message).decode() if v.descriptor in (10004, 12101)])
PY

cat >"$tmp/expected" <<'TXT'
eccodes    [93240.0, 280.0]
pybufrkit  [93240.0, 280.0]
earth2bufr [93240.0, 280.0]
bufrust    [22640.0, 560.0]
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: bufrust reads quality bits otherwise now" >&2; exit 1; }
