"""Official warnings on the AWS home: poll asks the services, one lane tells of all places."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from atalaia.domain.alert import instant
from atalaia.domain.lanes import lane_of
from atalaia.homes.aws.config import Config
from atalaia.run.aws import deployment, detect, poll
from atalaia.sources import rounds, status
from atalaia.sources.feed import Memory
from aws import moto
from aws.mapper import Mapper
from run.test_official import MESSAGE

PLACES = ("recife", "olinda", "jaboatao", "paulista")
"""In two lanes."""


class Service:
    """A weather service on loopback: an index, and the messages that it leads to."""

    def __init__(self) -> None:
        self.messages: dict[str, str] = {}
        self.asked: list[str] = []
        self.hangs_at: str | None = None
        self.let_go = threading.Event()
        service = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path[1:]
                service.asked.append(name)
                if name != "rss":
                    if name == service.hangs_at:
                        service.hangs_at = None  # once
                        service.let_go.wait(60)
                    body = service.messages[name]
                else:
                    items = (f"<item><link>/{one}</link></item>" for one in service.messages)
                    body = f"<rss><channel>{''.join(items)}</channel></rss>"
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/rss"

    def publish(self, name: str, type: str = "Alert", references: str = "") -> None:
        now = int(time.time())
        self.messages[name] = MESSAGE.format(
            name=name,
            type=type,
            references=references,
            sent=instant(now - 60),
            expires=instant(now + 6 * 3600),
        ).replace("-1.5,0 10", "-8.05,-34.9 30")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.close()


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, service: Service) -> Iterator[Config]:
    server, url = moto.start()
    for name, value in moto.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    config = moto.deploy(url, lanes=2, shards=2)
    lines = ["[sources.open-meteo]", "enabled = false", "[sources.cap]"]
    lines += [f'feeds = ["{service.url} every 1h"]']
    for name in PLACES:
        lines += ["[[place]]", f'id = "{name}"', f'name = "{name}"', "latitude = -8.05"]
        lines += ["longitude = -34.9", 'timezone = "America/Recife"']
    (tmp_path / "atalaia.toml").write_text("\n".join(lines) + "\n", "utf-8")
    for name, value in moto.variables(config, str(tmp_path / "atalaia.toml")).items():
        monkeypatch.setenv(name, value)
    forget()
    yield config
    forget()
    server.stop()


def forget() -> None:
    for part in (deployment, detect):
        part.forget()


def poll_again(service: Service) -> int:
    """As if the feed's hour were over, in a new container."""
    state = deployment.home().state
    memory = rounds.memory_of(state, service.url).get() or Memory()
    memory.due_at = 0
    rounds.memory_of(state, service.url).put(memory)
    forget()
    return int(poll.handle({}, None)["payloads"])


def test_a_warning_is_one_incident_of_all_places_and_ends_by_its_cancel(
    deployed: Config, service: Service
) -> None:
    assert {lane_of(name, 2) for name in PLACES} == {0, 1}
    mapper = Mapper(deployed.stream, detect.handle, deployed.queue("dead"), times=2)
    service.publish("a")
    assert poll.handle({}, None) == {"payloads": 2}
    assert service.asked == ["rss", "a"]
    assert poll.handle({}, None) == {"payloads": 0}, "it is not due"
    mapper.run()
    [entry] = [entry for _, entry in deployment.home().state.alerts()]
    assert entry.alert.type == "alert"
    assert sorted(entry.places) == sorted(PLACES)
    [told] = status.read(deployment.home().state)
    assert told.source == "cap:127.0.0.1"
    assert told.health.last_success_at

    assert poll_again(service) == 0, "nothing is new"
    service.publish("b", "Cancel", f"met@example.org,a,{_sent(service, 'a')}")
    assert poll_again(service) == 2
    mapper.run()
    types = [entry.alert.type for _, entry in deployment.home().state.alerts()]
    assert types == ["alert", "cancel"]


def test_what_a_round_has_no_time_for_the_next_one_fetches(
    deployed: Config, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "FEED_S", 3.0)
    for name in "abcdef":
        service.publish(name)
    service.hangs_at = "d"
    asked = 0
    while (rounds.memory_of(deployment.home().state, service.url).get() or Memory()).due_at == 0:
        poll.handle({}, None)
        service.let_go.set()
        asked += 1
    assert 1 < asked <= 6, "each round fetches something"
    fetched = [name for name in service.asked if name != "rss"]
    assert set(fetched) == set("abcdef")
    assert len(fetched) < 6 + asked, "at most the one that a round was at is fetched again"


def _sent(service: Service, name: str) -> str:
    return service.messages[name].partition("<sent>")[2].partition("</sent>")[0]
