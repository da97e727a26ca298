#!/usr/bin/env bash
# wevva-warnings 0.5.3, run 2026-11-30.
#
# Expected: a CAP message may have several `info` blocks in one language, for other areas, levels or times (CAP
#   1.2, 3.2.2), and each is to be told; `status` says whether it is meant at all: of Test, Exercise and Draft
#   nobody is to act (3.2.1).
# Seen: one block is read, the first in English or the first at all: of "yellow, rain, Olinda" and "red, flood,
#   Recife" in one message Recife has no warning, and red does not exist. And `status` is not read: an exercise
#   and a test are extreme warnings like any other, in the same words. (A cancellation is left out, as it should
#   be.)
# Why it matters: the gravest block comes last where levels are listed upwards; and the monthly test of a
#   service tells all of its people to leave their houses.
# Way out: split a message into one for each block before it is parsed; look at `status` oneself.
# Besides: it asks for Python 3.12, and its CAP parser runs on 3.11 as well.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --ignore-requires-python wevva-warnings==0.5.3

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
from wevva_warnings.cap import parse_cap_alert

AREAS = {"Olinda": "-7.9,-35 -7.9,-34.8 -8.03,-34.8 -7.9,-35", "Recife": "-8.03,-35 -8.03,-34.8 -8.2,-34.8 -8.03,-35"}


def info(event, severity, area):
    return f"""<info><language>en-US</language><category>Met</category><event>{event}</event><urgency>Immediate</urgency>
<severity>{severity}</severity><certainty>Observed</certainty><onset>2026-11-30T15:00:00-03:00</onset>
<expires>2026-11-30T21:00:00-03:00</expires>
<area><areaDesc>{area}</areaDesc><polygon>{AREAS[area]}</polygon></area></info>"""


def message(*infos, status="Actual", kind="Alert"):
    referred = "<references>a,1,2026-11-30T14:00:00-03:00</references>" if kind == "Cancel" else ""
    return f"""<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>2</identifier><sender>a</sender>
<sent>2026-11-30T14:30:00-03:00</sent><status>{status}</status><msgType>{kind}</msgType><scope>Public</scope>
{referred}{"".join(infos)}</alert>"""


def told(text):
    alert = parse_cap_alert(text)
    return f"{alert.severity} {alert.event} in {', '.join(alert.area_names)}" if alert else "nothing"


rain, flood = info("Rain", "Moderate", "Olinda"), info("Flood", "Extreme", "Recife")
print("rain in Olinda, then flood in Recife:", told(message(rain, flood)))
print("flood in Recife, then rain in Olinda:", told(message(flood, rain)))
for status in ("Actual", "Exercise", "Test", "Draft"):
    print(f"{status}: {told(message(flood, status=status))}")
print("a cancellation:", told(message(flood, kind="Cancel")))
PY

cat >"$tmp/expected" <<'TXT'
rain in Olinda, then flood in Recife: Moderate Rain in Olinda
flood in Recife, then rain in Olinda: Extreme Flood in Recife
Actual: Extreme Flood in Recife
Exercise: Extreme Flood in Recife
Test: Extreme Flood in Recife
Draft: Extreme Flood in Recife
a cancellation: nothing
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: wevva-warnings reads CAP otherwise now" >&2; exit 1; }
