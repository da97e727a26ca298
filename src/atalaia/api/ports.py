"""What the API is made of: what a running watch gives it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter

from atalaia.api.access import Who
from atalaia.api.feeds import FeedPorts
from atalaia.api.hooks import Heard
from atalaia.api.operate import OperatorDesk
from atalaia.api.previews import Preview
from atalaia.api.read import ReadPorts
from atalaia.domain.payload import Payload
from atalaia.domain.reading import Decode
from atalaia.people.service import PeopleService


@dataclass(frozen=True)
class Ports:
    """What the API needs of the running watch.

    accept      keeps payloads durably, all or none, and returns the offset of the last; raises
                QueueFull, or StateConflict where the store cannot be written
    decode      what a push can be read as
    now         Unix seconds
    readiness   whether the store is writable, and the JSON that says so, with each source's state
    metrics     the page of metrics
    readings_as source and content of pushed readings
    sources     names that pushed payloads may have
    max_body    bytes that a push may have
    is_push_on  whether anything can be pushed
    who         whose key this is
    is_public   whether reading what is of no person needs no key
    rate_limit  requests a minute a key or address; 0: as many as they like
    seal        what a person pushes under their own key, sealed with it
    read        what is shown of the watch
    people      what can be asked of people
    preview     what somebody would have had
    whatsapp, telegram   what takes the requests of Meta and of Telegram
    operate     what operators can ask for
    feeds       what the open feeds are made of
    page        the page's files
    """

    accept: Callable[[Sequence[Payload]], Awaitable[int]]
    decode: Decode
    now: Callable[[], int]
    readiness: Callable[[], Awaitable[tuple[bool, dict[str, Any]]]]
    metrics: Callable[[], bytes]
    readings_as: tuple[str, str]
    sources: frozenset[str]
    max_body: int
    is_push_on: bool
    who: Who
    is_public: bool
    rate_limit: int
    seal: Callable[[str, bytes], bytes]
    read: ReadPorts
    people: PeopleService
    preview: Preview
    whatsapp: Heard
    telegram: Heard
    operate: OperatorDesk
    feeds: FeedPorts
    page: APIRouter
