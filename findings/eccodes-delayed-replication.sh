#!/usr/bin/env bash
# eccodes 2.50.0 (Python), run 2026-11-28.
#
# Expected: a BUFR message's `expandedDescriptors` are the descriptors of its `numericValues`, one
#   for one, so that the two can be zipped into (element, value) pairs.
# Seen: section 3 is expanded once; a group under delayed replication stands in the list once,
#   however often the data repeat it. The lists differ in length, and zip ends without a word
#   after having given the values after the group to other elements.
# Why it matters: the gusts of an automatic station, its rain by period and its cloud layers are
#   delayed replications. Here a temperature of 282 K is taken for 282 mm of rain.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check eccodes==2.50.0 eccodeslib==2.50.0.33 numpy==2.4.6

"$tmp/venv/bin/python" >"$tmp/seen" <<'PY'
import eccodes as ec

STATION, FACTOR, TEMPERATURE, RAIN = 1002, 31001, 12101, 13011
h = ec.codes_bufr_new_from_samples("BUFR4")
ec.codes_set_array(h, "inputDelayedDescriptorReplicationFactor", [3])
ec.codes_set(h, "masterTablesVersionNumber", 36)
ec.codes_set(h, "numberOfSubsets", 1)
ec.codes_set(h, "compressedData", 0)
ec.codes_set_array(h, "unexpandedDescriptors", [STATION, 101000, FACTOR, TEMPERATURE, RAIN])
ec.codes_set(h, "#1#stationNumber", 499)
for n, kelvin in enumerate((280.0, 281.0, 282.0), 1):
    ec.codes_set(h, f"#{n}#airTemperature", kelvin)
ec.codes_set(h, "#1#totalPrecipitationOrTotalWaterEquivalent", 3.5)
ec.codes_set(h, "pack", 1)
message = ec.codes_get_message(h)

h = ec.codes_new_from_message(message)
ec.codes_set(h, "unpack", 1)
descriptors = [int(d) for d in ec.codes_get_array(h, "expandedDescriptors")]
values = [round(float(v), 1) for v in ec.codes_get_array(h, "numericValues")]
print("descriptors", descriptors)
print("values     ", values)
print("zipped     ", [pair for pair in zip(descriptors, values) if pair[0] == RAIN])
PY

cat >"$tmp/expected" <<'TXT'
descriptors [1002, 101000, 31001, 12101, 13011]
values      [499.0, 3.0, 280.0, 281.0, 282.0, 3.5]
zipped      [(13011, 282.0)]
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: eccodes expands delayed replications otherwise now" >&2; exit 1; }
