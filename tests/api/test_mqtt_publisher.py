"""What a real broker retains for Home Assistant: all that stands, nothing of what is gone."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from atalaia.api import mqtt_publisher
from atalaia.api.alert_view import AlertView
from atalaia.api.home_assistant import Discovery
from atalaia.api.mqtt_publisher import MqttPublisher
from atalaia.sources.mqtt.broker import broker_of
from atalaia.sources.mqtt.client import client_of
from mosquitto import Mosquitto, broker, needs_mosquitto
from patience import brief, until
from telling import NOON, PLACES, news

if TYPE_CHECKING:
    from paho.mqtt.client import Client

pytestmark = needs_mosquitto

Story = Callable[[AlertView, MqttPublisher, "Listener"], Awaitable[None]]

STATE = "atalaia/recife/heavy_rain"
CONFIG = "homeassistant/binary_sensor/atalaia/recife--heavy_rain/config"
OLD_CONFIG = "homeassistant/binary_sensor/atalaia/olinda--wind/config"
OLD_STATE = "atalaia/olinda/wind"


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    with broker(tmp_path) as found:
        yield found


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Client]:
    """The publisher's clients."""
    made: list[Client] = []

    def kept(*args: Any, **options: Any) -> Client:
        made.append(client_of(*args, **options))
        return made[-1]

    monkeypatch.setattr(mqtt_publisher, "client_of", kept)
    return made


class Listener:
    """Another program at the broker: what each topic has, and how often something was said."""

    def __init__(self, url: str) -> None:
        self.has: dict[str, bytes] = {}
        self.came: list[tuple[str, bytes]] = []
        at = broker_of(url)
        self._client = client_of(at, "")
        self._client.on_message = self._hear
        self._client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self._client.connect(at.host, at.port)
        self._client.loop_start()

    def _hear(self, _client: Client, _data: Any, message: Any) -> None:
        self.came.append((message.topic, message.payload))
        self.has[message.topic] = message.payload

    async def until(self, is_so: Callable[[Listener], bool]) -> None:
        await until(lambda: is_so(self))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def story(mosquitto: Mosquitto, tell: Story, url: str | None = None) -> None:
    """`url`: where the publisher finds the broker, if not where it is."""
    view = AlertView()
    discovery = Discovery(PLACES, ("heavy_rain",), "en", prefix="homeassistant", topic="atalaia")

    async def run() -> None:
        publisher = MqttPublisher(
            broker_of(url or mosquitto.url), discovery, lambda: discovery.messages(view)
        )
        listener = Listener(mosquitto.url)
        running = asyncio.create_task(publisher.run())
        try:
            await listener.until(lambda it: it.has.get("atalaia/status") == b"online")
            await tell(view, publisher, listener)
        finally:
            running.cancel()
            await asyncio.wait([running])
            await listener.until(lambda it: it.has.get("atalaia/status") == b"offline")
            listener.close()

    asyncio.run(run())


def test_what_stands_is_told_when_it_changes_and_what_is_gone_is_taken_back(
    mosquitto: Mosquitto,
) -> None:
    from paho.mqtt.publish import multiple

    old = [{"topic": topic, "payload": "{}", "retain": True} for topic in (OLD_CONFIG, OLD_STATE)]
    multiple(old, hostname="127.0.0.1", port=mosquitto.port)

    async def tell(view: AlertView, publisher: MqttPublisher, listener: Listener) -> None:
        await listener.until(lambda it: it.has.get(OLD_CONFIG) == it.has.get(OLD_STATE) == b"")
        assert b'"OFF"' in listener.has[STATE]
        assert CONFIG in listener.has
        before = len(listener.came)
        view.take([(1, news())])
        publisher.tell()
        await listener.until(lambda it: b'"ON"' in it.has[STATE])
        assert [topic for topic, _ in listener.came[before:]] == [STATE], "and nothing else"

    story(mosquitto, tell)


def test_a_connection_that_breaks_is_told_by_the_broker_and_all_is_said_anew(
    mosquitto: Mosquitto, made: list[Client]
) -> None:
    async def tell(view: AlertView, publisher: MqttPublisher, listener: Listener) -> None:
        view.take([(1, news(at=NOON))])
        listener.came.clear()
        line = made[0].socket()
        assert line is not None
        line.shutdown(socket.SHUT_RDWR)
        await listener.until(lambda it: b'"ON"' in it.has[STATE])  # what changed meanwhile
        await listener.until(lambda it: it.has["atalaia/status"] == b"online")
        assert ("atalaia/status", b"offline") in listener.came, "by the broker, of itself"

    story(mosquitto, tell)


class Line:
    """The way to a broker, of which one direction can fail: what the broker says is then lost."""

    def __init__(self, port: int) -> None:
        self._at = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self._server.getsockname()[1]}"
        self.is_mute = False
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._server.close()
        self.cut()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._at))
                self._ends += near, far
                for ends in ((near, far, False), (far, near, True)):
                    threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source: socket.socket, to: socket.socket, is_answer: bool) -> None:
        with suppress(OSError):
            while said := source.recv(65536):
                if not (is_answer and self.is_mute):
                    to.sendall(said)
            to.shutdown(socket.SHUT_RDWR)


def test_what_had_no_answer_before_a_break_does_not_come_after_what_is_newer(
    mosquitto: Mosquitto, made: list[Client]
) -> None:
    line = Line(mosquitto.port)

    async def tell(view: AlertView, publisher: MqttPublisher, listener: Listener) -> None:
        await until(lambda: not publisher._unanswered)
        line.is_mute = True
        view.take([(1, news())])
        publisher.tell()
        await listener.until(lambda it: b'"ON"' in it.has[STATE])
        view.take([(2, news(version=2, type="end", at=NOON + 60))])
        joined = made[0].on_connect

        def delayed(*args: Any) -> None:  # what follows is said, before the client goes on
            joined(*args)  # type: ignore[misc]
            threading.Event().wait(brief())

        made[0].on_connect = delayed
        listener.came.clear()
        line.is_mute = False
        line.cut()
        states: list[bytes] = []

        def is_said_twice(it: Listener) -> bool:
            states[:] = [body for topic, body in it.came if topic == STATE]
            return len(states) >= 2

        await listener.until(is_said_twice)
        assert [b'"ON"' in each for each in states] == [True, False]

    try:
        story(mosquitto, tell, line.url)
    finally:
        line.close()
