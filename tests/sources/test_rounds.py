"""A round of all sources: what comes is kept, the time is told, how each does is noted."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from atalaia.clock import Clock
from atalaia.domain.place import Places
from atalaia.errors import StateConflict
from atalaia.ports import Stream
from atalaia.sources import CLOCK, status
from atalaia.sources.rounds import Went, go_round
from atalaia.sources.schedule import Nearness
from kept import Kept, Log

NOW = 1_768_003_200
NOBODY = "http://127.0.0.1:9/rss"


def go(notes: Kept, stream: Log, now: int, *feeds: str) -> Went:
    return asyncio.run(
        go_round(
            [],
            [(url, 300) for url in feeds],
            Places([]),
            cast(Stream, stream),
            notes,
            Clock(lambda: now),
            nearness=Nearness.unknown(0),
            on_kept=lambda _: None,
        )
    )


def test_a_round_tells_the_stream_what_time_it_is_though_no_source_is_asked() -> None:
    stream, notes = Log(), Kept()
    assert go(notes, stream, NOW) == Went(0, [])
    assert [(one.source, one.received_at) for one in stream.kept] == [(CLOCK, NOW)]
    assert notes.texts == {}


def test_a_source_that_does_not_answer_is_noted_and_the_round_goes_on() -> None:
    stream, notes = Log(), Kept()
    [told] = go(notes, stream, NOW, NOBODY).sources
    assert told.source == "cap:127.0.0.1"
    assert told.health.reason
    assert status.read(notes) == [told]
    assert stream.kept[-1].source == CLOCK


def test_what_a_round_did_not_change_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, notes = Log(), Kept()
    go(notes, stream, NOW, NOBODY)

    def refused(*_: object) -> None:
        raise AssertionError("it was written again")

    monkeypatch.setattr(status, "keep", refused)
    go(notes, stream, NOW + 1, NOBODY)


def test_the_time_is_told_although_how_the_sources_do_cannot_be_noted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream, notes = Log(), Kept()

    def conflict(*_: object) -> None:
        raise StateConflict("the store does not answer")

    monkeypatch.setattr(status, "keep", conflict)
    with pytest.raises(StateConflict):
        go(notes, stream, NOW, NOBODY)
    assert stream.kept[-1].source == CLOCK
