"""What the AWS home asks of AWS, counted function by function, in a storm over all of its places.

Counts, not times: calls, units of DynamoDB and bytes, as `aws.calls` sees them between the program
and the wire. ATALAIA_LOAD=1 is the whole of it, 100,000 people and 5,571 places (hours); else 300
at 100, which docs/growth.md has the table of. ATALAIA_LOAD_PEOPLE and ATALAIA_LOAD_PLACES set them.

The storm: each place passes a limit in one round of polling, and each person is told of what is
near them. Then an idle minute. `tools/growth.py` goes on from these counts.
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
PEOPLE = int(os.environ.get("ATALAIA_LOAD_PEOPLE", "100000" if IS_WHOLE else "300"))
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
        here.counted(f"{what}: deliver", "message", PEOPLE, until_all_went)
    here.counted("refine", "answer", 3 * answers, lambda: refine.handle({}, Context(900)))
    ahead[0] += 60
    for name, handler in (("fan-out", fan_out.handle), ("deliver", deliver.handle)):
        here.counted(f"idle: {name}", "minute", 1, lambda h=handler: h({}, Context(900)))
    print(table(here.costs))
    sent = home.outbox.counts()
    assert sent == {("inbox", "sent"): PEOPLE}, "each person was told, and once"
    keep_within(here.costs)
    are_on_the_page(here.costs)


def until_all_went() -> None:
    """Called again as its queue would, where a quarter of an hour was too short: what plays AWS
    here is slower."""
    outbox = deployment.home().outbox
    for _ in range(100):
        deliver.handle({}, Context(900))
        if outbox.oldest_due(deployment.CLOCK.second()) is None:
            return
    pytest.fail("it goes on for ever")


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
    are_on_the_page(here.costs)


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


ON_THE_PAGE = {
    "subscribing": "subscribing",
    "fan-out, cold": "a new copy of `fan-out` that finds no snapshot",
    "open-meteo: poll": "an answer of Open-Meteo: `poll`",
    "open-meteo: detect": "… `detect`",
    "open-meteo: archive": "… `archive`",
    "calm: detect": "a short answer, without news: `detect`",
    "a storm: detect": "a storm, 100 alerts an answer: `detect`",
    "a storm: fan-out": "a storm: `fan-out`",
    "a storm: deliver": "a storm: `deliver`",
    "refine": "a storm: `refine`, three answers and 300 messages",
    "idle: fan-out": "a minute of nothing: `fan-out`",
    "idle: deliver": "a minute of nothing: `deliver`",
}
"""What docs/growth.md calls each of its rows, which are of the short form."""

AGREES = 0.15
"""How far a row may be from the page's: how much goes together hangs on how fast things are."""


def are_on_the_page(costs: Sequence[Cost]) -> None:
    """In the short form: what was counted is what docs/growth.md says."""
    said = [(ON_THE_PAGE[cost.what], cost) for cost in costs if cost.what in ON_THE_PAGE]
    rows = [f"| {name} | {cost.per} | {_cells(cost)} |" for name, cost in said]
    print("", "docs/growth.md, of this:", *rows, sep="\n")
    if (PEOPLE, PLACES) != (300, 100):
        return
    page = tool().counted_on_the_page()
    for (name, cost), row in zip(said, rows, strict=True):
        # An answer or a minute may meet a look that is made once a minute: a call or two.
        near = pytest.approx(page[name], rel=AGREES, abs=0.3 if cost.n >= PEOPLE else 2.0)
        assert [*cost[3:7]] == near, f"docs/growth.md: {row}"


class Most(NamedTuple):
    """Calls, and write units with those of indexes."""

    calls: float
    units: float


MOST = {
    "open-meteo: detect": Most(8, 900),
    "calm: detect": Most(8, 300),
    "a storm: detect": Most(8, 900),
    "a storm: fan-out": Most(9, 10),
    "a storm: deliver": Most(3, 19),
    "idle: fan-out": Most(18, 0),
    "idle: deliver": Most(4, 0),
}
"""Of one of what each is counted by, for one person to a place and more: most of what fan-out asks
for is for an alert, however many it goes to."""


def _cells(cost: Cost) -> str:
    return " | ".join(f"{value:,.2f}" for value in cost[3:])


def table(costs: Sequence[Cost]) -> str:
    head = ("of", "per", "how many", "calls", "write units", "of indexes", "read units", "kB")
    rows = [(c.what, c.per, f"{c.n:,}", _cells(c)) for c in costs]
    lines = ["| " + " | ".join(row) + " |" for row in (head, *rows)]
    said = json.dumps({"people": PEOPLE, "places": PLACES})
    return "\n".join(["", said, lines[0], "|---|---" + "|--:" * 6 + "|", *lines[1:]])
