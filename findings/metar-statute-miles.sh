#!/usr/bin/env bash
# metafora 1.1.8 (pandas 2.3.3 beside it, which it does not declare), aeromet-py 0.1.2, metar-decoder 1.0.2,
#   weather-decoder 1.1.4 and metar 2.0.2, run 2026-11-30.
#
# Expected: SM in a METAR are statute miles of 1609 m, in whole ones, in parts, or both: `1 1/2SM` is a mile and a half.
# Seen: to two of five it is. To metafora whole miles before a part are not there: `2 3/4SM` are 1207 m. To
#   metar-decoder the number below the stroke is the visibility: `1/4SM`, dense fog, are 4 miles, and with
#   `1 1/2SM` it is right. To aeromet-py a mile is a nautical one of 1852 m, so that all are 15 % too far.
# Why it matters: North America reports in miles, and fog is in their parts: it is not seen by one, everywhere by
#   another, and a limit of 800 m or 1000 m falls on either side by the package that reads.
# Way out: read the group oneself, it ends in SM and may be two words; or take one of those that are right.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check \
    metafora==1.1.8 pandas==2.3.3 aeromet-py==0.1.2 metar-decoder==1.0.2 weather-decoder==1.1.4 metar==2.0.2

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
import aeromet_py
import metafora
import metar.Metar
import metar_decoder
import weather_decoder

print(f"{'':8} {'metres':>7} {'metafora':>9} {'aeromet-py':>11} {'metar-decoder':>14} {'weather-decoder':>16} {'metar':>6}")
for group, miles in (("1/4SM", 0.25), ("3/4SM", 0.75), ("1 1/2SM", 1.5), ("2 3/4SM", 2.75), ("3SM", 3)):
    report = f"METAR KJFK 281151Z 31004KT {group} FG OVC002 M01/M01 A2992"
    seen = (
        metafora.Metar.from_text(report).visibility.distance,
        aeromet_py.Metar(report).prevailing_visibility.in_meters,
        metar_decoder.MetarDecoder(report).to_dict()["visibility"]["meters"],
        weather_decoder.MetarDecoder().decode(report).visibility["value"] * 1609.344,
        metar.Metar.Metar(report).vis.value("M"),
    )
    print(f"{group:8} {miles * 1609.344:7.0f} {seen[0]:9.0f} {seen[1]:11.0f} {seen[2]:14.0f} {seen[3]:16.0f} {seen[4]:6.0f}")
PY

cat >"$tmp/expected" <<'TXT'
          metres  metafora  aeromet-py  metar-decoder  weather-decoder  metar
1/4SM        402       402         463           6437              402    402
3/4SM       1207      1207        1389           6437             1207   1207
1 1/2SM     2414       805        2778           2414             2414   2414
2 3/4SM     4426      1207        5093           4426             4426   4426
3SM         4828      4828        5556           4828             4828   4828
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: a parser reads miles otherwise now" >&2; exit 1; }
