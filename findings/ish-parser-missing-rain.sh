#!/usr/bin/env bash
# ish_parser 0.0.25, run 2026-11-30.
#
# Expected: in the Integrated Surface Data rain is AAn: hours, depth in tenths of a mm where 9999 is missing, a condition,
#   a mark of quality (2 suspect, 3 erroneous). What is missing comes out so, as its wind and temperature do.
# Seen: missing rain is 999.9 mm, or 39.4 inches, as text and in inches; `get_numeric()` alone says nan. A
#   suspect or erroneous depth cannot be told from a good one: its quality is the last figure of the depth.
# Why it matters: a metre of rain in an hour, in the archive that return periods are made from; and who takes
#   values of quality 1 alone keeps those whose depth ends in 1.
# Way out: `get_numeric()`, and the mark from the raw text, its last figure.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check ish-parser==0.0.25 pytz==2026.6

cat >"$tmp/read.py" <<'PY'
from ish_parser import ish_report

MANDATORY = (
    "722020128392026090112004+25793-080316FM-15+0004KMIA V020"  # Miami, 1 September 2026, 12 h
    "0901N03001" "22000" "19N" "0160931" "99" "+02151+01951" "099901"  # to 999.0 hPa
)
for what, rain in (
    ("0.5 mm, passed", "AA101000591"),
    ("2.1 mm, erroneous (3)", "AA101002193"),
    ("2.5 mm, passed", "AA101002591"),
    ("missing", "AA101999999"),
):
    more = f"ADD{rain}"
    depth = ish_report().loads(f"{len(more):04d}{MANDATORY}{more}").get_additional_field("AA1").precipitation["depth"]
    print(f"SEEN {what}: {depth} mm, {depth.get_inches()} in, {depth.get_numeric()}, quality {depth._obs_quality}")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/read.py" | grep '^SEEN' >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
SEEN 0.5 mm, passed: 0.5 mm, 0.0197 in, 0.5, quality 5
SEEN 2.1 mm, erroneous (3): 2.1 mm, 0.0827 in, 2.1, quality 1
SEEN 2.5 mm, passed: 2.5 mm, 0.0984 in, 2.5, quality 5
SEEN missing: 999.9 mm, 39.3661 in, nan, quality 9
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: ish_parser reads rain otherwise now" >&2; exit 1; }
