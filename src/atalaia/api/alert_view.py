"""What is going on, as the alert log tells it: the newest entry of each open incident, and the
newest entries of all.

Alert log → here → feeds and page. It follows the log by its numbers, and holds what is open and a
bounded number of entries besides.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock

from atalaia.domain.alert import LogEntry

MOST_RECENT = 300

_PAGE = 2_000

Read = Callable[[int, int], Iterator[tuple[int, LogEntry]]]
"""(after, limit) → entries of the log with their number, as `ports.State.alerts` has them."""

Numbered = tuple[int, LogEntry]


@dataclass(frozen=True, slots=True)
class View:
    """The board at one moment. `seq` is the number of the newest entry that is in it; 0: none.

    open      the newest entry of each incident that has not ended, in the order of these
    recent    the newest `MOST_RECENT` entries, newest first
    """

    seq: int
    open: tuple[Numbered, ...]
    recent: tuple[Numbered, ...]


class Board:
    """Follows the log. Safe for several threads."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._lock = Lock()
        self._seq = 0
        self._open: dict[str, Numbered] = {}
        self._recent: deque[Numbered] = deque(maxlen=MOST_RECENT)
        self._view: View | None = None

    @property
    def seq(self) -> int:
        """The number of the newest entry that was read."""
        return self._seq

    def advance(self) -> list[Numbered]:
        """Read on; return what is new, at most `_PAGE` entries: call again until there is none."""
        with self._lock:
            new = list(self._read(self._seq, _PAGE))
            for seq, entry in new:
                self._take(seq, entry)
            return new

    def view(self) -> View:
        """What is known now. The same object until something is new."""
        with self._lock:
            if self._view is None:
                standing = tuple(sorted(self._open.values(), key=lambda one: one[0]))
                self._view = View(self._seq, standing, tuple(reversed(self._recent)))
            return self._view

    def _take(self, seq: int, entry: LogEntry) -> None:
        alert = entry.alert
        self._open.pop(alert.incident, None)
        if not alert.is_over:
            self._open[alert.incident] = (seq, entry)
        self._recent.append((seq, entry))
        self._seq = seq
        self._view = None
