"""What is going on, as the alert log tells it: all incidents that are open, the last that are over,
and the newest entries of all.

Alert log → here → /v1/incidents, /v1/alerts, each place's levels, the open feeds. It is filled by
one thread, the event loop's, which also reads it; `now` may be read by any. What it gives out is
encoded once, when it changes.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from atalaia.api.incidents import alert_line, incident_body
from atalaia.domain.alert import LogEntry
from atalaia.domain.hazard import LEVEL_OF, Hazard
from atalaia.domain.in_part import Numbered, gravest, parts_after, places_under

MOST_OVER = 10_000
"""Incidents that are over and still at hand: about 3 kB each. SQL has the older ones."""

MOST_LINES = 2_000
"""Entries of the log that are at hand as lines."""

MOST_RECENT = 300
"""Entries of the log that are at hand whole."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known at one moment. `seq` is the number of the newest entry in it; 0: none.

    open      of each incident that has not ended the number of its newest entry, in the order of
              these, and by which entry it is shown: the newest, or that of its gravest part
    stands    of each of these the entries by which it stands, each with its own places
    newest    of each of these its newest entry
    recent    the newest `MOST_RECENT` entries, newest first
    """

    seq: int = 0
    open: tuple[Numbered, ...] = ()
    stands: tuple[tuple[Numbered, ...], ...] = ()
    newest: tuple[LogEntry, ...] = ()
    recent: tuple[Numbered, ...] = ()

    @property
    def parts(self) -> list[LogEntry]:
        """Those of all that stand."""
        return [part for parts in self.stands for _, part in parts]


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One incident.

    seqs    the numbers of its entries
    level   the highest at which it stands, or at a place the one at which it stands there
    body    as `incident_body` has it
    """

    key: str
    seqs: tuple[int, ...]
    is_open: bool
    hazard: str
    level: int
    places: tuple[str, ...]
    body: bytes

    @property
    def number(self) -> int:
        """That of its first entry: the order of lists, which never changes."""
        return self.seqs[0]

    @property
    def seq(self) -> int:
        """That of its newest entry."""
        return self.seqs[-1]


@dataclass
class Blind:
    """A source that cannot be seen, since when (Unix seconds), and where."""

    since: int
    places: set[str]


class AlertView:
    """Follows the alert log by `take`. `version` grows with every change."""

    def __init__(self, *, most_over: int = MOST_OVER) -> None:
        self._most_over = most_over
        self._rows: dict[str, IncidentRow] = {}
        self._over: deque[tuple[str, int]] = deque()
        self._by_place: dict[str, dict[str, IncidentRow]] = {}
        self._lines: deque[tuple[int, bytes]] = deque(maxlen=MOST_LINES)
        self._open: dict[str, Numbered] = {}
        self._parts: dict[str, tuple[Numbered, ...]] = {}
        self._newest: dict[str, LogEntry] = {}
        self._recent: deque[Numbered] = deque(maxlen=MOST_RECENT)
        self.now = Snapshot()
        self.blind: dict[str, Blind] = {}
        self.version = 0
        self.seq = 0

    def take(self, entries: Iterable[Numbered]) -> set[str]:
        """Take up new entries, in order; return the places whose levels may have changed."""
        touched: set[str] = set()
        for seq, entry in entries:
            if seq <= self.seq:
                continue
            self.seq = seq
            self._lines.append((seq, alert_line(seq, entry)))
            self._note((seq, entry))
            if entry.alert.hazard == Hazard.CANNOT_SEE:
                self._look(entry)
            touched |= self._put(seq, entry)
        self._forget()
        self.now = Snapshot(
            self.seq,
            tuple(self._open.values()),
            tuple(self._parts.values()),
            tuple(self._newest.values()),
            tuple(reversed(self._recent)),
        )
        self.version += 1
        return touched

    def begin(self, older: Iterable[Numbered], after: int) -> None:
        """Begin with what `older` named, to take up next what comes after that number."""
        self.take(older)
        self.seq = after
        self._lines.clear()  # there are gaps between them
        self._recent.clear()

    def older(self, after: int) -> list[int]:
        """Numbers, up to `after`, of the entries that one has to have taken up to show what is open
        and what goes on after that: all of each such incident."""
        mine = (row for row in self._rows.values() if row.is_open or row.seq > after)
        return sorted(seq for row in mine for seq in row.seqs if seq <= after)

    # Reading

    def get(self, key: str) -> IncidentRow | None:
        """One incident; None: none of this key is at hand."""
        return self._rows.get(key)

    def rows(
        self,
        *,
        is_open: bool | None = None,
        place: str | None = None,
        hazard: str | None = None,
        level: int = 0,
        before: int | None = None,
    ) -> Iterator[IncidentRow]:
        """Incidents, the newest first.

        is_open     None: those that are over, too
        level       from this level on
        before      those whose `number` is smaller
        """
        some = self._rows if place is None else self._by_place.get(place, {})
        ordered: Iterable[IncidentRow] = reversed(some.values())
        if place is not None:  # an incident may come to a place later than it began
            ordered = sorted(some.values(), key=lambda row: -row.number)
        for row in ordered:
            if before is not None and row.number >= before:
                continue
            is_wanted = (
                (is_open is None or row.is_open == is_open)
                and (hazard is None or row.hazard == hazard)
                and row.level >= level
            )
            if is_wanted:
                yield row

    def levels(self, place: str) -> dict[str, str]:
        """The highest level of each hazard that is going on at a place.

        Blindness is none of the weather's: `blind` has it.
        """
        worst: dict[str, int] = {}
        for row in self._by_place.get(place, {}).values():
            if row.is_open and row.hazard != Hazard.CANNOT_SEE:
                worst[row.hazard] = max(row.level, worst.get(row.hazard, 0))
        words = {int(level): word for word, level in LEVEL_OF.items()}
        return {hazard: words[level] for hazard, level in sorted(worst.items())}

    def counts(self) -> Mapping[str, int]:
        """How many weather incidents are open, by level."""
        words = {int(level): word for word, level in LEVEL_OF.items()}
        found = Counter(
            words[row.level]
            for row in self._rows.values()
            if row.is_open and row.hazard != Hazard.CANNOT_SEE
        )
        return {word: found[word] for word in ("watch", "yellow", "orange", "red")}

    def alerts(self, after: int | None, limit: int) -> list[tuple[int, bytes]] | None:
        """Entries after a number (None: the newest), oldest first; None: older than is at hand."""
        if after is None:
            return list(self._lines)[-limit:]
        if after >= self.seq:
            return []
        if not self._lines or self._lines[0][0] > after + 1:
            return None
        return [one for one in self._lines if one[0] > after][:limit]

    # Keeping

    def _note(self, numbered: Numbered) -> None:
        seq, entry = numbered
        key = entry.alert.incident
        self._recent.append(numbered)
        parts = parts_after(self._parts.pop(key, ()), numbered)
        self._open.pop(key, None)  # it is the newest of those that are open, or none
        self._newest.pop(key, None)
        if parts:
            self._parts[key] = parts
            self._newest[key] = entry
            self._open[key] = seq, gravest(parts)

    def _put(self, seq: int, entry: LogEntry) -> set[str]:
        key = entry.alert.incident
        before, stands = self._rows.get(key), self._open.get(key)
        parts = self._parts.get(key, ())
        shown = stands[1] if stands else entry
        row = IncidentRow(
            key=key,
            seqs=(*before.seqs, seq) if before else (seq,),
            is_open=not entry.is_over,
            hazard=entry.alert.hazard,
            level=int(LEVEL_OF[shown.alert.level]),
            places=places_under(entry),
            body=incident_body(seq, entry, parts),
        )
        self._rows[key] = row
        gone = set(before.places) - set(row.places) if before else set()
        for place in gone:
            self._by_place.get(place, {}).pop(key, None)
        for _, part in parts if len(parts) > 1 else ():
            there = replace(row, level=int(LEVEL_OF[part.alert.level]))
            for place in part.places:
                self._by_place.setdefault(place, {})[key] = there
        for place in row.places if len(parts) < 2 else ():
            self._by_place.setdefault(place, {})[key] = row
        if entry.is_over:
            self._over.append((key, seq))
        return gone | set(entry.places)

    def _forget(self) -> None:
        while len(self._over) > self._most_over:
            key, seq = self._over.popleft()
            row = self._rows.get(key)
            if row is None or row.seq != seq:
                continue  # it went on since then
            del self._rows[key]
            for place in row.places:
                self._by_place.get(place, {}).pop(key, None)

    def _look(self, entry: LogEntry) -> None:
        """Who cannot be seen: an entry names the places that changed."""
        alert = entry.alert
        if alert.is_over:
            self.blind.pop(alert.source, None)
            return
        blind = self.blind.setdefault(alert.source, Blind(entry.opened_at, set()))
        if alert.reason == "eased":
            blind.places.difference_update(entry.places)
        else:
            blind.places.update(entry.places)
