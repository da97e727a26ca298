#!/usr/bin/env bash
# ambient-aprs 0.13.0, read by aprslib 0.7.2, run 2026-11-30.
#
# Expected: a console's inches of rain become hundredths of an inch, as a weather report by amateur radio has them (APRS
#   Protocol Reference 1.0.1, chapter 12), its time, which ends in z, is UTC (chapter 6), and a degree of longitude has
#   three figures; what is zero is told as zero, dots are "not known".
# Seen: the inches themselves are written: of 3.20 inches (81 mm) since midnight a reader takes 0.03 inches (0.8 mm), and of
#   less than half an inch nothing. A calm, 0 °F and no rain at all are "not known". The time is the machine's own
#   with a z behind it. Degrees have the wrong number of figures east of Greenwich up to 100°, from 100° W on and from 10° S
#   on, and minutes a wrong form where they end in zero: the reader refuses the report.
# Why it matters: a flood is a drizzle, a dry day is one without a gauge, and who fills the gaps with the last value keeps
#   yesterday's wind in a calm. Each report is hours old where clocks are behind UTC, and of the future where they are ahead.
# Way out: as a sender, another package; as a reader, no rain from reports that end in "Ambient APRS", and time of receipt.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check ambient-aprs==0.13.0 ambient-api==1.5.7 aprslib==0.7.2

TZ=BRT3 "$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
import time

import aprslib
from ambient_aprs.ambient_aprs import AmbientAPRS

# As the console's service hands it out: mph, Fahrenheit, inches, inches of mercury.
DAY = {"winddir": 210, "windspeedmph": 5.1, "windgustmph": 9.2, "tempf": 71.4, "hourlyrainin": 0.6, "dailyrainin": 0.8,
       "humidity": 98, "baromrelin": 29.92}
CASES = {
    "0.8 inches since midnight, 0.6 in an hour": {},
    "3.2 inches since midnight, 1.4 in an hour": {"dailyrainin": 3.2, "hourlyrainin": 1.4},
    "0.45 inches since midnight, 0.45 in an hour": {"dailyrainin": 0.45, "hourlyrainin": 0.45},
    "a dry calm at 0 °F": {"winddir": 0, "windspeedmph": 0.0, "windgustmph": 0.0, "tempf": 0.0, "dailyrainin": 0.0,
                           "hourlyrainin": 0.0},
}
FIELDS = {"rain_since_midnight": "mm since midnight", "rain_1h": "in an hour", "temperature": "°C", "wind_gust": "gust m/s"}
PLACES = {"Recife": (-8.0539, -34.8811), "New York": (40.7128, -74.0060), "Denver": (39.7392, -104.9903),
          "Curitiba": (-25.4284, -49.2733), "Rome": (41.9028, 12.4964), "Recife, a few metres on": (-8.0533, -34.8811)}


def sent(place, more):
    latitude, longitude = PLACES[place]
    station = AmbientAPRS(station_id="N0CALL-13", latitude=latitude, longitude=longitude)
    station.get_weather_data(weather_data=DAY | more)
    return station.build_packet()


for name, more in CASES.items():
    packet = sent("Recife", more)
    weather = aprslib.parse(packet)["weather"]
    read = {key: f"{weather[key]:.2f}" if key in weather else "none" for key in FIELDS}
    print(f"{name}: {packet[packet.index('_') + 1 :]}")
    print("  read:", ", ".join(f"{what} {read[key]}" for key, what in FIELDS.items()))
hours = round((time.time() - aprslib.parse(sent("Recife", {}))["timestamp"]) / 3600)
print(f"its time, where clocks are 3 hours behind UTC: {hours} hours ago")
for place in PLACES:
    packet = sent(place, {})
    written = packet[packet.index("z") + 1 : packet.index("_")]
    try:
        report = aprslib.parse(packet)
        print(f"{place}: {written}, read as {report['latitude']:.3f} {report['longitude']:.3f}")
    except aprslib.ParseError as error:
        print(f"{place}: {written}, {error}")
PY

cat >"$tmp/expected" <<'TXT'
0.8 inches since midnight, 0.6 in an hour: 210/005g009t071r001p...P001h98b10132Ambient APRS
  read: mm since midnight 0.25, in an hour 0.25, °C 21.67, gust m/s 4.02
3.2 inches since midnight, 1.4 in an hour: 210/005g009t071r001p...P003h98b10132Ambient APRS
  read: mm since midnight 0.76, in an hour 0.25, °C 21.67, gust m/s 4.02
0.45 inches since midnight, 0.45 in an hour: 210/005g009t071r000p...P000h98b10132Ambient APRS
  read: mm since midnight 0.00, in an hour 0.00, °C 21.67, gust m/s 4.02
a dry calm at 0 °F: .../...g...t...r...p...P...h98b10132Ambient APRS
  read: mm since midnight none, in an hour none, °C none, gust m/s none
its time, where clocks are 3 hours behind UTC: 3 hours ago
Recife: 0803.23S/03452.87W, read as -8.054 -34.881
New York: 4042.77N/07400.36W, read as 40.713 -74.006
Denver: 3944.35N/010459.42W, invalid format
Curitiba: 025025.7S/049016.4W, invalid format
Rome: 4154.17N/1229.78E, invalid format
Recife, a few metres on: 08003.2S/03452.87W, invalid format
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: ambient-aprs sends other reports now" >&2; exit 1; }
