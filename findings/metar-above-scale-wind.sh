#!/usr/bin/env bash
# metar 2.0.2, avwx-engine 1.9.10, metar-taf-parser-mivek 1.13.1, run 2026-11-28.
#
# Expected: P99KT, the ICAO form for a wind above what the group holds, is at least 99 kt.
# Seen: `metar` says greater than 99 (and its number is then 99: the "greater" is only in the
#   text). avwx keeps the text P99 with no value, mivek has no wind at all, or drops the gust while
#   it keeps the mean.
# Why it matters: code that reads the number sees a gap in the data, or the mean wind alone, at the
#   moment of the strongest gust. "Above the scale" is a value for a warning, not a missing one.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check metar==2.0.2 avwx-engine==1.9.10 metar-taf-parser-mivek==1.13.1

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
import avwx
from metar.Metar import Metar
from metar_taf_parser.parser.parser import MetarParser

for wind in ("230P99KT", "23080GP99KT"):
    text = f"RJAA 281150Z {wind} 9999 FEW020 09/05 Q0987"
    m, a, k = Metar(text), avwx.Metar.from_report(text).data, MetarParser().parse(text).wind
    print(wind)
    print("  metar", [str(v) if v is None else f"{v} ({v.value()})" for v in (m.wind_speed, m.wind_gust)])
    print("  avwx ", [v and (v.repr, v.value) for v in (a.wind_speed, a.wind_gust)])
    print("  mivek", k and [k.speed, k.gust])
PY

cat >"$tmp/expected" <<'TXT'
230P99KT
  metar ['greater than 99 knots (99.0)', 'None']
  avwx  [('P99', None), None]
  mivek None
23080GP99KT
  metar ['80 knots (80.0)', 'greater than 99 knots (99.0)']
  avwx  [('80', 80), ('P99', None)]
  mivek [80, None]
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: a parser reads winds above the scale otherwise now" >&2; exit 1; }
