#!/usr/bin/env bash
# aviconv-met 0.4.0, run 2026-11-30.
#
# Expected: positions in SIGMETs and in advisories of tropical cyclones and volcanic ash are as ICAO's Annex 3 has
#   them, hemisphere first: S0330 W06000. A parser of these reads them, as its own documentation, whose
#   examples are written so, promises.
# Seen: it looks for the hemisphere behind the figures: 0330S 06000W. Of messages in the form of Annex 3 a SIGMET
#   has no area, an advisory no centre, no track and no cloud, and nothing is raised: level, movement,
#   wind and names are there, and IWXXM is written without an area. Of a cyclone the central pressure
#   (`C:`) and the forecast winds are not there in either form.
# Why it matters: a warning without an area is nobody's, or, where no area means all of it, everybody's.
# Way out: move the letters behind the figures before parsing, and refuse what comes back without a place.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check aviconv-met==0.4.0 aviconv-core==0.0.3

cat >"$tmp/parse.py" <<'PY'
import re

from aviconv_met import parse_advisory, parse_sigmet
from aviconv_met.iwxxm.sigmet import to_iwxxm_sigmet
from lxml import etree

SIGMET = (
    "SBAZ SIGMET 5 VALID 301200/301600 SBAZ- SBAZ AMAZONICA FIR EMBD TS OBS AT 1150Z "
    "WI S0330 W06000 - S0500 W05830 - S0630 W06130 - S0330 W06000 TOP FL450 MOV W 10KT INTSF="
)
CYCLONE = """TC ADVISORY
DTG: 20261130/1900Z
TCAC: MIAMI
TC: MADEUP
ADVISORY NR: 2026/01
OBS PSN: 30/1800Z N2706 W07306
MOV: NW 12KT
C: 965HPA
MAX WIND: 90KT
FCST PSN +6 HR: 01/0000Z N2748 W07350
FCST MAX WIND +6 HR: 100KT
FCST PSN +12 HR: 01/0600Z N2830 W07430
FCST MAX WIND +12 HR: 110KT
NXT MSG: 20261201/0100Z="""
ASH = """VA ADVISORY
DTG: 20261130/1900Z
VAAC: BUENOS AIRES
VOLCANO: MADEUP 357120
PSN: S3925 W07156
ADVISORY NR: 2026/01
OBS VA DTG: 30/1845Z
OBS VA CLD: SFC/FL200 S3925 W07156 - S3930 W07030 - S4010 W07030 - S3925 W07156 MOV E 30KT
NXT ADVISORY: 20261201/0100Z="""


def place(position):
    return f"{position.lat:.2f} {position.lon:.2f}" if position else "no place"


for what, write in (("as sent", str), ("letters behind", lambda text: re.sub(r"\b([NSEW])(\d{4,5})\b", r"\2\1", text))):
    sigmet, cyclone, ash = parse_sigmet(write(SIGMET)), parse_advisory(write(CYCLONE)), parse_advisory(write(ASH))
    written = b"geometry" in etree.tostring(to_iwxxm_sigmet(sigmet))
    corners = len(sigmet.geometry.points) if sigmet.geometry else 0
    print(f"{what}:")
    print(f"  SIGMET: {corners} corners, {sigmet.level}, {sigmet.movement}; area in its IWXXM {written}")
    print(f"  cyclone: {place(cyclone.position)}, track of {len(cyclone.forecast_track)}, {cyclone.max_wind_kt} kt,"
          f" {cyclone.central_pressure_hpa} hPa, then {[one.intensity_kt for one in cyclone.forecast_track]} kt")
    print(f"  ash: {place(ash.position)}, cloud of {len(ash.observed_clouds[0].surface_polygon)} corners"
          f" up to {ash.observed_clouds[0].top_ft} ft")
PY
"$tmp/venv/bin/python" "$tmp/parse.py" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
as sent:
  SIGMET: 0 corners, TOP FL450, MOV W 10KT; area in its IWXXM False
  cyclone: no place, track of 0, 90 kt, None hPa, then [] kt
  ash: no place, cloud of 0 corners up to 20000 ft
letters behind:
  SIGMET: 4 corners, TOP FL450, MOV W 10KT; area in its IWXXM True
  cyclone: 27.10 -73.10, track of 2, 90 kt, None hPa, then [None, None] kt
  ash: -39.42 -71.93, cloud of 4 corners up to 20000 ft
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: aviconv-met reads places otherwise now" >&2; exit 1; }
