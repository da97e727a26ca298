"""Instants as providers write them: each is read as the calendar has it, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atalaia.domain.reading import NO_TIME
from atalaia.sources.times import EARLIEST, LATEST, fault, local_seconds, utc_seconds

MOMENTS = st.integers(-4_386_355_200, 7_258_032_000).map(
    lambda seconds: datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds)
)
"""1831 to 2199."""
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timedelta(minutes=minutes))


def zulu(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"


@given(st.lists(MOMENTS, min_size=1))
def test_a_column_in_the_commonest_shape_is_what_the_calendar_says(moments: list[datetime]) -> None:
    found = utc_seconds([zulu(moment) for moment in moments])
    assert found.dtype == np.int64
    assert found.tolist() == [int(moment.timestamp()) for moment in moments]


@given(st.lists(st.tuples(MOMENTS, OFFSETS), min_size=1))
def test_any_offset_is_taken_into_account(told: list[tuple[datetime, timedelta]]) -> None:
    texts = [moment.astimezone(timezone(offset)).isoformat() for moment, offset in told]
    assert utc_seconds(texts).tolist() == [int(moment.timestamp()) for moment, _ in told]


@given(
    MOMENTS, st.integers(1, 400), st.sampled_from(["", "soon", None, 7, [], "2024-02-30T00:00Z"])
)
def test_one_that_is_none_costs_itself_alone_however_many_there_are(
    moment: datetime, n: int, bad: object
) -> None:
    found = utc_seconds([*[zulu(moment)] * n, bad, zulu(moment)])
    assert found.tolist() == [int(moment.timestamp())] * n + [NO_TIME, int(moment.timestamp())]


FIGURES = st.tuples(
    *(
        st.integers(low, high).map("{:02}".format)
        for low, high in [(17, 23), (0, 99), (0, 13), (0, 32), (0, 25), (0, 61), (0, 61)]
    ),
    st.integers(0, 25).map("{:02}".format),
    st.integers(0, 61).map("{:02}".format),
)
"""Of a century, a year in it, a month, a day, an hour, a minute and a second, and of an offset."""


@given(FIGURES, st.sampled_from(["Z", "+", "-"]))
def test_a_text_alone_is_read_as_it_is_in_a_column(of: tuple[str, ...], end: str) -> None:
    def text(century: str, *rest: str) -> str:
        year, month, day, hour, minute, second, *offset = rest
        told = f"{century}{year}-{month}-{day}T{hour}:{minute}:{second}{end}"
        return told if end == "Z" else told + ":".join(offset)

    column = [text("20", "24", "01", "02", "03", f"{i:02}", "05", "01", "30") for i in range(40)]
    assert utc_seconds([text(*of)])[0] == utc_seconds([*column, text(*of)])[-1]


@given(MOMENTS, st.integers(-50_400, 50_400))
def test_local_times_are_so_far_ahead_of_utc(moment: datetime, offset_s: int) -> None:
    local = moment.replace(second=0)
    found = local_seconds([f"{local:%Y-%m-%dT%H:%M}"] * 2, offset_s)
    assert found.tolist() == [int(local.timestamp()) - offset_s] * 2


@pytest.mark.parametrize(
    ("text", "is_read"),
    [
        ("2024-02-29T00:00:00Z", True),
        ("2023-02-29T00:00:00Z", False),
        ("2000-02-29T00:00:00Z", True),
        ("1900-02-29T00:00:00Z", False),
        ("2024-04-31T00:00:00Z", False),
        ("2024-00-10T00:00:00Z", False),
        ("2024-13-10T00:00:00Z", False),
        ("2024-01-00T00:00:00Z", False),
        ("2024-01-01T24:00:00Z", False),
        ("2024-01-01T23:60:00Z", False),
        ("2024-01-01T23:59:60Z", False),
        ("2024-01-01T23:59:59Z", True),
        ("2024-01-01T00:00:00.999Z", True),
        ("2024-01-01T00:00:00+14:00", True),
        ("2024-01-01T00:00:00", False),  # without an offset: whose time is it?
        ("2024-01-01", False),
        ("2024-01-01T00:00:0٣Z", False),
        ("", False),
        ("now", False),
    ],
)
@pytest.mark.parametrize("n", [1, 3, 300])
def test_dates_that_no_calendar_has_are_refused_alone_and_in_any_company(
    text: str, is_read: bool, n: int
) -> None:
    good = "2024-03-01T00:00:00Z"
    found = utc_seconds([text, *[good] * (n - 1)])
    assert (found[0] != NO_TIME) == is_read
    assert found[1:].tolist() == [1_709_251_200] * (n - 1)


def test_fractions_are_cut_off_also_before_1970() -> None:
    assert utc_seconds(["1970-01-01T00:00:01.9Z"]).tolist() == [1]
    assert utc_seconds(["1969-12-31T23:59:58.1Z"]).tolist() == [-2]


@pytest.mark.parametrize(
    ("text", "is_read"),
    [
        ("1830-01-01T00:00:00Z", True),
        ("1829-12-31T23:59:59Z", False),
        ("2200-01-01T00:00:00Z", True),
        ("2200-01-01T00:00:01Z", False),
        ("0001-01-01T00:00:00+00:00", False),
        ("9999-12-31T23:59:59-14:00", False),
    ],
)
def test_times_of_which_no_instrument_speaks_are_no_times(text: str, is_read: bool) -> None:
    assert (utc_seconds([text])[0] != NO_TIME) == is_read
    assert EARLIEST < 0 < LATEST


@pytest.mark.parametrize(
    "texts",
    [
        ("2024-09-21T02:44:00-03:0", "02024-09-21T02:44:00-03:00"),
        ("2024-09-21T05:44:00", "Z2024-09-21T05:44:00Z"),
    ],
)
def test_letters_of_one_that_is_no_time_complete_no_other(texts: tuple[str, str]) -> None:
    assert utc_seconds(texts).tolist() == [NO_TIME, NO_TIME]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("soon", "not a time"),
        (None, "not a time"),
        (1_700_000_000, "not a time"),
        ("2024-02-30T00:00:00Z", "not a time"),
        ("2024-02-01T00:00:00", "time without offset"),
        ("2024-02-01", "time without offset"),
        ("1700-01-01T00:00:00Z", "time out of range"),
        ("2300-01-01T00:00:00Z", "time out of range"),
    ],
)
def test_why_a_time_is_none_is_said_in_words_that_can_be_counted(text: object, reason: str) -> None:
    assert utc_seconds([text]).tolist() == [NO_TIME]
    assert fault(text) == reason


def test_local_times_with_an_offset_of_their_own_are_refused() -> None:
    texts = ["2024-01-01T12:00", "2024-01-01T12:00Z", "2024-01-01T12:00-03:00", None]
    assert local_seconds(texts, -10_800).tolist() == [1_704_121_200, NO_TIME, NO_TIME, NO_TIME]


def test_nothing_gives_nothing() -> None:
    assert utc_seconds([]).shape == (0,)
    assert local_seconds([], 3600).shape == (0,)
