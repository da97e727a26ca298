"""Parts of RAW, decoded in steps of bounded memory: what is merged into GOLD at once.

parts of RAW ──► payloads, some at a time ──► the decoder ──► `RefineStep`s ──► `refine`, `spark`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from atalaia.domain.reading import Decode, Readings
from atalaia.domain.rule_counts import RuleCounts
from atalaia.domain.station_reading import StationsDecoded
from atalaia.errors import PayloadInvalid
from atalaia.lake import raw
from atalaia.lake.answers import Answers, tally, together
from atalaia.lake.merge import RowRefused
from atalaia.ports import Lake

STEP_ROWS = 250_000
"""A step merges when it holds so many rows. Bodies are dropped as soon as they are decoded."""


class RefineStep(NamedTuple):
    """Rows to merge, and the parts of RAW that are wholly in GOLD once these are.

    `damaged` are those of them that cannot be read to their end; `rejects` counts these too.
    `answers` has what the others came to, one row a part; `stations` what instruments said, and
    `counts` what rules made of ensembles, in the order of RAW.
    """

    readings: Readings
    stations: list[StationsDecoded]
    counts: list[RuleCounts]
    done: list[str]
    damaged: list[str]
    answers: list[Answers]
    rejects: int

    @property
    def rows(self) -> int:
        """Readings of places and of stations, and rows of ensembles."""
        stations = sum(len(told.readings) for told in self.stations)
        return len(self.readings) + stations + sum(map(len, self.counts))


class Folded(NamedTuple):
    """What parts of RAW came to, once their readings and ensembles are in GOLD: as in `RefineStep`.

    What `stations` said is yet to be merged: its files are not those of the readings of places.

    rows, partitions   rows decoded, and files written
    placed             of a rebuild by `Workers`: the keys of all files of readings and ensembles
    refused            rows that cannot be written
    """

    rows: int
    partitions: int
    done: list[str]
    damaged: list[str]
    answers: list[Answers]
    rejects: int
    placed: tuple[str, ...] = ()
    stations: Sequence[StationsDecoded] = ()
    refused: tuple[RowRefused, ...] = ()


def steps(lake: Lake, keys: Sequence[str], decode: Decode) -> Iterator[RefineStep]:
    """The parts' rows, a step at a time. A damaged part is counted and passed over."""
    readings: list[Readings] = []
    stations: list[StationsDecoded] = []
    counts: list[RuleCounts] = []
    done: list[str] = []
    damaged: list[str] = []
    answers: list[Answers] = []
    rows = rejects = 0
    for key in keys:
        told: dict[int, list[Answers]] = {}
        try:
            for part, payloads in raw.payloads_by_part(key, lake.read(key)):
                decoded = decode(payloads, None)
                if not len(payloads):  # the first of these lines is damaged
                    continue
                readings.append(decoded.readings)
                count = tally(payloads, part, len(decoded.rejects))
                told.setdefault(part, []).append(count)
                rejects += len(decoded.rejects)
                stations += decoded.stations
                counts += decoded.counts
                rows += len(decoded.readings) + sum(len(s.readings) for s in decoded.stations)
                rows += sum(map(len, decoded.counts))
                if rows >= STEP_ROWS:
                    merged = Readings.concat(readings)
                    yield RefineStep(merged, stations, counts, done, damaged, answers, rejects)
                    readings, done, damaged, answers, rows, rejects = [], [], [], [], 0, 0
                    stations, counts = [], []
        except (PayloadInvalid, KeyError):
            rejects += 1
            damaged.append(key)
        done.append(key)
        answers += map(together, told.values())
    merged = Readings.concat(readings)
    yield RefineStep(merged, stations, counts, done, damaged, answers, rejects)
