"""How the sources are doing: one small note, from who asks them to who shows it.

poll begins each round with what the last one left, and writes the note where the round has changed
it; the API reads it. It names the sources that were asked: the API has not all of their keys.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from atalaia.notes import Note
from atalaia.ports import Notes
from atalaia.sources.health import Health


class SourceStatus(msgspec.Struct, frozen=True):
    """A source at the end of a round.

    expected_s  the interval at which it is asked
    calls_left  by window
    """

    source: str
    expected_s: int
    health: Health
    calls_left: dict[str, int]


def read(notes: Notes) -> list[SourceStatus]:
    """As the last round left them; none before the first. Raises StateConflict."""
    return _note(notes).get() or []


def keep(notes: Notes, told: Sequence[SourceStatus]) -> None:
    """After a round. Raises StateConflict."""
    _note(notes).put(list(told))


def _note(notes: Notes) -> Note[list[SourceStatus]]:
    # Spare: of another version, the next round writes it anew.
    return Note(notes, "sources", list[SourceStatus], is_spare=True)
