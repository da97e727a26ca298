"""Each alarm on what waits, tried by making its fault: a function that fails, or comes late."""

from __future__ import annotations

import time
from contextlib import suppress
from importlib import import_module
from typing import Any

import pytest

from atalaia.clock import Clock
from atalaia.errors import StateConflict
from atalaia.homes.aws.config import Config
from atalaia.ports import Commit
from atalaia.run.aws import deployment
from aws.alarms import alarms, ringing
from aws.calls import DENIED, Calls
from aws.dynalite import dynalite  # noqa: F401  a fixture
from aws.mapper import Context
from aws.test_tell import deployed, subscribed  # noqa: F401  a fixture
from telling import news


def run(capsys: pytest.CaptureFixture[str], *names: str) -> set[str]:
    """A minute of the clock: which alarms ring after it."""
    for name in names:
        with suppress(StateConflict):
            import_module(f"atalaia.run.aws.{name}").handle({}, Context(22))
    return ringing(capsys.readouterr().out)


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(deployment, "CLOCK", Clock(now=lambda: time.time() + seconds))
    deployment.forget()


def told(at: int, first: int = 1, n: int = 1) -> None:
    entries = [news(f"i{i}", at=at) for i in range(first, first + n)]
    deployment.home().state.commit(Commit("speed/lane-0", first, entries=entries))


def denies(name: str, **asked: str) -> Any:
    return lambda call, given: DENIED if call == name and asked.items() <= given.items() else None


ALL = ("fan_out", "deliver", "refine")


def test_where_all_is_well_none_rings(
    deployed: Config,  # noqa: F811
    calls: Calls,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subscribed()
    told(int(time.time()))
    run(capsys, *ALL)
    assert run(capsys, *ALL) == set()
    later(monkeypatch, 7_200)
    assert run(capsys, *ALL) == set()


def test_fan_out_that_cannot_write_and_one_that_cannot_read_ring(
    deployed: Config,  # noqa: F811
    calls: Calls,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subscribed()
    told(int(time.time()))
    later(monkeypatch, 600)
    calls.fault = denies("dynamodb.TransactWriteItems")
    assert "waiting-entry" in run(capsys, *ALL)
    calls.fault = denies("dynamodb.Query")
    assert {"waiting-entry", "waiting-message"} <= run(capsys, *ALL)
    calls.fault = None
    run(capsys, "fan_out", "deliver")
    assert run(capsys, *ALL) == set()


def test_a_log_that_grows_faster_than_it_is_fanned_out_rings(
    deployed: Config,  # noqa: F811
    calls: Calls,
    capsys: pytest.CaptureFixture[str],
) -> None:
    told(int(time.time()), 1, 510)
    calls.fault = denies("dynamodb.TransactWriteItems")
    assert run(capsys, *ALL) == {"behind-fan-out"}


def test_messages_that_nobody_sends_ring(
    deployed: Config,  # noqa: F811
    calls: Calls,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subscribed()
    told(int(time.time()))
    run(capsys, "fan_out")
    later(monkeypatch, 900)
    assert run(capsys, "fan_out", "refine") == {"waiting-message"}
    run(capsys, "deliver")
    assert run(capsys, *ALL) == set()


def test_payloads_that_do_not_come_into_gold_ring(
    deployed: Config,  # noqa: F811
    calls: Calls,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = deployment.home()
    key = "raw/payloads/source=x/date=2026-01-10/hour=12/part-00000000000000000007.ndjson.zst"
    home.state.commit(Commit("archive", 1, items={"part:7": key.encode()}))
    calls.fault = denies("s3.GetObject", Key=key)
    assert run(capsys, *ALL) == {"waiting-payload"}


def test_every_alarm_on_what_waits_was_tried() -> None:
    assert set(alarms()) == {
        "waiting-entry",
        "waiting-message",
        "waiting-payload",
        "behind-fan-out",
    }
