"""The use cases on the embedded home: one process, its API over HTTP."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from atalaia.domain.delivery import UNSENT
from atalaia.domain.payload import Payload
from atalaia.run.local import Live
from atalaia.run.opened import home_of
from atalaia.settings import load
from ensembles import HOUR, answer, payload, storm
from patience import slowness, wait_until
from stories import rule_text

from .cases import KEY, SETTINGS, Driven, Target, UseCases, decoded, subscribed


class Embedded(Driven):
    """A watch that runs in a thread of its own."""

    def __init__(self, folder: Path, settings: str = SETTINGS) -> None:
        file = folder / "atalaia.toml"
        file.write_text(settings)
        self._settings = load(
            file,
            {
                "ATALAIA_HOME": str(folder / "home"),
                "ATALAIA_API_KEY": KEY,
                "ATALAIA_API_PORT": "0",
            },
        )
        self._loop = asyncio.new_event_loop()
        self._is_up = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._is_up.wait(60)

    def _run(self) -> None:
        async def live() -> None:
            with home_of(self._settings, exclusive=True) as home:
                async with Live(self._settings, home) as self.live:
                    self._is_up.set()
                    await self._stop.wait()

        self._loop.run_until_complete(live())

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)

    def ask(
        self, method: str, path: str, body: Any = None, key: str | None = KEY
    ) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(self._request(method, path, body, key)) as answer:
                said = answer.read()
                return answer.status, decoded(said)
        except urllib.error.HTTPError as error:
            said = error.read()
            return error.code, decoded(said)

    def _request(
        self, method: str, path: str, body: Any = None, key: str | None = KEY
    ) -> urllib.request.Request:
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.live.port}{path}"
        return urllib.request.Request(url, data, headers, method=method)

    def settle(self) -> None:
        live = self.live

        def is_settled() -> bool:
            if live.consumer.position < live.home.stream.last_offset():
                return False  # it is not yet behind where it has not yet heard
            newest = live.home.state.latest(1)
            seq = newest[0][0] if newest else 0
            due = sum(n for (_, of), n in live.home.outbox.counts().items() if of in UNSENT)
            is_shown = live.services.follower.view.seq >= seq
            return not live.watching.behind and live.notifier.done >= seq and is_shown and not due

        wait_until(is_settled)

    def events(self, after: int | None) -> list[dict[str, Any]]:
        query = "" if after is None else f"?after={after}"
        found: list[dict[str, Any]] = []
        with urllib.request.urlopen(
            self._request("GET", f"/v1/events{query}"), timeout=1.5 * slowness()
        ) as said:
            kind = ""
            try:
                for line in said:
                    if line.startswith(b"event:"):
                        kind = line[6:].strip().decode()
                    if kind == "beat":
                        break  # all was told, and the next one comes before a slow machine's limit
                    if line.startswith(b"data:") and kind == "alert":
                        found.append(json.loads(line[5:]))
            except TimeoutError:
                pass  # it goes on for ever
        return found

    def another(self) -> None:
        pass  # one process does it all

    def hear(self, payload: Payload) -> None:
        """As if a source had answered so."""
        kept = self.live.ingest.keep([payload])
        asyncio.run_coroutine_threadsafe(kept, self._loop).result(60)
        self.settle()


class TestEmbedded(UseCases):
    @pytest.fixture
    def watch(self, tmp_path: Path) -> Iterator[Driven]:
        watch = Embedded(tmp_path)
        yield watch
        watch.close()


POSSIBLE = {
    "name": "rain-24h",
    "hazard": "heavy_rain",
    "variable": "rain_mm",
    "measure": "sum",
    "window": "24h",
    "limits": {"yellow": 30, "orange": 80},
    "chance": 0.3,
}


def test_somebody_is_told_as_soon_as_a_chance_of_their_own_is_reached(tmp_path: Path) -> None:
    """The rule warns of 30 mm in 3 of 10 runs; they asked for 50 mm in 5 of 10."""
    (tmp_path / "mine.toml").write_text(rule_text(POSSIBLE))
    target = Target()
    watch = Embedded(tmp_path, SETTINGS.replace('rules = "inmet"', 'rules = "mine.toml"'))
    try:
        wish = {"hazards": {}, "thresholds": ["rain_mm over 24h >= 50 chance 50 %"]}
        person = subscribed(watch, target, **wish)
        data = watch.ask("GET", f"/v1/people/{person}")[1]["person"]
        [held] = data["subscriptions"]
        assert held["thresholds"][0]["chance"] == 50
        at = int(time.time())
        for i, (passing, told) in enumerate(((20, 0), (24, 0), (30, 1), (34, 1))):
            mm = storm(at + 30 * HOUR, lambda run, n=passing: 60.0 if run < n else 4.0)
            watch.hear(payload(at + i, answer(at, mm, where=(-8.05, -34.9)), ("recife",)))
            assert len(target.bodies) == 1 + told, f"{passing} of 51 runs"
    finally:
        watch.close()
        target.close()
    said = target.texts()[-1]
    assert "50 mm or more in 5 of 10 model runs" in said
    assert "The limit you asked for: 50 mm, chance of 50 %" in said
