"""What a described source is asked: one address, or one for each place."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec

from atalaia.domain.place import Place, Places
from atalaia.sources.budget import CallWindow
from atalaia.sources.described.description import NAME, Description, head_of
from atalaia.sources.plan import EachPlacePlan, Plan, StationsPlan
from atalaia.sources.request import SourceRequest

SLOTS = ("latitude", "longitude", "place")
"""What stands in braces in an address, and is filled in for each place."""

_SLOT = re.compile(r"\{(\w*)\}")
_ADDRESS = re.compile(r"https?://[^\s/?#@{}]+(/[^\s?#]*)?(\?[^\s#]*)?")
_ALL = "all"
_SHORTEST_EXPECTED_S = 300


class SourceAddress(msgspec.Struct, frozen=True):
    """Where a source is asked: the address, with slots for a place, and the query apart."""

    url: str
    params: dict[str, str]

    @property
    def is_of_each_place(self) -> bool:
        """Whether each place has an address of its own."""
        return any(_SLOT.search(text) for text in (self.url, *self.params.values()))

    def of(self, place: Place | None) -> tuple[str, dict[str, str]]:
        """The address and the query for a place; as they stand for None."""
        if place is None:
            return self.url, self.params
        said = {"latitude": place.latitude, "longitude": place.longitude, "place": place.id}

        def filled(text: str) -> str:
            return _SLOT.sub(lambda slot: str(said[slot[1]]), text)

        # In a path a slash would be another folder; the client writes the query itself.
        url = _SLOT.sub(lambda slot: quote(str(said[slot[1]]), safe=""), self.url)
        return url, {name: filled(text) for name, text in self.params.items()}


def address_of(text: str) -> SourceAddress:
    """An address as it is written. Raises ValueError."""
    if not _ADDRESS.fullmatch(text):
        raise ValueError("not an address; write for example https://api.example.org/v1/now")
    unknown = sorted({slot for slot in _SLOT.findall(text) if slot not in SLOTS})
    if unknown:
        known = ", ".join(f"{{{slot}}}" for slot in SLOTS)
        raise ValueError(f"{{{unknown[0]}}} is filled in by nothing; there are {known}")
    parts = urlsplit(text)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name is in its query twice; keep one of them")
    return SourceAddress(parts._replace(query="").geturl(), dict(pairs))


class DescribedSource(msgspec.Struct, frozen=True, kw_only=True):
    """One source of the settings.

    name         as people call it; in records ``http:`` and it
    place        id of the one watched place that all answers are of; empty: it is no such source
    credentials, secret_params    what holds the key, in headers or in the query; not in a `repr`
    windows      how many calls it allows
    """

    name: str
    address: SourceAddress
    interval_s: int
    description: Description
    place: str = ""
    credentials: dict[str, str] = {}
    secret_params: dict[str, str] = {}
    windows: tuple[CallWindow, ...] = ()

    @property
    def source(self) -> str:
        """Its name in payloads and readings."""
        return f"{NAME}:{self.name}"

    def __repr__(self) -> str:
        """Without its secrets."""
        return f"DescribedSource({self.source!r})"

    def rounds(self, places: int) -> int:
        """How many calls ask it once, of so many places."""
        return places if self.address.is_of_each_place else 1

    def plan(self, places: Places, needed: frozenset[str]) -> Plan:
        """What it is asked, and when; `needed` are the variables that rules go by."""
        if self.address.is_of_each_place:
            is_needed = not needed.isdisjoint(self.description.values)
            return EachPlacePlan(
                places,
                self.source,
                self.description.content,
                self.interval_s,
                self._request,
                self.windows,
                expected_s=max(_SHORTEST_EXPECTED_S, self.interval_s) if is_needed else 0,
            )
        of = places.get(self.place)
        return StationsPlan(
            self.source, (_ALL,), self.interval_s, lambda _: self._request(of), self.windows
        )

    def _request(self, place: Place | None) -> SourceRequest:
        url, params = self.address.of(place)
        return SourceRequest(
            source=self.source,
            content=self.description.content,
            places=(place.id,) if place is not None else (),
            url=url,
            params=params,
            credentials=self.credentials,
            secret_params=self.secret_params,
            head=head_of(self.description),
        )
