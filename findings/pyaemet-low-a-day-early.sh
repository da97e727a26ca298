#!/usr/bin/env bash
# pyaemet 1.1.1, run 2026-11-30.
#
# Expected: Spain's weather service (AEMET, daily values) gives the hour of a day's lowest pressure and highest gust, up to
#   24, its end; `Varias` if there were several. The gust's direction is in tens of degrees, 99 where it changed and
#   88 where it is not known. Read, the day's date and hour make the time, and a direction is one.
# Seen: 24 is 00:00, the beginning of the same day: the low that came at midnight between the 27th and the 28th was there at
#   midnight before. `Varias` is 00:00:59, an hour like any other. A gust of 36 m/s from the west is from 27,
#   one that turned from 99 and one not known from 88, all of them floating numbers.
# Why it matters: a deep low is dated a day too early, before the storm it brought, and with the day's date the wind of it
#   blows from the north-north-east. What has no hour has one.
# Way out: read `horaPresMin` and `horaracha` themselves, 24 as the next day's 0; ten times the direction up to 36.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile pyaemet==1.1.1 'setuptools==79.0.1' pandas==2.3.3

"$tmp/venv/bin/python" -W ignore >"$tmp/seen" <<'PY'
from datetime import date, datetime

import requests
from pyaemet.climatology import AemetClima


def day(fecha, **said):
    return {
        "fecha": fecha, "indicativo": "8178D", "nombre": "ALBACETE", "provincia": "ALBACETE", "altitud": "676",
        "tmed": "9,8", "prec": "31,4", "tmin": "4,8", "horatmin": "03:10", "tmax": "13,8", "horatmax": "14:10",
        "velmedia": "11,1", "racha": "36,1", "presMax": "933,5", "horaPresMax": "00", "presMin": "911,9", **said,
    }


DAYS = [
    day("2026-11-27", horaPresMin="24", horaracha="23:50", dir="27"),
    day("2026-11-28", horaPresMin="Varias", horaracha="Varias", dir="99"),
    day("2026-11-29", horaPresMin="07", horaracha="07:20", dir="88"),
]
UNITS = {"unidad_generadora": "AEMET", "campos": [{"id": "dir", "unidad": "decenas de grado"}]}
ANSWERS = {"data": DAYS, "units": UNITS}


class Answer:
    """What the service would have sent: first where the days are, then the days."""

    ok, text = True, "{}"

    def __init__(self, url):
        self.url = url

    def json(self):
        return ANSWERS.get(self.url, {"estado": 200, "datos": "data", "metadatos": "units"})


requests.request = lambda method, url, **_: Answer(url)
days = AemetClima("key").daily_clima("8178D", date(2026, 11, 27), date(2026, 11, 29), verbosity=False)
for said, (_, read) in zip(DAYS, days.iterrows()):
    low, gust = (datetime.combine(read["date"].date(), read[hour]) for hour in ("hr_press_min", "hr_wnd_gst"))
    print(f"{read['date']:%d}: low at {said['horaPresMin']}, read as {low:%d, %H:%M:%S};"
          f" gust at {said['horaracha']}, read as {gust:%d, %H:%M:%S}, from {read['wnd_dir']}")
PY

cat >"$tmp/expected" <<'TXT'
27: low at 24, read as 27, 00:00:00; gust at 23:50, read as 27, 23:50:00, from 27.0
28: low at Varias, read as 28, 00:00:59; gust at Varias, read as 28, 00:00:59, from 99.0
29: low at 07, read as 29, 07:00:00; gust at 07:20, read as 29, 07:20:00, from 88.0
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: hours and directions are read otherwise now" >&2; exit 1; }
