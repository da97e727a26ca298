"""The alert log, as letters are written by it: its entries by number, and what went on since."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import Lock

import msgspec

from atalaia.domain.alert import LogEntry
from atalaia.ports import State

_ENTRIES_KEPT = 2_000
_INCIDENTS_KEPT = 100_000


class AlertLog:
    """Reads the log, and follows it from when this was made. May be used from any thread.

    seq    the number of the newest entry that was followed
    """

    def __init__(self, state: State) -> None:
        self._state = state
        newest = state.latest(1)
        self._first = self.seq = newest[-1][0] if newest else 0
        self._last: dict[str, int] = {}
        self._entries: dict[int, LogEntry] = {}
        self._lock = Lock()

    def follow(self) -> None:
        """Take up what the log has since."""
        with self._lock:
            for seq, entry in self._state.alerts(self.seq):
                self._last[entry.alert.incident] = self.seq = seq
            if len(self._last) >= _INCIDENTS_KEPT:
                self._last.clear()
                self._first = self.seq

    def has_newer(self, incidents: Iterable[str], seq: int) -> bool:
        """Whether any of them has an entry after this number, which lies in what was followed."""
        if seq >= self.seq:  # as of most letters, right before they go
            return seq < self._first
        return seq < self._first or any(self._last.get(one, 0) > seq for one in incidents)

    def may_go_on(self, incident: str, seq: int) -> bool:
        """Whether it may have an entry after this number."""
        return seq < self._first or self._last.get(incident, 0) > seq

    def entries(self, seqs: Sequence[int]) -> list[tuple[int, LogEntry]]:
        """Those of these numbers that are still in the log; lately asked for, from memory."""
        known = self._entries
        missing = [seq for seq in seqs if seq not in known]
        if missing:
            found = self._state.entries(missing)
            if len(known) + len(found) > _ENTRIES_KEPT:
                known = {seq: known[seq] for seq in seqs if seq in known}
            self._entries = known = known | found  # another thread may be reading the one before
        return [(seq, known[seq]) for seq in seqs if seq in known]

    def newest(self, incident: str) -> LogEntry:
        """The last entry of an incident that has one."""
        return self._state.life(incident)[-1][1]

    def unheard(self, entry: LogEntry) -> LogEntry:
        """An entry with all that its incident's peaks came through so far."""
        moved = tuple(m for one in self.until(entry) for m in one.moved)
        return msgspec.structs.replace(entry, moved=moved)

    def until(self, entry: LogEntry) -> list[LogEntry]:
        """The entries of its incident up to this one."""
        life = [one for _, one in self._state.life(entry.alert.incident)]
        return [one for one in life if one.alert.version <= entry.alert.version]
