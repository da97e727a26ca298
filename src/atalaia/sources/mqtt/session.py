"""One session with one broker: it outlives connections, and this process.

Paho's network thread calls back; a callback appends to the arrivals and does nothing else. One that
raised would end that thread, and `is_connected()` would stay true for ever: so every callback
passes over whatever it could not do, and how well a session is is judged by when it last heard a
message, not by being connected.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from atalaia.clock import Clock
from atalaia.logs import Logger
from atalaia.sources.mqtt.arrivals import Arrivals, Arrived, Joined
from atalaia.sources.mqtt.broker import Broker
from atalaia.sources.mqtt.client import client_of

if TYPE_CHECKING:
    from paho.mqtt.client import Client

WINDOW = 5000
"""Messages that a broker may send before one of them is acknowledged (MQTT 5's Receive Maximum).
What comes while nothing can be committed waits here, and still is the broker's; its own queue has
2,000, and drops what comes after these. Brokers' usual 20 would let a commit have no more."""

_KEEPALIVE_S = 60
_TAKEN_OVER = 142
_SHORT_S, _MOST_SHORT = 10, 4
"""So many connections one after another that lasted no longer: mosquitto 2.0 does not say that a
session was taken over, it hangs up."""

_REFUSED = 128

_lives = itertools.count(1)
"""Of all connections of the process: none has the number of another."""

log = Logger()


class BrokerSession:
    """Opened and closed from one thread; how it is may be read from any.

    number     by which the arrivals knows it
    topics     filters that are subscribed to, at QoS 1
    former     filters of before that it may still hold, and no longer wants
    client_id  its name at the broker: of nobody else, or each would throw the other out
    expiry_s   for how long the broker keeps what comes while nobody is connected

    life       number of the connection
    opened_at, heard_at   Unix seconds: when it was opened, and of the last message; 0: none came
    outstanding   messages that came by this connection and were not acknowledged yet
    fault      what is wrong, in words; None: nothing
    is_taken_over   another program seems to have its name: it connects no more until it is opened
                    again
    """

    def __init__(
        self,
        number: int,
        broker: Broker,
        topics: Sequence[str],
        arrivals: Arrivals,
        clock: Clock,
        *,
        client_id: str,
        expiry_s: int,
        former: Sequence[str] = (),
    ) -> None:
        self.number = number
        self.broker = broker
        self.topics = tuple(topics)
        self.client_id = client_id
        self.life = 0
        self.is_connected = False
        self.is_taken_over = False
        self.opened_at = clock.second()
        self.heard_at = 0
        self.outstanding = 0
        self.fault: str | None = "not connected yet"
        self._former = tuple(each for each in former if each not in self.topics)
        self._arrivals = arrivals
        self._clock = clock
        self._expiry_s = expiry_s
        self._client: Client | None = None
        self._joined_at = 0
        self._short = 0
        self._lock = threading.Lock()

    def open(self) -> None:
        """Connect, in a thread of the client's, and again whenever it is lost."""
        self.opened_at = self._clock.second()
        self.is_taken_over, self._short = False, 0
        self._client = client = self._made()
        client.connect_async(
            self.broker.host,
            self.broker.port,
            keepalive=_KEEPALIVE_S,
            clean_start=False,
            properties=self._kept(),
        )
        client.loop_start()

    def close(self) -> None:
        """Let the connection go; the broker keeps the session. It may take seconds."""
        client, self._client = self._client, None
        if client is None:
            return
        self.is_connected = False
        with suppress(Exception):  # whatever state it is in, it is let go
            client.disconnect()
        client.loop_stop()

    @property
    def is_running(self) -> bool:
        """Whether the client's thread is there: a fault in it would leave all else as it was."""
        name = f"paho-mqtt-client-{self.client_id}"
        return any(thread.name == name for thread in threading.enumerate())

    def acknowledge(self, arrived: Arrived) -> None:
        """Tell the broker that it is kept; nothing where it came by an earlier connection: the
        broker sends it again, and its number may be another's by now."""
        client = self._client
        if client is None or arrived.life != self.life:
            return
        with self._lock:
            self.outstanding -= 1
        client.ack(arrived.mid, 1)

    # Paho's

    def _made(self) -> Client:
        client = client_of(self.broker, self.client_id, manual_ack=True)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _kept(self) -> Any:
        from paho.mqtt.packettypes import PacketTypes  # noqa: PLC0415
        from paho.mqtt.properties import Properties  # noqa: PLC0415

        properties: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        # Without it MQTT 5 ends the session with the connection, whatever clean_start says.
        properties.SessionExpiryInterval = self._expiry_s
        properties.ReceiveMaximum = WINDOW
        return properties

    def _on_connect(
        self, client: Client, _data: Any, flags: Any, reason: Any, _properties: Any
    ) -> None:
        if client is not self._client:
            return
        if reason.is_failure:
            self._fault(f"it refuses the connection: {reason}")
            return
        with self._lock:
            self.life = next(_lives)
            self.outstanding = 0
        self.is_connected, self.fault = True, "it has not taken the topics yet"
        self._joined_at = self._clock.second()
        is_resumed = bool(flags.session_present)
        self._arrivals.put(Joined(self.number, self._clock.second(), is_resumed))
        log.info("connected to a broker", broker=self.broker.name, resumed=is_resumed)
        self._subscribe(client)

    def _subscribe(self, client: Client) -> None:
        from paho.mqtt.subscribeoptions import SubscribeOptions  # noqa: PLC0415

        if self._former:
            client.unsubscribe(list(self._former))
        # What a broker retains was said before: it is nothing that comes now.
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        client.subscribe([(topic, options) for topic in self.topics])

    def _on_connect_fail(self, client: Client, _data: Any) -> None:
        if client is self._client:
            self._fault("it cannot be reached")

    def _on_disconnect(
        self, client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if client is not self._client:
            return
        lasted_s = self._clock.second() - self._joined_at
        self._short = self._short + 1 if self.is_connected and lasted_s < _SHORT_S else 0
        self.is_connected = False
        if getattr(reason, "value", 0) == _TAKEN_OVER or self._short >= _MOST_SHORT:
            self.is_taken_over = True
            client.loop_stop()  # else they would throw each other out for ever
            self._fault(
                "it seems that another program has this home's name there; stop one of both"
            )
        else:
            self._fault(f"the connection was lost: {reason}")

    def _on_subscribe(
        self, client: Client, _data: Any, _mid: int, reasons: Sequence[Any], _properties: Any
    ) -> None:
        if client is not self._client:
            return
        refused = [
            topic
            for topic, reason in zip(self.topics, reasons, strict=False)
            if getattr(reason, "value", 0) >= _REFUSED
        ]
        if refused:
            self._fault(f"it refuses the topic {refused[0]}")
        else:
            self.fault = None

    def _on_message(self, client: Client, _data: Any, message: Any) -> None:
        if client is not self._client or message.qos == 0:
            return  # what cannot be acknowledged was not asked for
        now = self._clock.second()
        self.heard_at = now
        with self._lock:
            self.outstanding += 1
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self._arrivals.put(
            Arrived(self.number, self.life, topic, message.payload, message.mid, now)
        )

    def _fault(self, reason: str) -> None:
        if self.fault != reason:
            log.warning("no messages come from a broker", broker=self.broker.name, reason=reason)
        self.fault = reason


def client_id(home: str, broker: Broker, what: str) -> str:
    """One name a home, broker and purpose; `home` is drawn once, and kept."""
    told = f"{broker.name} {broker.user} {what}"
    return f"atalaia-{home}-{hashlib.blake2b(told.encode(), digest_size=4).hexdigest()}"
