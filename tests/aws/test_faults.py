"""Each call to AWS of each function fails once, as AWS fails: nothing is lost, nothing is doubled,
and either it was made again at once, or the function failed, which its alarm counts and after which
it is called again.

An episode is one alert's whole way: a reading that is pushed, judged, archived, told by a webhook,
refined, and what is old let go; at a place of its own and to a person of its own. One call of one
function fails in it.

Prints a table as it goes. ATALAIA_FAULTS=long: every call that a function makes, with every fault;
else the first of each kind, with one fault in turn. ATALAIA_FAULTS_OF names the functions to fail
in (`deliver fan-out`), all unless set.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import botocore.endpoint
import duckdb
import pytest

from atalaia.clock import Clock
from atalaia.domain.contact import read_contact
from atalaia.domain.delivery import Status
from atalaia.domain.hazard import Hazard
from atalaia.domain.subscription import Circle
from atalaia.homes.aws import HOLD_S
from atalaia.homes.aws.config import Config
from atalaia.homes.aws.local import LocalLake
from atalaia.people.registry import Registry
from atalaia.people.request import Request
from atalaia.people.subscribe import subscribe
from atalaia.run.aws import api, archive, deliver, deployment, detect, fan_out, refine, retention
from aws import moto
from aws.calls import CONFLICT, DENIED, LOST, THROTTLED, TIMED_OUT, Answer, Calls, counted
from aws.dynalite import started, use
from aws.mapper import Context, Mapper
from aws.outside import Outside
from aws.test_api import event

IS_LONG = os.environ.get("ATALAIA_FAULTS") == "long"
FAULTS = {
    "throttled": THROTTLED,
    "conflict": CONFLICT,
    "denied": DENIED,
    "lost": LOST,
    "timed out": TIMED_OUT,
}
WRITES = ("Put", "Update", "Delete", "TransactWrite")
"""What meets another's transaction in DynamoDB."""

KEY = "p8Zk2mQx7vN4tR1cW9sLbYd3"
LEASE_S = 200
"""After so long what a failed delivery had claimed may be claimed again."""

RULES = """
name = "warm"
[[rule]]
name = "warm"
hazard = "heat"
variable = "temperature_c"
limits = { orange = 35 }
exit = { orange = 30 }
expires_after = "90d"  # the long run takes days of its own clock
origin = "a test"
"""

TOLD_BY_ANOTHER = {
    ("fan-out", "sqs.SendMessage"): "a wake-up that is lost: the clock looks every minute",
}
"""What may fail in silence, and why that loses nothing."""


TAKES_UP = frozenset({"refine", "retention"})
"""What works on all that came since it did last."""


class Case(NamedTuple):
    """The nth call of this name that a function makes, and how it fails."""

    function: str
    call: str
    nth: int
    fault: str


class Failing:
    """Fails that call once, and listens whether it is made again."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._seen = 0
        self._params: Mapping[str, Any] | None = None
        self.is_again = False

    @property
    def has_failed(self) -> bool:
        return self._params is not None

    def __call__(self, name: str, params: Mapping[str, Any]) -> Answer | None:
        if name != self._case.call:
            return None
        if self._params is not None:
            # A transaction is made anew, with the numbers that are free by then.
            is_same = _timeless(params) == _timeless(self._params)
            self.is_again |= is_same or "TransactItems" in params
            return None
        self._seen += 1
        if self._seen < self._case.nth:
            return None
        self._params = params
        return FAULTS[self._case.fault]


def _timeless(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same question may be asked again as of a second later."""
    values = params.get("ExpressionAttributeValues", {})
    return {**params, "ExpressionAttributeValues": {**values, ":until": None}}


class Deployment:
    """One, with a clock that goes on by hand."""

    def __init__(self, config: Config, outside: Outside, calls: Calls) -> None:
        self._outside, self._calls = outside, calls
        self._ahead_s = 0.0
        self._numbers = itertools.count()
        self._target = ""
        self._failing: Failing | None = None
        self._heard: list[str] = []
        self._mappers = [
            Mapper(config.stream, self._called(name, handler), config.queue("dead"))
            for name, handler in (("detect", detect.handle), ("archive", archive.handle))
        ]
        home = deployment.home()
        self._registry = Registry(home.people, home.keys)
        self._people: list[str] = []

    def now(self) -> float:
        return time.time() + self._ahead_s

    def pass_through(self, target: str, case: Case | None = None) -> tuple[str, Counter[str]]:
        """One episode. Who heard of the fault, and what the target asked of AWS."""
        number = next(self._numbers)
        self._subscribe(number)
        self._ahead_s += 60
        self._target, self._heard = target, []
        self._failing = Failing(case) if case else None
        self._asked: Counter[str] = Counter()
        push = self._called("api", lambda *_: self._push(number))
        if self._fails(push):
            push({}, Context())
        for mapper in self._mappers:
            mapper.run()
        for name, handler in (
            ("fan-out", fan_out.handle),
            ("deliver", deliver.handle),
            ("refine", refine.handle),
            ("retention", retention.handle),
        ):
            if name in TAKES_UP and name != target:
                continue  # what they take up waits for them
            handle = self._called(name, handler)
            if self._fails(handle) or name == target:
                self._ahead_s += HOLD_S + 1 if name == "refine" else LEASE_S
                handle({}, Context())
        if self._failing is not None:
            assert self._failing.has_failed, f"{case} was not made"
            if self._failing.is_again:
                self._heard.insert(0, "made again")
        return ", ".join(dict.fromkeys(self._heard)) or "nobody", self._asked

    def _subscribe(self, number: int) -> None:
        """The person of an episode, who lives where it is."""
        hook = read_contact(f"webhook:{self._outside.hook}?{number}")
        here = Circle(name="here", latitude=lat(number), longitude=lon(number))
        asked = Request(contacts=(hook,), where=(here,), proof="a test")
        done = subscribe(self._registry, asked, int(self.now()), lambda *_: None)
        self._people.append(done.pseudonym)

    def _push(self, number: int) -> dict[str, Any]:
        at = datetime.fromtimestamp(int(self.now()), UTC).isoformat()
        row = {"place_id": f"p{number}", "valid_at": at, "temperature_c": 40}
        said = {"content_type": "application/json", "authorization": f"Bearer {KEY}"}
        body = json.dumps([row]).encode()
        return api.handle(event("/v1/readings", "POST", body, **said), Context())

    def _fails(self, handle: Callable[..., Any]) -> bool:
        """Call it; whether it has to be called again."""
        try:
            answer = handle({}, Context())
        except Exception:
            return True
        return bool(answer.get("statusCode", 0) >= 500)

    def _called(self, name: str, handler: Callable[..., Any]) -> Callable[..., Any]:
        """The function; what fails in it if it is the target, and hears of that."""

        def handle(given: dict[str, Any], context: Context) -> dict[str, Any]:
            if name != self._target:
                return handler(given, context)  # type: ignore[no-any-return]
            for part in (deployment, detect, api):
                part.forget()  # a new container: it makes the most calls
            before = self._calls.calls.copy()
            self._calls.fault = self._failing
            try:
                answer: dict[str, Any] = handler(given, context)
            except Exception as error:
                self._heard.append(f"the alarm ({type(error).__name__})")
                raise
            finally:
                self._calls.fault = None
                if not self._asked:
                    self._asked.update(self._calls.calls - before)
            if answer.get("batchItemFailures"):
                self._heard.append("the stream")
            if answer.get("statusCode", 0) >= 500:
                self._heard.append(f"who asked ({answer['statusCode']})")
            return answer

        return handle

    def came(self, number: int) -> tuple[list[Status], int]:
        """What became of the messages of an episode, and how often the webhook was called."""
        found = deployment.home().outbox.messages(person=self._people[number])
        return [m.status for m in found], sum(self._outside.times()[m.id] for m in found)


def cases(asked: Mapping[str, Counter[str]]) -> Iterator[Case]:
    """What is to fail, of what each function was seen to ask."""
    faults = itertools.cycle(FAULTS)
    for function, calls in asked.items():
        for call, n in sorted(calls.items()):
            possible = [
                fault
                for fault in FAULTS
                if fault != "conflict" or call.startswith(tuple(f"dynamodb.{w}" for w in WRITES))
            ]
            if IS_LONG:
                yield from (
                    Case(function, call, nth, fault)
                    for nth in range(1, n + 1)
                    for fault in possible
                )
                continue
            while (fault := next(faults)) not in possible:
                pass
            yield Case(function, call, 1, fault)


EVERY = 1 if IS_LONG else 3
"""One in so many is made to fail: an episode costs seconds."""

MOST = 2_000 if IS_LONG else 40
EVERYONE = "api detect archive fan-out deliver refine retention"
FUNCTIONS = tuple(os.environ.get("ATALAIA_FAULTS_OF", EVERYONE).split())


def test_whatever_fails_once_is_heard_of_and_loses_and_doubles_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in moto.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    use(started(), monkeypatch)
    hurried = SimpleNamespace(sleep=lambda _: None, time=time.time)
    monkeypatch.setattr(botocore.endpoint, "time", hurried)  # its own tries have pauses of seconds
    moto.reset(url)
    config = moto.deploy(url)
    (tmp_path / "warm.toml").write_text(RULES)
    (tmp_path / "atalaia.toml").write_text(settings(MOST))
    for name, value in moto.variables(config, str(tmp_path / "atalaia.toml")).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ATALAIA_API_KEY", KEY)
    with Outside() as outside, counted() as calls:
        deployment.forget()
        world = Deployment(config, outside, calls)
        monkeypatch.setattr(deployment, "CLOCK", Clock(now=world.now))
        world.pass_through("none")  # what a deployment writes once, whoever comes first
        asked = {}
        for function in FUNCTIONS:
            if function in TAKES_UP:
                world.pass_through(function)  # what has waited for it costs it more than one does
            asked[function] = world.pass_through(function)[1]
        first = 1 + len(FUNCTIONS) + len(TAKES_UP.intersection(FUNCTIONS))
        wanted = list(cases(asked))[::EVERY]
        assert first + len(wanted) + 2 <= MOST
        print(f"\n\n{'function':10} {'call':28} {'nth':>3} {'fails as':10} heard by")
        heard = []
        for function, call, nth, fault in wanted:
            who, _ = world.pass_through(function, Case(function, call, nth, fault))
            print(f"{function:10} {call:28} {nth:3} {fault:10} {who}", flush=True)
            heard.append(who)
        for name in ("retention", "refine"):
            world.pass_through(name)
        told = [world.came(first + i) for i in range(len(wanted))]
        n = first + len(wanted) + 2
        entries = [e.alert for _, e in deployment.home().state.alerts()]
        # Its clock goes on for hours, and stations that have had their turn fall silent.
        alerts = Counter(one.place_id for one in entries if one.hazard != Hazard.CANNOT_SEE)
        rows = in_gold()
    silent = [
        case
        for case, who in zip(wanted, heard, strict=True)
        if who == "nobody" and (case.function, case.call) not in TOLD_BY_ANOTHER
    ]
    assert not silent
    assert alerts == {f"p{i}": 1 for i in range(n)}, "the alert log"
    assert rows == {f"p{i}": 1 for i in range(n)}, "GOLD"
    for case, (statuses, hooks) in zip(wanted, told, strict=True):
        assert statuses == [Status.SENT], case
        # Delivery may not know whether a message went: it goes again, under the same id.
        assert hooks in ((1, 2) if case.function == "deliver" else (1,)), case


def in_gold() -> Counter[str]:
    """Rows of observations, by place."""
    with closing(LocalLake(deployment.home().lake)) as lake, duckdb.connect() as con:
        files = [str(lake.path(key)) for key in lake.keys("gold/readings/")]
        sql = "SELECT place_id, count(*) FROM read_parquet($files) GROUP BY place_id"
        return Counter(dict(con.execute(sql, {"files": files}).fetchall()))


def lat(number: int) -> float:
    return number % 100 - 50.0


def lon(number: int) -> float:
    return number // 100 - 150.0


def settings(places: int) -> str:
    lines = ['rules = "warm.toml"', "[sources.open-meteo]", "enabled = false"]
    lines += ["[channels.webhook]", 'allow = ["127.0.0.0/8"]']
    for i in range(places):
        lines += ["[[place]]", f'id = "p{i}"', f'name = "P{i}"', 'timezone = "UTC"']
        lines += [f"latitude = {lat(i)}", f"longitude = {lon(i)}"]
    return "\n".join(lines)
