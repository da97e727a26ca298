"""The settings of instruments' sources: METARs, stations that are asked one by one, WIS2, people's
stations by MQTT."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import msgspec

from atalaia.domain.place import Places
from atalaia.domain.words import duration
from atalaia.settings.channels import Network, networks
from atalaia.settings.document import Document, EnvText, duration_of, flag, text_of, texts, url
from atalaia.sources import cemaden, nws_observations
from atalaia.sources.metar import asked
from atalaia.sources.mqtt.broker import Broker, broker_of
from atalaia.sources.pws.mapped import MappedStation, Mapping
from atalaia.sources.wis2 import centres

KEYS = (
    "sources.metar.enabled",
    "sources.metar.stations",
    "sources.metar.interval",
    "sources.metar.base_url",
    "sources.cemaden.enabled",
    "sources.cemaden.stations",
    "sources.cemaden.interval",
    "sources.cemaden.base_url",
    "sources.nws.enabled",
    "sources.nws.stations",
    "sources.nws.interval",
    "sources.nws.base_url",
    "sources.wis2.enabled",
    "sources.wis2.brokers",
    "sources.wis2.topics",
    "sources.wis2.country",
    "sources.wis2.near",
    "sources.wis2.session",
    "sources.wis2.silence",
    "sources.wis2.allow",
    "sources.mqtt.broker",
    "sources.mqtt.password",
    "sources.mqtt.password_file",
    "sources.mqtt.stations",
)

MISSING = "the MQTT client is not installed; pip install 'atalaia[wis2]'"

_MOST_ASKED = 200
"""Stations of one network that are asked one by one: nobody's service is asked for all it has."""

_LONGEST_NAME = 40
"""Letters of a station's name, as of a key's source."""


class Metar(msgspec.Struct, frozen=True, kw_only=True):
    """Aerodromes' reports. `stations` are their ICAO codes; none: nothing is asked."""

    enabled: bool
    stations: tuple[str, ...]
    interval_s: int
    base_url: str


class StationNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """A network whose stations are asked one by one, each once an interval; none: nothing is."""

    name: str
    enabled: bool
    stations: tuple[str, ...]
    interval_s: int
    base_url: str


class Wis2(msgspec.Struct, frozen=True, kw_only=True):
    """WIS2's live exchange.

    topics     filters; none: nothing is subscribed to
    session_s  for how long a broker keeps what comes while this program is away
    silence_s  after so long without a message a session is opened anew
    allow      networks inside in which linked data may lie
    archives   addresses of nodes' own archives, by centre, of those that are subscribed to by name
    """

    enabled: bool
    brokers: tuple[Broker, ...]
    topics: tuple[str, ...]
    session_s: int
    silence_s: int
    allow: tuple[Network, ...]
    archives: dict[str, str]


class Mqtt(msgspec.Struct, frozen=True, kw_only=True):
    """People's stations at one broker; None: there is none."""

    broker: Broker | None
    stations: tuple[MappedStation, ...]


def has_client() -> bool:
    """Whether the client is installed."""
    return find_spec("paho") is not None


def read_metar(document: Document, *, is_of_capitals: bool) -> Metar:
    """The table ``[sources.metar]``. Where the capitals are watched, the aerodromes near them."""
    at = "sources.metar"
    stations: tuple[str, ...] = asked.NEAR_CAPITALS if is_of_capitals else ()
    stations = document.get(f"{at}.stations", _aerodromes, stations)
    enabled = document.get(f"{at}.enabled", flag, bool(stations))
    if enabled and not stations:
        document.add(f"{at}.enabled", 'there are no stations; write stations = ["SBPA"]')
    return Metar(
        enabled=enabled,
        stations=stations,
        interval_s=document.get(f"{at}.interval", duration_of(60), 600),
        base_url=document.get(f"{at}.base_url", url, asked.BASE_URL),
    )


def read_cemaden(document: Document) -> StationNetwork:
    """The table ``[sources.cemaden]``."""
    return _network(document, cemaden.NAME, _gauges, '"6846"', 3600, cemaden.BASE_URL)


def read_nws(document: Document) -> StationNetwork:
    """The table ``[sources.nws]``."""
    source = nws_observations
    return _network(document, source.NAME, _aerodromes, '"KTOP"', 1200, source.BASE_URL)


def _network(
    document: Document,
    name: str,
    read: Callable[[Any], tuple[str, ...]],
    example: str,
    interval_s: int,
    base_url: str,
) -> StationNetwork:
    at = f"sources.{name}"
    nothing: tuple[str, ...] = ()
    stations = document.get(f"{at}.stations", read, nothing)
    enabled = document.get(f"{at}.enabled", flag, bool(stations))
    if enabled and not stations:
        document.add(f"{at}.enabled", f"there are no stations; write stations = [{example}]")
    if len(stations) > _MOST_ASKED:
        document.add(f"{at}.stations", f"{len(stations)} stations; at most {_MOST_ASKED} are asked")
    return StationNetwork(
        name=name,
        enabled=enabled,
        stations=stations,
        interval_s=document.get(f"{at}.interval", duration_of(300), interval_s),
        base_url=document.get(f"{at}.base_url", url, base_url),
    )


def read_wis2(document: Document, places: Places, *, is_of_capitals: bool) -> Wis2:
    """The table ``[sources.wis2]``. Where the capitals are watched INMET is listened to, if the
    client is installed."""
    at = "sources.wis2"
    nothing: tuple[str, ...] = ()
    named = document.get(f"{at}.topics", _topics, nothing)
    of_country = document.get(f"{at}.country", _country, nothing)
    wants_near = document.get(f"{at}.near", flag, False)
    near = centres.near(places) if wants_near else []
    is_said = bool(named or of_country or near)
    found = dict.fromkeys((*of_country, *near))
    if not is_said and is_of_capitals and has_client():
        found = dict.fromkeys(centres.of_country("br"))
    topics = (*named, *(topic for centre in found for topic in centres.topics(centre)))
    enabled = document.get(f"{at}.enabled", flag, bool(topics))
    if wants_near and not near:
        document.add(f"{at}.near", "no centre that is known here is near a place; write topics")
    if enabled and not topics:
        document.add(f"{at}.enabled", 'there are no topics; write country = "br", or topics')
    if enabled and topics and not has_client():
        document.add(f"{at}.enabled", MISSING)
    default = tuple(broker_of(each) for each in centres.BROKERS)
    return Wis2(
        enabled=enabled,
        brokers=document.get(f"{at}.brokers", _brokers, default),
        topics=tuple(dict.fromkeys(topics)),
        session_s=document.get(f"{at}.session", duration_of(300), 86_400),
        silence_s=document.get(f"{at}.silence", duration_of(60), 900),
        allow=document.get(f"{at}.allow", networks, ()),
        archives=centres.archives(found),
    )


def read_mqtt(document: Document, places: Places) -> Mqtt:
    """The table ``[sources.mqtt]``."""
    at = "sources.mqtt"
    broker = read_broker(document, at)
    nothing: tuple[MappedStation, ...] = ()
    stations = document.get(f"{at}.stations", _stations(places), nothing)
    if stations and broker is None:
        document.add(f"{at}.broker", 'missing; write for example "mqtt://user@192.168.1.10"')
    if stations and broker is not None and not has_client():
        document.add(f"{at}.broker", MISSING)
    return Mqtt(broker=broker, stations=stations)


def read_broker(document: Document, at: str) -> Broker | None:
    """The broker of a table, with its password where that stands apart; None: it names none."""
    broker = document.get(f"{at}.broker", _broker, None)
    password = document.secret(f"{at}.password")
    if broker is None or password is None:
        return broker
    return replace(broker, password=password.reveal())


def describe(metar: Metar, wis2: Wis2, mqtt: Mqtt) -> list[str]:
    """What is asked and what is subscribed to, for `config check`."""
    lines = ["metar: off"]
    if metar.enabled:
        lines = [f"metar: {len(metar.stations)} aerodromes every {duration(metar.interval_s)}"]
    if wis2.enabled:
        at = ", ".join(broker.name for broker in wis2.brokers)
        lines.append(f"wis2: {len(wis2.topics)} topics at {at}")
    else:
        lines.append("wis2: off" if has_client() else f"wis2: off; {MISSING}")
    if mqtt.broker is not None:
        names = ", ".join(station.name for station in mqtt.stations) or "no station"
        lines.append(f"mqtt: {names} at {mqtt.broker.name}")
    return lines


def describe_networks(*networks: StationNetwork) -> list[str]:
    """Which stations are asked one by one, for `config check`."""
    return [
        f"{one.name}: {len(one.stations)} stations, each every {duration(one.interval_s)}"
        if one.enabled
        else f"{one.name}: off"
        for one in networks
    ]


def _gauges(value: Any) -> tuple[str, ...]:
    """Numbers of CEMADEN's stations."""
    found = tuple(dict.fromkeys(texts(value)))
    wrong = [text for text in found if not (text.isascii() and text.isdigit() and len(text) <= 12)]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is no station; write its number, for example 6846")
    return found


def _aerodromes(value: Any) -> tuple[str, ...]:
    """ICAO codes, in capitals."""
    found = tuple(dict.fromkeys(text.upper() for text in texts(value)))
    wrong = [text for text in found if not (len(text) == 4 and text.isascii() and text.isalnum())]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is no aerodrome; write its ICAO code, for example SBPA")
    return found


def _topics(value: Any) -> tuple[str, ...]:
    found = texts(value)
    for topic in found:
        if fault := centres.faults(topic):
            raise ValueError(f"{topic!r} is no filter: {fault}")
    return found


def _country(value: Any) -> tuple[str, ...]:
    code = text_of(value)
    found = tuple(centres.of_country(code))
    if not found:
        known = sorted({centre.id.partition("-")[0] for centre in centres.known()})
        raise ValueError(
            f"no centre of {code!r} is known here (of {', '.join(known)} some are); write topics, "
            'for example ["cache/a/wis2/CENTRE/data/core/weather/surface-based-observations/#"]'
        )
    return found


def _brokers(value: Any) -> tuple[Broker, ...]:
    found = tuple(broker_of(text) for text in texts(value))
    if not found:
        raise ValueError("no broker; leave it out for two of the Global Brokers")
    if len({broker.name for broker in found}) < len(found):
        raise ValueError("a broker is there twice; keep one of them")
    return found


def _broker(value: Any) -> Broker | None:
    return broker_of(text_of(value))


def _stations(places: Places) -> Callable[[Any], tuple[MappedStation, ...]]:
    def read(value: Any) -> tuple[MappedStation, ...]:
        if isinstance(value, EnvText):
            try:
                value = msgspec.json.decode(str(value).encode())
            except msgspec.MsgspecError as error:
                raise ValueError(f"not JSON: {error}") from error
        if not isinstance(value, list):
            raise ValueError("not a list of tables; write [[sources.mqtt.stations]]")  # noqa: TRY004
        found = tuple(_station(table, places) for table in value)
        if len({station.name for station in found}) < len(found):
            raise ValueError("a station is there twice; give each its own name")
        return found

    return read


def _station(table: Any, places: Places) -> MappedStation:
    if not isinstance(table, dict):
        raise ValueError("not a table; write name, place, topic, values")  # noqa: TRY004
    said = {key: table.get(key) for key in ("name", "place", "topic")}
    for key, text in said.items():
        if not isinstance(text, str) or not text.isprintable() or not text:
            raise ValueError(f"a station needs {key}, as a text")
    name, place, topic = (str(text) for text in said.values())
    if len(name) > _LONGEST_NAME:
        raise ValueError(f"{name}: a name has at most {_LONGEST_NAME} letters")
    if places.get(place) is None:
        raise ValueError(f"{name}: no place {place!r} is watched; give the id of one")
    if fault := centres.faults(topic):
        raise ValueError(f"{name}: {topic!r} is no filter: {fault}")
    rest = {key: value for key, value in table.items() if key not in said}
    try:
        mapping = msgspec.convert(rest, Mapping)
    except msgspec.ValidationError as error:
        raise ValueError(f"{name}: {error}") from error
    if faults := mapping.faults():
        raise ValueError(f"{name}: {faults[0]}")
    return MappedStation(name=name, place=place, topic=topic, mapping=mapping)
