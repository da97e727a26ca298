#!/usr/bin/env bash
# pyipma 3.0.10, run 2026-11-30.
#
# Expected: the Portuguese weather service marks what a station did not measure with -99.0, as its pages say; a
#   client that makes "no value" of it does so for each field. `Location.get(api, lon, lat)` finds the nearest
#   place by its longitude and latitude.
# Seen: temperature, humidity, rain, pressure and the wind in km/h are None; the wind in m/s is -99.0, as its
#   mark is looked for as +99. Asked as its parameters are named, Aveiro (lon=-8.65, lat=40.64) is Faro, 400 km
#   away, with the area code of its warnings: what is named `lon` is taken for the latitude. By position,
#   latitude first, it is right.
# Why it matters: a lowest or a mean wind of -99 m/s; and a house in Aveiro gets the warnings of Faro, none of
#   its own.
# Way out: `wind_intensity_km` over 3.6; latitude first and by position, and the name of what was found before
#   it is kept.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check pyipma==3.0.10 aiohttp==3.14.5 geopy==2.5.0

cat >"$tmp/ipma.py" <<'PY'
import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import aiohttp
from pyipma.api import IPMA_API
from pyipma.location import Location
from pyipma.observation import Observations

PLACES = {
    "Aveiro": ("AVR", 40.6413, -8.6535), "Porto": ("PTO", 41.1580, -8.6294), "Lisboa": ("LSB", 38.7660, -9.1286),
    "Faro": ("FAR", 37.0146, -7.9331), "Funchal": ("MCS", 32.6485, -16.9084), "Ponta Delgada": ("AOR", 37.7415, -25.6677),
}
MEASURED = {"intensidadeVentoKM": 36.0, "temperatura": 14.2, "radiacao": 0.0, "idDireccVento": 8, "precAcumulada": 0.2,
            "intensidadeVento": 10.0, "humidade": 90.0, "pressao": 1002.1}
MISSING = {name: 0 if name == "idDireccVento" else -99.0 for name in MEASURED}
ANSWERS = {
    "locations.json": [
        {"globalIdLocal": number, "local": name, "idRegiao": 1, "idDistrito": 1, "idConcelho": 1, "idAreaAviso": area,
         "latitude": str(latitude), "longitude": str(longitude)}
        for number, (name, (area, latitude, longitude)) in enumerate(PLACES.items())
    ],
    "stations.json": [
        {"geometry": {"type": "Point", "coordinates": [longitude, latitude]}, "type": "Feature",
         "properties": {"idEstacao": number, "localEstacao": name}}
        for number, (name, (_, latitude, longitude)) in enumerate(PLACES.items())
    ],
    "observations.json": {"2026-11-30T11:00": {"0": MEASURED}, "2026-11-30T12:00": {"0": MISSING}},
}


class Service(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(ANSWERS[urlsplit(self.path).path.split("/")[-1]]).encode())

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()


class Local:
    """What is meant for the service is asked of the one above."""

    def __init__(self, session):
        self.session = session

    def request(self, method, url, **options):
        return self.session.request(method, f"http://127.0.0.1:{server.server_address[1]}{urlsplit(url).path}", **options)


async def main():
    async with aiohttp.ClientSession() as session:
        api = IPMA_API(Local(session))
        by_position = await Location.get(api, 40.64, -8.65)
        by_name = await Location.get(api, lon=-8.65, lat=40.64)
        for how, found in (("by position, latitude first", by_position), ("as named, lon and lat", by_name)):
            print(f"{how}: {found.name}, its station {found.station}, its warnings {found.forecast_locations[0].idAreaAviso}")
        for one in await Observations(api).get(0):
            print(f"{one.timestamp:%H:%M}: {one.temperature} °C, {one.humidity} %, {one.accumulated_precipitation} mm,"
                  f" {one.pressure} hPa, wind {one.wind_intensity_km} km/h, {one.wind_intensity} m/s")


asyncio.run(main())
PY
"$tmp/venv/bin/python" -W ignore "$tmp/ipma.py" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
by position, latitude first: Aveiro, its station Aveiro, its warnings AVR
as named, lon and lat: Faro, its station Faro, its warnings FAR
11:00: 14.2 °C, 90.0 %, 0.2 mm, 1002.1 hPa, wind 36.0 km/h, 10.0 m/s
12:00: None °C, None %, None mm, None hPa, wind None km/h, -99.0 m/s
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: pyipma reads its service otherwise now" >&2; exit 1; }
