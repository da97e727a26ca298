#!/usr/bin/env bash
# eccodes 2.50.0 against pybufrkit 0.2.25 and bufrust 1.0.4, run 2026-11-28.
#
# Expected: a BUFR value with two decimals decodes to the double nearest to it, the same in every
#   decoder.
# Seen: one message that says 273.15 K. eccodes gives the next double above, both other decoders
#   give 273.15. Of the temperatures from 263.15 K in steps of 0.1 K 80 in 500 come back other than
#   they were encoded, and of rain from 0 mm 352 in 1,000. numpy's printing hides it.
# Why it matters: a frost rule "at or below 0 °C" is true for the one and false for the other.
#   Round a decoded value to its element's scale before it meets a limit.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check eccodes==2.50.0 eccodeslib==2.50.0.33 \
    numpy==2.4.6 pybufrkit==0.2.25 bitstring==4.4.0 bufrust==1.0.4

"$tmp/venv/bin/python" >"$tmp/seen" <<'PY'
import bufrust
import eccodes as ec
from pybufrkit.decoder import Decoder


def encoded(descriptor, key, value):
    h = ec.codes_bufr_new_from_samples("BUFR4")
    ec.codes_set(h, "masterTablesVersionNumber", 36)
    ec.codes_set(h, "numberOfSubsets", 1)
    ec.codes_set(h, "compressedData", 0)
    ec.codes_set_array(h, "unexpandedDescriptors", [descriptor])
    ec.codes_set(h, f"#1#{key}", value)
    ec.codes_set(h, "pack", 1)
    message = ec.codes_get_message(h)
    ec.codes_release(h)
    return message


def decoded(message, key):
    h = ec.codes_new_from_message(message)
    ec.codes_set(h, "unpack", 1)
    value = float(ec.codes_get_array(h, key)[0])
    ec.codes_release(h)
    return value


T, RAIN = (12101, "airTemperature"), (13011, "totalPrecipitationOrTotalWaterEquivalent")
message = encoded(*T, 273.15)
for decoder, kelvin in (
    ("eccodes", decoded(message, T[1])),
    ("pybufrkit", Decoder().process(message).template_data.value.decoded_values_all_subsets[0][0]),
    ("bufrust", bufrust.loads(message).decode()[0].data),
):
    print(f"{decoder:9}", kelvin, "at or below 0 °C:", kelvin - 273.15 <= 0)
for (descriptor, key), values in (
    (T, [round(263.15 + i / 10, 2) for i in range(500)]),
    (RAIN, [i / 10 for i in range(1000)]),
):
    off = sum(decoded(encoded(descriptor, key, v), key) != v for v in values)
    print(f"{key}: {off} of {len(values)} are not the value that was encoded")
PY

cat >"$tmp/expected" <<'TXT'
eccodes   273.15000000000003 at or below 0 °C: False
pybufrkit 273.15 at or below 0 °C: True
bufrust   273.15 at or below 0 °C: True
airTemperature: 80 of 500 are not the value that was encoded
totalPrecipitationOrTotalWaterEquivalent: 352 of 1000 are not the value that was encoded
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: eccodes' doubles are otherwise now" >&2; exit 1; }
