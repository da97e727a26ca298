"""How the sources are doing: one small note, from who asks them to who shows it.

poll begins each round with what the last one left, and writes the note where the round has changed
it; the API reads it. It names the sources that were asked: the API has not all of their keys.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from atalaia.ports import State
from atalaia.sources.health import Health

_NOTE = "sources"


class Told(msgspec.Struct, frozen=True):
    """A source at the end of a round.

    expected_s  the interval at which it is asked
    calls_left  by window
    """

    source: str
    expected_s: int
    health: Health
    calls_left: dict[str, int]


def read(state: State) -> list[Told]:
    """As the last round left them; none before the first. Raises StateConflict."""
    try:
        return msgspec.json.decode(state.note(_NOTE) or "[]", type=list[Told])
    except msgspec.MsgspecError:
        return []  # of another version: the next round writes it anew


def keep(state: State, told: Sequence[Told]) -> None:
    """After a round. Raises StateConflict."""
    state.set_note(_NOTE, msgspec.json.encode(told).decode())
