#!/usr/bin/env bash
# earth2bufr 0.1.1, run 2026-11-28.
#
# Expected: a report that gives rain twice, for 1 h and for 24 h (as 307080 and 307096 do), keeps both.
# Seen: the table has one column an element; of an element that stands twice in the descriptors the
#   last value is kept and the one before is gone, with no name, list or word to show it. (A group
#   under delayed replication does become a list.)
# Why it matters: the rain of the last hour is what a heavy-rain rule needs. Left is the day's sum,
#   in a column that says nothing about a period but the 004024 beside it.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check eccodes==2.50.0 eccodeslib==2.50.0.33 \
    numpy==2.4.6 earth2bufr==0.1.1

"$tmp/venv/bin/python" - "$tmp/message.bufr" >"$tmp/seen" <<'PY'
import sys

import earth2bufr
import eccodes as ec

PERIOD, RAIN = "timePeriod", "totalPrecipitationOrTotalWaterEquivalent"
h = ec.codes_bufr_new_from_samples("BUFR4")
ec.codes_set(h, "masterTablesVersionNumber", 36)
ec.codes_set(h, "numberOfSubsets", 1)
ec.codes_set(h, "compressedData", 0)
ec.codes_set_array(h, "unexpandedDescriptors", [4024, 13011, 4024, 13011])
for n, (hours, mm) in enumerate(((-1, 62.0), (-24, 80.5)), 1):
    ec.codes_set(h, f"#{n}#{PERIOD}", hours)
    ec.codes_set(h, f"#{n}#{RAIN}", mm)
ec.codes_set(h, "pack", 1)
message = ec.codes_get_message(h)
with open(sys.argv[1], "wb") as file:
    file.write(message)

h = ec.codes_new_from_message(message)
ec.codes_set(h, "unpack", 1)
print("eccodes   ", [(ec.codes_get(h, f"#{n}#{PERIOD}"), ec.codes_get(h, f"#{n}#{RAIN}")) for n in (1, 2)])
(batch,) = earth2bufr.read_bufr(sys.argv[1])
print("earth2bufr", [(row["B004024"], row["B013011"]) for row in batch.to_pylist()])
PY

cat >"$tmp/expected" <<'TXT'
eccodes    [(-1, 62.0), (-24, 80.5)]
earth2bufr [(-24.0, 80.5)]
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: earth2bufr keeps repeated elements otherwise now" >&2; exit 1; }
