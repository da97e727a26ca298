"""One official warning that stands, as it is kept."""

from __future__ import annotations

import msgspec

from atalaia.domain.official import Official


class Group(msgspec.Struct):
    """Places over which one part of a message stands.

    leaves_at   when they are let go, as an Update left them out; 0: they are not
    closed_at   when it ended; 0: it stands
    """

    official: Official
    places: list[str]
    leaves_at: int = 0
    closed_at: int = 0


class StandingWarning(msgspec.Struct):
    """One warning that stands.

    names   of all its messages, and of those that these refer to
    peak    the highest level that it had
    groups  no place is in two of those that stand
    """

    incident: str
    version: int
    opened_at: int
    names: list[str]
    peak: int = 0
    groups: list[Group] = []

    def live(self) -> list[Group]:
        """The groups that stand."""
        return [group for group in self.groups if not group.closed_at]
