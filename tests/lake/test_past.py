"""What the lake is asked besides SQL: places, what came of asking, and the past of a place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from atalaia.batch.archive import archive
from atalaia.batch.refine import compact, refine
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Kind
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.lake import gold
from atalaia.lake.answers import tally, together
from atalaia.lake.past import past_readings
from atalaia.lake.places import note_places, places_of
from batch.helpers import DAY, HOUR, NOON, PLACES, answer, decode, row


@pytest.fixture
def home(tmp_path: Path) -> Iterator[EmbeddedHome]:
    with open_home(tmp_path / "home") as home:
        yield home


def lived(home: EmbeddedHome, *payloads: Payload) -> None:
    home.stream.append(payloads)
    archive(home.stream, home.state, home.lake)
    refine(home.state, home.lake, decode, PLACES)


def past(
    home: EmbeddedHome, *ids: str, since: int = NOON - DAY, until: int = NOON + DAY,
    variables: tuple[str, ...] = ("rain_mm",),
) -> list[tuple[Any, ...]]:  # fmt: skip
    places = {id_: PLACES.position[id_] for id_ in ids or ("poa",)}
    found = past_readings(home.lake, home.sql, places, variables, since, until).in_order()
    if not len(found):
        return []
    return [
        (PLACES[int(p)].id, (int(at) - NOON) // HOUR, *(float(v) for v in values))
        for p, at, *values in zip(
            found.place, found.valid_at, *(found.values[name] for name in variables), strict=True
        )
    ]


def hours(place: str, *values: float) -> list[dict[str, Any]]:
    return [row(place, NOON + i * HOUR, rain_mm=value) for i, value in enumerate(values)]


def test_the_past_of_a_place_comes_from_gold_in_the_order_of_time(home: EmbeddedHome) -> None:
    lived(home, answer(NOON + 9 * HOUR, *hours("poa", 1.0, 2.0, 3.0), *hours("recife", 7.0)))
    assert past(home) == [("poa", 0, 1.0), ("poa", 1, 2.0), ("poa", 2, 3.0)]
    assert past(home, "recife", "poa")[-1] == ("poa", 2, 3.0)
    assert len(past(home, "recife", "poa")) == 4


def test_names_with_quotes_and_blanks_are_places_like_others(home: EmbeddedHome) -> None:
    lived(home, answer(NOON + HOUR, *hours("d'água", 1.0), *hours("são paulo", 2.0)))
    assert past(home, "d'água") == [("d'água", 0, 1.0)]
    assert past(home, "são paulo") == [("são paulo", 0, 2.0)]


def test_its_beginning_is_not_in_it_and_its_end_is(home: EmbeddedHome) -> None:
    lived(home, answer(NOON + 9 * HOUR, *hours("poa", 0.0, 1.0, 2.0, 3.0)))
    found = past(home, since=NOON + HOUR, until=NOON + 2 * HOUR)
    assert found == [("poa", 2, 2.0)]


def test_a_forecast_is_not_the_past(home: EmbeddedHome) -> None:
    said = row("poa", NOON + HOUR, "forecast", issued_at=NOON, rain_mm=9.0)
    lived(home, answer(NOON, said, *hours("poa", 1.0)))
    assert past(home) == [("poa", 0, 1.0)]


def test_a_row_of_a_kind_that_is_none_is_left_out_alone_and_the_log_says_so(
    home: EmbeddedHome,
) -> None:
    lived(home, answer(NOON + 9 * HOUR, *hours("poa", 1.0, 2.0), *hours("recife", 7.0)))
    (key,) = gold.partition_files(home.lake, ("readings",))["readings"]
    file = home.lake.path(key)
    told = f"CASE WHEN epoch(valid_at) > {NOON} THEN 'rumour' ELSE kind::VARCHAR END"
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE told AS SELECT * REPLACE ({told} AS kind) FROM '{file}'")
        con.execute(f"COPY told TO '{file}' (FORMAT parquet)")
    with capture_logs() as logs:
        assert past(home, "poa", "recife") == [("recife", 0, 7.0), ("poa", 0, 1.0)]
    assert [(one["kinds"], one["rows"]) for one in logs] == [(["rumour"], 1)]


def test_an_empty_home_has_no_past_and_nobody_asks_duckdb(home: EmbeddedHome) -> None:
    assert past(home) == []
    lived(home, answer(NOON + HOUR, *hours("poa", 1.0)))
    nothing = past_readings(home.lake, home.sql, {"poa": 1}, (), NOON - DAY, NOON + DAY)
    assert len(nothing) == 0
    assert past(home, since=NOON + 20 * DAY, until=NOON + 21 * DAY) == []


def test_a_variable_that_one_file_lacks_is_missing_there(home: EmbeddedHome) -> None:
    lived(home, answer(NOON + HOUR, row("poa", NOON, rain_mm=1.0, temperature_c=20.0)))
    lived(home, answer(NOON + DAY, row("poa", NOON + DAY, rain_mm=2.0)))
    found = past(home, variables=("rain_mm", "temperature_c"))
    assert found[0][2:] == (1.0, 20.0)
    assert found[1][2] == 2.0
    assert np.isnan(found[1][3])


def test_it_is_the_same_once_days_are_a_month(home: EmbeddedHome) -> None:
    for day in range(4):
        at = NOON + day * DAY
        lived(home, answer(at + HOUR, row("poa", at, rain_mm=float(day))))
    before = past(home, until=NOON + 9 * DAY)
    assert len(before) == 4
    compact(home.lake, NOON + 90 * DAY)
    assert past(home, until=NOON + 9 * DAY) == before
    kinds = past_readings(home.lake, home.sql, {"poa": 1}, ("rain_mm",), NOON - 1, NOON + DAY).kind
    assert set(kinds.tolist()) == {int(Kind.ANALYSIS)}


# Places that a home was filled for


def place(id_: str, **more: Any) -> Place:
    return Place(**({"id": id_, "name": id_, "latitude": 0.0, "longitude": 0.0} | more))


def test_a_home_knows_every_place_that_it_was_ever_filled_for(home: EmbeddedHome) -> None:
    assert list(places_of(home.state)) == []
    note_places(home.state, Places([place("a"), place("b")]))
    note_places(home.state, Places([place("c"), place("a", name="A, renamed", area="bay")]))
    found = places_of(home.state)
    assert [one.id for one in found] == ["a", "b", "c"]
    assert (found[0].name, found[0].area) == ("A, renamed", "bay")
    note_places(home.state, Places(()))
    assert len(places_of(home.state)) == 3


# What came of asking


def payload(at: int, status: int = 200, failure: str | None = None) -> Payload:
    return Payload(
        source="s", content="x", received_at=at, body=b"", status=status, failure=failure
    )


OUTCOME = st.tuples(
    st.integers(NOON, NOON + 500),
    st.sampled_from([(200, None), (204, None), (429, None), (500, None), (200, "time-out")]),
)


@given(st.lists(OUTCOME, min_size=1, max_size=30), st.data())
def test_parts_counted_in_blocks_come_to_the_same_as_at_once(
    outcomes: list[Any], data: st.DataObject
) -> None:
    payloads = [payload(at, *what) for at, what in outcomes]
    whole = tally(payloads, 7, 3)
    assert whole.answers + whole.errors + whole.failures == len(payloads)
    cut = data.draw(st.integers(1, len(payloads)))
    blocks = [tally(payloads[:cut], 7, 1)]
    if cut < len(payloads):
        blocks.append(tally(payloads[cut:], 7 + cut, 2))
    found = together(blocks)
    names = ("source", "first_offset", "first_received_at", "last_received_at", "answers",
             "errors", "failures", "last_answer_at", "last_fault_at")  # fmt: skip
    for name in names:
        assert getattr(found, name) == getattr(whole, name), name
    assert (found.last_fault is None) == (whole.last_fault is None)


def test_a_row_says_what_the_newest_fault_was() -> None:
    told = tally(
        [payload(NOON, 500), payload(NOON + 60), payload(NOON + 30, failure="time-out")], 1, 0
    )
    assert (told.answers, told.errors, told.failures) == (1, 1, 1)
    assert told.last_fault == "time-out"
    assert told.last_fault_at == "2024-04-30T12:00:30+00:00"
    assert told.last_answer_at == "2024-04-30T12:01:00+00:00"
    good = tally([payload(NOON)], 1, 0)
    assert (good.last_fault, good.last_fault_at) == (None, None)
    bad = tally([payload(NOON, 429)], 1, 0)
    assert (bad.last_answer_at, bad.last_fault) == (None, "status 429")
