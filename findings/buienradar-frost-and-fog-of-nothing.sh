#!/usr/bin/env bash
# buienradar 1.0.9, run 2026-11-30.
#
# Expected: Buienradar's XML says `-` for what a Dutch station does not measure; those at sea measure little but the wind.
#   That is no value, as what is not in the file at all is None. Its forecast's wind from the north-north-west
#   (nnw) is from 337.5 degrees.
# Seen: `-` is zero. A station at sea with a gale has 0 degrees, on the ground too, 0 hPa, a visibility of 0 m, 0 % of
#   humidity and no rain; an element that is not there is None. In the JSON (as it was until June 2026), null is zero
#   in the same way, and a storm from the north-north-west comes from 237.5 degrees, the west-south-west.
# Why it matters: it is a frost in summer, the densest fog in a gale, and a rain that no gauge has measured is none. The
#   wind that drives the North Sea against Holland's dykes is the one from the north-north-west.
# Way out: read the elements themselves, or take no value where pressure is 0; directions by their letters.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile buienradar==1.0.9 pytz==2026.6

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
import json

from buienradar.buienradar import parse_data

PLACE = {"latitude": 53.57, "longitude": 6.40}
ICON = "https://www.buienradar.nl/resources/images/icons/weather/30x30/c.png"
XML = f"""<?xml version="1.0" encoding="utf-8"?><buienradarnl><weergegevens><actueel_weer><weerstations>
<weerstation id="6285"><stationcode>6285</stationcode><stationnaam regio="Huibertgat">Meetstation Huibertgat</stationnaam>
<lat>53.57</lat><lon>6.40</lon><datum>07/24/2026 07:40:00</datum><luchtvochtigheid>-</luchtvochtigheid>
<temperatuurGC>-</temperatuurGC><windsnelheidMS>18.62</windsnelheidMS><windsnelheidBF>8</windsnelheidBF>
<windrichtingGR>336</windrichtingGR><windrichting>NNW</windrichting><luchtdruk>-</luchtdruk>{{visibility}}
<windstotenMS>24.8</windstotenMS><regenMMPU>-</regenMMPU><zonintensiteitWM2>-</zonintensiteitWM2>
<icoonactueel ID="c" zin="Zwaar bewolkt">{ICON}</icoonactueel><temperatuur10cm>-</temperatuur10cm></weerstation>
<weerstation id="6260"><stationcode>6260</stationcode><lat>52.10</lat><lon>5.18</lon></weerstation>
</weerstations></actueel_weer><verwachting_meerdaags></verwachting_meerdaags></weergegevens></buienradarnl>"""


def day(number, direction):
    return {"day": f"2026-12-0{number}T00:00:00", "mintemperatureMin": 3, "mintemperatureMax": 4, "maxtemperatureMin": 7,
            "maxtemperatureMax": 8, "rainChance": 60, "sunChance": 20, "windDirection": direction, "wind": 10,
            "mmRainMin": 2.0, "mmRainMax": 8.0, "weatherdescription": "Storm", "iconurl": ICON}


def station(**known):
    return {"stationid": 6285, "stationname": "Meetstation Huibertgat", "lat": 53.57, "lon": 6.40, "iconurl": ICON,
            "timestamp": "2026-07-24T07:40:00", "weatherdescription": "Zwaar bewolkt", "windspeed": 18.62, **known}


def told(name, data):
    print(f"{name}: wind {data['windspeed']} m/s; temperature {data['temperature']}, ground {data['groundtemperature']},"
          f" pressure {data['pressure']}, visibility {data['visibility']}, humidity {data['humidity']}")


for name, visibility in (("XML, all `-`", "<zichtmeters>-</zichtmeters>"), ("XML, no visibility", "")):
    told(name, parse_data(XML.format(visibility=visibility), None, **PLACE, usexml=True)["data"])
feed = {"actual": {"stationmeasurements": [station(temperature=None, airpressure=None)]},
        "forecast": {"fivedayforecast": [day(1, "nw"), day(2, "nnw"), day(3, "n")]}}
data = parse_data(json.dumps(feed), None, **PLACE)["data"]
told("JSON, two null", data)
print("JSON, forecast:", ", ".join(f"{one['winddirection']} {one['windazimuth']}" for one in data["forecast"]))
PY

cat >"$tmp/expected" <<'TXT'
XML, all `-`: wind 18.62 m/s; temperature 0.0, ground 0.0, pressure 0.0, visibility 0, humidity 0
XML, no visibility: wind 18.62 m/s; temperature 0.0, ground 0.0, pressure 0.0, visibility None, humidity 0
JSON, two null: wind 18.62 m/s; temperature 0.0, ground None, pressure 0.0, visibility None, humidity None
JSON, forecast: NW 315, NNW 237.5, N 0
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: what is missing, or the north-north-west, is read otherwise now" >&2; exit 1; }
