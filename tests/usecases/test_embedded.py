"""The use cases on the embedded home: one process, its API over HTTP."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from atalaia.domain.delivery import UNSENT
from atalaia.domain.payload import Payload
from atalaia.run.local import Live
from atalaia.run.opened import home_of
from atalaia.settings import load
from patience import LIMIT_S, wait_until

from .cases import KEY, Driven, Target, UseCases, decoded, storm


class Embedded(Driven):
    """A watch that runs in a thread of its own."""

    def __init__(self, folder: Path, settings: str) -> None:
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
            is_fanned_out = live.notifier.done >= seq  # which makes messages due: asked first
            due = sum(n for (_, of), n in live.home.outbox.counts().items() if of in UNSENT)
            is_shown = live.services.follower.view.seq >= seq
            return not live.watching.behind and is_fanned_out and is_shown and not due

        wait_until(is_settled)

    def events(self, after: int | None) -> list[dict[str, Any]]:
        query = "" if after is None else f"?after={after}"
        found: list[dict[str, Any]] = []
        self.live.services.follower.events._beat_s = 0.02  # which says that all was told
        with urllib.request.urlopen(
            self._request("GET", f"/v1/events{query}"), timeout=LIMIT_S
        ) as said:
            kind = ""
            for line in said:
                if line.startswith(b"event:"):
                    kind = line[6:].strip().decode()
                if kind == "beat":
                    break
                if line.startswith(b"data:") and kind == "alert":
                    found.append(json.loads(line[5:]))
        return found

    def minutes_later(self) -> None:
        live, settings = self.live, self._settings
        newest, recipients = live.home.people.newest_change(), live.notifier.recipients

        def is_known() -> bool:
            told = live.services.asked.latest()
            asked = recipients.steps(settings.places, settings.rules)
            return recipients.changed >= newest and told == asked

        wait_until(is_known)

    def another(self) -> None:
        pass  # one process does it all

    def hear(self, payload: Payload) -> None:
        kept = self.live.ingest.keep([payload])
        asyncio.run_coroutine_threadsafe(kept, self._loop).result(60)
        self.settle()


class TestEmbedded(UseCases):
    def test_the_newest_values_are_there_at_once_and_a_place_without_one_is_left_out(
        self, watch: Driven, target: Target
    ) -> None:
        storm(watch, 21.0)
        storm(watch, 23.5)
        status, told = watch.ask("GET", "/v1/values?variable=wind_gust_m_s", key=None)
        assert status == 200
        assert (told["place"], told["value"], told["unit"]) == (["recife"], [23.5], "m/s")
        assert watch.ask("GET", "/v1/values?variable=rain_mm", key=None)[1]["place"] == []
        assert watch.ask("GET", "/v1/values?variable=luck", key=None)[0] == 422

    @pytest.fixture
    def begin(self, tmp_path: Path) -> Iterator[Callable[[str], Driven]]:
        with ExitStack() as ends:

            def begin(settings: str) -> Driven:
                watch = Embedded(tmp_path, settings)
                ends.callback(watch.close)
                return watch

            yield begin

    def test_the_hours_have_what_stood_and_until_when(self, watch: Driven, target: Target) -> None:
        """On AWS GOLD is Athena's, which nothing plays here: tests/aws/test_past.py asks that."""
        storm(watch, 21.0)
        storm(watch, 34.0)
        status, told = watch.ask("GET", "/v1/summary/hours", key=None)
        assert status == 200, told
        stood = told["stood"]
        assert [told["places"][i] for i in stood["place"]] == ["recife", "recife"]
        assert (stood["hazard"], stood["level"]) == (["wind", "wind"], ["orange", "red"])
        assert stood["until"] == [stood["since"][1], None]
        # Of no hour before this watch began is anything known.
        assert (told["unseen"]["place"], told["unseen"]["first"]) == ([0, 1], [0, 0])
        assert min(told["unseen"]["last"]) >= 167
