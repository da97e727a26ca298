#!/usr/bin/env bash
# meteostat 2.1.5 (with metar 2.0.2, pandas 2.3.3), run 2026-11-30.
#
# Expected: meteostat gives wind in km/h, pressure in hPa and rain in mm, whichever of its providers a value is from.
# Seen: of METAR (its provider for the latest hours at airports) the numbers are handed on as they were reported. 45 kt
#   with gusts of 65 kt (83 and 120 km/h) are 45 and 65 km/h, 23 m/s (83 km/h) are 23 km/h; 1.50 inches of
#   rain are 1.5 mm instead of 38. A pressure in inches is 28.42 "hPa", which its own check throws away: in North
#   America there is none. And weather with a sign, `+TSRA` or `-RA`, has no condition; without a sign it has.
# Why it matters: gusts of hurricane force stand below every warning of wind; the thunderstorm has a code only as long
#   as it is a moderate one. Units asked for (`UnitSystem.SI`) are converted from the wrong ones.
# Way out: ask `metar` itself, with units (`value("KMH")`, `value("HPA")`, `value("CM")`); of meteostat no METAR, which it
#   leaves out as long as it has no user agent to show to that service.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check meteostat==2.1.5 metar==2.0.2 pandas==2.3.3

cat >"$tmp/read.py" <<'PY'
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import meteostat
import pandas
from meteostat import Parameter, Provider, Station
from metar.Metar import Metar

# Of yesterday noon, as the provider has the last two days.
NOON = (datetime.now(timezone.utc) - timedelta(days=1)).replace(tzinfo=None, hour=12, minute=0, second=0, microsecond=0)
REPORTS = {
    "SBGR": "12045G65KT 0800 +TSRA BKN010 22/21 Q0998",
    "SBRF": "12045G65KT 0800 TSRA BKN010 22/21 Q0998",
    "UUEE": "12023G33MPS 0800 -RA BKN010 12/11 Q0998",
    "KJFK": "31045G65KT 1/4SM RA OVC008 12/11 A2842 RMK P0150",
}


def report(airport):
    return f"METAR {airport} {NOON:%d%H%M}Z {REPORTS[airport]}"


class Service(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(report(self.path[1:]).encode() + b"\n")

    def log_message(self, *_):
        pass


service = ThreadingHTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=service.serve_forever, daemon=True).start()
meteostat.config.cache_enable = False
meteostat.config.aviationweather_endpoint = f"http://127.0.0.1:{service.server_port}/{{station}}"
meteostat.config.aviationweather_user_agent = "a finding"
for airport, groups in REPORTS.items():
    station = Station(airport, identifiers={"icao": airport}, latitude=-23.4, longitude=-46.5, elevation=10)
    hour = meteostat.hourly(station, NOON, NOON, providers=[Provider.METAR]).fetch().iloc[0]
    says = ["none" if pandas.isna(hour[one]) else f"{hour[one]:g}" for one in
            (Parameter.WSPD, Parameter.WPGT, Parameter.PRES, Parameter.PRCP, Parameter.COCO)]
    read = Metar(report(airport))
    rain = f"{read.precip_1hr.value('CM') * 10:.1f}" if read.precip_1hr else "none"
    print(groups)
    print("  meteostat: wind {} gusts {} km/h, pressure {} hPa, rain {} mm, condition {}".format(*says))
    print(f"  metar: wind {read.wind_speed.value('KMH'):.0f} gusts {read.wind_gust.value('KMH'):.0f} km/h,"
          f" pressure {read.press.value('HPA'):.1f} hPa, rain {rain} mm")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/read.py" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
12045G65KT 0800 +TSRA BKN010 22/21 Q0998
  meteostat: wind 45 gusts 65 km/h, pressure 998 hPa, rain none mm, condition none
  metar: wind 83 gusts 120 km/h, pressure 998.0 hPa, rain none mm
12045G65KT 0800 TSRA BKN010 22/21 Q0998
  meteostat: wind 45 gusts 65 km/h, pressure 998 hPa, rain none mm, condition 25
  metar: wind 83 gusts 120 km/h, pressure 998.0 hPa, rain none mm
12023G33MPS 0800 -RA BKN010 12/11 Q0998
  meteostat: wind 23 gusts 33 km/h, pressure 998 hPa, rain none mm, condition none
  metar: wind 83 gusts 119 km/h, pressure 998.0 hPa, rain none mm
31045G65KT 1/4SM RA OVC008 12/11 A2842 RMK P0150
  meteostat: wind 45 gusts 65 km/h, pressure none hPa, rain 1.5 mm, condition 8
  metar: wind 83 gusts 120 km/h, pressure 962.4 hPa, rain 38.1 mm
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: meteostat has other units of METAR now" >&2; exit 1; }
