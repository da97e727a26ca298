"""A home that is asked several questions by SQL, and how far what it heard reaches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from atalaia.domain.alert import LogEntry
from atalaia.errors import PayloadInvalid
from atalaia.lake.logged import logged
from atalaia.lake.places import places_of
from atalaia.lake.query import query
from atalaia.ports import Home
from atalaia.sources import decode_all

DAY_S = 86_400


class AskedHome:
    """A home that is asked several questions."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.places = places_of(home.state)

    def __call__(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of an answer."""
        return list(query(self.home, decode_all(self.places), self.places, sql).rows)

    def log(self, where: str) -> list[LogEntry]:
        """The entries of the alert log, as `lake.logged`."""
        return logged(self.home, decode_all(self.places), self.places, where)

    def zone(self, place_id: str) -> ZoneInfo:
        """Of a place, or of an area's first place; UTC where neither is known."""
        place = self.places.get(place_id)
        if place is None and place_id in self.places.areas:
            place = self.places[self.places.areas[place_id][0]]
        return ZoneInfo(place.timezone if place else "UTC")


def listed(ids: Iterable[str]) -> str:
    """Ids as SQL compares with them: ``IN (...)``."""
    return ", ".join("'" + id_.replace("'", "''") + "'" for id_ in ids) or "NULL"


def newest_of(asked: AskedHome) -> int:
    """When the newest answer came. In a home that was replayed that is long ago.

    Raises PayloadInvalid where nothing ever came.
    """
    ((newest,),) = asked("""
        SELECT CAST(epoch(max(newest)) AS BIGINT) FROM (
            SELECT max(last_received_at) AS newest FROM answers
            UNION ALL SELECT max(sent_at) FROM alerts
        )
    """)
    if newest is None:
        raise PayloadInvalid(
            f"home {asked.home.name} has nothing to report; let the watch run, or replay into it"
        )
    return int(newest)
