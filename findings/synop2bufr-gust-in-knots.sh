#!/usr/bin/env bash
# synop2bufr 0.8.1 (with pymetdecoder 0.2.2, eccodes 2.50.0), run 2026-11-29.
#
# Expected: the first group of a SYNOP says by its iw (code table 1855) in which unit the report gives
#   wind; with iw = 4, knots, all speeds of the report are knots, and in BUFR all are m/s.
# Seen: of one report with iw = 4 the mean wind, 30 kt, is written as 15.4 m/s, and the gusts of groups
#   910ff and 911ff, 45 and 50 kt, as 45.0 and 50.0 m/s, without an error or a warning. (pymetdecoder
#   says KT of all three.) With iw = 1, m/s, all are right.
# Why it matters: a fresh gust of 23 m/s becomes one of 45 m/s, that of a hurricane, on its way to the
#   world. A gust three times the mean wind of its own message is worth a second look.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check \
    synop2bufr==0.8.1 pymetdecoder==0.2.2 eccodes==2.50.0 eccodeslib==2.50.0.33

cd "$tmp" # it looks for templates in the folder that it runs in
"$tmp/venv/bin/python" -W ignore >"$tmp/all" 2>"$tmp/log" <<'PY'
import eccodes
from synop2bufr import transform

STATION = """\
station_name,wigos_station_identifier,traditional_station_identifier,facility_type,latitude,longitude,elevation,territory_name,barometer_height,wmo_region
MADE UP,0-20000-0-15015,15015,landFixed,47.7771,23.9405,503.0,ROU,504.0,europe
"""
REPORT = "AAXX 2112{} 15015 02999 025{} 10103 21090 39765 42952 57020 333 910{} 911{}="
KEYS = ("#1#windSpeed", "#1#maximumWindGustSpeed", "#2#maximumWindGustSpeed")

for unit, iw, mean, gust, peak in (("kt", 4, 30, 45, 50), ("m/s", 1, 15, 23, 26)):
    for told in transform(REPORT.format(iw, mean, gust, peak), STATION, 2022, 3):
        if "bufr4" not in told:
            continue
        message = eccodes.codes_new_from_message(told["bufr4"])
        eccodes.codes_set(message, "unpack", 1)
        seen = [f"{eccodes.codes_get(message, key):.1f}" for key in KEYS]
        result = told["_meta"]["result"]
        print(f"SEEN {mean}, {gust}, {peak} {unit} -> {', '.join(seen)} m/s; "
              f"{len(result['errors'])} errors, {len(result['warnings'])} warnings")
PY
grep '^SEEN' "$tmp/all" >"$tmp/seen" || { cat "$tmp/all" "$tmp/log" >&2; exit 1; }

cat >"$tmp/expected" <<'TXT'
SEEN 30, 45, 50 kt -> 15.4, 45.0, 50.0 m/s; 0 errors, 0 warnings
SEEN 15, 23, 26 m/s -> 15.0, 23.0, 26.0 m/s; 0 errors, 0 warnings
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: synop2bufr treats gusts otherwise now" >&2; exit 1; }
