"""What an answer tells of places, as rows: for sources that nobody here knows beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.domain.reading import KIND_OF, Floats, Ints, Kind, Readings
from atalaia.sources.decoding import times_of_rows
from atalaia.sources.rejects import Rejects, shown


def positions_of(ids: Sequence[object], places: Places, rejects: Rejects) -> Ints:
    """Each row's position among the places, int32, shape (n,); -1, and a reject for each id, where
    no watched place is called so. A number is an id, too: 2611606 is Recife's."""
    named = [str(each) if type(each) is int else each for each in ids]
    found = [places.position.get(each, -1) if isinstance(each, str) else -1 for each in named]
    unknown: dict[str, int] = {}
    for each, of in zip(named, found, strict=True):
        if of < 0:
            unknown[shown(each)] = unknown.get(shown(each), 0) + 1
    for name, many in unknown.items():
        rejects.add("unknown place", f"{name} is not watched ({many} rows of it)")
    return np.array(found, np.int32)


def rows_told(
    payload: Payload,
    place: Ints,
    kind: str,
    valid_at: Ints,
    values: Mapping[str, Floats],
    period_s: int,
) -> Readings:
    """Rows of one kind (its word) and period, as they became known by this payload; of a forecast
    what is up to the receipt is analysis."""
    kinds = np.full(len(place), KIND_OF[kind], np.int8)
    kinds[(kinds == Kind.FORECAST) & (valid_at <= payload.received_at)] = Kind.ANALYSIS
    issued_at, known_at = times_of_rows(kinds, valid_at, payload.received_at, payload.is_recorded)
    return Readings.build(
        place=place,
        source=payload.source,
        kind=kinds,
        valid_at=valid_at,
        values=dict(values),
        issued_at=issued_at,
        known_at=known_at,
        period_s=period_s,
    )
