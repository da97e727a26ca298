#!/usr/bin/env bash
# covjson-pydantic 0.8.0 (with pydantic 2.14), run 2026-11-29.
#
# Expected: CoverageJSON, the form of OGC's environmental data services, 5.2: times of a Gregorian calendar
#   are written "2008", "2008-01", "2008-01-01" or with a time of day in UTC. A model of the format
#   reads them and writes what it read.
# Seen: the years "2008" and "2009" are taken for seconds since 1970 and written back as
#   1970-01-01T00:33:28Z and 00:33:29Z, without an error. Months and days are refused.
# Why it matters: yearly maxima and monthly normals, what limits are made from, come in this form: as years
#   all of them fall into one hour of 1970, as months they cannot be read.
# Way out: write the first instant of each period with its time of day; read such axes from the JSON itself.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check covjson-pydantic==0.8.0 pydantic==2.14.4

"$tmp/venv/bin/python" >"$tmp/seen" <<'PY'
import json

from covjson_pydantic.coverage import Coverage
from pydantic import ValidationError

CRS = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


def coverage(times):
    """Yearly (monthly, daily …) rain of one place."""
    return {
        "type": "Coverage",
        "domain": {
            "type": "Domain",
            "domainType": "PointSeries",
            "axes": {"x": {"values": [-43.2]}, "y": {"values": [-22.9]}, "t": {"values": times}},
            "referencing": [
                {"coordinates": ["x", "y"], "system": {"type": "GeographicCRS", "id": CRS}},
                {"coordinates": ["t"], "system": {"type": "TemporalRS", "calendar": "Gregorian"}},
            ],
        },
        "parameters": {
            "rain": {
                "type": "Parameter",
                "unit": {"symbol": "mm"},
                "observedProperty": {"label": {"en": "rain"}},
            }
        },
        "ranges": {
            "rain": {"type": "NdArray", "dataType": "float", "axisNames": ["t"], "shape": [2], "values": [81.0, 124.0]}
        },
    }


for times in (
    ["2008-01-01T00:00:00Z", "2009-01-01T00:00:00Z"],
    ["2008", "2009"],
    ["2008-01", "2008-02"],
    ["2008-01-01", "2008-01-02"],
):
    try:
        read = Coverage.model_validate_json(json.dumps(coverage(times)))
    except ValidationError as error:
        print(f"{' '.join(times)}: refused, {error.errors()[0]['type']}")
    else:
        written = json.loads(read.model_dump_json())["domain"]["axes"]["t"]["values"]
        print(f"{' '.join(times)}: {' '.join(written)}")
PY

cat >"$tmp/expected" <<'TXT'
2008-01-01T00:00:00Z 2009-01-01T00:00:00Z: 2008-01-01T00:00:00Z 2009-01-01T00:00:00Z
2008 2009: 1970-01-01T00:33:28Z 1970-01-01T00:33:29Z
2008-01 2008-02: refused, datetime_from_date_parsing
2008-01-01 2008-01-02: refused, timezone_aware
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: covjson-pydantic reads times otherwise now" >&2; exit 1; }
