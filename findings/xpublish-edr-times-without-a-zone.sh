#!/usr/bin/env bash
# xpublish-edr 0.11.1, read by covjson-reader 0.16.3 and covutils 0.6.1 (npm), run 2026-11-30.
#
# Expected: a forecast's hours are the same for who hands them out and for who reads them: CoverageJSON (OGC 21-069r2, temporal
#   reference systems) has `2026-11-30T18:00:00Z`, and the reader's `subsetByValue` finds the hour that it is asked for.
# Seen: the service writes them without the Z. The reader's `Date` takes what has no zone for the reader's own clock: in
#   Recife the hour of 18 UTC is that of 15 UTC, in Tokyo it is 3 UTC of the next day, and the value is that other hour's.
#   Where clocks are UTC, as on most servers and in most tests, both are right.
# Why it matters: a squall of 33 m/s at 18 UTC is 8 m/s for who asks for that hour in Recife; and it is there for who
#   asks for three hours later. Nothing says so: the axis of the answer reads 15:00 and has no zone.
# Way out: as a service, a Z behind each time of the axis; as a reader, put it there before the coverage is read.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
command -v npm >/dev/null || apt-get install -y -qq npm >&2
npm install --silent --no-audit --no-fund --prefix "$tmp" covjson-reader@0.16.3 covutils@0.6.1 >&2
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile xpublish-edr==0.11.1 xpublish==0.5.2 xarray==2026.9.0 \
  cf-xarray==0.11.3 pandas==3.1.1 numpy==2.4.6 fastapi==0.165.0 starlette==1.10.0 httpx==0.28.1

cat >"$tmp/serve.py" <<'PY'
import sys

import numpy as np
import pandas as pd
import xarray as xr
import xpublish
from fastapi.testclient import TestClient
from xpublish_edr import CfEdrPlugin

times = pd.date_range("2026-11-30T12:00", periods=12, freq="3h")  # UTC, as models have them
gust = np.full((times.size, 3, 3), 8.0, "float32")
gust[2] = 33
model = xr.Dataset(
    {"gust": (("time", "lat", "lon"), gust, {"standard_name": "wind_speed_of_gust", "units": "m s-1", "long_name": "gust"})},
    {
        "time": ("time", times, {"standard_name": "time", "axis": "T"}),
        "lat": ("lat", [-9.0, -8.0, -7.0], {"standard_name": "latitude", "units": "degrees_north", "axis": "Y"}),
        "lon": ("lon", [-36.0, -35.0, -34.0], {"standard_name": "longitude", "units": "degrees_east", "axis": "X"}),
    },
)
service = TestClient(xpublish.Rest({"model": model}, plugins={"edr": CfEdrPlugin()}).app)
answer = service.get("/datasets/model/edr/position", params={"coords": "POINT(-35 -8)", "f": "cf_covjson"})
answer.raise_for_status()
with open(sys.argv[1], "w") as file:
    file.write(answer.text)
PY
"$tmp/venv/bin/python" -W ignore "$tmp/serve.py" "$tmp/answer.json" >&2

cat >"$tmp/node_modules/read.cjs" <<'JS'
const { read } = require("covjson-reader");
const answer = JSON.parse(require("node:fs").readFileSync(process.argv[2], "utf8"));
const asked = "2026-11-30T18:00:00Z";
if (process.argv[3]) {
  const { t } = answer.domain.axes;
  t.values = t.values.map((time) => `${time}Z`);
}
(async () => {
  const hour = await (await read(answer)).subsetByValue({ t: { target: asked } });
  const time = (await hour.loadDomain()).axes.get("t").values[0];
  const gust = (await hour.loadRange("gust")).get({});
  console.log(`${process.env.TZ}${process.argv[3] ? ", with a Z" : ""}: asked for ${asked}, got ${time}, a gust of ${gust} m/s`);
})();
JS
for zone in UTC America/Recife Asia/Tokyo; do
  TZ=$zone node "$tmp/node_modules/read.cjs" "$tmp/answer.json"
done >"$tmp/seen"
TZ=America/Recife node "$tmp/node_modules/read.cjs" "$tmp/answer.json" Z >>"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
UTC: asked for 2026-11-30T18:00:00Z, got 2026-11-30T18:00:00, a gust of 33 m/s
America/Recife: asked for 2026-11-30T18:00:00Z, got 2026-11-30T15:00:00, a gust of 8 m/s
Asia/Tokyo: asked for 2026-11-30T18:00:00Z, got 2026-12-01T03:00:00, a gust of 8 m/s
America/Recife, with a Z: asked for 2026-11-30T18:00:00Z, got 2026-11-30T18:00:00Z, a gust of 33 m/s
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: the service or the reader has other times now" >&2; exit 1; }
