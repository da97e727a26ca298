from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from atalaia.batch.backtest import Backtested, backtest
from atalaia.domain.alert import Alert
from atalaia.errors import SettingsInvalid
from telling import news

UTC_ZONE = ZoneInfo("UTC")


def told(incident: str, day: int, hour: int, kind: str = "alert", **fields: Any) -> Alert:
    said: dict[str, Any] = {
        "level": "yellow",
        "hazard": "flood",
        "source": "gauges",
        "rule": "burst",
        "reason": "onset" if kind == "alert" else "ended",
        **fields,
    }
    at = int(datetime(2018, 3, day, hour, tzinfo=UTC).timestamp())
    version = 1 if kind == "alert" else 2
    return news(incident, version, kind, at=at, place="rio", expires_s=3600, **said).alert


def compared(*logs: list[Alert]) -> list[Backtested]:
    named = [(f"set-{i}", log) for i, log in enumerate(logs)]
    return backtest(named, [], UTC_ZONE, date(2018, 3, 1), date(2018, 3, 31))


def test_what_changed_is_told_against_the_first() -> None:
    first, second = compared(
        [told("a", 1, 10), told("b", 5, 10)], [told("a", 1, 10), told("c", 9, 10)]
    )
    assert (first.days_gained, first.days_lost) == ([], [])
    assert (second.days_gained, second.days_lost) == (["2018-03-09"], ["2018-03-05"])
    assert second.warned_days == 2
    assert second.verified is None


def test_what_is_told_at_one_instant_is_one_message() -> None:
    log = [told("a", 1, 10), told("b", 1, 10, place_id="poa"), told("a", 1, 12, "end")]
    (one,) = compared(log)
    assert (one.incidents, one.messages) == (2, 2)
    assert one.messages_a_month == round(2 / 31 * 365.25 / 12, 2)


def test_what_only_watches_is_sent_to_no_one() -> None:
    log = [
        told("a", 1, 10, level="watch"),
        told("a", 1, 12, "end", level="watch"),
        told("b", 2, 10, hazard="cannot_see"),
    ]
    (one,) = compared(log)
    assert (one.incidents, one.messages) == (1, 1)


def test_days_outside_are_left_out() -> None:
    (one,) = backtest(
        [("x", [told("a", 1, 10), told("b", 9, 10)])],
        [],
        UTC_ZONE,
        date(2018, 3, 2),
        date(2018, 3, 31),
    )
    assert (one.incidents, one.warned_days) == (1, 1)


def test_days_that_end_before_they_begin_are_refused() -> None:
    with pytest.raises(SettingsInvalid, match="no day from 2018-03-02 to 2018-03-01; mend --from"):
        backtest([("x", [told("a", 1, 10)])], [], UTC_ZONE, date(2018, 3, 2), date(2018, 3, 1))


def test_an_incident_that_is_cut_by_the_days_is_one_in_every_column() -> None:
    from atalaia.batch.occurrences import Occurrence

    log = [told("a", 1, 22), told("a", 4, 10, "end")]
    happened = [Occurrence(int(datetime(2018, 3, 3, 12, tzinfo=UTC).timestamp()))]
    (one,) = backtest([("set", log)], happened, UTC_ZONE, date(2018, 3, 3), date(2018, 3, 5))
    assert one.verified is not None
    assert (one.incidents, one.warned_days, one.messages) == (1, 2, 1)
    score = one.verified.score
    assert (one.verified.incidents, score.hits + score.false_alarms) == (1, 2)
