#!/usr/bin/env bash
# pymetdecoder 0.2.2, run 2026-11-29.
#
# Expected: of a SYNOP's group 4Esss the depth of snow by WMO code table 3889: 001 to 996 are whole
#   centimetres, 997 is less than half a centimetre, 998 a cover that is not continuous, and 999 says
#   that the depth could not be measured.
# Seen: 997, 998 and 999 come out as 997, 998 and 999 cm, each said to be continuous and possible to
#   measure. The table's own cases are there and are never met, as text is compared with numbers.
# Why it matters: a dusting of snow, or a stick that could not be read, is ten metres of snow, and a
#   limit on snow depth is passed. Take depths above 996 for codes and not for centimetres.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check pymetdecoder==0.2.2

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
from pymetdecoder import synop

REPORT = "AAXX 01121 06670 11598 72706 10012 21005 30110 40128 333 4/{}"
for code in ("012", "997", "998", "999"):
    depth = synop.SYNOP().decode(REPORT.format(code))["ground_state_snow"]["depth"]
    print(f"4/{code}: {depth['depth']} {depth['unit']}, continuous {depth['continuous']}, impossible {depth['impossible']}")
PY

cat >"$tmp/expected" <<'TXT'
4/012: 12 cm, continuous True, impossible False
4/997: 997 cm, continuous True, impossible False
4/998: 998 cm, continuous True, impossible False
4/999: 999 cm, continuous True, impossible False
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: pymetdecoder reads codes of snow depth otherwise now" >&2; exit 1; }
