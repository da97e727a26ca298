#!/usr/bin/env bash
# ecowitt2aprs 0.1.11, read by aprslib 0.7.2, run 2026-11-30.
#
# Expected: a weather report by amateur radio (APRS) has fields of fixed width: humidity two figures, with h00 for 100 %,
#   rain three, in hundredths of an inch. What does not fit is left out, or told as the most that fits.
# Seen: the figures grow as they need: of fog, `h100`, a reader takes 10 %, and no pressure, as the rest is out of step;
#   of a day with 10.20 inches (259 mm), `p1020`, it takes 1.02 inches (26 mm), and neither the rain since
#   midnight nor humidity nor pressure.
# Why it matters: fog is dry air, a flood a tenth of itself, and the pressure of the storm that brings it is missing,
#   while all is well on any other day. Whoever watches stations by APRS gets such reports as valid ones.
# Way out: as a sender, h00 and no more than 999; as a reader, no report with a field out of its width.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check ecowitt2aprs==0.1.11 aprslib==0.7.2

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
import aprslib
from ecowitt2aprs.ecowitt2aprs import ecowitt_to_aprs

# As the package has them: mph, Fahrenheit, hundredths of an inch, tenths of a hPa.
DAY = {"wind_direction": 210, "wind_speed": 5, "wind_gust": 9, "temperature": 71.4, "rain_hour": 12.0, "rain_24h": 30.0,
       "rain_today": 20.0, "humidity": 98, "abs_pressure": 10132.0}
for name, other in (("a day", {}), ("fog", {"humidity": 100}), ("flood", {"rain_24h": 1020.0})):
    sent = ecowitt_to_aprs(DAY | other)
    print(f"{name}: {sent}")
    read = aprslib.parse(f"PU7ABC-13>APRS,TCPIP*:@301200z0803.00S/03452.00W_{sent}")["weather"]
    print("  read:", ", ".join(f"{key} {read[key]:.1f}" for key in ("rain_24h", "rain_since_midnight", "humidity", "pressure")
                               if key in read))
PY

cat >"$tmp/expected" <<'TXT'
a day: 210/005g009t071r012p030P020h98b10132
  read: rain_24h 7.6, rain_since_midnight 5.1, humidity 98.0, pressure 1013.2
fog: 210/005g009t071r012p030P020h100b10132
  read: rain_24h 7.6, rain_since_midnight 5.1, humidity 10.0
flood: 210/005g009t071r012p1020P020h98b10132
  read: rain_24h 25.9
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: ecowitt2aprs or aprslib has other fields now" >&2; exit 1; }
