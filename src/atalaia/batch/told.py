"""What was told, as stretches of time: from each entry of the alert log to the next one.

Comes from an alerts file or from GOLD, and goes to `verify`. Only what warns makes a stretch:
`cannot_see` never does, nor an official warning that was passed on; `end` and `cancel` close one;
an easing carries on, at its lower level, what the entry before it had raised.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from atalaia.domain.alert import Alert, from_line
from atalaia.domain.hazard import LEVEL_OF, Hazard
from atalaia.domain.official import RULE as OFFICIAL
from atalaia.domain.reading import Bools, Ints
from atalaia.errors import PayloadInvalid

Words = NDArray[Any]
"""Text of shape (n,), dtype object."""


@dataclass(frozen=True, slots=True)
class Stretches:
    """n stretches during which a level was warned of. Every column has shape (n,).

    begins, ends   Unix seconds, half open; a forecast begins when it says that it will
    told_at        when the incident first told of anything
    since          from when on the incident warned of anything: a forecast's hours are later
    level_told_at  when the incident first told of this level, or of a higher one
    level          a `Level`
    incident, place, hazard, rule   text; rule: the one that raised it
    """

    begins: Ints
    ends: Ints
    told_at: Ints
    since: Ints
    level_told_at: Ints
    level: Ints
    incident: Words
    place: Words
    hazard: Words
    rule: Words

    def __len__(self) -> int:
        return len(self.begins)

    def take(self, rows: Bools | Ints) -> Stretches:
        """The chosen ones."""
        return Stretches(*(getattr(self, name)[rows] for name in Stretches.__slots__))


def read_alerts(path: Path) -> list[Alert]:
    """The lines of an alerts file (`atalaia replay --alerts`). Raises PayloadInvalid by line."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise PayloadInvalid(f"{path}: {error.strerror}; give an alerts file, or gold") from error
    told = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            told.append(from_line(line))
        except (msgspec.MsgspecError, ValueError) as error:
            raise PayloadInvalid(
                f"{path}:{number}: not a line of an alerts file: {error}; "
                "write one with `atalaia replay --alerts`"
            ) from error
    return told


def stretches(told: Iterable[Alert]) -> Stretches:
    """The stretches of all incidents; the entries may come in any order."""
    lives: dict[str, list[Alert]] = {}
    for entry in told:
        if entry.hazard != Hazard.CANNOT_SEE and entry.rule != OFFICIAL:
            lives.setdefault(entry.incident, []).append(entry)
    rows = [row for life in lives.values() for row in _of_one(life)]
    columns = [[row[i] for row in rows] for i in range(10)]
    return Stretches(
        *(np.array(column, np.int64) for column in columns[:6]),
        *(np.array(column, object) for column in columns[6:]),
    )


_Row = tuple[int, int, int, int, int, int, str, str, str, str]


def _of_one(life: list[Alert]) -> list[_Row]:
    life = sorted(life, key=lambda entry: entry.version)
    found: list[tuple[int, int, int, str, str, str]] = []
    first_at: dict[int, int] = {}
    rule = ""
    for i, entry in enumerate(life):
        if entry.is_over:
            continue
        level, sent_at = int(LEVEL_OF[entry.level]), entry.sent_at
        is_eased = entry.reason == "eased"
        rule = rule if is_eased and rule else entry.rule
        first_at.setdefault(level, sent_at)
        begins = sent_at
        if entry.evidence == "forecast" and entry.onset_at is not None:
            begins = max(sent_at, entry.onset_at)
        # Still open where the record breaks off: it holds until it would expire.
        open_until = entry.expires_at or entry.sent_at
        ends = life[i + 1].sent_at if i + 1 < len(life) else open_until
        # What ends at the instant at which it was told was told all the same. A forecast that was
        # taken back before its hours came warned of nothing.
        if begins <= ends and (begins < ends or begins == sent_at):
            found.append((begins, ends, level, entry.place_id, entry.hazard, rule))
    told_at, since = min(first_at.values(), default=0), min((one[0] for one in found), default=0)
    return [
        (
            begins,
            ends,
            told_at,
            since,
            min(at for one, at in first_at.items() if one >= level),
            level,
            life[0].incident,
            place,
            hazard,
            rule,
        )
        for begins, ends, level, place, hazard, rule in found
    ]
