#!/usr/bin/env bash
# eccodes 2.50.0 writing, pybufrkit 0.2.25 reading, run 2026-11-28.
#
# Expected: what one decoder reads out of a compressed message of two stations, the other reads too.
# Seen: eccodes writes the first station's name as the base of the compressed names, and each
#   station's whole name as its increment. pybufrkit puts base and increment one behind the other:
#   40 characters for a field of 20, and every name begins with the first station's. bufrust 1.0.4,
#   earth2bufr 0.1.1 and eccodes itself take the increment alone. With the base set to zero bits
#   in the same message pybufrkit is right.
# Why it matters: matched by name or by a text identifier, every station of a bulletin is either
#   unknown or the first one. Take the last 20 characters, or write with a base of zero bits.
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

NAME, TEMPERATURE, WIDTH = 1015, 12101, 20
h = ec.codes_bufr_new_from_samples("BUFR4")
ec.codes_set(h, "masterTablesVersionNumber", 36)
ec.codes_set(h, "numberOfSubsets", 2)
ec.codes_set(h, "compressedData", 1)
ec.codes_set_array(h, "unexpandedDescriptors", [NAME, TEMPERATURE])
ec.codes_set_string_array(h, "stationOrSiteName", ["ALPHA", "BRAVO"])
ec.codes_set_array(h, "airTemperature", [280.0, 290.0])
ec.codes_set(h, "pack", 1)
written = ec.codes_get_message(h)


def names(message):
    h = ec.codes_new_from_message(message)
    ec.codes_set(h, "unpack", 1)
    yield "eccodes", ec.codes_get_string_array(h, "stationOrSiteName")
    yield "bufrust", [v.data.strip("\0") for v in bufrust.loads(message).decode() if v.descriptor == NAME]
    with open(sys.argv[1], "wb") as file:
        file.write(message)
    yield "earth2bufr", [row["B001015"] for batch in earth2bufr.read_bufr(sys.argv[1]) for row in batch.to_pylist()]
    subsets = Decoder().process(message).template_data.value.decoded_values_all_subsets
    yield "pybufrkit", [subset[0].replace(b"\0", b".").decode() for subset in subsets]


at = written.index(b"ALPHA")
for title, message in (
    ("base as eccodes writes it", written),
    ("base of zero bits", written[:at] + bytes(WIDTH) + written[at + WIDTH :]),
):
    print(title)
    for decoder, seen in names(message):
        print(f"  {decoder:10} {seen}")
PY

cat >"$tmp/expected" <<'TXT'
base as eccodes writes it
  eccodes    ['ALPHA', 'BRAVO']
  bufrust    ['ALPHA', 'BRAVO']
  earth2bufr ['ALPHA', 'BRAVO']
  pybufrkit  ['ALPHA...............ALPHA...............', 'ALPHA...............BRAVO...............']
base of zero bits
  eccodes    ['ALPHA', 'BRAVO']
  bufrust    ['ALPHA', 'BRAVO']
  earth2bufr ['ALPHA', 'BRAVO']
  pybufrkit  ['ALPHA...............', 'BRAVO...............']
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: compressed names are written or read otherwise now" >&2; exit 1; }
