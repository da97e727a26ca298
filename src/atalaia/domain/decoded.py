"""What a decoder gives: all that some payloads say, and why the rest of them could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from atalaia.domain.ensemble import Ensemble
from atalaia.domain.official import Official
from atalaia.domain.payload import Payload, Reject
from atalaia.domain.reading import Delay, Readings
from atalaia.domain.rule_counts import RuleCounts
from atalaia.domain.station_reading import StationsDecoded


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a decoder made of some payloads: the rows it could read, and reasons for the rest.

    officials   warnings of others, each with when it was received
    stations    what instruments said, in the order in which it came; no place has seen it yet
    delays      of what came live: by these clocks are known that are wrong
    ensembles   what runs of models say: of each answer one
    counts      what rules make of these, where the decoder was asked (`batch.counted`)
    """

    readings: Readings = field(default_factory=Readings.empty)
    rejects: list[Reject] = field(default_factory=list)
    officials: list[tuple[int, Official]] = field(default_factory=list)
    stations: list[StationsDecoded] = field(default_factory=list)
    delays: list[Delay] = field(default_factory=list)
    ensembles: list[Ensemble] = field(default_factory=list)
    counts: list[RuleCounts] = field(default_factory=list)

    @staticmethod
    def together(parts: Iterable[Decoded]) -> Decoded:
        """What all parts hold, in their order."""
        parts = list(parts)
        return Decoded(
            Readings.concat(part.readings for part in parts),
            [reject for part in parts for reject in part.rejects],
            [official for part in parts for official in part.officials],
            [told for part in parts for told in part.stations],
            [delay for part in parts for delay in part.delays],
            [told for part in parts for told in part.ensembles],
            [told for part in parts for told in part.counts],
        )


Decode: TypeAlias = Callable[[Sequence[Payload], frozenset[str] | None], Decoded]
"""Payloads and the variables wanted (None: all) → readings. Never raises for bad input."""


def nothing(_payloads: Sequence[Payload], _wanted: frozenset[str] | None) -> Decoded:
    """Of payloads that say nothing, and for a watch that is given rows."""
    return Decoded()


def rejects_of_each(
    decoded: Decoded, decode: Decode, payloads: Sequence[Payload], wanted: frozenset[str] | None
) -> Iterator[tuple[int, Reject]]:
    """Which of the payloads each reject of them came from, by its position; only a batch that has
    rejects is decoded twice."""
    if len(payloads) == 1:
        yield from ((0, reject) for reject in decoded.rejects)
        return
    for position, payload in enumerate(payloads if decoded.rejects else ()):
        for reject in decode([payload], wanted).rejects:
            yield position, reject
