"""What is too large for one transaction takes effect as a whole all the same, wherever a process
dies: before any of its calls, or after AWS has done it."""

from __future__ import annotations

import importlib.util
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from atalaia import rules
from atalaia.detect.watch import Watch
from atalaia.domain.delivery import Status
from atalaia.domain.place import Place, Places
from atalaia.errors import AtalaiaError
from atalaia.homes.aws import AwsHome, open_home
from atalaia.homes.aws.clients import code_of
from atalaia.homes.aws.config import Config
from atalaia.homes.aws.redo import Redo
from atalaia.ports import Commit, FanOut, Record
from atalaia.sources import decode_all
from aws import moto
from aws.calls import Answer, counted
from telling import delivery, message, news

Deed = Callable[[AwsHome], object]


@pytest.fixture(autouse=True)
def _environment(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in moto.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)


@pytest.fixture
def config(url: str) -> Config:
    return deployed(url)


def deployed(url: str) -> Config:
    moto.reset(url)
    return moto.deploy(url, only=("dynamodb",))


class Death:
    """A process makes so many writes; the last it does not hear of (`is_done`), or never makes."""

    def __init__(self, writes: int, *, is_done: bool) -> None:
        self.left = writes
        self._is_done = is_done

    def __call__(self, name: str, _params: Mapping[str, Any]) -> Answer | None:
        self.left -= not name.endswith(("GetItem", "Query"))
        if self.left > 0:
            return None
        return Answer(400, "AccessDeniedException", is_done=self._is_done and self.left == 0)


def deaths(url: str, before: Deed, deed: Deed) -> Iterator[tuple[AwsHome, str]]:
    """One after the other: `before`, and then the deed by a process that dies at its first write,
    its second …, until one has all the writes that it wants. Of each: the home that it leaves
    behind, and at which write it died."""
    for is_done in (False, True):
        for writes in range(1, 60):
            config = deployed(url)
            before(open_home(config))
            if _lives(deed, config, Death(writes, is_done=is_done)):
                break
            yield open_home(config), f"write {writes}, {'done' if is_done else 'not made'}"
        else:
            raise AssertionError("it writes without end")


def _lives(deed: Deed, config: Config, death: Death) -> bool:
    with counted(death):
        try:
            deed(open_home(config))
        except AtalaiaError:
            return False
    return True


def test_a_commit_is_there_as_a_whole_or_not_at_all_and_can_be_made_again(url: str) -> None:
    long = random.Random(1).randbytes(1_500)

    def large(offset: int) -> Commit:
        items = {f"place:{i}": b"%d %s" % (offset, long) for i in range(130)}
        entries = [news(f"i{n}", offset, at=offset) for n in range(20)]
        return Commit("speed", offset, items=items, entries=entries)

    def commit(home: AwsHome, offset: int) -> None:
        state = home.state
        state.offset("speed")
        state.commit(large(offset))

    ways = {1: 0, 2: 0}
    for home, died in deaths(url, lambda home: commit(home, 1), lambda home: commit(home, 2)):
        at = home.state.offset("speed")
        ways[at] += 1
        assert set(home.state.load("place:").values()) == {b"%d %s" % (at, long)}, died
        assert len(list(home.state.alerts())) == 20 * at, died
        assert len(home.state.life("i7")) == at, died
        assert home.state.commit(large(2)) is (at == 1), died
        assert set(home.state.load("place:").values()) == {b"2 %s" % long}, died
        assert len(home.state.life("i7")) == 2, died
    assert min(ways.values()) > 0


def test_what_comes_late_of_a_commit_is_not_written_over_a_newer_one(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[Callable[[], None]] = []
    write_out = Redo._write_out
    items = {f"place:{i}": b"old" for i in range(150)}
    with monkeypatch.context() as slow:
        slow.setattr(Redo, "_write_out", lambda *all_: left.append(partial(write_out, *all_)))
        open_home(config).state.commit(Commit("speed", 1, items=items))
    assert left
    state = open_home(config).state
    state.commit(Commit("speed", 2, items=dict.fromkeys(items, b"new")))
    for late in left:
        late()
    assert set(state.load("place:").values()) == {b"new"}


def test_a_step_of_fan_out_is_made_as_a_whole_or_can_be_made_again(url: str) -> None:
    messages = [message(f"m{i}", f"p_{i}") for i in range(36)]
    carried = [delivery(one) for one in messages]
    step = FanOut(before="", position="1", now=1, messages=messages, deliveries=carried)

    def fan_out(home: AwsHome) -> None:
        home.outbox.fan_out(step)

    ways = {"": 0, "1": 0}
    for home, died in deaths(url, lambda _: None, fan_out):
        at = home.outbox.position()
        ways[at] += 1
        assert len(home.outbox.told(["i1"])) == (36 if at else 0), died
        if not at:
            assert home.outbox.fan_out(step) == 36, died
        assert home.outbox.counts() == {("telegram", Status.DUE): 36}, died
    assert min(ways.values()) > 0


def answered(places_n: int, polls: int = 3) -> Iterator[Mapping[str, bytes | None]]:
    """The items of the commits of the last two of so many answers for made-up places, as the
    program makes them."""
    path = Path(__file__).resolve().parents[2] / "tools/growth.py"
    spec = importlib.util.spec_from_file_location("growth", path)
    assert spec is not None
    assert spec.loader is not None
    growth = sys.modules["growth"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(growth)
    places = Places(
        Place(id=f"p{i}", name=f"P{i}", latitude=-30 + i * 0.01, longitude=-50.0)
        for i in range(places_n)
    )
    watch = Watch(rules.load("inmet"), places, decode_all(places))
    for offset, payload in enumerate(growth.answers(places, polls), 1):
        _, commit = watch.step([Record(offset, payload)])
        if offset > polls - 2:
            yield commit.items


@pytest.mark.parametrize(("entries", "units"), [(0, 900), (20, 900), (100, 1_100)])
def test_an_answer_of_100_places_is_8_calls_and_900_units_at_most(
    config: Config, entries: int, units: int
) -> None:
    """Where each place has news at once, its 200 rows of the log cost some units more."""
    with counted() as calls:
        state = open_home(config).state
        for offset, items in enumerate(answered(100), 1):
            state.offset("speed/lane-0")
            calls.calls.clear()
            calls.units.clear()
            told = [news(f"i{offset}-{n}", at=offset) for n in range(entries)]
            state.commit(Commit("speed/lane-0", offset, items=items, entries=told))
            assert calls.total <= 8, calls
            assert calls.units["write"] <= units, calls


def test_an_answer_that_never_came_has_no_code_of_aws() -> None:
    assert code_of(ReadTimeoutError(endpoint_url="http://127.0.0.1")) == ""
