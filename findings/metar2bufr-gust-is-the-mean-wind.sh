#!/usr/bin/env bash
# metar2bufr 0.0.2.59 (with csv2bufr 0.8.8, eccodes 2.50.0), run 2026-11-30.
#
# Expected: a METAR made a BUFR message keeps its gust: 45 kt are 23.1 m/s, as 23 m/s are. What is parsed has a visibility in
#   metres for 9999 and 0800 as for 1/2SM.
# Seen: of a wind in knots the mean is converted twice, and stands as the gust, too: 20 kt with gusts of 45 are 10.3 m/s
#   with gusts of 10.3. In m/s the gust is right. A visibility in metres is multiplied as if it were in miles: fog
#   of 800 m is parsed as 1,287,472 m, 9999 as 16,091,790; none of them is in the message.
# Why it matters: nearly all of the world's airports report in knots. The squall that takes a roof is written, and sent
#   on for ever, as a fresh breeze without gusts, in a message that is valid in each bit.
# Way out: take the gust from the METAR's own group; a gust equal to its mean wind is one that was not read.
# Besides: it does not name what it needs, csv2bufr and eccodes; they are installed here.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile \
    metar2bufr==0.0.2.59 csv2bufr==0.8.8 eccodes==2.50.0 eccodeslib==2.50.0.33 numpy==2.4.6

cat >"$tmp/write.py" <<'PY'
import tempfile

import eccodes
from metar2bufr.metar_bufr_encoder import parse_metar, transform

STATIONS = """station_name,wigos_station_identifier,traditional_station_identifier,latitude,longitude,elevation
Recife,0-20000-0-82899,SBRF,-8.13,-34.92,10
Moscow,0-20000-0-27515,UUEE,55.97,37.41,190
Guarulhos,0-20000-0-83075,SBGR,-23.43,-46.47,750
New York,0-20000-0-74486,KJFK,40.64,-73.78,4
"""


def decoded(message, *keys):
    with tempfile.TemporaryFile() as file:
        file.write(message)
        file.seek(0)
        handle = eccodes.codes_bufr_new_from_file(file)
    eccodes.codes_set(handle, "unpack", 1)
    values = [eccodes.codes_get(handle, f"#1#{key}") for key in keys]
    return ["none" if value == eccodes.CODES_MISSING_DOUBLE else f"{value:.1f}" for value in values]


for metar in (
    "METAR SBRF 301800Z 12020G45KT 9999 SCT020 28/24 Q1009=",
    "METAR UUEE 301800Z 12010G23MPS 9999 SCT020 08/04 Q1009=",
    "METAR SBGR 301000Z 00000KT 0800 FG OVC001 18/18 Q1015=",
    "METAR KJFK 301751Z 12020G45KT 1/2SM +TSRA OVC010 20/19 A2950=",
):
    parsed = parse_metar(metar, 2026, 11)[0]
    (written,) = transform(metar + "\n", STATIONS, 2026, 11)
    wind, gust = decoded(written["bufr4"], "windSpeed", "maximumWindGustSpeed")
    print(f"{' '.join(metar.split()[3:5])}: written {wind} m/s, gusts {gust} m/s; parsed visibility {parsed['visibility']} m")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/write.py" >"$tmp/seen" 2>"$tmp/said" || { cat "$tmp/said" >&2; exit 1; }

cat >"$tmp/expected" <<'TXT'
12020G45KT 9999: written 10.3 m/s, gusts 10.3 m/s; parsed visibility 16091790 m
12010G23MPS 9999: written 10.0 m/s, gusts 23.0 m/s; parsed visibility 16091790 m
00000KT 0800: written 0.0 m/s, gusts none m/s; parsed visibility 1287472 m
12020G45KT 1/2SM: written 10.3 m/s, gusts 10.3 m/s; parsed visibility 804 m
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: gusts and visibilities are others now" >&2; exit 1; }
