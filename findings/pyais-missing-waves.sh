#!/usr/bin/env bash
# pyais 3.3.1 and aiscat 0.68.16, run 2026-11-30.
#
# Expected: AIS stations at sea send weather and water (message 8, function 31, IMO's SN.1/Circ.289). What a station
#   does not measure has a code there (wind 127, waves 255, water level 4001, dew point 501, and so on); a
#   decoder that knows the scale and the offset of a field knows its code too.
# Seen: one leaves these fields out. The other scales the codes as if they were measured: a buoy that measures
#   nothing but wind and pressure has waves of 25.5 m, water 30.01 m above the chart, air of -102.4
#   and a dew point of 50.1 degrees. And 126, "126 kt or more", is a plain 126 to both.
# Why it matters: the codes are the greatest numbers of their fields: any limit of waves, surge or wind is passed
#   by each station that has no such sensor, at once and for good.
# Way out: compare with the codes of the circular before anything else; take wind of 126 for "at least".
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check pyais==3.3.1 aiscat==0.68.16

cat >"$tmp/decode.py" <<'PY'
from functools import reduce

import aiscat
import pyais

# Each field of the circular in its order: name, bits, and its code for "not available".
FIELDS = [
    ("lon", 25, 181 * 60_000), ("lat", 24, 91 * 60_000), ("accuracy", 1, 0), ("day", 5, 0), ("hour", 5, 24),
    ("minute", 6, 60), ("wspeed", 7, 127), ("wgust", 7, 127), ("wdir", 9, 360), ("wgustdir", 9, 360),
    ("airtemp", 11, -1024), ("humidity", 7, 101), ("dewpoint", 10, 501), ("pressure", 9, 511), ("tendency", 2, 3),
    ("greater", 1, 0), ("visibility", 7, 127), ("waterlevel", 12, 4001), ("trend", 2, 3), ("cspeed", 8, 255),
    ("cdir", 9, 360), ("cspeed2", 8, 255), ("cdir2", 9, 360), ("cdepth2", 5, 31), ("cspeed3", 8, 255),
    ("cdir3", 9, 360), ("cdepth3", 5, 31), ("waveheight", 8, 255), ("waveperiod", 6, 63), ("wavedir", 9, 360),
    ("swellheight", 8, 255), ("swellperiod", 6, 63), ("swelldir", 9, 360), ("seastate", 4, 13), ("watertemp", 10, 501),
    ("precipitation", 3, 7), ("salinity", 9, 510), ("ice", 2, 3), ("spare", 10, 0),
]
ASKED = ("wspeed", "wgust", "pressure", "waveheight", "swellheight", "waterlevel", "airtemp", "dewpoint")


def bits(value, width):
    return format(value & (1 << width) - 1, f"0{width}b")


def sentence(**measured):
    head = bits(8, 6) + bits(0, 2) + bits(997_010_001, 30) + bits(0, 2) + bits(1, 10) + bits(31, 6)
    message = head + "".join(bits(measured.get(name, code), width) for name, width, code in FIELDS)
    sixes = [int(message[at:at + 6], 2) for at in range(0, len(message), 6)]
    body = "AIVDM,1,1,,A," + "".join(chr(six + 48 if six < 40 else six + 56) for six in sixes) + ",0"
    return f"!{body}*{reduce(lambda check, byte: check ^ byte, body.encode()):02X}"


def told(decoded):
    return " ".join(f"{name} {decoded[name]:.6g}" for name in ASKED if decoded.get(name) is not None)


BUOY = {"lon": -43 * 60_000, "lat": -23 * 60_000, "day": 30, "hour": 12, "minute": 0, "pressure": 213}
for what, measured in (
    ("wind and pressure alone", {"wspeed": 10, "wgust": 14}),
    ("all", {"wspeed": 10, "wgust": 14, "waveheight": 15, "swellheight": 12, "waterlevel": 1050, "airtemp": 251,
             "dewpoint": 190}),
    ("above the scale", {"wspeed": 126, "wgust": 126}),
):
    line = sentence(**BUOY, **measured)
    print(f"{what}, pyais: {told(pyais.decode(line).asdict())}")
    print(f"{what}, aiscat: {told(aiscat.decode(line))}")
PY
"$tmp/venv/bin/python" "$tmp/decode.py" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
wind and pressure alone, pyais: wspeed 10 wgust 14 pressure 1012 waveheight 25.5 swellheight 25.5 waterlevel 30.01 airtemp -102.4 dewpoint 50.1
wind and pressure alone, aiscat: wspeed 10 wgust 14 pressure 1012
all, pyais: wspeed 10 wgust 14 pressure 1012 waveheight 1.5 swellheight 1.2 waterlevel 0.5 airtemp 25.1 dewpoint 19
all, aiscat: wspeed 10 wgust 14 pressure 1012 waveheight 1.5 swellheight 1.2 waterlevel 0.5 airtemp 25.1 dewpoint 19
above the scale, pyais: wspeed 126 wgust 126 pressure 1012 waveheight 25.5 swellheight 25.5 waterlevel 30.01 airtemp -102.4 dewpoint 50.1
above the scale, aiscat: wspeed 126 wgust 126 pressure 1012
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: what AIS stations do not measure is decoded otherwise now" >&2; exit 1; }
