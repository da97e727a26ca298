"""Towns of the world by name and by position, offline: 170,391 places from 1,000 people.

The table is made by `tools/gazetteer.py` and shipped with the package. Data: GeoNames
(https://www.geonames.org), CC BY 4.0. It is read at the first question (about a tenth of a second,
some 30 MB) and then kept.

A name may come with a state or country after it: ``recife pe``, ``São José, SC``, ``Springfield
US``. Accents, case and punctuation do not matter.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import msgspec
import numpy as np

from atalaia.domain.geo import distance_km, unit
from atalaia.domain.outline import outline
from atalaia.domain.reading import Floats, Ints
from atalaia.domain.subscription import Circle, Polygon
from atalaia.sources.shipped import shipped

LONGEST = 100
"""Letters of a question; the rest is not read."""

CLEAR = 5
"""A name means its largest town if that has so many times the people of the next; a town that has
it as another name counts as a tenth."""

_WORDS = 4
"""Words at the end that may be a state or country."""

_NAMED = 5
"""Towns named to somebody whose text may mean several."""

_CANDIDATES = 100
"""Of each kind of match, so many of the largest towns are weighed against the others."""

_WEIGHTS = {"exact": 3.0, "other": 2.0, "begins": 1.0, "has": 0.0}
"""What a match is worth, beside the logarithm of the population: an exact one as much as a
thousand times the people."""

_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h",
     "ə": "a", "'": "", "’": "", "‘": "", "ʻ": "", "ʼ": "", "`": "", "´": ""}
)  # fmt: skip
"""Letters that do not fall apart into a plain one and an accent; and apostrophes, which go."""

_KEPT = b"abcdefghijklmnopqrstuvwxyz0123456789\n"
_PLAIN = bytes(one if one in _KEPT else ord(" ") for one in range(256))

_SPACES = re.compile(rb"  +")

_ALIASES = {"brasil": "BR", "usa": "US", "eua": "US", "uk": "GB", "inglaterra": "GB"}


class Town(msgspec.Struct, frozen=True, kw_only=True):
    """A populated place.

    id          GeoNames' number of it; 0: it is known by its code alone
    region      letters of its state (Brazil: PE; USA: MO); elsewhere empty
    region_name    of the state
    country     two letters (ISO 3166)
    latitude, longitude    WGS 84 degrees
    population  0: not known
    timezone    IANA name
    code        official one (Brazil: IBGE's seven digits); empty: not known
    """

    id: int
    name: str
    region: str
    region_name: str
    country: str
    latitude: float
    longitude: float
    population: int
    timezone: str
    code: str = ""

    @property
    def slug(self) -> str:
        """``recife-pe``, ``lisbon-pt``: an id that people can read, the same for ever; or the
        official code, where it was known by it."""
        return self.code or fold(f"{self.name} {self.region or self.country}").replace(" ", "-")

    @property
    def label(self) -> str:
        """``Recife, Pernambuco, BR``"""
        return ", ".join(part for part in (self.name, self.region_name, self.country) if part)


class Stored(msgspec.Struct, frozen=True):
    """What the file holds, after its first line: zstd over msgpack.

    Towns from the largest to the smallest, equals by id; columns are little-endian integers.

    countries   code and English name; regions: country, letters, name
    names       one a line; other_names: folded ones, and `other_of` the towns that have them
    latitude, longitude    in 1e-5 degrees
    """

    countries: list[tuple[str, str]]
    regions: list[tuple[str, str, str]]
    timezones: list[str]
    names: bytes
    other_names: bytes
    other_of: bytes
    id: bytes
    latitude: bytes
    longitude: bytes
    population: bytes
    region: bytes
    timezone: bytes


_decode_stored = msgspec.msgpack.Decoder(Stored).decode


@dataclass(frozen=True, slots=True)
class _Names:
    """Names in UTF-8, each after a line break, and where each begins."""

    text: bytes
    begins: Ints

    @staticmethod
    def of(names: bytes) -> _Names:
        text = b"\n%b\n" % names
        return _Names(text, np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n")))

    def __getitem__(self, line: int) -> str:
        return self.text[self.begins[line] + 1 : self.begins[line + 1]].decode()

    def found(self, what: str) -> Iterator[int]:
        """Numbers of the lines in which it is, in order; \\n stands for their ends."""
        key = what.encode()
        at = self.text.find(key)
        while at >= 0:
            line = int(np.searchsorted(self.begins, at, side="right")) - 1
            yield line
            at = self.text.find(key, max(at + 1, int(self.begins[line + 1])))


@dataclass(frozen=True)
class TownTable:
    """All towns as columns, from the largest to the smallest; coordinates in degrees."""

    id: Ints
    names: _Names
    latitude: Floats
    longitude: Floats
    population: Ints
    region: Ints
    timezone: Ints
    regions: list[tuple[str, str, str]]
    timezones: list[str]
    other_of: Ints
    stored: Stored
    """As the file has it."""

    # What names are looked up in: who asks only where towns lie does without.

    @cached_property
    def folded(self) -> _Names:
        """The names in letters without marks."""
        return _Names.of(_folded(self.stored.names.decode()))

    @cached_property
    def others(self) -> _Names:
        """Other names, in the same letters; `other_of` says whose."""
        return _Names.of(self.stored.other_names)

    @cached_property
    def known(self) -> dict[str, frozenset[int]]:
        """States and countries by folded letters and name: the regions that they mean."""
        return _known(self.stored)

    @cached_property
    def point(self) -> tuple[Floats, Floats, Floats]:
        """On the globe of radius 1."""
        return unit(self.latitude, self.longitude)

    def town(self, number: int) -> Town:
        """One town."""
        country, region, region_name = self.regions[self.region[number]]
        return Town(
            id=int(self.id[number]),
            name=self.names[number],
            region=region,
            region_name=region_name,
            country=country,
            latitude=float(self.latitude[number]),
            longitude=float(self.longitude[number]),
            population=int(self.population[number]),
            timezone=self.timezones[self.timezone[number]],
        )


@lru_cache(maxsize=1)
def table() -> TownTable:
    """The whole gazetteer, read once."""
    stored = _decode_stored(shipped("gazetteer.zst"))
    return TownTable(
        id=np.frombuffer(stored.id, "<i4"),
        names=_Names.of(stored.names),
        latitude=np.frombuffer(stored.latitude, "<i4") / 1e5,
        longitude=np.frombuffer(stored.longitude, "<i4") / 1e5,
        population=np.frombuffer(stored.population, "<i4"),
        region=np.frombuffer(stored.region, "<i2"),
        timezone=np.frombuffer(stored.timezone, "<i2"),
        regions=stored.regions,
        timezones=stored.timezones,
        other_of=np.frombuffer(stored.other_of, "<i4"),
        stored=stored,
    )


def by_id(id_: int) -> Town | None:
    """The town with GeoNames' number; None: there is none."""
    every = table()
    at = np.flatnonzero(every.id == id_)
    return every.town(int(at[0])) if len(at) else None


def search(text: str, country: str | None = None, limit: int = 10) -> list[Town]:
    """Towns that the text may mean, the likeliest first; none for a text without a letter.

    `country` (two letters) leaves out all others.
    """
    every = table()
    best = _weighed(_found(text, country, every), every)
    return [every.town(number) for number, _ in best[:limit]]


def nearest(latitude: float, longitude: float, within_km: float = 300.0) -> Town | None:
    """The town nearest to a point; None where none is within `within_km`."""
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        return None
    every = table()
    here = unit(np.array([latitude]), np.array([longitude]))
    square = sum((each - one) ** 2 for each, one in zip(every.point, here, strict=True))
    number = int(np.argmin(square))
    town = every.town(number)
    is_near = distance_km(latitude, longitude, town.latitude, town.longitude) <= within_km
    return town if is_near else None


def zone_of(area: Circle | Polygon) -> str:
    """The time zone (IANA name) of the town nearest to an area's middle, however far that is."""
    if isinstance(area, Circle):
        latitude, longitude = area.latitude, area.longitude
    else:
        west, south, east, north = outline(area.rings[:1]).box
        latitude, longitude = (south + north) / 2, (west + east) / 2
    town = nearest(latitude, longitude, math.inf)
    return town.timezone if town else "UTC"


def find_town(text: str) -> Town:
    """The one town that has the name.

    Raises ValueError where none is called so, or where it may be several: it names these.
    """
    every = table()
    found = [one for one in _found(text, None, every) if one[0] in ("exact", "other")]
    each: dict[str | int, tuple[Town, float]] = {}
    for number, score in _weighed(found, every):
        town = every.town(number)
        # Of two with one name in one state nobody can name the smaller one.
        each.setdefault(town.label if town.region else town.id, (town, score))
    if not each:
        near = "; ".join(town.label for town in search(text, limit=_NAMED))
        hint = f"did you mean: {near}?" if near else "give latitude,longitude"
        raise ValueError(f"no town is called {text[:LONGEST]!r}; {hint}")
    (first, score), *others = list(each.values())[:_NAMED]
    if others and score - others[0][1] < math.log10(CLEAR):
        rivals = "; ".join(
            f"{town.label} ({town.latitude:.2f},{town.longitude:.2f})"
            for town in (first, *(town for town, _ in others))
        )
        called = f"{text[:LONGEST]!r} may be several"
        raise ValueError(f"{called}; name the state or give latitude,longitude: {rivals}")
    return first


def of_region(name: str) -> list[Town]:
    """All towns of a state or country, from the largest to the smallest: ``Pernambuco``,
    ``PE, BR``, ``Portugal``.

    Raises ValueError where none is called so, or a state and a country are: it names both.
    """
    every = table()
    parts = [every.known.get(part, frozenset()) for part in map(fold, name.split(",")) if part]
    regions = frozenset.intersection(*parts) if parts else frozenset()
    if not regions:
        raise ValueError(f"no state or country is called {name!r}; write for example Pernambuco")
    countries = defaultdict(list)
    for region in sorted(regions):
        country, _, region_name = every.regions[region]
        countries[country].append(region_name)
    if len(countries) > 1:
        choices = "; ".join(
            f"{names[0]}, {country}" if len(names) == 1 and names[0] else country
            for country, names in countries.items()
        )
        raise ValueError(f"{name!r} may be several; write one of: {choices}")
    return [every.town(int(i)) for i in np.flatnonzero(np.isin(every.region, list(regions)))]


def fold(text: str) -> str:
    """A name without case, accents and punctuation: what two spellings of it have in common."""
    return _folded(text.replace("\n", " ")).decode()


# How it searches


def _found(text: str, country: str | None, every: TownTable) -> Iterator[tuple[str, int]]:
    """Kinds of match and towns; a town may come more than once."""
    for name, regions in _readings(text, every):
        within = regions
        if country is not None:
            here = every.known.get(fold(country), frozenset())
            within = here if regions is None else regions & here
        yield from _matches(name, within, every)


def _weighed(found: Iterable[tuple[str, int]], every: TownTable) -> list[tuple[int, float]]:
    """Each town once with what its best match is worth, the likeliest first."""
    scores: dict[int, float] = {}
    for kind, number in found:
        score = math.log10(every.population[number] + 1) + _WEIGHTS[kind]
        scores[number] = max(score, scores.get(number, -1.0))
    return sorted(scores.items(), key=lambda one: (-one[1], one[0]))


def _readings(text: str, every: TownTable) -> list[tuple[str, frozenset[int] | None]]:
    """What the text may mean: a folded name, and the regions that it is in (None: any)."""
    parts = [part for part in map(fold, text[:LONGEST].split(",")) if part]
    known = [every.known[part] for part in parts[1:] if part in every.known]
    if parts and len(known) == len(parts) - 1 and known:
        return [(parts[0], frozenset.intersection(*known))]
    words = tuple(" ".join(parts).split())
    return list(_endings(words, None, every)) if words else []


def _endings(
    words: tuple[str, ...], regions: frozenset[int] | None, every: TownTable
) -> Iterator[tuple[str, frozenset[int] | None]]:
    """All as a name; and its end as a region, with the end of the rest, again."""
    yield " ".join(words), regions
    for n in range(1, min(_WORDS, len(words) - 1) + 1):
        region = every.known.get(" ".join(words[-n:]))
        both = region if region is None or regions is None else region & regions
        if both:
            yield from _endings(words[:-n], both, every)


def _matches(
    name: str, regions: frozenset[int] | None, every: TownTable
) -> Iterator[tuple[str, int]]:
    """Kinds of match and towns, of each kind the largest ones."""

    def taken(kind: str, numbers: Iterator[int]) -> Iterator[tuple[str, int]]:
        n = 0
        for number in numbers:
            if regions is None or int(every.region[number]) in regions:
                yield kind, number
                n += 1
                if n == _CANDIDATES:
                    return

    yield from taken("exact", every.folded.found(f"\n{name}\n"))
    others = every.others.found(f"\n{name}\n")
    yield from taken("other", (int(every.other_of[line]) for line in others))
    if len(name) > 1:
        yield from taken("begins", every.folded.found(f"\n{name}"))
        yield from taken("has", every.folded.found(f" {name}"))


def _folded(lines: str) -> bytes:
    """Many names at once, one a line."""
    plain = unicodedata.normalize("NFKD", lines.casefold().translate(_LETTERS))
    text = plain.encode("ascii", "ignore").translate(_PLAIN)
    text = _SPACES.sub(b" ", text).replace(b" \n", b"\n").replace(b"\n ", b"\n")
    return text.strip(b" ")


def _known(stored: Stored) -> dict[str, frozenset[int]]:
    known: dict[str, set[int]] = defaultdict(set)
    names = {code: [code, name] for code, name in stored.countries}
    for alias, code in _ALIASES.items():
        names[code].append(alias)
    for number, (country, region, region_name) in enumerate(stored.regions):
        for word in (*names[country], region, region_name):
            if word:
                known[fold(word)].add(number)
    return {word: frozenset(numbers) for word, numbers in known.items()}
