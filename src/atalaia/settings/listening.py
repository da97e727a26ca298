"""What is listened to, by the settings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import aiohttp

from atalaia.channels.guard import Rules, check_url, guarded_connector
from atalaia.clock import Clock
from atalaia.domain.payload import Payload
from atalaia.parts import Parts
from atalaia.ports import Home
from atalaia.settings import Settings
from atalaia.sources.mqtt.standing import Gap
from atalaia.sources.mqtt.subscriber import Subscriber
from atalaia.sources.pws.intake import PwsIntake
from atalaia.sources.session import open_session
from atalaia.sources.wis2.archives import Archives
from atalaia.sources.wis2.download import Downloads
from atalaia.sources.wis2.intake import WnmIntake
from atalaia.sources.wis2.owed import Owed

Keep = Callable[[Sequence[Payload]], Awaitable[int]]


def start_listening(
    settings: Settings, home: Home, clock: Clock, keep: Keep, parts: Parts
) -> list[Subscriber]:
    """Start what listens to brokers, and what fetches the data that they speak of."""
    wis2, mqtt, found = settings.wis2, settings.mqtt, []
    if wis2.enabled:
        owed = Owed(home.state)
        found.append(
            Subscriber(
                "wis2",
                wis2.brokers,
                wis2.topics,
                WnmIntake(home.stream, owed),
                keep,
                home.state,
                clock,
                expiry_s=wis2.session_s,
                silence_s=wis2.silence_s,
            )
        )
        session, check = _outside(Rules(allow=wis2.allow))
        parts.push_async_callback(session.close)
        fetching = Downloads(owed, home.stream, session, check, keep, clock)
        parts.start("wis2 downloads", fetching.run)
        if wis2.archives:
            gaps = _gaps_of(found[0])
            filling = Archives(wis2.archives, gaps, session, keep, home.state, clock)
            parts.start("wis2 archives", filling.run)
    if mqtt.broker is not None and mqtt.stations:
        topics = [station.topic for station in mqtt.stations]
        of_people = PwsIntake(mqtt.stations)
        found.append(Subscriber("mqtt", [mqtt.broker], topics, of_people, keep, home.state, clock))
    for subscriber in found:
        parts.start(subscriber.name, subscriber.run)
    return found


def _gaps_of(subscriber: Subscriber) -> Callable[[], Sequence[Gap]]:
    return lambda: subscriber.standing.gaps


def _outside(rules: Rules) -> tuple[aiohttp.ClientSession, Callable[[str], object]]:
    """What follows strangers' links, and says which it may: it goes to no address of the inside."""
    return open_session(guarded_connector(rules)), partial(check_url, rules=rules)
