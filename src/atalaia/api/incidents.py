"""Incidents as the API shows them, in memory: all that are open, and the last that are over.

Alert log → here → /v1/incidents, /v1/alerts, and each place's levels. It is filled by one thread,
the event loop's, which also reads it. What it gives out is encoded once, when it changes.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from atalaia.domain.alert import Alert, Instant, LogEntry, iso_fields, to_line
from atalaia.domain.hazard import LEVEL_OF, Hazard

MOST_OVER = 10_000
"""Incidents that are over and still at hand: about 3 kB each. SQL has the older ones."""

MOST_RECENT = 2_000
"""Entries of the log that are at hand."""

Numbered = tuple[int, LogEntry]


class IncidentItem(msgspec.Struct, frozen=True, kw_only=True):
    """One incident as it stands.

    places      ids that its newest entry concerns
    status      open, ended, cancelled, expired (it can no longer be seen)
    seq         number of its newest entry in the log
    issuer      of an official warning that is passed on; None: it is our own
    linked      incidents about the same weather
    text        its newest entry in words, by language
    """

    incident: str
    hazard: str
    place_id: str
    places: tuple[str, ...]
    level: str
    peak_level: str | None
    peak: float | None
    unit: str | None
    peak_at: Instant | None
    status: str
    opened_at: Instant
    onset_at: Instant | None
    expires_at: Instant | None
    last_sent_at: Instant
    ended_at: Instant | None
    versions: int
    certainty: str
    evidence: str
    source: str
    variable: str | None
    window_s: int | None
    value: float | None
    limit: float | None
    valid_at: Instant
    rule: str
    reason: str
    seq: int
    issuer: str | None
    linked: tuple[str, ...]
    text: dict[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One incident. `number` is that of its first entry: the order of lists, which never changes.

    body    an `IncidentItem` as JSON
    """

    key: str
    number: int
    seq: int
    is_open: bool
    hazard: str
    level: int
    places: tuple[str, ...]
    body: bytes


@dataclass
class Blind:
    """A source that cannot be seen, since when (Unix seconds), and where."""

    since: int
    places: set[str]


class IncidentView:
    """Follows the alert log by `take`. `version` grows with every change."""

    def __init__(self, *, most_over: int = MOST_OVER) -> None:
        self._most_over = most_over
        self._rows: dict[str, Row] = {}
        self._over: deque[tuple[str, int]] = deque()
        self._by_place: dict[str, dict[str, Row]] = {}
        self._recent: deque[tuple[int, bytes]] = deque(maxlen=MOST_RECENT)
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
            self._recent.append((seq, alert_line(seq, entry.alert)))
            if entry.alert.hazard == Hazard.CANNOT_SEE:
                self._look(entry)
            touched |= self._put(seq, entry)
        self._forget()
        self.version += 1
        return touched

    # Reading

    def get(self, key: str) -> Row | None:
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
    ) -> Iterator[Row]:
        """Incidents, the newest first.

        is_open     None: those that are over, too
        level       from this level on
        before      those whose `number` is smaller
        """
        some = self._rows if place is None else self._by_place.get(place, {})
        ordered: Iterable[Row] = reversed(some.values())
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
            return list(self._recent)[-limit:]
        if after >= self.seq:
            return []
        if not self._recent or self._recent[0][0] > after + 1:
            return None
        return [one for one in self._recent if one[0] > after][:limit]

    # Keeping

    def _put(self, seq: int, entry: LogEntry) -> set[str]:
        key = entry.alert.incident
        before = self._rows.get(key)
        body = msgspec.json.encode(iso_fields(item(seq, entry)))
        is_open = not entry.alert.is_over
        row = Row(
            key=key,
            number=before.number if before else seq,
            seq=seq,
            is_open=is_open,
            hazard=entry.alert.hazard,
            level=int(LEVEL_OF[entry.alert.level]),
            places=entry.places,
            body=body,
        )
        self._rows[key] = row
        gone = set(before.places) - set(row.places) if before else set()
        for place in gone:
            self._by_place[place].pop(key, None)
        for place in row.places:
            self._by_place.setdefault(place, {})[key] = row
        if not is_open:
            self._over.append((key, seq))
        return gone | set(row.places)

    def _forget(self) -> None:
        while len(self._over) > self._most_over:
            key, seq = self._over.popleft()
            row = self._rows.get(key)
            if row is None or row.seq != seq:
                continue  # it went on since then
            del self._rows[key]
            for place in row.places:
                self._by_place[place].pop(key, None)

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


def item(seq: int, entry: LogEntry) -> IncidentItem:
    """An incident as its newest entry says it stands."""
    alert = entry.alert
    is_over = alert.is_over
    return IncidentItem(
        incident=alert.incident,
        hazard=alert.hazard,
        place_id=alert.place_id,
        places=entry.places,
        level=alert.level,
        peak_level=entry.peak_level,
        peak=entry.peak,
        unit=alert.unit,
        peak_at=entry.peak_at,
        status=alert.status,
        opened_at=entry.opened_at,
        onset_at=alert.onset_at,
        expires_at=alert.expires_at,
        last_sent_at=alert.sent_at,
        ended_at=alert.sent_at if is_over else None,
        versions=alert.version,
        certainty=alert.certainty,
        evidence=alert.evidence,
        source=alert.source,
        variable=alert.variable,
        window_s=alert.window_s,
        value=alert.value,
        limit=alert.limit,
        valid_at=alert.valid_at,
        rule=alert.rule,
        reason=alert.reason,
        seq=seq,
        issuer=entry.official.issuer if entry.official else None,
        linked=entry.linked,
        text=alert.text,
    )


def alert_line(seq: int, alert: Alert) -> bytes:
    """An alert as a line of NDJSON has it, with its number in front."""
    return b'{"seq":%d,%b' % (seq, to_line(alert)[1:])


def with_entries(life: Sequence[Numbered]) -> bytes:
    """An incident with all entries of its life, of which there is at least one."""
    entries = b",".join(alert_line(seq, entry.alert) for seq, entry in life)
    return b'%b,"entries":[%b]}' % (msgspec.json.encode(iso_fields(item(*life[-1])))[:-1], entries)
