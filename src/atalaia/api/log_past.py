"""What stood when, by the alert log: a row a place, incident and level, of the last days.

Alert log → here → /v1/summary/hours. Read when somebody first asks: back to the days that are asked
for, or as far as `MOST_ENTRIES` reach; then only what is new. What was true at an instant is what
had been told by then. All times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock
from typing import NamedTuple

from atalaia.api.alert_view import AlertView
from atalaia.domain.alert import LogEntry
from atalaia.domain.hazard import Hazard
from atalaia.domain.in_part import Numbered, places_under
from atalaia.ports import State

MOST_ENTRIES = 20_000
MOST_ROWS = 50_000
MOST_LIVES = 300
"""Incidents that began before what is read, and are read whole. Of others the level that the first
entry that was read says is taken to have held before it."""

_PAGE = 1_000
_GOES_ON_S = 2 * 86_400
"""So long after it expired nothing of an incident is told any more."""


class Stood(NamedTuple):
    """An incident at a place, as long as it was at one level there.

    incident    its key; of blindness the source's name
    until       None: it goes on
    """

    place: str
    incident: str
    hazard: str
    level: str
    since: int
    until: int | None


class _Begun(NamedTuple):
    hazard: str
    level: str
    since: int


class LogPast:
    """Follows the log, as far as the view has taken it up, whenever it is asked. Any thread may."""

    def __init__(self, state: State, view: AlertView) -> None:
        self._state = state
        self._view = view
        self._lock = Lock()
        self._seq = -1  # nothing was read yet
        self._since = 0
        self._over: list[Stood] = []
        self._standing: dict[str, dict[str, _Begun]] = {}
        self._heard: dict[str, int] = {}

    def stood(self, since: int) -> tuple[list[Stood], int]:
        """What stood after an instant, and from when on all of that is known. May block.

        Each call may ask for a later instant, and for none before that of the first.
        """
        with self._lock:
            until = self._view.seq
            if self._seq < 0 or until - self._seq > MOST_ENTRIES:
                self._begin(since)
            else:
                news = self._state.alerts(self._seq, until - self._seq)
                self._take(sorted(one for one in news if one[0] <= until))
                self._seq = max(self._seq, until)
            self._since = max(self._since, since)
            self._forget()
            known = self._since
            stands = [
                Stood(place, key, *begun, None)
                for key, places in self._standing.items()
                for place, begun in places.items()
            ]
            rows = [row._replace(since=max(row.since, known)) for row in self._over + stands]
            return rows, known

    def _begin(self, since: int) -> None:
        """Read the log backwards, and whole the incidents that were under way before that."""
        at = seq = self._view.seq
        stands = [one for one in self._view.now.open if one[0] <= at]
        found: dict[int, LogEntry] = {}
        is_enough = False
        while at > 0 and len(found) < MOST_ENTRIES and not is_enough:
            page = [one for one in self._state.alerts(max(0, at - _PAGE), _PAGE) if one[0] <= at]
            found.update(page)
            is_enough = bool(page) and page[0][1].alert.sent_at < since
            at = max(0, at - _PAGE) if page else _last_up_to(self._state, at)
        known = since if is_enough or at == 0 else found[min(found)].alert.sent_at
        first: dict[str, LogEntry] = {}
        for _, entry in sorted(found.items()):
            first.setdefault(entry.alert.incident, entry)
        under_way = [key for key, entry in first.items() if entry.alert.version > 1]
        for key in under_way[:MOST_LIVES]:
            found.update((n, entry) for n, entry in self._state.life(key) if n <= seq)
        found.update(one for one in stands if one[1].alert.incident not in first)
        # Nothing is known before all of it is there: where the log cannot be read now, it is read
        # by who asks next.
        self._over, self._standing, self._heard = [], {}, {}
        self._take(sorted(found.items()))
        self._seq, self._since = seq, known

    def _take(self, entries: Iterable[Numbered]) -> None:
        for _, entry in entries:
            if entry.alert.hazard == Hazard.CANNOT_SEE:
                self._look(entry)
            else:
                self._live(entry)

    def _live(self, entry: LogEntry) -> None:
        """Take up what an entry says of its incident, by the rules of `AlertView`."""
        alert = entry.alert
        key, at = alert.incident, alert.sent_at
        standing = self._standing.setdefault(key, {})
        if alert.version > 1 and key not in self._heard:  # how it began was not read
            for place in (*entry.places, *entry.still):
                standing[place] = _Begun(alert.hazard, alert.level, entry.opened_at)
        self._heard[key] = at
        under = () if entry.is_over else places_under(entry)
        for place in [one for one in standing if one not in under]:
            self._end(key, place, at)
        for place in under:
            before = standing.get(place)
            is_spoken_of = place in entry.places and not alert.is_over
            if before is None or (is_spoken_of and before.level != alert.level):
                self._end(key, place, at)
                standing[place] = _Begun(alert.hazard, alert.level, at)
        if not standing:
            del self._standing[key]

    def _look(self, entry: LogEntry) -> None:
        """The same of places that a source cannot see."""
        alert = entry.alert
        key, at = alert.source, alert.sent_at
        standing = self._standing.setdefault(key, {})
        begun = _Begun(alert.hazard, alert.level, at)
        if alert.version > 1 and alert.incident not in self._heard:
            turned = entry.places if alert.is_over or alert.reason == "eased" else ()
            for place in (*entry.still_blind, *turned):
                standing[place] = begun._replace(since=entry.opened_at)
        self._heard[alert.incident] = at
        if alert.is_over:
            for place in list(standing):
                self._end(key, place, at)
        elif alert.reason == "eased":
            for place in entry.places:
                self._end(key, place, at)
        else:
            for place in entry.places:
                standing.setdefault(place, begun)
        if not standing:
            del self._standing[key]

    def _end(self, key: str, place: str, at: int) -> None:
        begun = self._standing[key].pop(place, None)
        if begun is not None and begun.since < at:
            self._over.append(Stood(place, key, *begun, at))

    def _forget(self) -> None:
        """Let go what was over before, and the oldest of what is too much."""
        since = self._since
        kept = [row for row in self._over if row.until is not None and row.until > since]
        if len(kept) > MOST_ROWS:
            kept.sort(key=lambda row: row.until or 0)
            gone = kept[: len(kept) - MOST_ROWS]
            kept = kept[len(gone) :]
            self._since = gone[-1].until or since
        self._over = kept
        for key in [key for key, at in self._heard.items() if at < since - _GOES_ON_S]:
            if key not in self._standing:
                del self._heard[key]


def _last_up_to(state: State, number: int) -> int:
    """The newest number that an entry has, up to this one; 0: none has. The numbers of a restored
    log leap (`homes.embedded.backup`), so a gap is halved and not walked through."""
    found, beyond = 0, number + 1
    while beyond - found > 1:
        middle = (found + beyond) // 2
        seq = next((seq for seq, _ in state.alerts(middle - 1, limit=1)), beyond)
        if seq <= number:
            found = seq
        else:
            beyond = middle
    return found
