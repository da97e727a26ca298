#!/usr/bin/env bash
# AEMET-OpenData 0.6.4, run 2026-11-30.
#
# Expected: the hourly forecast of the Spanish weather service gives the chances of rain, snow and thunder by
#   six hours: `1420` is from 14 to 20 h, by the same local clock as the hours of the rain in the same answer,
#   its `orto` and its `ocaso`. An hour has the chance of the six hours that it lies in.
# Seen: because the last period goes over midnight (`2002`) all periods are moved two hours back, and the hours
#   are not. A chance of thunder of 90 % from 14 to 20 h is one from 12 to 18 h; 18 and 19 h have the night's 0
#   %, and 6 and 7 h the morning's. The amounts of rain stand at their hours, so 30 mm at 19 h come at a chance
#   of 0 %.
# Why it matters: whoever is warned by the chance is told that the storm is over two hours before it may be, in
#   the hours of the evening in which thunder is likeliest; and whoever weighs amounts by chances leaves that
#   rain out.
# Way out: the chance from the answer's own `periodo`, both figures as they stand, 24 added to the second if it
#   is the lower.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check AEMET-OpenData==0.6.4 tzdata==2026.6

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
from datetime import datetime
from zoneinfo import ZoneInfo

from aemet_opendata.forecast import HourlyForecastValue

HOURS = [f"{hour:02d}" for hour in range(24)]
DAY = datetime(2026, 9, 12, tzinfo=ZoneInfo("Europe/Madrid"))


def by_hour(value, **others):
    return [{"value": others.get(f"at_{hour}", value), "periodo": hour} for hour in HOURS]


def by_six_hours(night, morning, afternoon, evening):
    return [
        {"value": value, "periodo": period}
        for value, period in ((night, "0208"), (morning, "0814"), (afternoon, "1420"), (evening, "2002"))
    ]


ANSWER = {
    "fecha": "2026-09-12T00:00:00", "orto": "07:54", "ocaso": "20:30",
    "estadoCielo": by_hour("16"), "temperatura": by_hour("20"), "sensTermica": by_hour("20"), "humedadRelativa": by_hour("80"),
    "precipitacion": by_hour("0", at_19="30"), "nieve": by_hour("0"), "probNieve": by_six_hours("0", "0", "0", "0"),
    "vientoAndRachaMax": [
        one for hour in HOURS
        for one in ({"direccion": ["E"], "velocidad": ["20"], "periodo": hour}, {"value": "40", "periodo": hour})
    ],
}


CHANCES = by_six_hours("5", "10", "90", "0")
hours = [HourlyForecastValue(ANSWER | {"probTormenta": CHANCES, "probPrecipitacion": CHANCES}, DAY, hour) for hour in range(24)]


def told(name, values):
    changes = [f"{hour} h {value}" for hour, value in enumerate(values) if hour == 0 or value != values[hour - 1]]
    print(f"{name}:", ", ".join(changes))


print("as the service has it:", ", ".join(f"{one['periodo'][:2]} to {one['periodo'][2:]} h {one['value']}" for one in CHANCES))
told("thunder, % from", [one.get_storm_probability() for one in hours])
told("rain, % from", [one.get_rain_probability() for one in hours])
told("rain, mm from", [one.get_rain() for one in hours])
PY

cat >"$tmp/expected" <<'TXT'
as the service has it: 02 to 08 h 5, 08 to 14 h 10, 14 to 20 h 90, 20 to 02 h 0
thunder, % from: 0 h 5, 6 h 10, 12 h 90, 18 h 0
rain, % from: 0 h 5, 6 h 10, 12 h 90, 18 h 0
rain, mm from: 0 h 0.0, 19 h 30.0, 20 h 0.0
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: AEMET-OpenData has other hours now" >&2; exit 1; }
