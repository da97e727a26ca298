"""Buckets: bounded in any window, and always a true word on when to come again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from atalaia.api.access import SCOPES, Caller, Gate, Role
from atalaia.api.limits import SUBSCRIPTIONS, RateLimits
from atalaia.api.problem import Problem
from atalaia.domain.rate import Allowance, Rate
from atalaia.homes.embedded.meter import MemoryMeter

NOW = 1_700_000_000.0
CALLERS = {
    "program": Caller("k_1", SCOPES[Role.READER]),
    "operator": Caller("operator", SCOPES[Role.OPERATOR]),
}


class Buckets:
    """Those of one rate, at the instants that a test says."""

    def __init__(self, limit: int, most: int = 100) -> None:
        self.now = NOW
        self.meter = MemoryMeter(Rate("asking", limit, 60), lambda: self.now, most)

    def take(self, name: str, cost: int, now: float) -> Allowance:
        self.now = now
        return self.meter.take(name, cost)


@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.floats(0, 30), st.integers(1, 60)), min_size=1, max_size=60),
)
def test_no_window_sees_more_than_twice_the_limit_and_a_still_start_sees_the_limit(
    limit: int, steps: Sequence[tuple[float, int]]
) -> None:
    buckets = Buckets(limit)
    now, taken = NOW, []
    for wait, cost in steps:
        now += wait
        if buckets.take("a", cost, now).is_allowed:
            taken.append((now, min(cost, limit)))
    for start, _ in taken:
        inside = sum(cost for at, cost in taken if start <= at < start + 60)
        assert inside <= 2 * limit, "what was left, and what came back meanwhile"
    first = sum(cost for at, cost in taken if at == taken[0][0]) if taken else 0
    assert first <= limit


@given(st.integers(1, 40), st.lists(st.integers(1, 50), min_size=1, max_size=80))
def test_who_waits_as_long_as_is_said_gets_in(limit: int, costs: list[int]) -> None:
    buckets, now = Buckets(limit), NOW
    for cost in costs:
        taken = buckets.take("a", cost, now)
        assert 0 <= taken.left <= limit
        assert 0 <= taken.full_in <= 60
        assert (taken.retry_in == 0) == taken.is_allowed
        if not taken.is_allowed:
            now += taken.retry_in
            assert buckets.take("a", cost, now).is_allowed


def test_a_full_bucket_gives_its_limit_and_not_one_more() -> None:
    buckets = Buckets(10)
    told = [buckets.take("a", 1, NOW) for _ in range(12)]
    assert [t.is_allowed for t in told] == [True] * 10 + [False] * 2
    assert [t.left for t in told] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]
    assert told[-1].retry_in == 6, "a token comes back every six seconds"
    assert told[-1].full_in == 60


def test_a_refused_request_costs_nothing() -> None:
    buckets = Buckets(10)
    buckets.take("a", 8, NOW)
    for _ in range(100):
        assert not buckets.take("a", 5, NOW).is_allowed
    assert buckets.take("a", 2, NOW).is_allowed


def test_what_costs_more_than_the_limit_can_still_be_asked_once_a_window() -> None:
    buckets = Buckets(5)
    assert buckets.take("a", 20, NOW).is_allowed
    assert not buckets.take("a", 20, NOW + 59).is_allowed
    assert buckets.take("a", 20, NOW + 60).is_allowed


def test_one_name_uses_up_nothing_of_another() -> None:
    buckets = Buckets(1)
    assert all(buckets.take(f"address:{i}", 1, NOW).is_allowed for i in range(100))


def test_buckets_are_bounded_and_the_one_used_longest_ago_is_forgotten() -> None:
    buckets = Buckets(1, most=3)
    for i in range(1000):
        buckets.take(f"{i}", 1, NOW)
    assert len(buckets.meter) == 3
    assert not buckets.take("999", 1, NOW).is_allowed
    assert buckets.take("1", 1, NOW).is_allowed, "forgotten, and so full again"


def test_a_clock_that_goes_back_gives_no_tokens_away() -> None:
    buckets = Buckets(2)
    buckets.take("a", 2, NOW)
    assert not buckets.take("a", 1, NOW - 3600).is_allowed


# As the API has them


class Asker:
    """Sends requests through the limits, and hears what comes back."""

    def __init__(self, limit: int, *said: tuple[bytes, bytes]) -> None:
        self.now = NOW
        self.passed = 0
        self.said = said
        self.gate = Gate(CALLERS.get, is_public=True)
        self.limits = RateLimits(
            self._app, self.gate, limit, lambda rate: MemoryMeter(rate, lambda: self.now)
        )

    async def _app(self, scope: Any, _receive: Any, send: Any) -> None:
        self.passed += 1
        with contextlib.suppress(Problem):
            self.gate.caller(Request(scope))  # from now on the gate knows the key
        await send({"type": "http.response.start", "status": 200, "headers": [*self.said]})

    def ask(
        self,
        path: str = "/v1/places",
        method: str = "GET",
        key: str = "",
        address: str = "10.0.0.1",
    ) -> tuple[int, dict[str, str]]:
        sent: list[dict[str, Any]] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "http.request", "body": b""}

        headers = [(b"authorization", f"Bearer {key}".encode())] if key else []
        scope = {
            "type": "http", "method": method, "path": path, "headers": headers,
            "client": (address, 1234) if address else None,
        }  # fmt: skip
        asyncio.run(self.limits(scope, receive, send))
        start = sent[0]
        found = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        return start["status"], found


def test_every_answer_says_what_is_left_and_one_too_many_says_when() -> None:
    asker = Asker(3)
    for left in (2, 1, 0):
        status, headers = asker.ask()
        assert (status, headers["ratelimit-remaining"]) == (200, str(left))
        assert headers["ratelimit-policy"] == "3;w=60"
    status, headers = asker.ask()
    assert (status, asker.passed) == (429, 3)
    assert headers["retry-after"] == "20"
    asker.now += 20
    assert asker.ask()[0] == 200


def test_what_caches_keep_for_everybody_does_not_say_what_one_has_left() -> None:
    asker = Asker(3, (b"cache-control", b"public, max-age=10"))
    found = [asker.ask("/feeds/cap.atom") for _ in range(4)]
    assert [status for status, _ in found] == [200, 200, 200, 429], "and is counted all the same"
    assert [sorted(headers) for _, headers in found[:3]] == [["cache-control"]] * 3


@pytest.mark.parametrize("path", ["/healthz", "/", "/v1/events", "/v1/telegram"])
def test_what_is_not_limited_is_never_refused(path: str) -> None:
    asker = Asker(1)
    assert all(asker.ask(path)[0] == 200 for _ in range(20))
    assert "ratelimit-limit" not in asker.ask(path)[1]


def test_no_limit_is_no_limit() -> None:
    asker = Asker(0)
    assert all(asker.ask()[0] == 200 for _ in range(50))


def test_who_has_a_key_gets_in_where_others_of_the_address_used_theirs_up() -> None:
    asker = Asker(2)
    assert [asker.ask()[0] for _ in range(3)] == [200, 200, 429]
    first_seen, *then = [asker.ask(key="program")[0] for _ in range(4)]
    assert first_seen == 200
    assert then == [200, 200, 429]
    assert asker.ask(key="program", address="10.9.9.9")[0] == 429, "wherever they call from"


def test_the_operators_own_key_is_not_limited() -> None:
    asker = Asker(1)
    assert all(asker.ask(key="operator")[0] == 200 for _ in range(20))


def test_guessing_keys_is_ten_times_as_dear_and_does_not_lock_out_who_has_none() -> None:
    asker = Asker(30)
    assert [asker.ask(key=f"guess {i}")[0] for i in range(4)] == [200, 200, 200, 429]
    assert asker.ask()[0] == 200


def test_a_customers_whole_network_of_ipv6_is_one_address_and_mapped_ipv4_is_not() -> None:
    asker = Asker(2)
    first = [asker.ask(address=f"2001:db8:1:2::{i}")[0] for i in range(1, 4)]
    assert first == [200, 200, 429]
    assert asker.ask(address="2001:db8:1:3::1")[0] == 200
    assert asker.ask(address="fe80::1%eth0")[0] == 200
    assert [asker.ask(address=f"::ffff:10.0.0.{i}")[0] for i in (1, 2, 3)] == [200] * 3


def test_an_address_that_is_none_is_limited_all_the_same() -> None:
    asker = Asker(1)
    assert [asker.ask(address="")[0] for _ in range(2)] == [200, 429]
    assert [asker.ask(address="unix:socket")[0] for _ in range(2)] == [200, 429]


def test_subscribing_has_a_bucket_of_its_own_that_fills_by_the_hour() -> None:
    asker = Asker(1000)
    ask = [asker.ask("/v1/subscribe", "POST")[0] for _ in range(SUBSCRIPTIONS + 1)]
    assert ask == [200] * SUBSCRIPTIONS + [429]
    assert asker.ask("/v1/places")[0] == 200
    asker.now += 120
    assert asker.ask("/v1/subscribe", "POST")[0] == 200


def test_previews_cost_twenty() -> None:
    asker = Asker(60)
    assert [asker.ask("/v1/preview", "POST")[0] for _ in range(4)] == [200, 200, 200, 429]


@pytest.mark.parametrize("path", ["/place/", "/system///", "/share/", "/v1/", "/widget/"])
def test_an_address_that_ends_with_a_slash_is_limited_too(path: str) -> None:
    asker = Asker(5)
    assert 429 in [asker.ask(path)[0] for _ in range(6)]
