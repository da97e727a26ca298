"""Keeps what a broker retains as the alert log has it: `Discovery` says what, this says it.

All of it is said anew with each connection, and later what has changed: each time only when the
broker has answered for all that was said before. A client says again, after a break, what it had no
answer to; said after what is newer, that would stay. What the broker retains of a place that is
watched no more is taken back. That this program is gone the broker says itself: by its last will,
which it was given with the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from atalaia.api.following import LogFollower
from atalaia.api.home_assistant import OFFLINE, ONLINE, Discovery
from atalaia.logs import Logger
from atalaia.parts import Parts
from atalaia.settings import Settings
from atalaia.sources.mqtt.broker import Broker
from atalaia.sources.mqtt.client import client_of

if TYPE_CHECKING:
    from paho.mqtt.client import Client

_KEEPALIVE_S = 60
_FAREWELL_S = 1.0

log = Logger()


def start_telling(settings: Settings, follower: LogFollower, parts: Parts) -> None:
    """Tell Home Assistant what the log has, if the settings name its broker."""
    chosen = settings.home_assistant
    if chosen.broker is None:
        return
    discovery = Discovery(
        settings.places,
        sorted({rule.hazard for rule in settings.rules.rules}),
        settings.language,
        prefix=chosen.prefix,
        topic=chosen.topic,
    )

    def messages() -> dict[str, bytes]:
        return discovery.messages(follower.view) if follower.has_begun else {}

    publisher = MqttPublisher(chosen.broker, discovery, messages)
    follower.when_changed(publisher.tell)
    parts.start("home assistant", publisher.run)


class MqttPublisher:
    """`run` it in a task, and `tell` it when something has changed.

    messages    all that is to be retained, by topic; empty before it is known
    """

    def __init__(
        self, broker: Broker, discovery: Discovery, messages: Callable[[], dict[str, bytes]]
    ) -> None:
        self._broker = broker
        self._discovery = discovery
        self._messages = messages
        self._said: dict[str, bytes] = {}
        self._unanswered: set[int] = set()
        self._is_connected = False
        self._news = asyncio.Event()
        self._fault: str | None = None

    def tell(self) -> None:
        """Something has changed."""
        self._news.set()

    async def run(self) -> None:
        """Say what changes, for ever; at the end, that nobody is here any more."""
        loop = asyncio.get_running_loop()
        client = self._opened(loop.call_soon_threadsafe)
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                self._say(client)
        finally:
            await asyncio.to_thread(self._close, client)

    def _say(self, client: Client) -> None:
        if not self._is_connected or self._unanswered:
            return
        messages = self._messages()
        for topic, body in messages.items():
            if self._said.get(topic) != body:
                self._publish(client, topic, body)
        if messages and not self._said:
            self._publish(client, self._discovery.status_topic, ONLINE)
        self._said = messages

    def _publish(self, client: Client, topic: str, body: bytes | str) -> None:
        self._unanswered.add(client.publish(topic, body, qos=1, retain=True).mid)

    def _answered(self, mid: int) -> None:
        self._unanswered.discard(mid)
        if not self._unanswered:
            self._news.set()  # what has changed meanwhile

    def _opened(self, call: Callable[..., object]) -> Client:
        # Always the same name: a connection that the broker believes in still ends when this one
        # begins, and its last will does not come after what this one says.
        client = client_of(self._broker, f"{self._discovery.topic}-home-assistant")
        client.will_set(self._discovery.status_topic, OFFLINE, qos=1, retain=True)

        # In a thread of the client's.
        def joined(_client: Client, _data: Any, _flags: Any, reason: Any, _props: Any) -> None:
            call(self._joined, client, f"it refuses: {reason}" if reason.is_failure else None)

        def lost(_client: Client, *_: Any) -> None:
            call(self._lost, "it cannot be reached, or was lost")

        def came(_client: Client, _data: Any, message: Any) -> None:
            if message.retain and message.payload:
                call(self._look, client, message.topic)

        def answered(_client: Client, _data: Any, mid: int, *_: Any) -> None:
            call(self._answered, mid)

        client.on_connect, client.on_message, client.on_publish = joined, came, answered
        client.on_connect_fail = client.on_disconnect = lost
        client.connect_async(self._broker.host, self._broker.port, keepalive=_KEEPALIVE_S)
        client.loop_start()
        return client

    def _joined(self, client: Client, refusal: str | None) -> None:
        if refusal is not None:
            self._lost(refusal)
            return
        self._is_connected, self._fault = True, None
        self._said = {}
        log.info("connected to Home Assistant's broker", broker=self._broker.name)
        client.subscribe([(each, 1) for each in self._discovery.filters])
        self._news.set()

    def _lost(self, reason: str) -> None:
        if self._fault != reason:
            log.warning("Home Assistant is not told", broker=self._broker.name, reason=reason)
        self._is_connected, self._fault = False, reason

    def _look(self, client: Client, topic: str) -> None:
        """At what is retained, by whichever run: of what is gone nothing stays."""
        if topic in self._said or topic == self._discovery.status_topic:
            return
        if self._discovery.is_gone(topic):
            self._publish(client, topic, b"")
        else:
            self._news.set()

    def _close(self, client: Client) -> None:
        with suppress(Exception):  # whatever state it is in, it is let go
            said = client.publish(self._discovery.status_topic, OFFLINE, qos=1, retain=True)
            if self._is_connected:
                said.wait_for_publish(_FAREWELL_S)
        with suppress(Exception):
            client.disconnect()
        client.loop_stop()
