"""What the AWS home asks of AWS, counted function by function, in a storm over all of its places.

Counts, not times: calls, units of DynamoDB and bytes, as `aws.calls` sees them between the program
and the wire. ATALAIA_LOAD=1 is the whole of it, 100,000 people and 5,571 places (hours); else some
hundred of each. ATALAIA_LOAD_PEOPLE and ATALAIA_LOAD_PLACES set them.

The storm: each place passes a limit in one round of polling; each person is told of what is near
them; and the same a second time, when it is over. Then an idle minute. `tools/growth.py` goes on
from these counts.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from atalaia.clock import Clock
from atalaia.domain.contact import read_contact
from atalaia.domain.payload import Payload
from atalaia.domain.subscription import Circle
from atalaia.people.registry import Registry
from atalaia.people.request import Request
from atalaia.people.subscribe import subscribe
from atalaia.run.aws import archive, deliver, deployment, detect, fan_out, refine
from atalaia.sources import readings_csv
from aws import moto
from aws.calls import Calls, counted
from aws.dynalite import started, use
from aws.mapper import Context, Mapper
from aws.test_faults import RULES, lat, lon, settings

IS_WHOLE = bool(os.environ.get("ATALAIA_LOAD"))
PEOPLE = int(os.environ.get("ATALAIA_LOAD_PEOPLE", "100000" if IS_WHOLE else "100"))
PLACES = int(os.environ.get("ATALAIA_LOAD_PLACES", "5571" if IS_WHOLE else "100"))
AN_ANSWER = 100
"""Places of one answer of Open-Meteo."""


class Cost(NamedTuple):
    """Of some work, per one of what it is counted by."""

    what: str
    per: str
    n: int
    calls: float
    write: float
    index: float
    read: float
    kilobytes: float


class World:
    """A deployment under the counter."""

    def __init__(self, calls: Calls, now: Callable[[], float]) -> None:
        self._calls = calls
        self._now = now
        self.costs: list[Cost] = []

    def counted(self, what: str, per: str, n: int, do: Callable[[], object]) -> Cost:
        calls, units, size = self._calls.total, self._calls.units.copy(), self._calls.bytes
        do()
        units = {name: self._calls.units[name] - units[name] for name in ("write", "index", "read")}
        cost = Cost(
            what,
            per,
            n,
            (self._calls.total - calls) / n,
            *(units[name] / n for name in ("write", "index", "read")),
            (self._calls.bytes - size) / n / 1000,
        )
        self.costs.append(cost)
        return cost

    def answers(self, value: float) -> Iterator[Payload]:
        at = int(self._now())
        text = datetime.fromtimestamp(at, UTC).isoformat()
        head = "place_id,valid_at,period_s,kind,temperature_c"
        for first in range(0, PLACES, AN_ANSWER):
            places = tuple(f"p{i}" for i in range(first, min(first + AN_ANSWER, PLACES)))
            rows = "".join(f"{place},{text},0,observed,{value}\n" for place in places)
            yield Payload(
                source=readings_csv.NAME,
                content=readings_csv.CSV,
                places=places,
                received_at=at,
                body=f"{head}\n{rows}".encode(),
            )


@contextmanager
def a_world(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, rules: str, places: int
) -> Iterator[tuple[World, str, list[float]]]:
    """One under the counter, the name of its stream, and by how much its clock is ahead."""
    for name, value in moto.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    use(started(), monkeypatch)
    moto.reset(url)
    config = moto.deploy(url)
    (folder / "warm.toml").write_text(RULES)
    text = settings(places).replace('rules = "warm.toml"', rules)
    (folder / "atalaia.toml").write_text(text)
    for name, value in moto.variables(config, str(folder / "atalaia.toml")).items():
        monkeypatch.setenv(name, value)
    ahead = [0.0]
    with counted() as calls:
        for part in (deployment, detect):
            part.forget()
        monkeypatch.setattr(deployment, "CLOCK", Clock(now=lambda: time.time() + ahead[0]))
        yield World(calls, lambda: time.time() + ahead[0]), config.stream, ahead
        for part in (deployment, detect):
            part.forget()


def test_load_a_storm_over_all_places_costs_what_is_counted_here(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_world(url, tmp_path, monkeypatch, 'rules = "warm.toml"', PLACES) as given:
        a_storm(*given)


def a_storm(here: World, stream: str, ahead: list[float]) -> None:
    home = deployment.home()
    registry = Registry(home.people, home.keys)

    def subscribe_all() -> None:
        for i in range(PEOPLE):
            where = Circle(name="here", latitude=lat(i % PLACES), longitude=lon(i % PLACES))
            asked = Request(contacts=(read_contact("inbox"),), where=(where,), proof="a test")
            subscribe(registry, asked, int(time.time()) - 60, lambda *_: None)

    here.counted("subscribing", "person", PEOPLE, subscribe_all)
    answers = -(-PLACES // AN_ANSWER)
    detects = Mapper(stream, detect.handle, "", size=1)
    archives = Mapper(stream, archive.handle, "", size=5_000)

    def appended(value: float) -> None:
        for payload in here.answers(value):
            home.stream.append([payload])

    here.counted("detect, cold", "start", 1, detects.run)
    here.counted("fan-out, cold", "person", PEOPLE, lambda: fan_out.handle({}, Context(900)))
    here.counted("deliver, cold", "person", PEOPLE, lambda: deliver.handle({}, Context(900)))
    for what, value in (("the first", 33.0), ("calm", 33.1), ("a storm", 37.0)):
        ahead[0] += 900
        here.counted(f"{what}: poll", "answer", answers, lambda v=value: appended(v))
        here.counted(f"{what}: detect", "answer", answers, detects.run)
        here.counted(f"{what}: archive", "answer", answers, archives.run)
        if what != "a storm":
            continue
        here.counted(
            f"{what}: fan-out", "message", PEOPLE, lambda: fan_out.handle({}, Context(900))
        )
        here.counted(
            f"{what}: deliver", "message", PEOPLE, lambda: deliver.handle({}, Context(900))
        )
    here.counted("refine", "answer", 3 * answers, lambda: refine.handle({}, Context(900)))
    ahead[0] += 60
    for name, handler in (("fan-out", fan_out.handle), ("deliver", deliver.handle)):
        here.counted(f"idle: {name}", "minute", 1, lambda h=handler: h({}, Context(900)))
    print(table(here.costs))
    sent = home.outbox.counts()
    assert sent == {("inbox", "sent"): PEOPLE}, "each person was told, and once"
    keep_within(here.costs)


def keep_within(costs: Sequence[Cost]) -> None:
    by = {cost.what: cost for cost in costs}
    assert by.keys() & MOST.keys()
    for what in by.keys() & MOST.keys():
        assert by[what].calls <= MOST[what].calls, by[what]
        assert by[what].write + by[what].index <= MOST[what].units, by[what]


def test_load_answers_as_open_meteo_gives_them(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 100 places, 72 hours each, by the rule set `inmet`: a state as large as it is in truth."""
    growth = tool()
    with a_world(url, tmp_path, monkeypatch, 'rules = "inmet"', AN_ANSWER) as (here, stream, _):
        home, places = deployment.home(), deployment.settings().places
        monkeypatch.setattr(deployment, "CLOCK", Clock(now=lambda: 1_767_225_600.0))
        detects = Mapper(stream, detect.handle, "", size=1)
        archives = Mapper(stream, archive.handle, "", size=5_000)
        answers = list(growth.answers(places, WARM + 4))
        home.stream.append(answers[:WARM])
        detects.run()
        archives.run()
        here.counted("open-meteo: poll", "answer", 4, lambda: home.stream.append(answers[WARM:]))
        here.counted("open-meteo: detect", "answer", 4, detects.run)
        here.counted("open-meteo: archive", "answer", 4, archives.run)
        print(table(here.costs))
    keep_within(here.costs)


WARM = 8
"""Answers before what is counted: the first are all news."""


def tool() -> ModuleType:
    """tools/growth.py, which makes weather in the shape of Open-Meteo's answers."""
    file = Path(__file__).resolve().parents[2] / "tools" / "growth.py"
    spec = importlib.util.spec_from_file_location("growth_tool", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look for it
    spec.loader.exec_module(module)
    return module


class Most(NamedTuple):
    """Calls, and write units with those of indexes."""

    calls: float
    units: float


MOST = {
    "open-meteo: detect": Most(8, 900),
    "calm: detect": Most(8, 300),
    "a storm: detect": Most(16, 900),
    "a storm: fan-out": Most(9, 10),
    "a storm: deliver": Most(3, 19),
    "idle: fan-out": Most(18, 0),
    "idle: deliver": Most(4, 0),
}
"""Of one of what each is counted by, for one person to a place and more: most of what fan-out asks
for is for an alert, however many it goes to."""


def table(costs: Sequence[Cost]) -> str:
    head = ("of", "per", "how many", "calls", "write units", "of indexes", "read units", "kB")
    rows = [(c.what, c.per, f"{c.n:,}", *(f"{v:,.2f}" for v in c[3:])) for c in costs]
    lines = ["| " + " | ".join(row) + " |" for row in (head, *rows)]
    said = json.dumps({"people": PEOPLE, "places": PLACES})
    return "\n".join(["", said, lines[0], "|---|---" + "|--:" * 6 + "|", *lines[1:]])
