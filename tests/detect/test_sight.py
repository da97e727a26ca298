"""Of which places there is data: the newest value against the interval learned of its source."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atalaia import rules
from atalaia.detect.sight import sight
from atalaia.detect.watch import Watch
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Kind, Readings

NOW = 1_768_046_400
RULES = rules.load("inmet")
PLACES = Places(Place(id=name, name=name, latitude=0.0, longitude=0.0) for name in "abc")


def watch(**expected_s: int) -> Watch:
    return Watch(RULES, PLACES, expected_s=expected_s)


def hear(
    watch: Watch, place: int, *instants: int, source: str = "x", kind: Kind = Kind.OBSERVED
) -> None:
    for at in instants:
        rows = Readings.build(
            place=[place],
            source=source,
            kind=kind,
            valid_at=[at],
            issued_at=NOW - 7200 if kind == Kind.FORECAST else np.iinfo(np.int64).min,
            known_at=at if kind != Kind.FORECAST else NOW,
            values={"wind_gust_m_s": np.array([3.0])},
        )
        watch.live(rows)


def known(watch: Watch, at: int) -> list[bool]:
    return sight(watch.table).has_data(at).tolist()


def test_a_place_that_never_answered_has_no_data_though_its_source_is_expected() -> None:
    polled = watch(x=300)
    polled.expect("x", NOW)
    assert known(polled, NOW) == [False, False, False]
    assert not sight(polled.table).has_answered.any()


@pytest.mark.parametrize("interval_s", [60, 600, 3600, 3 * 3600])
def test_a_value_counts_for_three_of_the_intervals_that_were_learned(interval_s: int) -> None:
    station = watch()
    hear(station, 0, *(NOW + i * interval_s for i in range(6)))
    newest = NOW + 5 * interval_s
    assert known(station, newest + 3 * interval_s) == [True, False, False]
    assert known(station, newest + 3 * interval_s + 1) == [False, False, False]
    assert sight(station.table).has_answered.tolist() == [True, False, False]


def test_a_source_that_goes_on_is_enough() -> None:
    two = watch()
    hear(two, 1, *(NOW + 3600 * i for i in range(6)), source="slow")
    hear(two, 1, *(NOW + 60 * i for i in range(6)), source="quick")
    assert known(two, NOW + 6 * 3600) == [False, True, False]


def test_what_is_foretold_is_no_data_of_now() -> None:
    foretold = watch(x=300)
    hear(foretold, 2, NOW + 3600, NOW + 7200, kind=Kind.FORECAST)
    assert known(foretold, NOW) == [False, False, False]


@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=12), st.integers(0, 100_000))
def test_no_place_is_lost_within_its_shortest_gaps_or_kept_beyond_its_longest(
    gaps: list[int], wait: int
) -> None:
    station = watch()
    instants = [NOW]
    for gap in gaps:
        instants.append(instants[-1] + gap)
    hear(station, 0, *instants)
    last = [after - before for before, after in pairwise(instants[-9:])]
    at_most, at_least = max(last), min(last)
    is_known = known(station, instants[-1] + wait)[0]
    if wait <= 3 * at_least:
        assert is_known
    if wait > 3 * at_most:
        assert not is_known
