#!/usr/bin/env bash
# pytaf 1.2.1 and pymetaf 1.1.1, run 2026-11-30.
#
# Expected: a TAF says what comes first and then what changes, TEMPO, BECMG or FM; "=" ends it, as it ends each
#   report of a bulletin. 2812/2918 is the period it is for: from the 28th, 12 h, to the 29th, 18 h.
# Seen: pytaf has every group but the last, where the report ends in "=": without the sign it is there. pymetaf
#   has no change at all, and its visibility is 2918 m, which is the end of the period, whether
#   the report says 10 km, 800 m or CAVOK. Neither says a word.
# Why it matters: the worst of a TAF stands as a rule in its last group: a thunderstorm with gusts of 45 kt is not
#   forecast. And a fog that is forecast is none, where a visibility below 1 km is asked for.
# Way out: take the "=" away before pytaf; of pymetaf, METAR alone.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check pytaf==1.2.1 pymetaf==1.1.1

cat >"$tmp/read.py" <<'PY'
import pymetaf
import pytaf

FIRST = "TAF EDDF 281100Z 2812/2918 24012KT 9999 BKN025"
STORM = f"{FIRST} BECMG 2812/2814 24018KT TEMPO 2814/2818 24025G45KT 3000 TSRA BKN010CB"


def gusts(report):
    return [group["wind"]["gust"] for group in pytaf.TAF(report).get_groups()]


print("SEEN pytaf, gusts of the groups, without '=':", gusts(STORM))
print("SEEN pytaf, gusts of the groups, with '=':", gusts(STORM + "="))
print("SEEN pytaf, of two groups with '=':", gusts(STORM.replace(" BECMG 2812/2814 24018KT", "") + "="))
for weather in ("9999 BKN025", "0800 FG VV001", "CAVOK"):
    theirs = pymetaf.parse_text(f"TAF EDDF 281100Z 2812/2918 24012KT {weather}=", 2026, 11)
    print(f"SEEN pymetaf, {weather}: visibility {theirs['visibility']} m")
theirs = pymetaf.parse_text(STORM + "=", 2026, 11)
print("SEEN pymetaf, of the storm: gust", theirs["gust"], "weather", theirs["weather"])
PY
"$tmp/venv/bin/python" -W ignore "$tmp/read.py" | grep '^SEEN' >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
SEEN pytaf, gusts of the groups, without '=': [None, None, '45']
SEEN pytaf, gusts of the groups, with '=': [None, None]
SEEN pytaf, of two groups with '=': [None]
SEEN pymetaf, 9999 BKN025: visibility 2918 m
SEEN pymetaf, 0800 FG VV001: visibility 2918 m
SEEN pymetaf, CAVOK: visibility 2918 m
SEEN pymetaf, of the storm: gust None weather ['Cloudy']
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: one of the two reads the groups of a TAF otherwise now" >&2; exit 1; }
