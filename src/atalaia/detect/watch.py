"""The speed layer put together: payloads in, one commit out.

`Watch` is the consumer ``detect`` of the stream. It holds the state in memory, decodes with the
decoder that it is given, and asks the home to change state, alert log and offset in one go. The
state items that it writes are enough to go on after a restart at any moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice

import msgspec
import numpy as np

from atalaia.detect import items
from atalaia.detect.blindness import Blindness, Outage
from atalaia.detect.detect import Detector
from atalaia.detect.incidents import Incidents
from atalaia.detect.official import Officials
from atalaia.detect.series import SeriesTable
from atalaia.detect.values import Usual, no_norms
from atalaia.domain.alert import LogEntry
from atalaia.domain.decoded import Decode, Decoded, nothing, rejects_of_each
from atalaia.domain.lanes import Lane
from atalaia.domain.official import are_kin
from atalaia.domain.place import Places
from atalaia.domain.reading import NO_TIME, Delay, Ints, Readings
from atalaia.domain.rule import RuleSet
from atalaia.ports import Commit, Record, State

CONSUMER = "speed"

_AT_ONCE = 512
"""Places whose state is written together: it stays in the processor's cache."""


class Step(msgspec.Struct):
    """What one batch came to: rows by source (of places, and of stations), entries made, the newest
    instant, the rows of places, and how late sources were."""

    rows: dict[str, int]
    entries: list[LogEntry]
    now: int
    readings: Readings
    delays: list[Delay] = []


_decode_rules = msgspec.msgpack.Decoder(dict[str, str]).decode
_decode_outage = msgspec.msgpack.Decoder(Outage).decode


class Watch:
    """From payloads to the alert log. One instance has the state of its home in memory.

    rules      what is dangerous
    places     where to look
    decode     payloads → readings, of the variables that the rules name, and warnings to pass on
    norms      what is usual at each place, for rules whose limits are relative to it
    expected_s by source: the interval at which it is polled, where it is
    lane       whose places these are (None: all are ours)
    """

    def __init__(
        self,
        rules: RuleSet,
        places: Places,
        decode: Decode = nothing,
        norms: Usual = no_norms,
        expected_s: dict[str, int] | None = None,
        lane: Lane | None = None,
    ) -> None:
        lane = lane or Lane(places)
        self.rules = rules
        self.places = places
        self._keys = [f"place:{place.id}" for place in places]
        self._decode = decode
        self.table = SeriesTable(places)
        self._stations = f"station:{lane.number}:"
        self._withdrawn = f"withdrawn:{lane.number}:reports"
        self.detector = Detector(rules, self.table, norms, expected_s, lane.mine)
        self.instruments = self.detector.instruments
        self.incidents = Incidents(rules, self.table, self.instruments)
        self.blindness = Blindness(self.table)
        self.officials = Officials(places)
        # A lane's own: each lane holds what it has open against edited rules.
        self._rules_key = f"rules:{lane.number}"
        self._digests = {rule.name: rule.digest for rule in rules.rules}
        self._rules_kept: dict[str, str] = {}
        self._rules_changed = False
        self._edited: set[str] = set()
        self._outages_kept: set[str] = set()

    # State

    def load(self, state: State, lane: Lane | None = None) -> None:
        """Take up the state that a home has kept, of a lane's places (None: of all).

        What is no longer watched stays in the home as it was.
        """
        lane = lane or Lane(self.places)
        for key, body in state.load("place:").items():
            place_id = key.removeprefix("place:")
            if not lane.has_place(place_id):
                continue
            position = self.places.position[place_id]
            item = items.unpack(body)
            for series in item.series:
                items.load_series(self.table, place_id, series)
            for incident in item.incidents:
                self.incidents.put(position, incident)
            self.incidents.trust.load(position, item.trust)
        self.instruments.load(state.load(self._stations))
        self.instruments.unheard.load(state.load(self._withdrawn).values())
        for key, body in state.load("area:").items():
            name = key.removeprefix("area:")
            if lane.has_area(name):
                position = len(self.places) + self.incidents.areas.index(name)
                for incident in items.unpack(body).incidents:
                    self.incidents.put(position, incident)
        outages = {
            key.removeprefix("source:"): _decode_outage(body)
            for key, body in state.load("source:").items()
        }
        self.blindness.load(outages)
        self._outages_kept = set(outages)
        if lane.tells_official:
            self.officials.load(state.load("official:"))
        self._load_rules(state.load("rules:"))

    def _load_rules(self, kept: Mapping[str, bytes]) -> None:
        """Which rules are others than those that judged last."""
        if body := kept.get(self._rules_key):
            self._rules_kept = _decode_rules(body)
        elif digest := kept.get("rules:digest"):
            # As older versions kept it, of all rules at once.
            self._rules_kept = self._digests if digest.decode() == self.rules.digest else {}
        else:
            return
        known, now = self._rules_kept, self._digests
        self._rules_changed = list(known.items()) != list(now.items())
        self._edited = {name for name, digest in now.items() if known.get(name) != digest}

    def expect(self, source: str, since: int, lane: Lane | None = None) -> None:
        """Expect a source to speak of every place (of the lane) from now on: its silence is told
        even if it never said a word."""
        code = self.table.source_codes([source])
        lane = lane or Lane(self.places)
        place = np.flatnonzero(lane.mine).astype(np.int32)
        numbers = self.table.numbers(place, np.repeat(code, len(place)))
        new = numbers[self.table.usable_at[numbers] == NO_TIME]
        self.table.usable_at[new] = since
        self.table.expected_s[new] = self.detector.expected_s.get(source, 3600)

    # Batches

    def step(self, records: Sequence[Record]) -> tuple[Step, Commit]:
        """Live through the records; nothing is kept until the commit is.

        Time passes by what comes: recorded rows bring their own, and live payloads the time at
        which they were received, even if nothing is in them.
        """
        payloads, wanted = [record.payload for record in records], self.rules.variables
        decoded = self._decode(payloads, wanted) if payloads else Decoded()
        readings = decoded.readings
        if decoded.stations:
            readings = Readings.concat([readings, self.instruments.see(decoded.stations)])
        step = self.live(readings.in_order(), _clock(records), decoded)
        step.delays = decoded.delays
        for told in decoded.stations:
            for source, n in told.readings.counts().items():
                step.rows[source] = step.rows.get(source, 0) + n
        offset = records[-1].offset if records else 0
        rejects = rejects_of_each(decoded, self._decode, payloads, wanted)
        commit = Commit(
            consumer=CONSUMER,
            offset=offset,
            items=self._changed_items(
                [readings.place, *(told.place for told in decoded.ensembles)], step.now
            ),
            entries=step.entries,
            rejects=[(records[i].offset, reject) for i, reject in rejects],
        )
        return step, commit

    def live(
        self,
        rows: Readings,
        clock: Sequence[int] = (),
        beside: Decoded | None = None,
    ) -> Step:
        """Live through readings in order, the instants of the clock, and the official warnings and
        ensembles that were decoded beside them."""
        officials = beside.officials if beside else []
        ensembles = beside.ensembles if beside else []
        # known_at ascends, so its distinct values are where it changes: no sort is needed.
        is_new = np.ones(len(rows), bool)
        is_new[1:] = rows.known_at[1:] != rows.known_at[:-1]
        others = [*clock, *(at for at, _ in officials), *(told.known_at for told in ensembles)]
        instants = rows.known_at[is_new]
        if others:
            instants = np.union1d(instants, np.array(others, np.int64))
        entries = []
        if self._rules_changed and len(instants):
            entries += self.incidents.judge_again(int(instants[0]), self._edited)
            self._rules_changed = False
        self.detector.heard.clear()
        found = chain(self.detector.detect(rows), self.detector.ensembles.judge(ensembles))
        entries += self.incidents.advance(found, instants)
        warned = self.officials.advance(officials, instants, self._own)
        entries = [self.officials.linked(entry) for entry in entries] + warned
        entries += self.blindness.advance(self.detector.heard, instants)
        entries.sort(key=lambda e: (e.alert.sent_at, e.alert.incident, e.alert.version))
        now = int(instants[-1]) if len(instants) else 0
        return Step(rows.counts(), entries, now, rows)

    def _own(
        self, places: frozenset[str], hazard: str, begins_at: int, ends_at: int
    ) -> tuple[str, ...]:
        """Our own incidents at these places, of a kin hazard, that are open between the two."""
        keys = [
            incident.key
            for (subject, kind), incident in self.incidents.open.items()
            if incident.status == "active"
            and are_kin(kind, hazard)
            and incident.onset_at <= ends_at
            and begins_at <= incident.expires_at
            and not places.isdisjoint(self.incidents.place_ids(subject))
        ]
        return tuple(sorted(keys))

    def _changed_items(self, heard: Sequence[Ints], now: int) -> dict[str, bytes | None]:
        """State of the places that were heard of, and of all else that changed."""
        changed = self.incidents.touched | self.blindness.touched | self.instruments.forgotten
        self.incidents.touched, self.blindness.touched = set(), set()
        self.instruments.forgotten = set()
        n = len(self.places)
        out: dict[str, bytes | None] = {}
        if not self._rules_changed and self._rules_kept != self._digests:
            # Not before they judged: what they no longer cover would be forgotten by a restart.
            out[self._rules_key] = msgspec.msgpack.encode(self._digests)
            self._rules_kept = self._digests
        for subject in (each for each in changed if each >= n):
            name = self.incidents.subject_name(subject)
            out[f"area:{name}"] = items.pack([], self.incidents.of(subject))
        others = np.array([each for each in changed if each < n], np.int64)
        out.update(self._items_of_places(np.unique(np.concatenate([*heard, others])).tolist(), now))
        open_outages = self.blindness.outages
        for source in self._outages_kept - open_outages.keys():
            out[f"source:{source}"] = None
        for source, outage in open_outages.items():
            out[f"source:{source}"] = msgspec.msgpack.encode(outage)
        self._outages_kept = set(open_outages)
        out.update(self.instruments.items(self._stations))
        if (withdrawn := self.instruments.unheard.kept()) is not None:
            out[self._withdrawn] = withdrawn
        return out | self.officials.changed_items()

    def _items_of_places(self, places: list[int], now: int) -> Iterator[tuple[str, bytes]]:
        trust = self.incidents.trust
        # Of most places nothing is open, and nothing weighed.
        is_open = {subject for subject, _ in self.incidents.open}
        is_weighed = {place for place, _ in trust.kept}
        for start in range(0, len(places), _AT_ONCE):
            some = places[start : start + _AT_ONCE]
            numbers, counts = self.table.at_places(some)
            series = iter(items.pack_series(self.table, numbers))
            for place, count in zip(some, counts, strict=True):
                if count == 1 and place not in is_open and place not in is_weighed:
                    yield self._keys[place], items.pack_alone(next(series))
                    continue
                incidents = self.incidents.of(place) if place in is_open else []
                kept = trust.of(place, now) if place in is_weighed else []
                body = items.pack_with(list(islice(series, count)), incidents, kept)
                yield self._keys[place], body


def _clock(records: Sequence[Record]) -> list[int]:
    """Instants besides those of the rows: when live answers came, even empty ones."""
    return [one.payload.received_at for one in records if not one.payload.is_recorded]
