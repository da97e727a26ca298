#!/usr/bin/env bash
# avwx-engine 1.9.10, metar-taf-parser-mivek 1.13.1 and metar 2.0.2, run 2026-11-29.
#
# Expected: where the humidity sensor is out the dew point is reported as not measured: 15///, or 15/ in
#   North America. The temperature beside it was measured.
# Seen: avwx and metar-taf-parser lose the temperature with it, in either form: avwx leaves "15" over,
#   the other nothing. python-metar keeps it.
# Why it matters: heat and frost go unseen for as long as another sensor is out, and the report looks as
#   if the station had sent no temperature.
# Way out: read TT before the stroke from the raw group, whatever follows it.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check \
    metar==2.0.2 avwx-engine==1.9.10 metar-taf-parser-mivek==1.13.1

cat >"$tmp/read.py" <<'PY'
import avwx
from metar.Metar import Metar
from metar_taf_parser.parser.parser import MetarParser

for both in ("15/08", "15///", "15/", "M05///"):
    report = f"EDDF 281220Z 24012KT 9999 BKN025 {both} Q1012"
    theirs = avwx.Metar.from_report(report).data
    degrees = theirs.temperature.value if theirs.temperature else None
    print(f"SEEN {both}: metar {Metar('METAR ' + report).temp.value('C'):.0f},"
          f" avwx {degrees} and left over {theirs.other},"
          f" metar-taf-parser {MetarParser().parse(report).temperature}")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/read.py" | grep '^SEEN' >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
SEEN 15/08: metar 15, avwx 15 and left over [], metar-taf-parser 15
SEEN 15///: metar 15, avwx None and left over ['15'], metar-taf-parser None
SEEN 15/: metar 15, avwx None and left over ['15'], metar-taf-parser None
SEEN M05///: metar -5, avwx None and left over ['M05'], metar-taf-parser None
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: a missing dew point is read otherwise now" >&2; exit 1; }
