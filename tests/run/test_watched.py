"""A running watch, looked at as its operator does: by examples/, and a real Prometheus."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from prometheus_client.parser import text_string_to_metric_families

from atalaia.domain.alert import instant
from mosquitto import Mosquitto, broker, needs_mosquitto
from patience import patient
from prometheus import needs_prometheus, prometheus
from test_watched import ASKED, EXAMPLES, asked, declared, rules
from usecases.cases import Target

from .test_listening import report
from .world import PUSH_KEY, Clock, World, refuse, watching

NOT_IN_THE_STORY = {"atalaia_delivery_capped_total", "atalaia_recipients_snapshots_total"}
"""What comes only where money is used up, or after hours: tests/test_watched.py has the labels."""


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    with broker(tmp_path / "broker") as found:
        yield found


def story(folder: Path, mosquitto: Mosquitto, tell: Callable[[World], Awaitable[None]]) -> None:
    """A watch to which all has happened that its figures tell of."""
    target = Target()
    env = {
        "ATALAIA_API_KEY": PUSH_KEY,
        "ATALAIA_CHANNELS_WEBHOOK_ALLOW": "127.0.0.0/8",
        "ATALAIA_SOURCES_WIS2_BROKERS": mosquitto.url,
        "ATALAIA_SOURCES_WIS2_COUNTRY": "br",
    }

    async def run() -> None:
        async with watching(folder, clock=Clock(int(time.time())), **env) as world:
            await lived(world, mosquitto, target)
            await tell(world)

    try:
        asyncio.run(run())
    finally:
        target.close()


async def lived(world: World, mosquitto: Mosquitto, target: Target) -> None:
    (subscriber,) = world.live.subscribers
    await world.until(
        lambda: bool(subscriber.sessions) and all(not one.fault for one in subscriber.sessions)
    )
    await asyncio.to_thread(mosquitto.publish, [report(11)])
    await world.until(lambda: _heard(subscriber))
    wish = {
        "contacts": [f"webhook:{target.url}"],
        "where": [{"latitude": -1.5, "longitude": 0, "radius_km": 2}],
        "hazards": {"wind": "yellow"},
        "language": "en",
    }
    status, told, _ = await world.post("/v1/subscriptions", json.dumps(wish))
    assert status == 201, told
    await world.until(lambda: target.bodies)
    code = json.dumps({"code": target.bodies[0]["data"]["code"]})
    path = f"/v1/people/{told['person']}/confirm"
    assert (await world.post(path, code, key=None))[0] == 200
    await world.turn(60)
    gust = {"place_id": "p1", "valid_at": instant(world.clock.second()), "wind_gust_m_s": 21.0}
    for body in ([gust], [{**gust, "wind_gust_m_s": 9e9}]):
        status, told, _ = await world.post("/v1/readings", json.dumps(body))
        assert status == 202, told
    await world.turn(60)
    async with patient():
        while len(target.bodies) < 2:  # what was claimed when the clock was turned goes in a moment
            await world.turn(1)
    # Open-Meteo falls silent, until it cannot see.
    world.providers.answers["open-meteo"] = lambda: refuse(503)
    await world.turn(5400)


def _heard(subscriber: Any) -> bool:
    return any(one.heard_at for one in subscriber.standing.sessions.values())


def values(page: str) -> dict[str, dict[str, set[str]]]:
    """By series and label, the values on a page of metrics."""
    found: dict[str, dict[str, set[str]]] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            of = found.setdefault(sample.name, defaultdict(set))
            for label, value in sample.labels.items():
                of[label].add(value)
    return found


def equalities(said: str) -> Iterator[tuple[str, str, str]]:
    """Metric, label and value of each `label="value"` of an expression."""
    found: list[tuple[str, str, str]] = []

    def look(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.extend(
                (node.name, one.name, one.value)
                for one in node.matchers.matchers
                if one.op == promql_parser.MatchOp.Equal
            )

    promql_parser.walk(promql_parser.parse(said), pre_visit=look)
    yield from found


@needs_mosquitto
def test_what_is_asked_for_is_what_a_running_watch_shows(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    async def tell(world: World) -> None:
        shown = values((await world.get("/metrics"))[1])
        known = declared()
        for name, labels in shown.items():
            if name.startswith("atalaia_") and not name.endswith(("_sum", "_count")):
                assert known[name] == {*labels, "job", "instance"}, name
        missing = {name for said in ASKED for name, *_ in equalities(said)} | {*known}
        missing -= {*shown, "up", "atalaia_mails_returned_total"}
        assert missing == NOT_IN_THE_STORY
        for said in ASKED:
            for name, label, value in equalities(said):
                if name != "up":
                    assert value in shown[name][label], (name, label)

    story(tmp_path, mosquitto, tell)


@needs_prometheus
@needs_mosquitto
def test_prometheus_scrapes_a_watch_answers_every_panel_and_fires_what_is_wrong(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    async def tell(world: World) -> None:
        config = EXAMPLES / "prometheus/prometheus.yml"
        with prometheus(config, tmp_path, f"127.0.0.1:{world.live.port}") as url:

            async def ask(path: str, **query: str) -> Any:
                async with world.http.get(f"{url}/api/v1/{path}", params=query) as response:
                    if response.status == 503:  # it listens before it is ready
                        raise ConnectionError(await response.text())
                    told = await response.json()
                assert told["status"] == "success", (query, told)
                return told["data"]

            async def until(expr: str) -> list[Any]:
                async with asyncio.timeout(120):
                    while True:
                        try:
                            found = (await ask("query", query=expr))["result"]
                        except OSError:
                            found = []
                        if found:
                            return list(found)
                        await asyncio.sleep(0.1)

            await until('up{job="atalaia"} == 1')
            (group,) = (await ask("rules"))["groups"]
            assert [one["name"] for one in group["rules"]] == [one["alert"] for one in rules()]
            for said in ASKED:
                await ask("query", query=said)
            # Two scrapes: what is a rate has an answer then, too.
            await until("count_over_time(atalaia_lag_seconds[5m]) > 2")
            shown = {said for said in ASKED if (await ask("query", query=said))["result"]}
            calm = {one["expr"] for one in rules()}
            untold = {said for said in ASKED for name, _ in asked(said) if name in NOT_IN_THE_STORY}
            assert {*ASKED} - shown - calm - untold == set()
            # It has to last before anybody is woken: it is pending.
            await until('ALERTS{alertname="AtalaiaBlind", hazard="cannot_see"}')
            told = {one["labels"]["alertname"] for one in (await ask("alerts"))["alerts"]}
            assert "AtalaiaBlind" in told
            assert not told & {"AtalaiaDown", "AtalaiaLate", "AtalaiaClockBehind"}

    story(tmp_path, mosquitto, tell)
