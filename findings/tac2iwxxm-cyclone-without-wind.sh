#!/usr/bin/env bash
# tac2iwxxm 2026.9.13, run 2026-11-30.
#
# Expected: an advisory on a tropical cyclone (ICAO Annex 3, appendix 2, table A2-2) has its greatest wind in
#   m/s or in knots, now and at each forecast; forecasts of the 1st, in an advisory of the 30th, are of the next
#   month.
# Seen: only m/s are looked for: a cyclone of 120 kt that is to have 130 has no wind in the XML, neither
#   observed nor forecast, and no issue. The forecasts of the next month are dated back to the beginning of this
#   one: 6 hours ahead is 30 days ago.
# Why it matters: the centres that warn the most ships and aircraft write knots; a hurricane without a wind
#   passes no limit, and its track goes backwards in time just where it counts.
# Way out: the wind from the line itself; a forecast before the advisory's own time is a month later.
# Besides: it asks for Python 3.12, and runs on 3.11 as well.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --ignore-requires-python tac2iwxxm==2026.9.13

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
import re

from tac2iwxxm import convert

TRACK = ("N1630 W06245", "N1700 W06330", "N1730 W06415", "N1815 W06500", "N1900 W06545")


def advisory(day, next_day, next_month, winds, unit):
    now, *ahead = winds
    stamps = [f"{day:02d}/1800Z"] + [f"{next_day:02d}/{hour:02d}00Z" for hour in (0, 6, 12, 18)]
    lines = [
        "TC ADVISORY", f"DTG: 202611{day:02d}/1800Z", "TCAC: MIAMI", "TC: ALFA", "ADVISORY NR: 2026/12",
        f"OBS PSN: {stamps[0]} {TRACK[0]}", "CB: WI 100NM OF TC CENTRE TOP FL500", "MOV: NW 10KT", "INTST CHANGE: INTSF",
        "C: 940HPA", f"MAX WIND: {now}{unit}",
    ]
    for number, wind in enumerate(ahead, 1):
        lines += [
            f"FCST PSN +{6 * number} HR: {stamps[number]} {TRACK[number]}", f"FCST MAX WIND +{6 * number} HR: {wind}{unit}",
        ]
    return "\n".join(lines + ["RMK: NIL", f"NXT MSG: 2026{next_month:02d}{next_day:02d}/0000Z="])


for name, text in (
    ("m/s, of the 15th", advisory(15, 16, 11, (62, 65, 67, 67, 65), "MPS")),
    ("knots, of the 15th", advisory(15, 16, 11, (120, 125, 130, 130, 125), "KT")),
    ("knots, of the 30th", advisory(30, 1, 12, (120, 125, 130, 130, 125), "KT")),
):
    result = convert(text, product="TCA")
    winds = re.findall(r"<iwxxm:maximumSurfaceWindSpeed[^>]*>([^<]*)<", result.xml)
    times = re.findall(r'"t\.(?:obs|fcst\.\d)">\s*<gml:timePosition>([^<]*):00:00Z<', result.xml)
    print(f"{name}: winds {', '.join(winds) or 'none'}; times {', '.join(times)}; {'ok' if result.ok else 'not ok'},"
          f" issues {len(result.issues)}")
PY

cat >"$tmp/expected" <<'TXT'
m/s, of the 15th: winds 62, 65, 67, 67, 65; times 2026-11-15T18, 2026-11-16T00, 2026-11-16T06, 2026-11-16T12, 2026-11-16T18; ok, issues 0
knots, of the 15th: winds none; times 2026-11-15T18, 2026-11-16T00, 2026-11-16T06, 2026-11-16T12, 2026-11-16T18; ok, issues 0
knots, of the 30th: winds none; times 2026-11-30T18, 2026-11-01T00, 2026-11-01T06, 2026-11-01T12, 2026-11-01T18; ok, issues 0
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: tac2iwxxm converts advisories on cyclones otherwise now" >&2; exit 1; }
