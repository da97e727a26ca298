#!/usr/bin/env bash
# python-aqi 0.6.1, run 2026-11-29.
#
# Expected: the United States' air quality index of fine particles by the bands that are in force since
#   6 May 2024 (89 FR 16202): "good" ends at 9.0 ug/m3, 55.5 begins "unhealthy", 125.5 "very
#   unhealthy", 225.5 "hazardous".
# Seen: the bands of 2012. 12.0 ug/m3 are 50, the last of "good"; by the rule in force they are 56,
#   "moderate". 225.5 ug/m3, where "hazardous" begins (301), are 275, "very unhealthy".
# Why it matters: it is the package that one finds by the index's name. On a day of smoke it keeps back
#   the gravest word. Own the table of bands, with the year of each.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check python-aqi==0.6.1

"$tmp/venv/bin/python" >"$tmp/seen" <<'PY'
import aqi

for amount, in_force in (("9.0", 50), ("12.0", 56), ("55.5", 151), ("125.5", 201), ("225.5", 301)):
    said = aqi.to_iaqi(aqi.POLLUTANT_PM25, amount, algo=aqi.ALGO_EPA)
    print(f"{amount:>5} ug/m3: {said}, by the rule of 2024 {in_force}")
PY

cat >"$tmp/expected" <<'TXT'
  9.0 ug/m3: 38, by the rule of 2024 50
 12.0 ug/m3: 50, by the rule of 2024 56
 55.5 ug/m3: 151, by the rule of 2024 151
125.5 ug/m3: 187, by the rule of 2024 201
225.5 ug/m3: 275, by the rule of 2024 301
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: python-aqi has other bands now" >&2; exit 1; }
