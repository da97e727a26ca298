#!/usr/bin/env bash
# pdbufr 0.15.1 (of ECMWF) with eccodes 2.50.0, run 2026-11-30.
#
# Expected: its reader of SYNOP gives rain and extremes under the period that the report gives them: a row with
#   `precipitation_24h`, `precipitation_6h`, `max_t2m_12h`.
# Seen: rain of 24 hours that is reported as others are, an amount behind its period of -24 h, is nothing: of 52 mm in 24
#   hours and 31 in one the 31 alone are there, and of 52 mm in 24 hours none. 52 mm in 12, 6 or 3 hours are. The
#   template also has an element of its own for the past 24 hours, and it decides, where it is missing, too. The highest
#   temperature of the last 12 hours is `max_t2m_0h`, that of the 12 before `max_t2m_12h`: the second of its
#   two periods, from and to, names it. The generic reader has the 52 mm.
# Why it matters: rain of 24 hours is what many services send at 12 UTC (tR 4 in SYNOP), and what floods and droughts are
#   told by; a morning after 52 mm reads as one that was not measured. A maximum of 0 hours is no day's maximum.
# Way out: the generic reader, with `timePeriod` and `totalPrecipitationOrTotalWaterEquivalent`.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check \
    pdbufr==0.15.1 eccodes==2.50.0 eccodeslib==2.50.0.33 pandas==2.3.3

cat >"$tmp/day.py" <<'PY'
import sys

import eccodes
import pdbufr

FILE = f"{sys.argv[1]}/report.bufr"
PLACE = {"blockNumber": 82, "stationNumber": 900, "year": 2026, "month": 11, "day": 30, "hour": 12, "minute": 0,
         "latitude": -8.05, "longitude": -34.92, "#1#airTemperature": 298.15}
AMOUNT, HIGHEST = "totalPrecipitationOrTotalWaterEquivalent", "maximumTemperatureAtHeightAndOverPeriodSpecified"


def report(**told):
    """Writes a report of a land station (3 07 080) with rain by its hours, or a highest temperature from and to."""
    message = eccodes.codes_bufr_new_from_samples("BUFR4")
    values = {"masterTablesVersionNumber": 36, "unexpandedDescriptors": 307080, **PLACE}
    for number, (hours, amount) in enumerate(told.get("rain", ()), 1):
        values[f"#{3 + number}#timePeriod"], values[f"#{number}#{AMOUNT}"] = -hours, amount
    if "past_24" in told:
        values["totalPrecipitationPast24Hours"] = told["past_24"]
    if "highest" in told:
        values["#6#timePeriod"], values["#7#timePeriod"], values[f"#1#{HIGHEST}"] = told["highest"]
    for key, value in values.items():
        eccodes.codes_set(message, key, value)
    eccodes.codes_set(message, "pack", 1)
    with open(FILE, "wb") as file:
        eccodes.codes_write(message, file)
    eccodes.codes_release(message)


def read(name, word, **told):
    report(**told)
    row = pdbufr.read_bufr(FILE, reader="synop").iloc[0]
    there = {key: f"{value:g}" for key, value in row.items() if word in key and value is not None and value == value}
    print(f"{name}: {', '.join(f'{key} {value}' for key, value in there.items()) or 'nothing'}")


read("52 mm in 24 h, 31 in one", "precipitation", rain=((24, 52.0), (1, 31.0)))
rows = pdbufr.read_bufr(FILE, columns=("timePeriod", AMOUNT), required_columns=(AMOUNT,)).dropna(subset=[AMOUNT])
print("  the generic reader:", [(int(period), amount) for period, amount in rows[["timePeriod", AMOUNT]].values.tolist()])
for hours in (24, 12, 6, 3):
    read(f"52 mm in {hours} h", "precipitation", rain=((hours, 52.0),))
read("52 mm as the past 24 h", "precipitation", past_24=52.0)
read("33 degrees from -12 h to 0 h", "max_t2m", highest=(-12, 0, 306.15))
read("33 degrees from -24 h to -12 h", "max_t2m", highest=(-24, -12, 306.15))
PY
"$tmp/venv/bin/python" -W ignore "$tmp/day.py" "$tmp" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
52 mm in 24 h, 31 in one: precipitation_1h 31
  the generic reader: [(-24, 52.0), (-1, 31.0)]
52 mm in 24 h: nothing
52 mm in 12 h: precipitation_12h 52
52 mm in 6 h: precipitation_6h 52
52 mm in 3 h: precipitation_3h 52
52 mm as the past 24 h: precipitation_24h 52
33 degrees from -12 h to 0 h: max_t2m_0h 306.15
33 degrees from -24 h to -12 h: max_t2m_12h 306.15
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: rain or extremes of a period have other names now" >&2; exit 1; }
