"""The API, the page and the bots' webhooks as a function behind an HTTP API.

Before each request the container takes up what the alert log has new. Readings are those of GOLD,
which is minutes behind; forecasts are as detect has them. Events are not streamed for ever: an
answer ends with the call's time, and a client asks on from the last number that it saw.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import msgspec

from atalaia.api.answers import Board
from atalaia.api.app import api
from atalaia.api.following import Feeds
from atalaia.api.keys import who_has
from atalaia.api.metrics import Metrics
from atalaia.api.operate import LagItem
from atalaia.api.operating import Operating
from atalaia.api.ports import Ports
from atalaia.api.previews import previews
from atalaia.api.read_models import SourceItem
from atalaia.api.telegram_hook import telegram_hook
from atalaia.api.whatsapp_hook import whatsapp_hook
from atalaia.domain.delivery import UNSENT
from atalaia.domain.payload import Payload
from atalaia.errors import StateConflict
from atalaia.homes.aws.sql import AthenaSql
from atalaia.notify.drills import Drills
from atalaia.notify.fanout import Position
from atalaia.notify.recipients import Recipients
from atalaia.notify.silences import Silences
from atalaia.page.web import page
from atalaia.people.bodies import seal_body, unsealed
from atalaia.people.conversation import Conversation, in_turn
from atalaia.people.registry import registry_of
from atalaia.people.service import PeopleService
from atalaia.people.talks import SealedTalks
from atalaia.ports import Record, Stream
from atalaia.run.aws import archive, deployment, detect, sources
from atalaia.run.aws.asgi import respond
from atalaia.run.aws.past import ANSWER_S, Past, note_cost
from atalaia.sources import CLOCK, decode_all, decoders, readings_csv
from atalaia.sources.session import open_session

_MARGIN_S = 2.0


class _Behind:
    """A stream that is not read: to find what GOLD lacks, all of it would have to be."""

    def __init__(self, stream: Stream) -> None:
        self.append, self.last_offset = stream.append, stream.last_offset

    def read(self, after: int, limit: int) -> list[Record]:
        """None."""
        del after, limit
        return []


class _Home:
    """The deployment's home, with one state for all requests."""

    def __init__(self) -> None:
        home = deployment.home()
        self.state, self.outbox, self.people = home.state, home.outbox, home.people
        self.stream = _Behind(home.stream)


class Api:
    """The application of one container. To be made on its event loop."""

    def __init__(self) -> None:
        settings, home = deployment.settings(), _Home()
        held: Any = home
        registry = registry_of(deployment.home(), settings)
        people = PeopleService(registry, deployment.home(), settings)
        talks = SealedTalks(registry.vault, deployment.home().talks)
        talk = in_turn(Conversation(people, talks, language=settings.language), time.time)
        decode = unsealed(decode_all(settings.places), registry.vault)
        session = open_session()
        board = Board(settings, held, decode, now=time.time, sources=self._sources)
        past = Past(_athena(), settings.places, time.time, home.state.item)
        self._home = home
        self._feeds = Feeds(settings, home.state, board.incidents.take)
        self._take = board.incidents.take
        silences = Silences(home.state)
        # Nobody is told here: recipients count for drills alone, and are looked up for them.
        recipients = Recipients(registry.load, settings.channels.names)
        operating = Operating(
            home.outbox,
            silences,
            Drills(
                home.state, home.outbox, recipients, settings.places, now=time.time, wake=self._wake
            ),
            settings.places,
            lag=self._lag,
            now=time.time,
            wake=self._wake,
        )
        metrics = Metrics()
        self.app = api(
            Ports(
                accept=self._accept,
                decode=decode,
                now=lambda: int(time.time()),
                readiness=self._readiness,
                metrics=lambda: metrics.before_reading(lambda _: None),
                readings_as=(readings_csv.STATION, readings_csv.JSON),
                sources=frozenset(decoders(settings.places)) - {CLOCK},
                is_push_on=settings.api.key is not None,
                who=who_has(settings, home.state, people, time.time),
                seal=lambda person, body: seal_body(registry.vault, person, body),
                is_public=settings.api.is_public,
                rate_limit=settings.api.rate_limit,
                read=replace(board.ports(), readings=past.readings, climate=past.climate),
                people=people,
                preview=previews(home.state, settings.places, time.time),
                whatsapp=whatsapp_hook(settings, people, time.time),
                telegram=telegram_hook(settings, session, talk, home.state),
                operate=operating.desk(),
                feeds=self._feeds.ports(),
                page=page(settings.page.tiles_url, settings.page.attribution),
                max_body=settings.max_body,
            )
        )

    async def answer(self, event: dict[str, Any], left_s: float) -> dict[str, Any]:
        """One request."""
        while new := await asyncio.to_thread(self._feeds.board.advance):
            self._take(new)
        return await respond(self.app, event, left_s)

    async def _accept(self, payloads: Sequence[Payload]) -> int:
        return await asyncio.to_thread(self._home.stream.append, payloads)

    async def _readiness(self) -> tuple[bool, dict[str, Any]]:
        try:
            told = await asyncio.to_thread(self._sources)
        except StateConflict as error:
            return False, {"ready": False, "store": {"writable": False, "fault": str(error)}}
        return True, {
            "ready": True,
            "store": {"writable": True, "fault": None},
            "sources": {
                one.source: one.model_dump(exclude={"source", "calls_left"}) for one in told
            },
        }

    def _sources(self) -> list[SourceItem]:
        # For the page this is on the event loop: a container has one request at a time.
        now = int(time.time())
        return [
            SourceItem(
                source=told.source,
                calls_left=told.calls_left,
                **told.health.shown(told.expected_s, now),
            )
            for told in sources.read(self._home.state)
        ]

    def _wake(self) -> None:
        deployment.home().wake("normal")

    def _lag(self) -> LagItem:
        state, outbox = self._home.state, self._home.outbox
        newest = state.latest(1)
        seq = newest[0][0] if newest else 0
        offset = self._home.stream.last_offset()
        lived = [int(body) for body in state.load(detect.NEWEST).values()]
        archived = [int(body) for body in state.load(archive.NEWEST).values()]
        return LagItem(
            stream_offset=offset,
            speed=offset - min(lived, default=0),
            archive=offset - max(archived, default=0),  # shards that were closed stay behind
            board=seq - self._feeds.board.seq,
            fan_out=seq - msgspec.json.decode(outbox.position() or "{}", type=Position).done,
            step_s=None,
            deliveries=sum(n for (_, status), n in outbox.counts().items() if status in UNSENT),
        )


def _athena() -> AthenaSql:
    config, clients = deployment.home().config, deployment.clients()
    return AthenaSql(
        clients, config.workgroup, config.database, on_cost=note_cost, timeout_s=ANSWER_S
    )


@lru_cache(1)
def _api() -> Api:
    return Api()


def forget() -> None:
    """Hold nothing, as a new container does."""
    _api.cache_clear()


def handle(event: dict[str, Any], left_s: float) -> dict[str, Any]:
    """A request of the HTTP API."""

    async def run() -> dict[str, Any]:
        return await _api().answer(event, max(1.0, left_s - _MARGIN_S))

    return deployment.loop().run_until_complete(run())
