"""Places by their official code, offline: Brazil's 5,571 municipalities by IBGE's.

A code stands wherever a town's name may stand: ``2611606``, ``IBGE 2611606``; two digits are a
state, ``26`` or ``Pernambuco`` alike. The position is that of the seat.

The table is made by `tools/municipalities.py` and shipped with the package; what it holds, and by
whom, is in its first line. A country whose codes come with names and seats gets a table like it.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec
import numpy as np

from atalaia.domain.subscription import Circle
from atalaia.sources import gazetteer
from atalaia.sources.gazetteer import Town
from atalaia.sources.shipped import shipped

_CODE = re.compile(r"\s*(?:IBGE[\s:]*)?(\d{7}|\d{2})\s*", re.IGNORECASE)
_OF_A_STATE = 100
"""Below it a code is a state's."""

_IN_A_STATE = 100_000
"""So many codes of municipalities begin with a state's."""


class StoredCodes(msgspec.Struct, frozen=True):
    """What the file holds, after its first line: zstd over msgpack, in the order of the codes.

    states      code, letters, name
    names       of the municipalities; the other columns are little-endian integers
    latitude, longitude    of the seat, in 1e-5 degrees
    population  at the last census
    timezone    of each: its number in `timezones` (IANA names)
    """

    scheme: str
    country: str
    states: list[tuple[int, str, str]]
    codes: bytes
    names: list[str]
    latitude: bytes
    longitude: bytes
    population: bytes
    timezones: list[str]
    timezone: bytes


_decode_stored = msgspec.msgpack.Decoder(StoredCodes).decode


@lru_cache(maxsize=1)
def _table() -> StoredCodes:
    return _decode_stored(shipped("municipalities.zst"))


def is_code(text: str) -> bool:
    """Whether it is written as a code, of whatever there is or not."""
    return _code_of(text) is not None


def find_town(text: str) -> Town:
    """The municipality that has the code, or else the town that has the name.

    Raises ValueError where there is none, or where it may be several.
    """
    code = _code_of(text)
    if code is None:
        return gazetteer.find_town(text)
    codes = np.frombuffer(_table().codes, "<i4")
    at = int(np.searchsorted(codes, code))
    if at == len(codes) or codes[at] != code:
        is_state = code < _OF_A_STATE
        hint = "it is a state's: --all-of takes it" if is_state else "look it up at IBGE"
        raise ValueError(f"no municipality has the code {code}; {hint}")
    return _towns(slice(at, at + 1))[0]


def find(text: str) -> Circle:
    """The one municipality or town that is meant, as a circle of the usual size round it: see
    `find_town`."""
    town = find_town(text)
    return Circle(name=town.label, latitude=town.latitude, longitude=town.longitude)


def all_of(text: str) -> list[Town]:
    """All municipalities of a state, by its code or name, where their codes are known; elsewhere
    all towns of a state or country. From the largest to the smallest.

    Raises ValueError as `gazetteer.of_region` does, and for a code that is no state's.
    """
    code = _code_of(text)
    if code is not None:
        return _of_states([code])
    towns = gazetteer.of_region(text)
    if towns[0].country != _table().country:
        return towns
    letters = {town.region for town in towns}
    return _of_states([code for code, its, _ in _table().states if its in letters])


def _of_states(codes: list[int]) -> list[Town]:
    known = [code for code, _, _ in _table().states]
    if unknown := [code for code in codes if code not in known]:
        raise ValueError(f"no state has the code {unknown[0]}; write its two digits, or its name")
    every = np.frombuffer(_table().codes, "<i4")
    bounds = [np.searchsorted(every, np.array([code, code + 1]) * _IN_A_STATE) for code in codes]
    towns = [town for first, end in bounds for town in _towns(slice(int(first), int(end)))]
    return sorted(towns, key=lambda town: (-town.population, town.code))


def _towns(rows: slice) -> list[Town]:
    stored = _table()
    of_state = {code: (letters, name) for code, letters, name in stored.states}
    columns = (stored.codes, stored.latitude, stored.longitude, stored.population)
    codes, latitude, longitude, population = (
        np.frombuffer(column, "<i4")[rows].tolist() for column in columns
    )
    return [
        Town(
            id=0,
            name=stored.names[rows][i],
            region=of_state[code // _IN_A_STATE][0],
            region_name=of_state[code // _IN_A_STATE][1],
            country=stored.country,
            latitude=latitude[i] / 1e5,
            longitude=longitude[i] / 1e5,
            population=population[i],
            timezone=stored.timezones[stored.timezone[rows][i]],
            code=str(code),
        )
        for i, code in enumerate(codes)
    ]


def _code_of(text: str) -> int | None:
    match = _CODE.fullmatch(text)
    return None if match is None else int(match[1])
