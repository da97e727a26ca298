"""What goes on, as Home Assistant discovers it by MQTT: a device a place, a binary sensor a hazard.

alert log → view → here → messages that a broker retains. Pure: what is to be said, and not how.

Reference: https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery (2024.12 and later).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from atalaia import __version__
from atalaia.api.alert_view import AlertView
from atalaia.domain.alert import Alert, instant
from atalaia.domain.hazard import Hazard, Level
from atalaia.domain.place import Place
from atalaia.domain.words import HAZARDS, LANGUAGES

ONLINE, OFFLINE = "online", "offline"

Sensor = tuple[str, str]
"""A place's id, and a hazard."""

_encode = msgspec.json.Encoder(order="deterministic").encode


class SensorState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sensor's state, and beside it what else is known: its attributes.

    state     ON from yellow on; OFF below; None (unknown), where OFF would be but a source cannot
              see the place
    level     yellow, orange, red; watch, where it is below them; none; or unknown
    onset, expires    ISO 8601
    """

    state: str
    level: str
    text: str = ""
    onset: str = ""
    expires: str = ""
    certainty: str = ""
    source: str = ""
    incident: str = ""


CALM = SensorState(state="OFF", level="none")
UNSEEN = SensorState(state="None", level="unknown")


class Discovery:
    """What is said of these places, by topic.

    prefix   where Home Assistant looks
    topic    below which states stand
    """

    def __init__(
        self,
        places: Iterable[Place],
        hazards: Sequence[str],
        language: str,
        *,
        prefix: str,
        topic: str,
    ) -> None:
        self._places = {place.id: place for place in places}
        self._named = {slug(id_): id_ for id_ in self._places}
        kinds = (*hazards, Hazard.CANNOT_SEE.value)
        self._sensors = dict.fromkeys((id_, kind) for id_ in self._places for kind in kinds)
        self._language = language
        self._prefix = prefix
        self.topic = topic

    @property
    def status_topic(self) -> str:
        """Says whether Atalaia is there."""
        return f"{self.topic}/status"

    @property
    def filters(self) -> tuple[str, ...]:
        """What is retained of what was said before, by this or an earlier run."""
        return (f"{self._prefix}/binary_sensor/{self.topic}/+/config", f"{self.topic}/+/+")

    def messages(self, view: AlertView) -> dict[str, bytes]:
        """All that is to be retained, by topic."""
        found = self._states(view)
        self._sensors |= dict.fromkeys(found)  # a warning of what no rule judges, too
        unseen = {id_ for blind in view.blind.values() for id_ in blind.places}
        messages: dict[str, bytes] = {}
        for sensor in self._sensors:
            state = found.get(sensor, CALM)
            if sensor[0] in unseen and sensor[1] != Hazard.CANNOT_SEE:
                state = _not_calm(state)
            messages[self._config_topic(sensor)] = self._config(sensor)
            messages[self._state_topic(sensor)] = _encode(state)
        return messages

    def is_gone(self, topic: str) -> bool:
        """Whether what is retained there is of a place that is watched no more. One of a place
        that is goes on, also where no rule judges its hazard any more or a warning was of it."""
        sensor = self._sensor(topic)
        if sensor is not None:
            self._sensors.setdefault(sensor)
        return sensor is None

    def _sensor(self, topic: str) -> Sensor | None:
        parts = topic.split("/")
        if parts[-1] == "config":
            place, _, hazard = parts[-2].partition("--")
        else:
            place, hazard = parts[-2:]
        known = self._named.get(place)
        return (known, hazard) if known is not None and hazard in HAZARDS else None

    def _config_topic(self, sensor: Sensor) -> str:
        return f"{self._prefix}/binary_sensor/{self.topic}/{'--'.join(_slugs(sensor))}/config"

    def _state_topic(self, sensor: Sensor) -> str:
        return "/".join((self.topic, *_slugs(sensor)))

    def _config(self, sensor: Sensor) -> bytes:
        id_, hazard = sensor
        is_blind = hazard == Hazard.CANNOT_SEE
        words = HAZARDS[hazard][LANGUAGES.index(self._language)]
        state = self._state_topic(sensor)
        return _encode(
            {
                "name": words[:1].upper() + words[1:],
                "unique_id": f"{self.topic}_{'_'.join(_slugs(sensor))}",
                "device_class": "problem" if is_blind else "safety",
                "state_topic": state,
                "value_template": "{{ value_json.state }}",
                "json_attributes_topic": state,
                "availability_topic": self.status_topic,
                "device": {
                    "identifiers": [f"{self.topic}_{slug(id_)}"],
                    "name": self._places[id_].name,
                    "manufacturer": "Atalaia",
                },
                "origin": {"name": "Atalaia", "sw_version": __version__},
            }
        )

    def _states(self, view: AlertView) -> Mapping[Sensor, SensorState]:
        """Of the sensors of which something goes on."""
        said = {
            (part.alert.incident, id_): part.alert
            for part in view.now.parts
            if part.alert.hazard != Hazard.CANNOT_SEE
            for id_ in part.places
        }
        found: dict[Sensor, SensorState] = {}
        for id_ in self._places:
            for row in sorted(view.rows(is_open=True, place=id_), key=lambda row: row.level):
                if alert := said.get((row.key, id_)):  # the gravest is the last
                    found[id_, row.hazard] = _state(alert, Level(row.level), self._language)
        for source, blind in sorted(view.blind.items()):
            for id_ in blind.places & self._places.keys():
                found[id_, Hazard.CANNOT_SEE.value] = SensorState(
                    state="ON", level="yellow", source=source, onset=instant(blind.since)
                )
        return found


def slug(text: str) -> str:
    """Of a place's id, what topics of Home Assistant may hold: others never become the same."""
    return re.sub(r"[^A-Za-z0-9]", lambda sign: f"_{ord(sign[0]):x}_", text)


def _slugs(sensor: Sensor) -> tuple[str, str]:
    return slug(sensor[0]), sensor[1]


def _not_calm(state: SensorState) -> SensorState:
    """The same where a source cannot see: what it would tell of is not known to be absent."""
    if state is CALM:
        return UNSEEN
    return msgspec.structs.replace(state, state="None") if state.state == "OFF" else state


def _state(alert: Alert, level: Level, language: str) -> SensorState:
    return SensorState(
        state="ON" if level >= Level.YELLOW else "OFF",
        level=level.word,
        text=alert.text[language],
        onset=instant(alert.onset_at) if alert.onset_at is not None else "",
        expires=instant(alert.expires_at) if alert.expires_at is not None else "",
        certainty=alert.certainty,
        source=alert.source,
        incident=alert.incident,
    )
