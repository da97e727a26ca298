"""The live watch put together: sources, stream, speed layer, API and upkeep in one process.

    pollers ─┐                        ┌─► consumer: decode → detect → incidents → alert log
    pushes ──┼─► appender ─► stream ──┤                                   └─► terminal, metrics
    clock ───┘                        └─► archive ─► RAW ─► refine (a process of its own) ─► GOLD

    alert log ─► outreach: audience → outbox → channels ─► people

Every part is a task that is started again if it breaks. A stop lets what was accepted reach the
disk, and takes a few seconds at most; kill -9 at any moment loses nothing that was accepted.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import structlog
from rich.console import Console
from rich.text import Text

from atalaia.api.answers import Board
from atalaia.api.app import api
from atalaia.api.following import Feeds, allow_listeners
from atalaia.api.keys import who_has
from atalaia.api.metrics import Metrics
from atalaia.api.operate import LagItem
from atalaia.api.operating import Operating
from atalaia.api.ports import Ports
from atalaia.api.previews import previews
from atalaia.api.read_models import SourceItem
from atalaia.api.telegram_hook import telegram_hook
from atalaia.api.whatsapp_hook import whatsapp_hook
from atalaia.batch.upkeep import command_of, do_beside, has_to_refine, keep_house
from atalaia.channels.telegram_updates import Updates
from atalaia.detect.consumer import Consumer, Lived
from atalaia.detect.starts import Terms, note_start
from atalaia.detect.watch import Watch
from atalaia.domain.alert import LogEntry
from atalaia.domain.delivery import UNSENT
from atalaia.domain.norm_tables import Norms
from atalaia.domain.payload import Payload
from atalaia.domain.reading import Floats
from atalaia.errors import StateConflict
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.lake import raw
from atalaia.lake.norms import digest, is_due, keep, known, names_norms, norms_of
from atalaia.lake.places import note_places
from atalaia.notify.drills import Drills
from atalaia.notify.outreach import Outreach
from atalaia.notify.recipients import Recipients
from atalaia.notify.silences import Silences
from atalaia.page.web import page
from atalaia.people.bodies import seal_body, unsealed
from atalaia.people.conversation import Conversation, in_turn
from atalaia.people.registry import registry_of
from atalaia.people.retention import apply_retention
from atalaia.people.service import PeopleService
from atalaia.people.talks import SealedTalks
from atalaia.run.channels import open_channels
from atalaia.run.logs import configure_logs
from atalaia.run.people import key_files
from atalaia.run.server import allow_files, listen, serving
from atalaia.run.threads import DaemonThreads
from atalaia.settings import Settings
from atalaia.settings.feeds import Feed
from atalaia.settings.plans import plans
from atalaia.sources import CLOCK, cap, decode_all, decoders, readings_csv
from atalaia.sources.feed import FeedPoller
from atalaia.sources.ingest import Appender
from atalaia.sources.plan import Plan
from atalaia.sources.poller import Poller
from atalaia.sources.session import open_session

TICK_AFTER_S = 60
"""Without a payload for so long, one that only says what time it is makes silence noticed."""

_TELEGRAM_OFFSET = "telegram-offset"
_LOOK_S = 5.0
_AFTER_FAULT_S = 5.0
_FORGET_S = 6 * 3600.0
_STOP_S = 2.0
_COLOURS = {"watch": "cyan", "yellow": "yellow", "orange": "dark_orange", "red": "bold red"}

log = structlog.get_logger()


class Live:
    """One running watch. ``async with Live(…) as live`` starts it, and stops it at the end.

    now, sleep, jitter   the one clock, waiting by it, and chance; tests bring their own
    refine, learn        the commands that refine, and learn the climate; None: this program's own
    port                 of the API once it runs (0 in the settings: any that is free)
    """

    def __init__(
        self,
        settings: Settings,
        home: EmbeddedHome,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
        console: Console | None = None,
        refine: Sequence[str] | None = None,
        learn: Sequence[str] | None = None,
    ) -> None:
        self.settings = settings
        self.home = home
        self.port = settings.api.port
        self.metrics = Metrics()
        self._now, self._sleep, self._jitter = now, sleep, jitter
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._refine = refine or command_of("refine", home.path, settings.file)
        self._learn = learn or command_of("climate", home.path, settings.file)
        self._began_at = int(now())
        self._plans = plans(settings)
        self._registry = registry_of(home, settings)
        self._people = PeopleService(self._registry, home, settings)
        talks = SealedTalks(self._registry.vault, home.talks)
        bot = Conversation(self._people, talks, language=settings.language)
        self._talk = in_turn(bot, now)
        self._decode = unsealed(decode_all(settings.places), self._registry.vault)
        note_places(home.state, settings.places)
        self._expected_s = {plan.name: plan.expected_s for plan in self._plans}
        self._climate = known(home.state).version
        self._new_norms: Norms | None = None
        self._begin_with(norms_of(home.lake, settings.rules, settings.places))
        self._consumer = Consumer(home.stream, home.state, self._make_watch)
        self._appender = Appender(home.stream, self._kept, sleep)
        self._offset = home.stream.last_offset()
        self._archived = home.state.offset(raw.ARCHIVED)
        self._last_came_at = self._began_at
        self._news = asyncio.Event()
        self._caught_up = asyncio.Event()
        self._step_s: float | None = None
        self._probing: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._pollers: list[Poller] = []
        self._warnings: list[FeedPoller] = []

    # Life

    async def __aenter__(self) -> Live:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(DaemonThreads())
        listener = listen(self.settings.api.host, self.settings.api.port)
        self.port = int(listener.getsockname()[1])
        self._session = open_session()

        def wake() -> None:
            loop.call_soon_threadsafe(self._outreach.wake)

        self.home.on_wake("normal", wake)
        self._board = Board(
            self.settings, self.home, self._decode, now=self._now, sources=self._sources
        )
        self._feeds = Feeds(self.settings, self.home.state, self._board.incidents.take)
        self._silences = Silences(self.home.state)
        self._outreach = Outreach(
            self.home.state,
            self.home.outbox,
            self._registry,
            open_channels(self.settings, self._session),
            self.settings.places,
            now=self._now,
            sleep=self._sleep,
            silences=self._silences.all,
            on_recipients=self._set_steps,
            on_sent=self.metrics.tried,
        )
        self._operating = Operating(
            self.home.outbox,
            self._silences,
            Drills(
                self.home.state,
                self.home.outbox,
                self._outreach.recipients,
                self.settings.places,
                now=self._now,
                wake=wake,
            ),
            self.settings.places,
            lag=self._lag,
            now=self._now,
            wake=wake,
        )
        self._server = serving(api(self._ports()))
        self._pollers = [self._poller(plan) for plan in self._plans]
        self._warnings = [self._feed_poller(feed) for feed in self.settings.cap.feeds]
        self._appending = self._start("appender", self._appender.run)
        self._consuming = self._start("consumer", self._consume)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]), name="api")
        for name, part in self._outreach.parts().items():
            self._start(name, part)
        self._start_bot()
        for poller in self._pollers:
            self._start(poller.plan.name, poller.run)
        for warnings in self._warnings:
            self._start(warnings.name, warnings.run)
        self._start("feeds", self._feeds.run)
        self._start("clock", self._tick)
        self._start("archive", self._archive)
        self._start("refine", self._refine_often)
        self._start("retention", self._forget_often)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Take nothing more; bring what was accepted to the disk; let the tasks go."""
        self._server.should_exit = True
        self._feeds.close()
        await self._outreach.close(_STOP_S)
        for task in self._tasks:
            if task not in (self._appending, self._consuming):
                task.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S):
                await asyncio.wait([self._serving])
                await self._appender.drain()
        for task in (self._appending, self._consuming, self._serving):
            task.cancel()
        await asyncio.wait([*self._tasks, self._serving], timeout=_STOP_S)
        await self._session.close()

    async def settled(self) -> None:
        """Wait until all that is in the stream has been lived through."""
        while self._consumer.offset < self._offset:
            self._caught_up.clear()
            await self._caught_up.wait()

    def _start(self, name: str, run: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        async def always() -> None:
            while True:
                try:
                    await run()
                except Exception as error:
                    log.exception("a part broke; it is started again", part=name, error=repr(error))
                await asyncio.sleep(_AFTER_FAULT_S)

        task = asyncio.create_task(always(), name=name)
        self._tasks.append(task)
        return task

    def _start_bot(self) -> None:
        """People can talk to Telegram's bot, by long polling: no public address is needed.

        With a secret for its webhook Telegram calls us instead, and would refuse to be asked.
        """
        telegram = self.settings.channels.telegram
        if telegram is None or not telegram.is_bot or telegram.webhook_secret is not None:
            return
        state = self.home.state

        async def load() -> int:
            return int(await asyncio.to_thread(state.note, _TELEGRAM_OFFSET) or 0)

        async def keep(offset: int) -> None:
            await asyncio.to_thread(state.set_note, _TELEGRAM_OFFSET, str(offset))

        updates = Updates(
            self._session,
            telegram.token.reveal(),
            self._talk,
            load=load,
            keep=keep,
            base_url=telegram.base_url,
        )
        self._start("telegram bot", updates.run)

    # What comes

    def _poller(self, plan: Plan) -> Poller:
        state = self.home.state
        return Poller(
            plan,
            self.settings.places,
            self._session,
            self._appender.keep,
            nearness=self._nearness,
            get_note=lambda key: asyncio.to_thread(state.note, key),
            set_note=lambda key, text: asyncio.to_thread(state.set_note, key, text),
            now=self._now,
            sleep=self._sleep,
            jitter=self._jitter,
        )

    def _feed_poller(self, feed: Feed) -> FeedPoller:
        return FeedPoller(
            feed.url,
            feed.interval_s,
            self._session,
            self._appender.keep,
            now=self._now,
            sleep=self._sleep,
            jitter=self._jitter,
        )

    def _nearness(self) -> Floats:
        return self._consumer.nearness

    async def _tick(self) -> None:
        while True:
            await self._sleep(_LOOK_S)
            now = int(self._now())
            if now - self._last_came_at >= TICK_AFTER_S:
                self._last_came_at = now
                tick = Payload(source=CLOCK, content="tick", received_at=now, body=b"")
                await self._appender.keep([tick])

    def _kept(self, payloads: list[Payload], offset: int) -> None:
        self._offset = offset
        self._last_came_at = max(payload.received_at for payload in payloads)
        self.metrics.kept(payloads)
        self._news.set()

    # What it means

    def _make_watch(self) -> Watch:
        """A watch in the state that the home has kept, which expects what is polled."""
        watch = Watch(
            self.settings.rules,
            self.settings.places,
            self._decode,
            self._norms,
            expected_s=self._expected_s,
            read_officials=cap.read_officials,
        )
        watch.load(self.home.state)
        for plan in self._plans:
            watch.expect(plan.name, self._began_at)
        return watch

    def _begin_with(self, norms: Norms) -> None:
        """The watch begins, now or anew, and judges by these norms; they are kept for replays."""
        settings = self.settings
        terms = Terms(settings.rules, tuple(settings.places), self._expected_s)
        note_start(self.home.state, self._began_at, terms, keep(self.home.lake, norms))
        self._norms = norms
        for line in norms.in_words():
            log.warning("a rule cannot judge everywhere", reason=line)

    def _advance(self) -> Lived | None:
        """The next batch; before it, norms that are new are taken up."""
        norms = self._new_norms
        if norms is not None and self._consumer.begin_anew():
            self._begin_with(norms)
            if self._new_norms is norms:  # and none came that is newer
                self._new_norms = None
            log.info("the new climate was taken up", offset=self._consumer.offset)
        return self._consumer.advance()

    async def _consume(self) -> None:
        pause_s = 1.0
        while True:
            self._news.clear()
            try:
                lived = await asyncio.to_thread(self._advance)
            except StateConflict as error:
                log.warning("the watch cannot commit; it is tried again", reason=str(error))
                await self._sleep(pause_s)
                pause_s = min(2 * pause_s, 30.0)
                continue
            pause_s = 1.0
            if lived is None:
                self._caught_up.set()
                await self._news.wait()
                continue
            self._tell(lived)
            self._caught_up.set()

    def _tell(self, lived: Lived) -> None:
        self.metrics.judged(lived.readings, lived.rejects, lived.entries, lived.seconds)
        self.metrics.open_now(lived.open)
        self._board.hear(lived.rows)
        self._step_s = lived.seconds
        if lived.entries:
            self._outreach.wake()
            self._feeds.wake()
        for entry in lived.entries:
            with suppress(OSError):  # a terminal that has gone must not stop the watch
                self._console.print(_line(entry, self.settings.language))

    def _set_steps(self, recipients: Recipients) -> None:
        """People's own limits: from now on the watch tells when a peak passes one."""
        self._consumer.steps = recipients.steps(self.settings.places, self.settings.rules)

    # Upkeep

    async def _archive(self) -> None:
        while True:
            await self._sleep(self.settings.archive_interval_s)
            home, keep_s = self.home, self.settings.keep_s
            try:
                report, dropped = await asyncio.to_thread(
                    keep_house,
                    home.stream,
                    home.state,
                    home.outbox,
                    home.lake,
                    int(self._now()),
                    keep_s,
                )
            except StateConflict as error:
                log.warning("archive failed; it is tried again", reason=str(error))
                continue
            self._archived += report.payloads
            if report.payloads or dropped:
                log.info("archived", payloads=report.payloads, files=report.files, dropped=dropped)

    async def _forget_often(self) -> None:
        """People who never confirmed, and messages and consents that were kept long enough."""
        home, registry = self.home, self._registry
        while True:
            try:
                gone = await asyncio.to_thread(
                    apply_retention,
                    home.people,
                    registry.keys,
                    home.outbox,
                    int(self._now()),
                    registry.keep,
                )
            except StateConflict as error:
                log.warning("retention failed; it is tried again", reason=str(error))
            else:
                if gone.people or gone.messages or gone.erased:
                    log.info("forgotten", **msgspec.structs.asdict(gone))
            await self._sleep(_FORGET_S)

    async def _refine_often(self) -> None:
        while True:
            await self._sleep(self.settings.refine_interval_s)
            if await asyncio.to_thread(has_to_refine, self.home.state, self.home.outbox):
                await do_beside("refine", self._refine)
            if names_norms(self.settings.rules):
                await self._learn_climate()

    async def _learn_climate(self) -> None:
        """Learn it once a week; and look whether it is another now, whoever learnt it."""
        state, rules = self.home.state, self.settings.rules
        if await asyncio.to_thread(is_due, state, rules, int(self._now())):
            await do_beside("climate", self._learn)
        version = (await asyncio.to_thread(known, state)).version
        if version == self._climate:
            return
        norms = await asyncio.to_thread(norms_of, self.home.lake, rules, self.settings.places)
        self._climate = version
        if digest(norms) != digest(self._norms):
            self._new_norms = norms

    # What is served

    def _ports(self) -> Ports:
        return Ports(
            accept=self._appender.offer,
            decode=self._decode,
            now=lambda: int(self._now()),
            readiness=self._readiness,
            metrics=lambda: self.metrics.before_reading(self._set_gauges),
            readings_as=(readings_csv.STATION, readings_csv.JSON),
            sources=frozenset(decoders(self.settings.places)) - {CLOCK},
            is_push_on=self.settings.api.key is not None,
            who=who_has(self.settings, self.home.state, self._people, self._now),
            seal=lambda person, body: seal_body(self._registry.vault, person, body),
            is_public=self.settings.api.is_public,
            rate_limit=self.settings.api.rate_limit,
            read=self._board.ports(),
            people=self._people,
            preview=previews(self.home.state, self.settings.places, self._now),
            whatsapp=whatsapp_hook(self.settings, self._people, self._now),
            telegram=telegram_hook(self.settings, self._session, self._talk, self.home.state),
            operate=self._operating.desk(),
            feeds=self._feeds.ports(),
            page=page(self.settings.page.tiles_url, self.settings.page.attribution),
            max_body=self.settings.max_body,
        )

    def _set_gauges(self, metrics: Metrics) -> None:
        metrics.stream_offset.set(self._offset)
        metrics.outbox_now(self.home.outbox.counts())
        metrics.consumer_lag.labels("speed").set(self._offset - self._consumer.offset)
        metrics.consumer_lag.labels("archive").set(self._offset - self._archived)
        now = self._now()
        for poller in self._pollers:
            for window, left in poller.budget.left(now).items():
                metrics.budget_calls_left.labels(poller.plan.name, window).set(left)

    def _sources(self) -> list[SourceItem]:
        now = int(self._now())
        polled = [
            SourceItem(
                source=poller.plan.name,
                calls_left={k: int(v) for k, v in poller.budget.left(now).items()},
                **poller.health.shown(poller.plan.expected_s, now),
            )
            for poller in self._pollers
        ]
        official = [
            SourceItem(source=warnings.name, calls_left={}, **warnings.shown())
            for warnings in self._warnings
        ]
        return polled + official

    def _lag(self) -> LagItem:
        counts = self.home.outbox.counts()
        newest = self.home.state.latest(1)
        seq = newest[0][0] if newest else 0
        return LagItem(
            stream_offset=self._offset,
            speed=self._offset - self._consumer.offset,
            archive=self._offset - self._archived,
            board=seq - self._board.incidents.seq,
            fan_out=seq - self._outreach.done,
            step_s=self._step_s,
            deliveries=sum(n for (_, status), n in counts.items() if status in UNSENT),
        )

    async def _readiness(self) -> tuple[bool, dict[str, Any]]:
        fault = self._appender.fault or await self._write_fault()
        now = int(self._now())
        state: dict[str, Any] = {
            "ready": fault is None,
            "store": {"writable": fault is None, "fault": fault},
            "stream_offset": self._offset,
            "lag": self._offset - self._consumer.offset,
            "sources": {
                poller.plan.name: poller.health.shown(poller.plan.expected_s, now)
                for poller in self._pollers
            }
            | {warnings.name: warnings.shown() for warnings in self._warnings},
        }
        return fault is None, state

    async def _write_fault(self) -> str | None:
        """Why nothing can be written now, found out by writing; None: it can be."""
        if self._probing is None or self._probing.done():
            at = str(int(self._now()))
            probe = asyncio.to_thread(self.home.state.set_note, "ready", at)
            self._probing = asyncio.create_task(probe)
        try:
            await asyncio.wait_for(asyncio.shield(self._probing), _STOP_S)
        except TimeoutError:
            return "the store is busy"
        except StateConflict as error:
            return str(error)
        return None


def run(settings: Settings, *, port: int | None = None) -> int:
    """Watch until SIGINT or SIGTERM; return the exit code.

    Raises StateConflict where the home cannot be used, SettingsInvalid where the port cannot.
    """
    configure_logs()
    allow_files()
    allow_listeners()
    if port is not None:
        settings = _with_port(settings, port)
    with open_home(settings.home, keys=key_files(settings)) as home:
        _refuse_replay(home)
        asyncio.run(_run(settings, home))
    return 0


async def _run(settings: Settings, home: EmbeddedHome) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    async with Live(settings, home) as live:
        log.info(
            "watching",
            home=str(home.path),
            places=len(settings.places),
            rules=settings.rules.name,
            sources=",".join(plan.name for plan in live._plans) or "none: pushes only",
            api=f"http://{settings.api.host}:{live.port}",
            push="on" if settings.api.key else "off",
        )
        await stop.wait()
        log.info("stopping")


def _with_port(settings: Settings, port: int) -> Settings:
    return msgspec.structs.replace(settings, api=msgspec.structs.replace(settings.api, port=port))


def _refuse_replay(home: EmbeddedHome) -> None:
    if home.state.note("replay") is not None:
        raise StateConflict(f"home {home.path} holds a replay; use another --home for the watch")


def _line(entry: LogEntry, language: str) -> Text:
    """One entry for the terminal: when, how bad, and the text."""
    alert = entry.alert
    is_over = alert.type in ("end", "cancel")
    colour = "green" if is_over else _COLOURS.get(alert.level, "")
    line = Text(f"{alert.sent_at[11:16]} ", style="dim")
    line.append(f"{alert.type:6} {alert.level:6} ", style=colour)
    return line.append(alert.text[language])
