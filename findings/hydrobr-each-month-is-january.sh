#!/usr/bin/env bash
# hydrobr 0.1.1 (series of Brazil's water agency, ANA) with pandas 3.1.1 and 1.5.3, run 2026-12-01.
#
# Expected: the service gives a month as `2024-05-01 00:00:00`, with a value for each of its days; May's rain is May's.
# Seen: hydrobr reads it with pandas' `dayfirst=True`. To pandas before 2 that said nothing of a date that begins with its year;
#   since pandas 2 the 1st of May is the 5th of January, and the day is put back to the 1st: each month is January, and of
#   all twelve the one that sorts last is kept. A year of rain has 31 days, with the rain of one month, and none in
#   May, when 240 mm fell in a day. Its requirement is pandas 0.25 or newer, so that a new installation has 3.
# Why it matters: nothing fails. A climate, a flood's return period and a drought of Brazil's rivers are made of Januaries that
#   are December's. Whoever reads ISO dates with `dayfirst=True` has days and months changed up to the 12th.
# Way out: `pandas<2` beside it; `format="ISO8601"` in one's own code.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile hydrobr==0.1.1 pandas==3.1.1 plotly==5.24.1

cat >"$tmp/year.py" <<'PY'
import calendar

import pandas as pd
import requests
from hydrobr import get_data


def month(number):
    days = range(1, calendar.monthrange(2024, number)[1] + 1)
    rain = {day: 240.0 if (number, day) == (5, 2) else float(number) for day in days}
    return (
        "<SerieHistorica><EstacaoCodigo>02951010</EstacaoCodigo><NivelConsistencia>1</NivelConsistencia>"
        f"<DataHora>2024-{number:02}-01 00:00:00</DataHora>"
        + "".join(f"<Chuva{day:02}>{amount}</Chuva{day:02}>" for day, amount in rain.items())
        + "</SerieHistorica>"
    )


class Answer:
    content = f"<DocumentElement>{''.join(map(month, range(1, 13)))}</DocumentElement>".encode()


requests.get = lambda *asked, **named: Answer  # what the service would have sent; the rest is the library's
rain = get_data.ANA.prec_data(["02951010"])["02951010"].astype(float)
name = f"SEEN pandas {pd.__version__}"
print(f"{name}: {len(rain)} days, {rain.index[0]:%d %B} to {rain.index[-1]:%d %B}, {rain.sum():.0f} mm,"
      f" most in a day {rain.max():.0f} mm, 1 January {rain.iloc[0]:.0f} mm")
print(f"{name}: the 1st of May is {pd.to_datetime('2024-05-01 00:00:00', dayfirst=True):%d %B}")
PY
"$tmp/venv/bin/python" -W ignore "$tmp/year.py" 2>"$tmp/progress" | grep '^SEEN' >"$tmp/seen"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-compile pandas==1.5.3 numpy==1.26.4
"$tmp/venv/bin/python" -W ignore "$tmp/year.py" 2>"$tmp/progress" | grep '^SEEN' >>"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
SEEN pandas 3.1.1: 31 days, 01 January to 31 January, 372 mm, most in a day 12 mm, 1 January 12 mm
SEEN pandas 3.1.1: the 1st of May is 05 January
SEEN pandas 1.5.3: 366 days, 01 January to 31 December, 2619 mm, most in a day 240 mm, 1 January 1 mm
SEEN pandas 1.5.3: the 1st of May is 01 May
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: a month's date is read otherwise now" >&2; exit 1; }
