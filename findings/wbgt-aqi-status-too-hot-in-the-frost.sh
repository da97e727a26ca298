#!/usr/bin/env bash
# wbgt-aqi-status 0.1.0, beside meteocalc 1.1.0, run 2026-11-30.
#
# Expected: Rothfusz's regression is for heat: NOAA's Weather Prediction Center, whose page gives it, says that
#   it does not hold where the heat index is below 80 °F, and has a simple formula there. A morning of frost is
#   no reason to call a practice off for heat.
# Seen: the regression is used at any temperature, and turns upwards in the cold: at 0 °C and 50 % the heat
#   index is 153 °F and the practice is cancelled, so it is at 5 °C; at 10 °C it is to be modified. At 20 °C it
#   is 10 °F too much, and from 30 °C on it is that of the other library.
# Why it matters: the colder the day, the graver its warning of heat; who is told so all winter does not read it
#   in July.
# Way out: below 26.7 °C (80 °F) leave the heat index out, and decide by the quality of the air.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check wbgt-aqi-status==0.1.0 meteocalc==1.1.0

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
from meteocalc import Temp, heat_index
from wbgt_aqi_status.core import Thresholds, decide_status, heat_index_f

CLEAN_AIR = 20
for celsius, humidity in ((-10, 60), (0, 50), (5, 80), (10, 50), (20, 50), (30, 60), (35, 60)):
    theirs = round(heat_index_f(celsius * 9 / 5 + 32, humidity))
    status, _ = decide_status(theirs, CLEAN_AIR, Thresholds())
    other = round(heat_index(Temp(celsius, "c"), humidity).f)
    print(f"{celsius} °C, {humidity} %: heat index {theirs} °F, {status}; meteocalc {other} °F,"
          f" {decide_status(other, CLEAN_AIR, Thresholds())[0]}")
PY

cat >"$tmp/expected" <<'TXT'
-10 °C, 60 %: heat index 263 °F, Cancel; meteocalc 8 °F, OK
0 °C, 50 %: heat index 153 °F, Cancel; meteocalc 27 °F, OK
5 °C, 80 %: heat index 121 °F, Cancel; meteocalc 39 °F, OK
10 °C, 50 %: heat index 99 °F, Modify; meteocalc 47 °F, OK
20 °C, 50 %: heat index 77 °F, OK; meteocalc 67 °F, OK
30 °C, 60 %: heat index 91 °F, OK; meteocalc 91 °F, OK
35 °C, 60 %: heat index 113 °F, Cancel; meteocalc 113 °F, Cancel
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: the cold is no longer too hot to wbgt-aqi-status" >&2; exit 1; }
