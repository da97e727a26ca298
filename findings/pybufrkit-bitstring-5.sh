#!/usr/bin/env bash
# pybufrkit 0.2.25 with bitstring 5.0.0 and 4.4.0, run 2026-11-28.
#
# Expected: what pip resolves for pybufrkit (it asks for bitstring 3.1.3 or newer) decodes BUFR.
# Seen: with bitstring 5.0.0, which its requirement allows, the import works and every message ends
#   in an AttributeError: the class BitStream is gone. With 4.4.0 the same message is decoded.
# Why it matters: an install without a lock file breaks a decoder that worked the day before, and
#   only when the first report comes. Pin bitstring below 5.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for bitstring in 5.0.0 4.4.0; do
    "${PYTHON:-python3}" -m venv "$tmp/$bitstring"
    "$tmp/$bitstring/bin/pip" install -qq --disable-pip-version-check pybufrkit==0.2.25 "bitstring==$bitstring"
done

# A whole edition 4 message, made here: one subset, uncompressed, station number 499.
cat >"$tmp/read.py" <<'PY'
import importlib.metadata as installed

from pybufrkit.decoder import Decoder

section1 = bytes([0, 0, 22, 0, 0, 98, 0, 0, 0, 0, 0, 255, 0, 36, 0, 0x07, 0xEA, 11, 28, 12, 0, 0])
section3 = bytes([0, 0, 9, 0, 0, 1, 0x80, 1, 2])
section4 = bytes([0, 0, 6, 0]) + (499 << 6).to_bytes(2, "big")
body = section1 + section3 + section4 + b"7777"
message = b"BUFR" + (8 + len(body)).to_bytes(3, "big") + b"\4" + body
try:
    said = Decoder().process(message).template_data.value.decoded_values_all_subsets
except AttributeError as error:
    said = f"AttributeError: {error}"
print("bitstring", installed.version("bitstring"), "->", said)
PY
for bitstring in 5.0.0 4.4.0; do
    "$tmp/$bitstring/bin/python" "$tmp/read.py"
done >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
bitstring 5.0.0 -> AttributeError: module 'bitstring' has no attribute 'BitStream'
bitstring 4.4.0 -> [[499]]
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: pybufrkit and bitstring get on otherwise now" >&2; exit 1; }
