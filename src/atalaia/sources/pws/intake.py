"""Messages of people's stations by MQTT → payloads, each with the mapping of the settings."""

from __future__ import annotations

from collections.abc import Sequence

from atalaia.domain.payload import Payload
from atalaia.sources.mqtt.arrivals import Arrived
from atalaia.sources.mqtt.standing import Gap
from atalaia.sources.mqtt.subscriber import Sorted
from atalaia.sources.pws.mapped import CONTENT, MappedStation, body_of
from atalaia.sources.pws.stands import NAME

LONGEST = 65_536
"""Octets a message may have. Those of sensors have hundreds."""


class PwsIntake:
    """Fills `mqtt.subscriber.Intake` with the messages of these stations."""

    def __init__(self, stations: Sequence[MappedStation]) -> None:
        self._stations = stations

    def begin(self) -> None:
        """Nothing is remembered: a message that comes twice has the same rows."""

    def sort(self, arrived: Sequence[Arrived]) -> Sorted:
        """A payload a message and station."""
        told = Sorted()
        for one in arrived:
            whose = [each for each in self._stations if _matches(each.topic, one.topic)]
            if len(one.body) > LONGEST:
                told.passed_over(one.session, "message too long")
            elif not whose:
                told.passed_over(one.session, "no station")
            else:
                told.payloads += [_payload(station, one) for station in whose]
        return told

    def kept(self, payloads: Sequence[Payload], offset: int) -> None:
        """Nothing else is to be done."""

    def gap(self, gap: Gap, now: int) -> Payload | None:  # noqa: ARG002 - as the protocol has it
        """None: rain is made of counters, which have no gaps."""
        return None


def _payload(station: MappedStation, one: Arrived) -> Payload:
    return Payload(
        source=NAME,
        content=CONTENT,
        places=(station.name, station.place),
        received_at=one.received_at,
        body=body_of(station.mapping, one.body),
    )


def _matches(pattern: str, topic: str) -> bool:
    from paho.mqtt.client import topic_matches_sub  # noqa: PLC0415 - of an extra

    return topic_matches_sub(pattern, topic)
