#!/usr/bin/env bash
# dataretrieval 1.4.0 (of the U.S. Geological Survey), run 2026-11-30.
#
# Expected: USGS's water services write -999999 where a gauge has no value, under ice ("Ice") or with its equipment down
#   ("Eqp"), and say so once for the series, as its `noDataValue`. A reader makes a missing value of it.
# Seen: `nwis.get_iv` hands it out as a flow of -999999 cubic feet per second; none is missing. The day's least flow is
#   -999999, its mean, of 23 hours at 850 and one under ice, -40852, and the flow rises by a million in an hour.
# Why it matters: the lowest flow of a month, which is a drought's mark, is that of each frozen gauge, and a flood's, a
#   rise within the hour, is each thaw. That it was ice stands in another column, among marks like "P".
# Besides: the module is to go on 2027-05-06, by its own warning; until then it is what most scripts and books ask.
# Way out: `frame.replace(-999999, nan)`, before all else.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile dataretrieval==1.4.0 pandas==2.3.3 httpx==0.28.1

cat >"$tmp/ice.py" <<'PY'
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dataretrieval.nwis as nwis


def hour(number):
    value, marks = ("-999999", ["P", "Ice"]) if number == 6 else ("850", ["P"])
    return {"value": value, "qualifiers": marks, "dateTime": f"2026-01-20T{number:02}:00:00.000-06:00"}


SERIES = {
    "name": "USGS:05331000:00060:00000",
    "sourceInfo": {
        "siteName": "A RIVER UNDER ICE",
        "siteCode": [{"value": "05331000", "network": "NWIS", "agencyCode": "USGS"}],
        "timeZoneInfo": {"defaultTimeZone": {"zoneOffset": "-06:00", "zoneAbbreviation": "CST"},
                         "daylightSavingsTimeZone": {"zoneOffset": "-05:00", "zoneAbbreviation": "CDT"},
                         "siteUsesDaylightSavingsTime": True},
        "geoLocation": {"geogLocation": {"srs": "EPSG:4326", "latitude": 44.9, "longitude": -93.1}, "localSiteXY": []},
        "note": [], "siteType": [], "siteProperty": [],
    },
    "variable": {
        "variableCode": [{"value": "00060", "network": "NWIS", "vocabulary": "NWIS:UnitValues", "variableID": 45807197}],
        "variableName": "Streamflow, ft&#179;/s", "variableDescription": "Discharge, cubic feet per second",
        "valueType": "Derived Value", "unit": {"unitCode": "ft3/s"}, "note": [], "noDataValue": -999999.0,
        "options": {"option": [{"name": "Statistic", "optionCode": "00000"}]}, "variableProperty": [], "oid": "45807197",
    },
    "values": [{"value": [hour(number) for number in range(24)], "qualifier": [], "qualityControlLevel": [],
                "method": [{"methodDescription": "", "methodID": 121}], "source": [], "offset": [], "sample": [],
                "censorCode": []}],
}
ANSWER = {"name": "ns1:timeSeriesResponseType", "value": {"queryInfo": {"queryURL": ""}, "timeSeries": [SERIES]}}


class Service(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(ANSWER).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()
nwis.WATERSERVICE_URL = f"http://127.0.0.1:{server.server_address[1]}/nwis/"  # the rest is the library's
frame, _ = nwis.get_iv(sites="05331000", start="2026-01-20", end="2026-01-20")
flow, marks = frame["00060"], frame["00060_cd"]
for at in (5, 6, 7):
    print(f"SEEN {at:02} h: {flow.iloc[at]} ft3/s, marked {marks.iloc[at]!r}")
print(f"SEEN the day: {flow.isna().sum()} missing, least {flow.min()}, mean {flow.mean():.0f}, greatest rise {flow.diff().max():.0f}")
server.shutdown()
PY
"$tmp/venv/bin/python" -W ignore "$tmp/ice.py" | grep '^SEEN' >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
SEEN 05 h: 850 ft3/s, marked 'P'
SEEN 06 h: -999999 ft3/s, marked 'P, Ice'
SEEN 07 h: 850 ft3/s, marked 'P'
SEEN the day: 0 missing, least -999999, mean -40852, greatest rise 1000849
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: a gauge under ice is told otherwise now" >&2; exit 1; }
