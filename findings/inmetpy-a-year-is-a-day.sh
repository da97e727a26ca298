#!/usr/bin/env bash
# inmetpy 0.2.1, run 2026-11-30, with a pandas for this Python (its own pin, 1.4.3, has no package for it).
#
# Expected: `chunks=True` divides a long period into shorter ones, for which the package has it, and together they are the
#   period: from 1 January 2024 to 1 January 2025 are 367 days.
# Seen: one day, the first, as 366 days after it leave no remainder; and so for any period of that length. No error and no
#   word that anything is missing: the day's hours are handed out as what was asked for. With one day more all
#   of it is there.
# Why it matters: a climate of that year has no storm, its rain is that of New Year's Day, and beside it the years before and
#   behind are whole. Whoever takes a station's last 366 days each morning has one of them each time.
# Way out: without `chunks`, a year at a time (it takes up to 366 days), and count the days of what came.
# INMET's answers are made here, as many hours as were asked for, in the form that its service has; no network is asked.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check --no-deps inmetpy==0.2.1
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check pandas==2.3.3 numpy==2.2.6 requests==2.34.2 yaspin==2.2.0 2>/dev/null

"$tmp/venv/bin/python" -W ignore >"$tmp/out" <<'PY'
from datetime import date, timedelta

import inmetpy.stations as inmetpy

STATION = {
    "DC_NOME": "RECIFE", "CD_ESTACAO": "A301", "TP_ESTACAO": "Automatica", "CD_SITUACAO": "Operante", "FL_CAPITAL": "S",
    "DT_INICIO_OPERACAO": "2004-12-22T21:00:00.000-03:00", "DT_FIM_OPERACAO": None, "SG_ESTADO": "PE", "SG_ENTIDADE": "INMET",
    "CD_DISTRITO": " 03", "CD_OSCAR": "0-2000-0-81958", "CD_WSI": "0-76-0-2611606000000408", "VL_LATITUDE": "-8.05916666",
    "VL_LONGITUDE": "-34.95916666", "VL_ALTITUDE": "11.3",
}
HOUR = {
    "DC_NOME": "RECIFE", "UF": "PE", "CD_ESTACAO": "A301", "VL_LATITUDE": "-8.05916666", "VL_LONGITUDE": "-34.95916666",
    "PRE_INS": "1010.1", "TEM_SEN": "29.1", "PRE_MAX": "1010.4", "RAD_GLO": "2100.0", "PTO_INS": "22.1", "TEM_MIN": "27.0",
    "UMD_MIN": "70", "PTO_MAX": "22.6", "VEN_DIR": "120", "CHUVA": "1.0", "PRE_MIN": "1010.0", "UMD_MAX": "76",
    "VEN_VEL": "2.1", "PTO_MIN": "21.8", "TEM_MAX": "28.1", "VEN_RAJ": "5.9", "TEM_INS": "27.6", "UMD_INS": "73",
}
asked = []


class Answer:
    """What the service would have sent; the rest is the package's."""

    status_code = 200

    def __init__(self, url):
        self.url = url

    def json(self):
        if "/estacoes/" in self.url:
            return [STATION] if self.url.endswith("T") else [STATION | {"TP_ESTACAO": "Convencional", "CD_ESTACAO": "82900"}]
        first, last = (date.fromisoformat(text) for text in self.url.split("/")[-3:-1])
        asked.append(f"{first} to {last}")
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        return [HOUR | {"DT_MEDICAO": str(day), "HR_MEDICAO": f"{hour:02}00"} for day in days for hour in range(24)]


inmetpy.requests.get = lambda url, **_: Answer(url)
inmet = inmetpy.InmetStation()
for first, last in (("2024-01-01", "2025-01-01"), ("2024-01-01", "2025-01-02"), ("2022-11-29", "2023-11-30"), ("2022-11-29", "2023-12-01")):
    asked.clear()
    days = (date.fromisoformat(last) - date.fromisoformat(first)).days + 1
    hours = inmet.get_data_station(first, last, "hour", ["A301"], chunks=True)
    print(f"\nSEEN {first} to {last}, {days} days: {hours['DATETIME'].dt.date.nunique()} of them, {hours['RAIN'].sum():.0f} mm"
          f" of {days * 24}; asked for {', '.join(asked)}")
PY
grep '^SEEN' "$tmp/out" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
SEEN 2024-01-01 to 2025-01-01, 367 days: 1 of them, 24 mm of 8808; asked for 2024-01-01 to 2024-01-01
SEEN 2024-01-01 to 2025-01-02, 368 days: 368 of them, 8832 mm of 8832; asked for 2024-01-01 to 2025-01-01, 2025-01-02 to 2025-01-02
SEEN 2022-11-29 to 2023-11-30, 367 days: 1 of them, 24 mm of 8808; asked for 2022-11-29 to 2022-11-29
SEEN 2022-11-29 to 2023-12-01, 368 days: 368 of them, 8832 mm of 8832; asked for 2022-11-29 to 2023-11-30, 2023-12-01 to 2023-12-01
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: inmetpy divides periods otherwise now" >&2; exit 1; }
