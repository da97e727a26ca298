"""The whole API against its own description: what is generated from it, over HTTP.

400 requests; with ATALAIA_SCHEMATHESIS=10000 (`make fuzz-api`) as many as that.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, seed, settings

from patience import LIMIT_S, slowness

from .world import PUSH_KEY, watching

REQUESTS = int(os.environ.get("ATALAIA_SCHEMATHESIS", "400"))

KNOWN = {"place_id": "p1", "place": "p1", "hazard": "wind"}
"""Values that are there: every other case asks for them, so that there is something to answer."""


KEY = {"Authorization": f"Bearer {PUSH_KEY}"}
A_TURN = 12
"""Requests of one operation, at most, before the next one's turn; some have but a few."""

HOW = settings(
    max_examples=A_TURN, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """A watch in a thread of its own, with something in it; its address."""
    began, done = threading.Event(), threading.Event()
    found: dict[str, Any] = {}

    async def run() -> None:
        env = {
            "ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false",
            "ATALAIA_API_KEY": PUSH_KEY,
            "ATALAIA_API_RATE_LIMIT": "0",
        }
        async with watching(folder, **env) as world:
            for i, gust in enumerate((21.0, 30.0, 2.0)):
                reading = {
                    "place_id": "p1",
                    "valid_at": f"2026-01-10T1{i}:00:00Z",
                    "wind_gust_m_s": gust,
                }
                status, told, _ = await world.post("/v1/readings", json.dumps(reading))
                assert status == 202, told
            await world.live.settled()
            found["url"] = world.url("")
            began.set()
            while not done.is_set():
                await asyncio.sleep(0.02)

    def story() -> None:
        try:
            asyncio.run(run())
        finally:
            began.set()

    thread = threading.Thread(target=story)
    thread.start()
    assert began.wait(LIMIT_S)
    try:
        yield found["url"]
    finally:
        done.set()
        thread.join(LIMIT_S)


def generated(operation: Any, turn: int, ask: Callable[[Any], None]) -> None:
    """Ask an operation what is made of its description; the same each time."""

    @seed(turn)
    @HOW
    @given(case=operation.as_strategy())
    def each(case: Any) -> None:
        ask(case)

    each()


def test_what_is_generated_from_the_description_is_answered_by_it(tmp_path: Path) -> None:
    import schemathesis  # it takes a second, which no other test needs
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    held_to = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    ]
    with running(tmp_path) as url:
        # Its own limit is 10 s, in which a busy machine has not described all.
        within_s = LIMIT_S * slowness()
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json", timeout=within_s)
        found = [each.ok() for each in schema.get_all_operations()]
        operations = [each for each in found if each.path != "/v1/events"]  # it never ends
        assert len(operations) > 25
        asked, turn = 0, 0
        statuses: Counter[int] = Counter()

        def ask(case: Any) -> None:
            nonlocal asked
            asked += 1
            if asked % 2:
                for name in (case.path_parameters or {}).keys() & KNOWN.keys():
                    case.path_parameters[name] = KNOWN[name]
            response = case.call(session=session, headers=KEY, timeout=within_s)
            statuses[response.status_code] += 1
            case.validate_response(response, checks=held_to)

        with requests.Session() as session:
            while asked < REQUESTS:
                turn += 1
                for operation in operations:
                    if asked >= REQUESTS:
                        break
                    generated(operation, turn, ask)
        assert not any(status >= 500 and status != 503 for status in statuses), statuses
        assert statuses[200] > 50


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
