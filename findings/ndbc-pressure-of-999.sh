#!/usr/bin/env bash
# ndbc-api 0.26.7.25.2, run 2026-11-30.
#
# Expected: in the realtime files of the National Data Buoy Center a value that is missing is written MM; all else
#   was measured. 999.0 hPa and a wind from 99 degrees are values as any other.
# Seen: the marks of the older, archived files (99, 999, 9999) are taken for missing in every column of every
#   file: of a pressure that falls through 999.0 hPa that hour has none, and so have wind and waves from
#   99 degrees. The hours before and after are there.
# Why it matters: 999.0 hPa is passed by every storm that deepens, and limits of pressure stand at round
#   numbers; a tendency over three hours has a hole there. Swells from 99 degrees are never seen.
# Way out: read realtime files with MM as the only mark, and archived ones by each column's own.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check ndbc-api==0.26.7.25.2

cat >"$tmp/read.py" <<'PY'
from ndbc_api.api.parsers.http.stdmet import StdmetParser

FILE = """\
#YY  MM DD hh mm WDIR WSPD GST  WVHT   DPD   APD MWD   PRES  ATMP  WTMP  DEWP  VIS PTDY  TIDE
#yr  mo dy hr mn degT m/s  m/s     m   sec   sec degT   hPa  degC  degC  degC  nmi  hPa    ft
2026 09 01 14 00 100 25.0 33.0   6.1    11   8.0  99  998.5  27.1  28.2  25.0   MM -6.1    MM
2026 09 01 13 00  99 25.0 33.0   6.1    11   8.0 100  999.0  27.1  28.2  25.0   MM -5.8    MM
2026 09 01 12 00  98 24.0 31.0   6.1    11   8.0  98  999.5  27.1  28.2  25.0   MM -5.2    MM
"""
for row in StdmetParser.parse_responses([{"status": 200, "body": FILE}]):
    print(f"SEEN {row['timestamp']:%H} h: {row['PRES']} hPa, wind from {row['WDIR']}, waves from {row['MWD']},"
          f" visibility {row['VIS']}")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/read.py" | grep '^SEEN' >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
SEEN 12 h: 999.5 hPa, wind from 98, waves from 98, visibility None
SEEN 13 h: None hPa, wind from None, waves from 100, visibility None
SEEN 14 h: 998.5 hPa, wind from 100, waves from None, visibility None
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: ndbc-api takes other values for missing now" >&2; exit 1; }
