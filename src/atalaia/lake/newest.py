"""What the stream and RAW have and GOLD may lack yet, for a query: decoded as refine would."""

from __future__ import annotations

from collections.abc import Iterator

from atalaia.domain.decoded import Decode
from atalaia.domain.payload import Payload, Reject
from atalaia.domain.reading import Readings
from atalaia.domain.rule_counts import RuleCounts
from atalaia.domain.station_reading import StationsDecoded
from atalaia.errors import PayloadInvalid
from atalaia.lake import gold, raw
from atalaia.lake.answers import Answers, tally, together
from atalaia.ports import Home

_ROWS_AT_ONCE = 250_000
_PAYLOADS_AT_ONCE = 2_000


class Newest:
    """What GOLD may lack: rows, and what the payloads that they are in came to (`answers`)."""

    def __init__(self, home: Home, decode: Decode) -> None:
        self._home = home
        self._decode = decode
        self.answers: list[Answers] = []

    def told(self) -> Iterator[tuple[Readings, list[StationsDecoded], list[RuleCounts]]]:
        """The rows, a bounded number at a time, in the order of the stream."""
        pending: list[Readings] = []
        stations: list[StationsDecoded] = []
        counts: list[RuleCounts] = []
        rows = 0
        for first, payloads in self._payloads():
            decoded = self._decode(payloads, None)
            self._count(first, payloads, decoded.rejects)
            pending.append(decoded.readings)
            stations += decoded.stations
            counts += decoded.counts
            rows += len(decoded.readings) + sum(len(told.readings) for told in decoded.stations)
            rows += sum(map(len, decoded.counts))
            if rows >= _ROWS_AT_ONCE:
                yield Readings.concat(pending), stations, counts
                pending, stations, counts, rows = [], [], [], 0
        yield Readings.concat(pending), stations, counts

    def _payloads(self) -> Iterator[tuple[int, list[Payload]]]:
        """Payloads with the offset of the first, part by part and then from the stream."""
        after, waiting = self._position()
        for _, key in sorted(waiting.items()):
            part = key.decode()
            try:
                for payloads in raw.payload_blocks(self._home.lake.read(part)):
                    yield raw.first_of(part), payloads
            except (PayloadInvalid, KeyError):
                continue  # refine counts it
        while records := self._home.stream.read(after, _PAYLOADS_AT_ONCE):
            after = records[-1].offset
            yield records[0].offset, [record.payload for record in records]

    def _position(self) -> tuple[int, dict[str, bytes]]:
        """How far the archive is, and the parts that wait for refine, as of one moment.

        The watch archives meanwhile, and a part between the two would be in neither. (Refine may
        take a part that waits here: it is then seen twice, which changes nothing.)
        """
        state = self._home.state
        while True:
            after = state.offset(raw.ARCHIVED)
            waiting = state.load(gold.UNREFINED)
            if state.offset(raw.ARCHIVED) == after:
                return after, waiting

    def _count(self, first: int, payloads: list[Payload], rejects: list[Reject]) -> None:
        by_source: dict[str, list[Payload]] = {}
        for payload in payloads:
            by_source.setdefault(payload.source, []).append(payload)
        for source, some in by_source.items():
            told = tally(some, first, sum(reject.source == source for reject in rejects))
            same = [i for i, each in enumerate(self.answers) if each.first_offset == first]
            same = [i for i in same if self.answers[i].source == source]
            if same:
                told = together([self.answers.pop(same[0]), told])
            self.answers.append(told)
