"""Asks one source once and says what came: for who describes a source, or wonders about one.

Nothing of it is kept, and no call is counted but by the source itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from atalaia.clock import Clock
from atalaia.domain.alert import instant
from atalaia.domain.decoded import Decoded
from atalaia.domain.payload import Reject
from atalaia.domain.place import Places
from atalaia.domain.reading import Floats, Kind
from atalaia.domain.variable import CATALOGUE
from atalaia.sources import decode_all
from atalaia.sources.plan import Plan
from atalaia.sources.schedule import Due
from atalaia.sources.session import open_session
from atalaia.sources.signed import SignedFetch

_MOST_REQUESTS = 4


class TriedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request, and how it went. `failure`: why no answer came; `size`: bytes of the answer."""

    url: str
    status: int
    failure: str | None
    size: int


class TriedValue(msgspec.Struct, frozen=True, kw_only=True):
    """One value as it would be kept. `where`: the id of a place or of a station."""

    where: str
    kind: str
    valid_at: str
    period_s: int
    variable: str
    value: float
    unit: str


class TriedSource(msgspec.Struct, frozen=True, kw_only=True):
    """What asking a source once came to."""

    source: str
    asked: list[TriedRequest]
    values: list[TriedValue]
    rejects: list[Reject]

    @property
    def is_of_use(self) -> bool:
        """Whether there is a value."""
        return bool(self.values)


async def try_source(plan: Plan, places: Places, place: int, clock: Clock) -> TriedSource:
    """Ask what the source is asked of one place (its position), or of its first stations."""
    due = [Due(content, place) for content in plan.contents[:_MOST_REQUESTS]]
    payloads, asked = [], []
    async with open_session() as session:
        signed = SignedFetch(session, clock, timeout_s=20.0)
        for request, _ in plan.requests(due)[:_MOST_REQUESTS]:
            payload, _ = await signed.ask(request)
            payloads.append(payload)
            asked.append(
                TriedRequest(
                    url=request.url,
                    status=payload.status,
                    failure=payload.failure,
                    size=max(0, len(payload.body) - len(request.head)),
                )
            )
    decoded = decode_all(places)(payloads, None)
    return TriedSource(
        source=plan.name,
        asked=asked,
        values=[*_values(decoded, places)],
        rejects=decoded.rejects,
    )


def _values(decoded: Decoded, places: Places) -> Iterator[TriedValue]:
    rows = decoded.readings
    ids = [places[at].id for at in rows.place.tolist()]
    kinds = [Kind(kind).word for kind in rows.kind.tolist()]
    yield from _each(ids, kinds, rows.valid_at.tolist(), rows.period_s.tolist(), rows.values)
    for told in decoded.stations:
        of = told.readings
        ids = [of.stations[at] for at in of.station.tolist()]
        kinds = [Kind.OBSERVED.word] * len(ids)
        yield from _each(ids, kinds, of.valid_at.tolist(), of.period_s.tolist(), of.values)


def _each(
    ids: Sequence[str],
    kinds: Sequence[str],
    valid_at: Sequence[int],
    period_s: Sequence[int],
    values: dict[str, Floats],
) -> Iterator[TriedValue]:
    columns: dict[str, Any] = {name: column.tolist() for name, column in values.items()}
    for i, where in enumerate(ids):
        for name, column in columns.items():
            if not np.isnan(column[i]):
                yield TriedValue(
                    where=where,
                    kind=kinds[i],
                    valid_at=instant(valid_at[i]),
                    period_s=period_s[i],
                    variable=name,
                    value=column[i],
                    unit=CATALOGUE[name].unit,
                )
