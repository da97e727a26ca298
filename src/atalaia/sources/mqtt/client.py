"""A client of a broker, as whom it is asked and by which transport: paho's, of an extra."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atalaia.sources.mqtt.broker import Broker

if TYPE_CHECKING:
    from paho.mqtt.client import Client

_PAUSE_S, _LONGEST_PAUSE_S = 1, 120


def client_of(broker: Broker, client_id: str, **options: Any) -> Client:
    """One that is not connected yet. Its callbacks may raise without ending its thread."""
    from paho.mqtt.client import Client, MQTTv5  # noqa: PLC0415 - of an extra
    from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415

    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=MQTTv5,
        transport=broker.transport,
        **options,
    )
    client.suppress_exceptions = True
    if broker.user:
        client.username_pw_set(broker.user, broker.password or None)
    if broker.is_tls:
        client.tls_set()
    if broker.transport == "websockets":
        client.ws_set_options(path=broker.path)
    client.reconnect_delay_set(_PAUSE_S, _LONGEST_PAUSE_S)
    return client
