#!/usr/bin/env bash
# pigra 1.0.2 and siphon 0.11.0 (pandas 2.3.3), beside igra 26.4, run 2026-11-30.
#
# Expected: in the archive of radiosondes (IGRA 2) the time since launch is MMMSS without zeros in front, so that 512 is
#   5 min 12 s; the release is HHMM; moisture is the depression of the dew point; -9999 is missing.
# Seen: to pigra 5 min 12 s are 51 min 2 s. A level at the ground (0) and all behind the first hour are not there, with
#   a count of warnings that nobody prints. The depression is called `dewpoint`: 26.2 C and "4.1". A
#   missing pressure is -9999 Pa. Of a station within a tenth of a degree of the equator no sounding
#   is there; the one before it in the stream is handed out twice instead.
#   siphon has the levels right, and a release at 23:31 at 02:33. igra has them all, times as numbers.
# Why it matters: soundings tell of storms before they are there: without the ground there is no CAPE, with a dew point
#   of 4 where it is 22 there is no storm; Macapa, on the equator, launches balloons.
# Way out: minutes are all but the last two figures; read the text by its columns, or with igra.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check pigra==1.0.2 siphon==0.11.0 pandas==2.3.3 igra==26.4

cat >"$tmp/read.py" <<'PY'
import io
import sys
import zipfile
from datetime import datetime

import igra
from pigra.parser import IgraParser
from siphon.simplewebservice.igra2 import IGRAUpperAir


def header(station, hour, release, levels, lat, lon):
    return f"#{station} 2026 11 30 {hour:02} {release:>4} {levels:4} {'ncdc-gts':8} {'':8} {lat:7} {lon:8}"


def level(kind, since, pressure, height, temperature, depression, direction, speed):
    return (f"{kind} {since:5} {pressure:6}B{height:5}B{temperature:5}B-9999 {depression:5}"
            f" {direction:5} {speed:5} ")


GALEAO = [
    header("BRM00083746", 0, "2331", 6, -228200, -432500),
    level(21, 0, 100900, 6, 262, 41, 120, 31),
    level(10, 512, 85000, 1520, 162, 20, 330, 103),
    level(30, -9999, -9999, 3000, -9999, -9999, 310, 150),
    level(10, 3125, 30000, 9660, -321, 60, 290, 412),
    level(10, 5959, 10100, 16560, -750, -9999, 280, 260),
    level(10, 6030, 10000, 16630, -752, -9999, 280, 255),
]
MACAPA = [header("BRM00082099", 12, "1130", 1, 500, -510700), level(21, -9999, 100800, 17, 291, 30, 90, 20)]
MANAUS = [header("BRM00082332", 12, "1130", 1, -31500, -599800), level(21, -9999, 100500, 84, 280, 20, 90, 10)]


def pigra_reads(lines):
    for one in IgraParser([line + "\n" for line in lines]).parse():
        print(f"pigra: {one.station} released {one.reltime:%H:%M}, {len(one.levels)} of {one.nlevels} levels")
        for each in one.levels:
            since, hpa = each.elapsed[0], each.pressure[0]
            print(f"  {str(since or '-'):>8} {hpa:7} Pa  {each.temperature[0]} C, dewpoint {each.dewpoint[0]}")


pigra_reads(GALEAO)
packed = io.BytesIO()
with zipfile.ZipFile(packed, "w") as archive:
    archive.writestr("BRM00083746-data.txt", "\n".join(GALEAO) + "\n")


class Answer:
    content = packed.getvalue()


IGRAUpperAir.get_path = lambda *_: Answer
body, head = IGRAUpperAir.request_data(datetime(2026, 11, 30), "BRM00083746")
released = int(head["release_time"].iloc[0])
print(f"siphon: released {released // 3600:02}:{released % 3600 // 60:02}, {len(body)} levels,"
      f" {[None if t != t else int(t) for t in body['etime']]} s, dew point {body['dewpoint'].iloc[0]:.1f} at the ground")
with open(sys.argv[1], "w") as file:
    file.write("\n".join(GALEAO) + "\n")
table, _ = igra.read.ascii_to_dataframe(sys.argv[1], all_columns=True)
print(f"igra: {len(table)} levels, {[None if t != t else int(t) for t in table['etime']]}, depression {table['dpd'].iloc[0]}")
print("the ground alone, of three stations one behind the other, the second at the equator:")
pigra_reads([header("BRM00083746", 0, "2331", 1, -228200, -432500), level(21, -9999, 100900, 6, 262, 41, 120, 31),
             *MACAPA, *MANAUS])
PY
"$tmp/venv/bin/python" -W ignore "$tmp/read.py" "$tmp/station.txt" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
pigra: BRM00083746 released 23:31, 4 of 6 levels
   0:51:02   85000 Pa  16.2 C, dewpoint 2.0
         -   -9999 Pa  None C, dewpoint None
   0:31:25   30000 Pa  -32.1 C, dewpoint 6.0
   0:59:59   10100 Pa  -75.0 C, dewpoint None
siphon: released 02:33, 6 levels, [0, 312, None, 1885, 3599, 3630] s, dew point 22.1 at the ground
igra: 6 levels, [0, 512, None, 3125, 5959, 6030], depression 4.1
the ground alone, of three stations one behind the other, the second at the equator:
pigra: BRM00083746 released 23:31, 1 of 1 levels
         -  100900 Pa  26.2 C, dewpoint 4.1
pigra: BRM00083746 released 23:31, 1 of 1 levels
         -  100900 Pa  26.2 C, dewpoint 4.1
pigra: BRM00082332 released 11:30, 1 of 1 levels
         -  100500 Pa  28.0 C, dewpoint 2.0
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: IGRA's soundings are read otherwise now" >&2; exit 1; }
