"""The settings of what other programs follow: CAP (who speaks in what goes out, and which services'
warnings come in), and the broker by which Home Assistant is told."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from atalaia.settings.document import Document, EnvText, duration_of, text_of, url
from atalaia.settings.instruments import MISSING, has_client, read_broker
from atalaia.sources.mqtt.broker import Broker

KEYS = (
    "api.public_url",
    "cap.sender",
    "sources.cap.feeds",
    "sources.cap.interval",
    "home_assistant.broker",
    "home_assistant.password",
    "home_assistant.password_file",
    "home_assistant.discovery_prefix",
    "home_assistant.topic",
)

_FEED = re.compile(r"(?P<url>https?://[^\s/?#@]+(?:/[^\s#]*)?)(?:\s+every\s+(?P<every>\S+))?")


class Feed(msgspec.Struct, frozen=True):
    """One service's warnings: an index or a document of CAP, asked for every so often."""

    url: str
    interval_s: int


class Cap(msgspec.Struct, frozen=True, kw_only=True):
    """CAP out and in.

    sender      who speaks in our messages: theirs alone in the world
    public_url  how others reach the API; empty: as they ask for it
    feeds       whose official warnings are passed on
    """

    sender: str
    public_url: str
    feeds: tuple[Feed, ...]


def read_cap(document: Document) -> Cap:
    """The tables ``[cap]`` and ``[sources.cap]``."""
    interval_s = document.get("sources.cap.interval", duration_of(30), 120)
    nothing: tuple[Feed, ...] = ()

    def feeds(value: Any) -> tuple[Feed, ...]:
        return _feeds(value, interval_s)

    return Cap(
        sender=document.get("cap.sender", _sender, "atalaia@localhost"),
        public_url=document.get("api.public_url", url, ""),
        feeds=document.get("sources.cap.feeds", feeds, nothing),
    )


def _sender(value: Any) -> str:
    text = text_of(value)
    if re.search(r"[\s,<&]", text):
        raise ValueError("has a space, a comma, < or &; write for example atalaia@example.org")
    return text


def _feeds(value: Any, interval_s: int) -> tuple[Feed, ...]:
    texts = value.split(",") if isinstance(value, EnvText) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError('not a list of addresses; write for example ["https://example.org/rss"]')
    found = []
    for text in texts:
        match = _FEED.fullmatch(text.strip())
        if match is None:
            raise ValueError(
                f"{text.strip()!r} is no feed; write https://example.org/cap.atom, "
                "or https://example.org/cap.atom every 10min"
            )
        every = match["every"]
        found.append(Feed(match["url"], duration_of(30)(every) if every else interval_s))
    if len({feed.url for feed in found}) < len(found):
        raise ValueError("a feed is there twice; keep one of them")
    return tuple(found)


class HomeAssistant(msgspec.Struct, frozen=True, kw_only=True):
    """Where Home Assistant listens.

    broker    None: it is not told
    prefix    where it looks for what there is to discover
    topic     below which states stand; of each Atalaia at one broker another
    """

    broker: Broker | None
    prefix: str
    topic: str

    @property
    def described(self) -> list[str]:
        """For `config check`."""
        return [f"home assistant: by {self.broker.name}"] if self.broker else []


def read_home_assistant(document: Document) -> HomeAssistant:
    """The table ``[home_assistant]``."""
    at = "home_assistant"
    broker = read_broker(document, at)
    if broker is not None and not has_client():
        document.add(f"{at}.broker", MISSING)
    return HomeAssistant(
        broker=broker,
        prefix=document.get(f"{at}.discovery_prefix", _topic, "homeassistant"),
        topic=document.get(f"{at}.topic", _topic, "atalaia"),
    )


def _topic(value: Any) -> str:
    text = text_of(value)
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", text):
        raise ValueError("not 1 to 64 letters, digits, _ and -; write such")
    return text
