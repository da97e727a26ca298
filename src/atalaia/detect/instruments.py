"""Instruments as places see them: what a station said, at each place that it may speak for.

A station is no place. What it says comes here once, and goes to the places that lie within its
reach (`domain.link`), under its own id as the source: each is a source of its own within an
incident. Beyond a variable's reach it is no evidence. Copies of one report are passed over, and
what is corrected or withdrawn is told to whoever remembers it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import msgspec
import numpy as np

from atalaia.detect.findings import Findings, only
from atalaia.detect.withdrawals import UnheardWithdrawals, who_said
from atalaia.domain.link import Nearby, Spots, StationLink, at_place, by_name, widest
from atalaia.domain.place import Places
from atalaia.domain.reading import NO_TIME, Bools, Floats, Kind, Readings
from atalaia.domain.rule import Rule
from atalaia.domain.station import Station
from atalaia.domain.station_reading import NO_REPORT, StationReadings, StationsDecoded, Withdrawal
from atalaia.sources.pws.rain import Counted, Gauges

_REMEMBERED = 64
"""Reports of a station that are known again when they are repeated, corrected or withdrawn."""

_ONE_SPOT_KM = 0.3
"""Two stations so near to each other may be one that is heard by two ways: no witnesses."""


class Eye(msgspec.Struct):
    """What is kept of a station that a watched place lies near to.

    measures  variables that it has told
    reports   its newest, by valid_at: (valid_at, number, newest revision)
    counted   of consoles: what their counters of rain showed last
    """

    station: Station
    measures: list[str] = []
    reports: list[tuple[int, int, int]] = []
    counted: Counted | None = None


_decode_eye = msgspec.msgpack.Decoder(Eye).decode


class StationVoice(NamedTuple):
    """A station as people read of it: its name, and how far from the place it stands."""

    name: str
    km: float


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Values of a series that no longer hold, as became known: the station's of one instant."""

    known_at: int
    place: int
    source: str
    valid_at: int


class Instruments:
    """The stations near some places. `mine` says which places these are, shape (places,); of what
    stations say the variables that are `wanted` are seen (None: all)."""

    def __init__(
        self, places: Places, mine: Bools | None = None, wanted: frozenset[str] | None = None
    ) -> None:
        self._wanted = wanted
        is_mine = np.ones(len(places), bool) if mine is None else mine
        spots = Spots.of(places)
        here = np.where(is_mine, spots.latitude, np.nan)
        self._nearby = Nearby(Spots(here, spots.longitude, spots.elevation_m))
        self.eyes: dict[str, Eye] = {}
        self._links: dict[str, dict[int, StationLink]] = {}
        self._at_place: dict[int, dict[str, StationLink]] = {}
        self._name_of: dict[str, str] = {}
        self._speaks: dict[tuple[str, int, str], bool] = {}
        self.touched: set[str] = set()
        self._withdrawn: list[Withdrawn] = []
        self.unheard = UnheardWithdrawals()
        self._said_by: dict[int, set[str]] = {}
        self.forgotten: set[int] = set()

    # What is known

    def near(self, place: int) -> Mapping[str, StationLink]:
        """The stations within reach of a place."""
        return self._at_place.get(place, {})

    def voice(self, place: int, source: str) -> StationVoice | None:
        """How a station is called, and how far it is; None: the source is no instrument here."""
        link = self.near(place).get(source)
        return (
            None
            if link is None
            else StationVoice(self.eyes[source].station.name or source, link.km)
        )

    def speaks(self, rule: Rule, place: int, source: str) -> bool:
        """Whether a station is evidence of what a rule judges at a place."""
        key = rule.name, place, source
        known = self._speaks.get(key)
        if known is None:
            known = self._speaks[key] = self._may_speak(rule, place, source)
        return known

    def are_one(self, one: str, other: str) -> bool:
        """Whether two sources may be one instrument: none is a witness of itself."""
        if one == other:
            return True
        a, b = self.eyes.get(one), self.eyes.get(other)
        if a is None or b is None:
            return False
        return _is_one_spot(a.station, b.station)

    def _may_speak(self, rule: Rule, place: int, source: str) -> bool:
        link = self.near(place).get(source)
        if link is None:
            return False
        if rule.station and source != self._name_of.get(rule.station, rule.station):
            return False
        if not rule.station and any(by_name(name) for name in rule.made_of):
            return False
        spans = [rule.window_s if rule.measure == "sum" else 0]
        if rule.given:
            spans.append(rule.given.window_s)
        names = rule.made_of
        near = [(each.km, self.eyes[other].measures) for other, each in self.near(place).items()]
        nearest_km = {
            name: min((km for km, told in near if name in told), default=math.inf) for name in names
        }
        return all(
            link.speaks(name, over_s, nearest_km[name]) for name in names for over_s in spans
        )

    # What is said

    def see(self, parts: Sequence[StationsDecoded]) -> Readings:
        """What the parts say, at each place that it may speak for, as it became known."""
        self._withdrawn = []
        told = StationsDecoded.concat(parts)
        for station in told.stations:
            self._learn(station)
        gone = sorted(told.withdrawn, key=lambda one: one.known_at)
        rows = self._of_linked(told.readings)
        rows = rows.take(np.argsort(rows.known_at, kind="stable"))
        return self._told(rows, gone) if len(rows) or gone else Readings.empty()

    def gone(self) -> list[tuple[int, list[Withdrawn]]]:
        """What of earlier words no longer holds, by when that became known, in order; once."""
        by_time: dict[int, list[Withdrawn]] = {}
        for one in self._withdrawn:
            by_time.setdefault(one.known_at, []).append(one)
        self._withdrawn = []
        return sorted(by_time.items())

    def _learn(self, station: Station) -> None:
        """Take up a station, or what is new of one; those far from every place are passed over.

        One of which something was heard goes on under that name, whatever it is called later: its
        words would else be another source's, and what it said first would stand for ever.
        """
        names = (self._name_of.get(each, each) for each in (station.id, *station.aliases))
        name = next((each for each in names if each in self.eyes), station.id)
        eye = self.eyes.get(name)
        before = eye.station if eye else None
        now = station if before is None else before.told(station)
        if now == before:
            return
        is_moved = before is None or _spot(now) != _spot(before)
        if is_moved and not self._link(now):
            return
        if eye is None:
            eye = self.eyes[now.id] = Eye(now)
        eye.station = now
        self.touched.add(now.id)
        _call(now, self._name_of, self.eyes)

    def _link(self, station: Station) -> bool:
        """Find its places; whether there are any."""
        for place in self._links.pop(station.id, {}):
            del self._at_place[place][station.id]
        self._speaks.clear()
        if station.latitude is None or station.longitude is None:
            return False
        height = math.nan if station.elevation_m is None else station.elevation_m
        found = self._nearby.of(station.latitude, station.longitude, height)
        if not found:
            self.eyes.pop(station.id, None)
            return False
        self._links[station.id] = found
        for place, link in found.items():
            self._at_place.setdefault(place, {})[station.id] = link
        return True

    def _of_linked(self, rows: StationReadings) -> StationReadings:
        """The rows of stations that are near a place, by the names that these go by here."""
        names = tuple(self._name_of.get(name, name) for name in rows.stations)
        is_known = np.array([name in self.eyes for name in names], bool)
        if not is_known.any():
            return StationReadings.empty()
        return replace(rows, stations=names).take(is_known[rows.station])

    def _told(self, rows: StationReadings, gone: list[Withdrawal]) -> Readings:
        rows = rows.take(self._news(rows, gone))
        if len(rows) == 0:
            return Readings.empty()
        known = {
            name: eye.counted
            for name in rows.stations
            if (eye := self.eyes.get(name)) and eye.counted
        }
        gauges = Gauges(known)
        rows, _ = gauges.rain(rows)
        for name, counted in gauges.known.items():
            self.eyes[name].counted = counted
        self._measured(rows)
        return self._at_places(rows)

    def _news(self, rows: StationReadings, gone: list[Withdrawal]) -> Bools:
        """Which rows were not told before; what a later revision corrects is withdrawn first."""
        gone = gone[::-1]
        self._said_by = who_said(gone, ((name, eye.reports) for name, eye in self.eyes.items()))
        is_news = np.ones(len(rows), bool)
        teaches = rows.is_newest_word().tolist()
        of_report: dict[tuple[str, int, int, int], tuple[int, bool]] = {}
        columns = (rows.station, rows.valid_at, rows.known_at, rows.report, rows.revision)
        for i, (code, at, known_at, report, revision) in enumerate(
            zip(*(column.tolist() for column in columns), strict=True)
        ):
            while gone and gone[-1].known_at <= known_at:
                self._withdraw(gone.pop())
            name = rows.stations[code]
            key = name, at, report, known_at
            before = of_report.get(key)
            if before is None or before[0] != revision:
                is_heard = self._hear(name, at, known_at, report, revision)
                before = of_report[key] = revision, is_heard
                eye = self.eyes[name]
                if is_heard and teaches[i]:
                    eye.station = eye.station.heard(at, known_at)
            is_news[i] = before[1]
        for one in reversed(gone):
            self._withdraw(one)
        self._said_by = {}
        return is_news

    def _hear(self, name: str, at: int, known_at: int, report: int, revision: int) -> bool:
        """Note a report; whether it is news."""
        eye = self.eyes[name]
        self.touched.add(name)
        if report != NO_REPORT:
            if self.unheard.has(report, revision):
                return False
            same = [i for i, (t, r, _) in enumerate(eye.reports) if (t, r) == (at, report)]
            if same:
                if eye.reports[same[0]][2] >= revision:
                    return False
                del eye.reports[same[0]]
                self._gone(known_at, name, at)
            eye.reports = sorted([*eye.reports, (at, report, revision)])[-_REMEMBERED:]
            if report in self._said_by:
                self._said_by[report].add(name)
        return True

    def _withdraw(self, withdrawal: Withdrawal) -> None:
        _, report, revision, known_at = withdrawal
        is_heard = False
        for name in sorted(self._said_by[report]):
            eye = self.eyes[name]
            gone = [one for one in eye.reports if one[1] == report and one[2] <= revision]
            for at, _, _ in gone:
                self._gone(known_at, name, at)
                self.touched.add(name)
            is_heard |= bool(gone)
            if gone:
                # It stays known as withdrawn, so that a late copy of it is no news.
                eye.reports = [
                    (at, r, max(v, revision) if r == report else v) for at, r, v in eye.reports
                ]
        if not is_heard:
            self.unheard.add(report, revision)

    def _gone(self, known_at: int, name: str, at: int) -> None:
        self.forgotten.update(self._links[name])
        self._withdrawn += [Withdrawn(known_at, place, name, at) for place in self._links[name]]

    def _measured(self, rows: StationReadings) -> None:
        for variable, column in rows.values.items():
            told = np.unique(rows.station[~np.isnan(column)])
            for name in (rows.stations[code] for code in told.tolist()):
                eye = self.eyes[name]
                if variable not in eye.measures:
                    eye.measures.append(variable)
                    self._speaks.clear()  # a nearer gauge may have begun to speak

    def _at_places(self, rows: StationReadings) -> Readings:
        """Each row at each place that it may speak for."""
        links = [list(self._links.get(name, {}).items()) for name in rows.stations]
        counts = np.array([len(some) for some in links], np.int64)
        start = np.cumsum(counts) - counts
        flat = [one for some in links for one in some]
        place = np.array([i for i, _ in flat], np.int32)
        km = np.array([link.km for _, link in flat])
        height = np.array([link.height_m for _, link in flat])
        times = counts[rows.station]
        row = np.repeat(np.arange(len(rows)), times)
        first = np.cumsum(times) - times
        link_of = np.repeat(start[rows.station] - first, times) + np.arange(len(row))
        values = {
            name: _within(name, column[row], km[link_of], height[link_of])
            for name, column in rows.values.items()
            if self._wanted is None or name in self._wanted
        }
        if not values:
            return Readings.empty()
        says = np.logical_or.reduce([~np.isnan(column) for column in values.values()])
        # A time that is still to come moves no clock: METARs come before their own.
        valid_at = np.minimum(rows.valid_at, rows.known_at)[row]
        seen = Readings(
            place=place[link_of],
            source=rows.station[row].astype(np.int32),
            kind=np.full(len(row), Kind.OBSERVED, np.int8),
            valid_at=valid_at,
            issued_at=np.full(len(row), NO_TIME, np.int64),
            known_at=rows.known_at[row],
            period_s=rows.period_s[row],
            values=values,
            sources=rows.stations,
        )
        return seen.take(says)

    # State

    def items(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """What changed since it was last asked for, to be kept under these keys."""
        for name in sorted(self.touched & self.eyes.keys()):
            yield f"{prefix}{name}", msgspec.msgpack.encode(self.eyes[name])
        self.touched = set()

    def load(self, kept: Mapping[str, bytes]) -> None:
        """Take up what `items` gave; stations that are near no place any more are left."""
        for body in kept.values():
            eye = _decode_eye(body)
            if self._link(eye.station):
                self.eyes[eye.station.id] = eye
        for eye in self.eyes.values():
            _call(eye.station, self._name_of, self.eyes)
        self.touched = set()


def _call(station: Station, name_of: dict[str, str], heard: Collection[str]) -> None:
    """Know a station by its further names, but those under which one is heard itself."""
    for alias in station.aliases:
        if alias not in heard:
            name_of.setdefault(alias, station.id)


def _within(name: str, value: Floats, km: Floats, height_m: Floats) -> Floats:
    """A variable's values where it may be evidence of anything, as they are at the place."""
    reach = widest(name)
    if reach is None:
        return np.full(len(value), np.nan)
    is_near = km <= reach.widest_km
    if reach.height_m is not None:
        is_near &= ~(np.abs(height_m) > reach.height_m)
    return np.where(is_near, at_place(name, value, height_m), np.nan)


def _spot(station: Station) -> tuple[float | None, float | None, float | None]:
    return station.latitude, station.longitude, station.elevation_m


def _is_one_spot(a: Station, b: Station) -> bool:
    if None in (a.latitude, a.longitude, b.latitude, b.longitude):
        return True
    here = Spots(np.array([a.latitude], float), np.array([a.longitude], float), np.zeros(1))
    assert b.latitude is not None  # noqa: S101 - for the type checker; tested above
    assert b.longitude is not None  # noqa: S101
    return bool(Nearby(here, _ONE_SPOT_KM).of(b.latitude, b.longitude, 0.0))


def spoken(instruments: Instruments, found: Findings, sources: Sequence[str]) -> Findings | None:
    """Findings without what stations are no evidence of; None: nothing is left.

    They stand too far away, or it is of an area: such a rule counts the places of one source. A
    rule that names a station hears nobody else.
    """
    rule = found.rule
    if not (instruments.eyes or rule.station):
        return found
    names = [sources[code] for code in found.source.tolist()]
    heard = np.array(
        [
            not rule.places and instruments.speaks(rule, i, name)
            if name in instruments.eyes
            else not rule.station
            for i, name in zip(found.subject.tolist(), names, strict=True)
        ],
        bool,
    )
    return found if heard.all() else only(found, heard) if heard.any() else None
