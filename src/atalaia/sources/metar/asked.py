"""aviationweather.gov: the reports of aerodromes, asked for all at once, without a key.

`/api/data/metar?ids=A,B&format=json&hours=2`; the service wants at most 100 requests a minute, one
a minute of a kind, and 400 entries an answer. 204 is no report at all. US Government data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from atalaia.sources.metar.decoder import JSON, NAME
from atalaia.sources.request import SourceRequest

BASE_URL = "https://aviationweather.gov"

HOURS = 2
"""Reports of so many hours are asked for: one that came late is in the next answer."""

MOST_A_REQUEST = 100
"""Aerodromes: with SPECIs these are up to 400 entries."""

NEAR_CAPITALS = (
    "SBAR", "SBBE", "SBBH", "SBBI", "SBBR", "SBBV", "SBCG", "SBCT", "SBCY", "SBEG", "SBFL", "SBFZ",
    "SBGL", "SBGO", "SBGR", "SBJP", "SBMO", "SBMQ", "SBMT", "SBPA", "SBPJ", "SBPV", "SBRB", "SBRF",
    "SBRJ", "SBSG", "SBSL", "SBSP", "SBSV", "SBTE", "SBVT",
)  # fmt: skip
"""Aerodromes of Brazil's capitals. Which of them speaks for which place, and of what, their
positions say, which come with their reports."""


def requests(stations: Sequence[str], base_url: str = BASE_URL) -> Iterator[SourceRequest]:
    """What to ask for the reports of these aerodromes."""
    for i in range(0, len(stations), MOST_A_REQUEST):
        yield SourceRequest(
            source=NAME,
            content=JSON,
            places=(),
            url=f"{base_url}/api/data/metar",
            params={
                "ids": ",".join(stations[i : i + MOST_A_REQUEST]),
                "format": "json",
                "hours": str(HOURS),
            },
        )
