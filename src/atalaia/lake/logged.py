"""The alert log of a home, as queries see it: GOLD, and what is newer."""

from __future__ import annotations

from atalaia.domain.alert import Alert, LogEntry
from atalaia.domain.decoded import Decode
from atalaia.domain.place import Places
from atalaia.lake.alert_rows import SELECTED, SELECTED_BARE, bare_alert_of, entry_of
from atalaia.lake.query import query
from atalaia.ports import Home


def logged(home: Home, decode: Decode, places: Places, where: str) -> list[LogEntry]:
    """The entries for which a condition on the columns of `alerts` holds, by incident and version.

    They have what GOLD has of them.
    """
    sql = f"SELECT {SELECTED} FROM alerts WHERE {where} ORDER BY incident, version"  # noqa: S608
    return [entry_of(row) for row in query(home, decode, places, sql).rows]


def logged_bare(home: Home, decode: Decode, places: Places, where: str) -> list[Alert]:
    """The alerts of the same, without their texts, for what counts them."""
    sql = f"SELECT {SELECTED_BARE} FROM alerts WHERE {where} ORDER BY incident, version"  # noqa: S608
    return [bare_alert_of(row) for row in query(home, decode, places, sql).rows]
