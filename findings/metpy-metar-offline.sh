#!/usr/bin/env bash
# MetPy 1.7.1, run 2026-11-28.
#
# Expected: to parse the text of a METAR needs the text, as the numeric functions need only numbers.
# Seen: the first parse fetches the table of stations, which is not in the wheel, by HTTPS and keeps
#   it in the user's cache folder; where that fails, so does the parse, with an error of the HTTP
#   library (here of a proxy that refuses). The numeric functions work.
# Why it matters: a container with a fresh file system and no way out reads no METAR at all, and one
#   with a way out waits for another site's answer in the middle of a poll. Warm the cache when the
#   image is built.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check MetPy==1.7.1 numpy==2.4.6 pandas==3.1.1 pooch==1.9.0

# Port 9 of this machine refuses: no name is asked for, and nothing leaves the machine.
refused=http://127.0.0.1:9
env HTTPS_PROXY=$refused https_proxy=$refused HTTP_PROXY=$refused http_proxy=$refused NO_PROXY='' no_proxy='' \
    XDG_CACHE_HOME="$tmp/cache" "$tmp/venv/bin/python" -W ignore >"$tmp/seen" 2>"$tmp/log" <<'PY'
from metpy.calc import heat_index
from metpy.io import parse_metar_to_dataframe
from metpy.units import units

print("heat index", round(float(heat_index(90 * units.degF, 90 * units.percent).to("degF").m.item()), 1))
try:
    parse_metar_to_dataframe("METAR SBGR 281200Z 12007KT CAVOK 25/18 Q1018", year=2026, month=11)
    print("parsed")
except OSError as error:
    print("METAR:", type(error).__module__.partition(".")[0], type(error).__name__)
PY

cat >"$tmp/expected" <<'TXT'
heat index 121.9
METAR: requests ProxyError
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { cat "$tmp/log" >&2; echo "CHANGED: MetPy parses a METAR offline otherwise now" >&2; exit 1; }
