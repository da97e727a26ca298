"""What a system is called: "heavy rain over the east of Pernambuco, 31 places"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from atalaia.domain.words import HAZARDS, LANGUAGES

_NAMED = 3
"""Regions that a name lists; of more it says how many."""

_PARTS: dict[str, tuple[str, str, str]] = {
    "n": ("norte", "north", "norte"),
    "s": ("sul", "south", "sur"),
    "e": ("leste", "east", "este"),
    "w": ("oeste", "west", "oeste"),
    "ne": ("nordeste", "northeast", "noreste"),
    "nw": ("noroeste", "northwest", "noroeste"),
    "se": ("sudeste", "southeast", "sureste"),
    "sw": ("sudoeste", "southwest", "suroeste"),
}

_WITH_ARTICLE = {
    "a": ("Bahia", "Paraíba"),
    "o": (
        *("Acre", "Amapá", "Amazonas", "Ceará", "Distrito Federal", "Espírito Santo", "Maranhão"),
        *("Pará", "Paraná", "Piauí", "Rio de Janeiro", "Rio Grande do Norte"),
        *("Rio Grande do Sul", "Tocantins"),
    ),
}
"""Brazil's states that Portuguese gives an article; the others have none."""

_ARTICLE = {name: article for article, names in _WITH_ARTICLE.items() for name in names}


class Whereabouts(NamedTuple):
    """Where some places are, as far as it is known.

    places     how many
    place      the name of the one place; empty: there are several
    regions    states, those with most of the places first; empty: not known
    part       n, ne, e … of the one region, where all places are in that half of its towns; empty
    town       the largest town, where no region is known; empty: none is near
    """

    places: int
    place: str
    regions: tuple[str, ...]
    part: str
    town: str


def named(hazards: Sequence[str], where: Whereabouts) -> dict[str, str]:
    """What a system of these hazards is called there, by language."""
    return {language: _sentence(hazards, where, i) for i, language in enumerate(LANGUAGES)}


def _sentence(hazards: Sequence[str], where: Whereabouts, i: int) -> str:
    what = _listed([HAZARDS[hazard][i] for hazard in hazards], i)
    if where.place:
        return f"{what} {('em', 'in', 'en')[i]} {where.place}"
    there = f"{where.places} {('lugares', 'places', 'lugares')[i]}"
    if where.regions:
        return f"{what} {_over(where, i)}, {there}"
    if where.town:
        return f"{what} {('perto de', 'around', 'cerca de')[i]} {where.town}, {there}"
    return f"{what}, {there}"


def _over(where: Whereabouts, i: int) -> str:
    """Where, after what it is."""
    if where.part:
        part, region = _PARTS[where.part][i], where.regions[0]
        of = f"d{_ARTICLE.get(region, 'e')}"
        return (
            f"no {part} {of} {region}",
            f"over the {part} of {region}",
            f"en el {part} de {region}",
        )[i]
    regions = list(where.regions)
    more = len(regions) - _NAMED
    if more > 0:
        regions = regions[: _NAMED - 1]
        more += 1
    if i == 0:
        regions = [f"{_in(region)} {region}" for region in regions]
    if more > 0:
        regions.append((f"mais {more} estados", f"{more} more states", f"otros {more} estados")[i])
    return ("", "over ", "en ")[i] + _listed(regions, i)


def _in(region: str) -> str:
    """Portuguese: em Pernambuco, no Ceará, na Bahia."""
    article = _ARTICLE.get(region)
    return f"n{article}" if article else "em"


def _listed(words: Sequence[str], i: int) -> str:
    """One, two and three."""
    *first, last = words
    return f"{', '.join(first)} {('e', 'and', 'y')[i]} {last}" if first else last
