"""Silence, judged by place and source: three expected intervals without a usable value. How often
news are expected is learned of each (`cadence`).

Missing data is never calm weather. One `cannot_see` incident is told a source, with its places
listed: `alert` when the first turn blind, `update` when others do or some can be seen again,
`end` when all can. Weather incidents are not touched by it.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np

from atalaia.detect.detect import Heard
from atalaia.detect.series import SeriesTable
from atalaia.domain.alert import Alert, AlertType, LogEntry
from atalaia.domain.hazard import Hazard, Level
from atalaia.domain.place import Place
from atalaia.domain.reading import NO_TIME, Bools, Ints, Kind
from atalaia.domain.track import BLIND_AFTER
from atalaia.domain.words import cannot_see_text

Turns = dict[tuple[int, int], tuple[dict[int, int], dict[int, int]]]
"""By (instant, source): the series that were lost, and found again, each with when it was last
usable."""


class Outage(msgspec.Struct):
    """The open `cannot_see` incident of one source; `places` are those that are unseen now."""

    key: str
    opened_at: int
    version: int
    places: list[str] = msgspec.field(default_factory=list)


class Blindness:
    """Watches every series for silence. `outages` are the open incidents by source."""

    def __init__(self, table: SeriesTable) -> None:
        self.table = table
        self.outages: dict[str, Outage] = {}
        self.touched: set[int] = set()

    def load(self, outages: Mapping[str, Outage]) -> None:
        """Take up what was kept, by source, once the series are. A place that is watched no more is
        told of no more; one that is watched again, and still unseen, is told anew."""
        table = self.table
        table.is_blind[: table.count] = False
        for source, outage in outages.items():
            outage.places = [id_ for id_ in outage.places if id_ in table.places.position]
            if not outage.places:
                continue
            self.outages[source] = outage
            places = [table.places.position[id_] for id_ in outage.places]
            numbers = table.numbers_of(places, table.code_of.get(source, -1))
            table.is_blind[numbers[numbers >= 0]] = True

    def advance(self, heard: Sequence[Heard], instants: Ints) -> list[LogEntry]:
        """Live through a batch: what was heard, and all its instants (sorted, unique)."""
        if not len(instants):
            return []
        turns: Turns = defaultdict(lambda: ({}, {}))
        # Up to when each series has been listened to: all before this batch was, in its own.
        listened = np.full(self.table.count, instants[0], np.int64)
        for rows in heard:
            self._hear(rows, instants, listened, turns)
        self._listen(instants, listened, turns)
        entries = []
        for (now, source), (lost, found) in sorted(turns.items()):
            entry = self._tell(now, self.table.sources[source], lost, found)
            if entry is not None:
                entries.append(entry)
        return entries

    def _hear(self, rows: Heard, instants: Ints, listened: Ints, turns: Turns) -> None:
        """Find silences between news that were long enough to be noticed, and what ends them."""
        table, all_ = self.table, rows.series
        is_new = table.usable_at[all_.at] == NO_TIME
        if is_new.any():
            # The watch over a new series begins with its first row, whatever is in it.
            first = all_.number[is_new][::-1]
            table.usable_at[first] = rows.valid_at[is_new][::-1]
            listened[first] = rows.known_at[is_new][::-1]
        if not rows.is_news.any():
            return
        # As mostly all are news: then these are views, no copies.
        news = slice(None) if rows.is_news.all() else rows.is_news
        series = all_ if rows.is_news.all() else all_.take(rows.is_news)
        known_at, valid_at, patience = (
            column[news] for column in (rows.known_at, rows.valid_at, rows.patience_s)
        )
        # News of long ago renew nothing: they do not show that the source can be seen now.
        is_timely = known_at - valid_at < patience
        seen = np.where(is_timely, valid_at, NO_TIME)
        before = series.before(seen, table.usable_at)
        since = series.before(known_at, listened)
        due = np.maximum(before + patience, since)
        # The first of a series is as old as what its watch began with: that changes nothing.
        is_plain = is_timely & (seen >= before) & (before > NO_TIME)
        is_odd = (table.is_blind[series.at] & series.is_first) | ~self._is_unnoticed(
            due, known_at, instants
        )
        if is_plain.all() and not is_odd.any():  # as nearly always
            table.usable_at[series.at] = seen
        else:
            numbers = series.number
            is_plain &= ~is_odd | (seen > before)
            # Where all else is plain, only rows that a silence came before are looked at.
            is_apart = np.isin(numbers, np.unique(numbers[~is_plain]))
            for i in np.flatnonzero(is_odd | is_apart):
                if not is_apart[i]:
                    table.usable_at[numbers[i]] = before[i]
                self._hear_one(
                    int(numbers[i]), int(known_at[i]), int(seen[i]), int(patience[i]), instants,
                    int(since[i]), turns,
                )  # fmt: skip
            table.usable_at[numbers[~is_apart]] = seen[~is_apart]
        listened[series.at] = known_at

    def _is_unnoticed(self, due: Ints, known_at: Ints, instants: Ints) -> Bools:
        """Whether news came before the first instant at which the silence before it was due."""
        # Mostly it was not due yet when they came.
        is_past: Bools = due < known_at
        if is_past.any():
            slot = np.searchsorted(instants, due[is_past])
            is_past[is_past] = instants[slot] < known_at[is_past]
        return ~is_past

    def _hear_one(
        self,
        number: int,
        known_at: int,
        seen: int,
        patience_s: int,
        instants: Ints,
        since: int,
        turns: Turns,
    ) -> None:
        """One row of news: the silence before it, if it was noticed, and whether that is over."""
        table, source = self.table, int(self.table.source[number])
        before = int(table.usable_at[number])
        slot = int(np.searchsorted(instants, max(before + patience_s, since)))
        if not table.is_blind[number] and slot < len(instants) and instants[slot] < known_at:
            lost, found = turns[int(instants[slot]), source]
            lost[number] = before
            found.pop(number, None)  # what it said then was too old to show that it goes on
            table.is_blind[number] = True
        if seen > before:
            if table.is_blind[number]:
                turns[known_at, source][1][number] = seen
                table.is_blind[number] = False
            table.usable_at[number] = seen

    def _listen(self, instants: Ints, listened: Ints, turns: Turns) -> None:
        """Find series that are silent at the end of the batch."""
        table, n = self.table, self.table.count
        due = table.usable_at[:n] + BLIND_AFTER * table.expected_s[:n]
        silent = (due <= instants[-1]) & ~table.is_blind[:n] & (table.usable_at[:n] != NO_TIME)
        for number in np.flatnonzero(silent):
            slot = np.searchsorted(instants, max(int(due[number]), int(listened[number])))
            turn = turns[int(instants[slot]), int(table.source[number])]
            turn[0][int(number)] = int(table.usable_at[number])
            turn[1].pop(int(number), None)
            table.is_blind[number] = True
            self.touched.add(int(table.place[number]))

    def _tell(
        self, now: int, source: str, lost: dict[int, int], found: dict[int, int]
    ) -> LogEntry | None:
        """One entry for all places of a source that changed at one instant.

        `lost` and `found` have the last usable valid time of each series.
        """
        outage = self.outages.get(source)
        blind = set(outage.places if outage else ())
        newly = set(self._ids(lost)) - blind
        again = set(self._ids(found)) & (blind | newly)
        blind = (blind | newly) - again
        newly, again = newly - again, again - newly
        if outage is None:
            if not blind:
                return None
            words = f"{Hazard.CANNOT_SEE}|{source}|{now}"
            key = hashlib.sha256(words.encode()).hexdigest()[:16]
            outage = self.outages[source] = Outage(key, now, 0)
            step: tuple[AlertType, str, set[str]] = ("alert", "onset", newly)
        elif not blind:
            del self.outages[source]
            step = ("end", "ended", again)
        elif newly:
            step = ("update", "escalated", newly)
        elif again:
            step = ("update", "eased", again)
        else:
            return None
        outage.places = sorted(blind)
        outage.version += 1
        seen_at = max((lost if newly else found).values())
        return self._entry(now, seen_at, source, outage, *step)

    def _ids(self, numbers: Iterable[int]) -> list[str]:
        table = self.table
        return [table.places[int(table.place[number])].id for number in numbers]

    def _places(self, ids: Iterable[str]) -> list[Place]:
        return [self.table.places[self.table.places.position[i]] for i in sorted(ids)]

    def _entry(
        self,
        now: int,
        seen_at: int,
        source: str,
        outage: Outage,
        type_: AlertType,
        reason: str,
        places: set[str],
    ) -> LogEntry:
        concerned = sorted(places)
        listed, others = self._places(places), set(outage.places) - places
        alert = Alert(
            incident=outage.key,
            version=outage.version,
            type=type_,
            place_id=concerned[0] if len(concerned) == 1 else source,
            hazard=Hazard.CANNOT_SEE,
            level=Level.YELLOW.word,
            severity=Level.YELLOW.severity,
            urgency="Past" if type_ == "end" else "Immediate",
            certainty="Observed",
            sent_at=now,
            onset_at=outage.opened_at,
            expires_at=None,
            evidence=Kind.OBSERVED.word,
            source=source,
            valid_at=seen_at,
            variable=None,
            window_s=None,
            value=None,
            unit=None,
            limit=None,
            rule=Hazard.CANNOT_SEE,
            reason=reason,
            text=cannot_see_text(
                source,
                [place.name for place in listed],
                listed[0].timezone,
                min(seen_at, now),
                is_over=bool(type_ == "end" or reason == "eased"),
                others=[place.name for place in self._places(others)],
            ),
        )
        return LogEntry(
            alert=alert,
            places=tuple(concerned),
            opened_at=outage.opened_at,
            still_blind=tuple(sorted(others)),
        )
