#!/usr/bin/env bash
# grib-js 1.0.0 (npm), with messages written and read by eccodes 2.50.0, run 2026-11-30.
#
# Expected: a field of gusts in GRIB edition 2 has the same values and the same time in every reader, and on every machine.
# Seen: of the packing it reads (complex, differences of the second order) the scale factors are taken for two's complement;
#   GRIB has a sign and a magnitude. A scale of 2^-6 is 2^-32762, which is nothing: each point of the field has
#   its lowest value, and no error. With a scale that is not negative the values are right. Differences of the
#   first order and the plain packing (`grid_simple`) are no field at all, without a word.
#   The time is made in the machine's zone: 12 UTC is 15 UTC on a machine in Recife.
# Why it matters: negative scales are what weather has, where tenths matter. A field with a gust of 45 m/s
#   in it is 4 m/s everywhere, and looks like one of a quiet day.
# Way out: read with eccodes, or hold the greatest value against another reader's before a map is drawn of it.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check eccodes==2.50.0 numpy==2.4.6
command -v npm >/dev/null || apt-get install -y -qq npm >&2
npm install --silent --no-audit --no-fund --prefix "$tmp" grib-js@1.0.0 >&2

cat >"$tmp/write.py" <<'PY'
import sys

import eccodes
import numpy as np


def written(name, values, packing, order=2, bits=12):
    message = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib2")
    for key, value in {
        "discipline": 0, "parameterCategory": 2, "parameterNumber": 22, "dataDate": 20261130, "dataTime": 1200,
        "Ni": 8, "Nj": 6, "latitudeOfFirstGridPointInDegrees": -8.0, "longitudeOfFirstGridPointInDegrees": 325.0,
        "latitudeOfLastGridPointInDegrees": -9.25, "longitudeOfLastGridPointInDegrees": 326.75,
        "iDirectionIncrementInDegrees": 0.25, "jDirectionIncrementInDegrees": 0.25, "packingType": packing,
    }.items():
        eccodes.codes_set(message, key, value)
    if packing != "grid_simple":
        eccodes.codes_set(message, "orderOfSpatialDifferencing", order)
    eccodes.codes_set(message, "bitsPerValue", bits)
    eccodes.codes_set_values(message, values)
    seen = eccodes.codes_get_values(message)
    print(f"eccodes: {name:12} scale 2^{eccodes.codes_get(message, 'binaryScaleFactor')},"
          f" {len(seen)} points, {seen.min():.1f} to {seen.max():.1f} m/s")
    with open(f"{sys.argv[1]}/{name}.grib2", "wb") as file:
        eccodes.codes_write(message, file)


points = np.arange(48)
gusts = 4 + 41 * np.exp(-(((points - 20) / 6.0) ** 2))
written("second-order", gusts, "grid_complex_spatial_differencing")
written("whole-metres", 4.0 + points * 37 % 42, "grid_complex_spatial_differencing", bits=6)
written("first-order", gusts, "grid_complex_spatial_differencing", order=1)
written("simple", gusts, "grid_simple")
PY
cat >"$tmp/read.cjs" <<'JS'
const { readData } = require("grib-js");
const { readFileSync } = require("node:fs");
for (const name of process.argv.slice(3)) {
  readData(readFileSync(`${process.argv[2]}/${name}.grib2`), (error, messages) => {
    if (error) throw error;
    const data = messages[0].fields[0].data;
    const seen = data?.length ? `${Math.min(...data).toFixed(1)} to ${Math.max(...data).toFixed(1)} m/s` : "no values";
    console.log(`grib-js: ${name.padEnd(12)} ${data ? `${data.length} points` : "no field"}, ${seen}, of ${messages[0].referenceTime.toISOString()}`);
  });
}
JS
{
    "$tmp/venv/bin/python" "$tmp/write.py" "$tmp"
    TZ=Etc/UTC node "$tmp/read.cjs" "$tmp" second-order whole-metres first-order simple
    TZ=Etc/GMT+3 node "$tmp/read.cjs" "$tmp" second-order
} >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
eccodes: second-order scale 2^-6, 48 points, 4.0 to 45.0 m/s
eccodes: whole-metres scale 2^0, 48 points, 4.0 to 45.0 m/s
eccodes: first-order  scale 2^-6, 48 points, 4.0 to 45.0 m/s
eccodes: simple       scale 2^-6, 48 points, 4.0 to 45.0 m/s
grib-js: second-order 48 points, 4.0 to 4.0 m/s, of 2026-11-30T12:00:00.000Z
grib-js: whole-metres 48 points, 4.0 to 45.0 m/s, of 2026-11-30T12:00:00.000Z
grib-js: first-order  no field, no values, of 2026-11-30T12:00:00.000Z
grib-js: simple       no field, no values, of 2026-11-30T12:00:00.000Z
grib-js: second-order 48 points, 4.0 to 4.0 m/s, of 2026-11-30T15:00:00.000Z
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: grib-js reads GRIB otherwise now" >&2; exit 1; }
