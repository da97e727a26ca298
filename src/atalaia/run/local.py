"""The embedded root: everything in one process, on the home of one folder.

    pollers ─┐                        ┌─► watching: decode → detect → incidents → alert log
    pushes ──┼─► ingest ─► stream ────┤                                  └─► terminal, metrics
    clock ───┘                        └─► archive ─► RAW ─► refine (a process of its own) ─► GOLD

    alert log ─► notifier: recipients → fan-out → outbox → channels ─► people

Every part is a task that is started again if it breaks. A stop lets what was accepted reach the
disk, and takes a few seconds at most; kill -9 at any moment loses nothing that was accepted.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress

from rich.console import Console

from atalaia.api.following import allow_listeners
from atalaia.api.history import MemoryHistory
from atalaia.api.mqtt_publisher import start_telling
from atalaia.api.server import allow_files, listen, serving
from atalaia.api.standing import LocalStanding
from atalaia.api.telegram_hook import telegram_polling
from atalaia.batch.upkeep import Upkeep, command_of, do_beside
from atalaia.clock import Clock, look_back, until_done
from atalaia.detect.consumer import HOLD_S, Follower, Lived
from atalaia.detect.starts import Terms, note_start
from atalaia.detect.watching import Watching
from atalaia.domain.norm_tables import Norms
from atalaia.domain.payload import Payload
from atalaia.errors import StateConflict
from atalaia.homes.embedded import EmbeddedHome
from atalaia.lake.norms import keep, norms_of
from atalaia.lake.places import note_places
from atalaia.logs import Logger, configure_logs
from atalaia.memory import give_back, settle
from atalaia.metrics import Metrics
from atalaia.parts import STOP_S, Parts, asked_to_stop, begin, cancelled, ended
from atalaia.people.upkeep import forget_often
from atalaia.report.line import say
from atalaia.report.welcome import welcome
from atalaia.run.opened import home_of
from atalaia.run.services import Services
from atalaia.settings import Settings
from atalaia.settings.listening import start_listening
from atalaia.settings.plans import plans
from atalaia.settings.strength import checked, weaknesses
from atalaia.sources.cap.found import forms_of
from atalaia.sources.clocks import Clocks
from atalaia.sources.feed import FeedPoller
from atalaia.sources.ingest import TICK_AFTER_S, Ingest, tick
from atalaia.sources.mqtt.subscriber import Subscriber
from atalaia.sources.poller import Poller
from atalaia.watchdog import LATE_S, Stage, Watchdog

log = Logger()


class Live:
    """One running watch. ``async with Live(…) as live`` starts it, and stops it at the end.

    refine, learn   the commands that refine, and learn the climate; None: this program's own
    port            of the API once it runs (0 in the settings: any that is free)
    """

    def __init__(
        self,
        settings: Settings,
        home: EmbeddedHome,
        clock: Clock | None = None,
        *,
        console: Console | None = None,
        refine: Sequence[str] | None = None,
        learn: Sequence[str] | None = None,
    ) -> None:
        self.settings = settings
        self.home = home
        self.clock = clock or Clock()
        self.metrics = Metrics()
        self.clocks = Clocks()
        self.port = settings.api.port
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._began_at = self.clock.second()
        self._parts = Parts()
        note_places(home.state, settings.places)
        self.services = services = Services(home, settings, self.clock, self.metrics)
        self._begin_with(norms_of(home.lake, settings.rules, settings.places))
        self.consumer = services.consumer(
            lambda: self._norms, lambda _: self._began_at, hold_s=HOLD_S
        )
        self.watching = Watching(
            Follower(home.stream, self.consumer), home.stream.last_offset(), self.clock, self._tell
        )
        self.ingest = Ingest(home.stream, self._kept, self.clock)
        self.upkeep = Upkeep(
            home,
            settings,
            self.clock,
            refine or command_of("refine", home.path, settings.file),
            learn or command_of("climate", home.path, settings.file),
            self._norms,
            lambda norms: self.watching.between(lambda: self._begin_anew(norms)),
        )
        self.pollers: list[Poller] = []
        self.warnings: list[FeedPoller] = []
        self.subscribers: list[Subscriber] = []

    async def __aenter__(self) -> Live:
        """In the order of the path; what is started last is stopped first."""
        loop, services, home = asyncio.get_running_loop(), self.services, self.home
        parts = self._parts
        begin(loop)
        listener = listen(self.settings.api.host, self.settings.api.port)
        self.port = int(listener.getsockname()[1])
        parts.push_async_callback(services.session.close)

        parts.start("watching", self.watching.run)
        parts.start("ingest", self.ingest.run)
        parts.at_the_end(self.ingest.drain)

        self.notifier = services.notifier()

        def wake() -> None:
            loop.call_soon_threadsafe(self.notifier.wake)

        for what in ("urgent", "normal"):
            home.on_wake(what, wake)
        for name, part in (self.notifier.parts() | {"delivery": self._deliver}).items():
            parts.start(name, part)
        parts.push_async_callback(self.notifier.close, STOP_S)

        self.history = MemoryHistory(
            self.settings.places, self.settings.rules, home, services.decode, self.clock.now
        )
        self.standing = LocalStanding(
            home,
            self.clock,
            self.metrics,
            ingest=self.ingest,
            watching=self.watching,
            upkeep=self.upkeep,
            pollers=self.pollers,
            warnings=self.warnings,
            subscribers=self.subscribers,
            shown=lambda: services.follower.view.seq,
            fanned_out=lambda: self.notifier.done,
            clocks=self.clocks.shown,
        )
        server = serving(
            services.api(
                self.ingest.offer,
                self.history,
                self.standing,
                lambda: self.consumer.sight,
                lambda: self._norms,
            )
        )
        task = asyncio.create_task(server.serve(sockets=[listener]), name="api")
        parts.push_async_callback(ended, task)
        parts.callback(setattr, server, "should_exit", True)
        parts.start("follower", services.follower.run)
        parts.callback(services.follower.close)
        start_telling(self.settings, services.follower, parts)
        updates = telegram_polling(self.settings, services.session, services.talk, home.state)
        if updates is not None:
            parts.start("telegram bot", updates.run)

        session, keep_it = services.session, self.ingest.keep
        self.pollers += [
            Poller(
                plan,
                self.settings.places,
                session,
                keep_it,
                nearness=lambda: self.consumer.nearness,
                notes=home.state,
                clock=self.clock,
            )
            for plan in plans(self.settings)
        ]
        self.warnings += [
            FeedPoller(
                feed.url,
                feed.interval_s,
                services.session,
                self.ingest.keep,
                clock=self.clock,
                forms=forms_of(self.settings.places),
            )
            for feed in self.settings.cap.feeds
        ]
        for poller in self.pollers:
            parts.start(poller.plan.name, poller.run)
        for warnings in self.warnings:
            parts.start(warnings.name, warnings.run)
        self.subscribers += start_listening(self.settings, home, self.clock, keep_it, parts)
        parts.start("clock", lambda: tick(self.ingest, self.clock, lambda: self.watching.came_at))

        parts.start("archive", self.upkeep.archive)
        parts.start("refine", self.upkeep.refine)
        parts.start("watchdog", self._watchdog().run)
        registry = services.registry
        parts.start("retention", lambda: forget_often(home, registry, self.clock))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Take nothing more; bring what was accepted to the disk; let the tasks go."""
        await self._parts.aclose()

    async def settled(self) -> None:
        """Wait until all that is in the stream has been lived through."""
        await self.watching.settled()

    def greet(self) -> None:
        """Say on the terminal which page to open, and what to expect of the first hour."""
        self._console.print(welcome(self.settings, self.port), markup=False)

    async def _deliver(self) -> None:
        """The only sender there is begins, or begins anew because it broke."""
        await asyncio.to_thread(self.home.outbox.begin, self.clock.second())
        await self.notifier.deliverer.run()

    def _watchdog(self) -> Watchdog:
        """Which has to move, and what else may be wrong."""
        watching, notifier, follower = self.watching, self.notifier, self.services.follower
        stages = [
            Stage("the detector", lambda: watching.behind, lambda: self.consumer.position),
            Stage(
                "fan-out", lambda: follower.view.seq - notifier.reached, lambda: notifier.reached
            ),
            Stage("delivery", lambda: notifier.deliverer.held, lambda: notifier.deliverer.settled),
        ]

        def faults() -> Iterator[str]:
            if self.ingest.fault is not None:
                yield f"the store cannot be written: {self.ingest.fault}"
            silent_s = self.clock.second() - watching.came_at
            if silent_s >= LATE_S + TICK_AFTER_S:
                yield f"nothing was kept for {silent_s} s, not even what time it is"

        url, session = self.settings.watchdog_url, self.services.session
        return Watchdog(url, session, self.clock, stages, faults)

    # From stage to stage

    def _kept(self, payloads: Sequence[Payload], offset: int) -> None:
        self.metrics.kept(payloads)
        self.watching.hear(payloads, offset)

    def _tell(self, lived: Lived) -> None:
        if lived.entries:
            self.notifier.hear()
            self.services.follower.wake()
            # Whoever is told does not wait for what is said of it here.
            said = self._console, lived.entries, self.settings.language
            asyncio.get_running_loop().call_soon(say, *said)
        self.metrics.judged(lived.readings, lived.rejects, lived.entries, lived.seconds)
        self.metrics.open_now(lived.open)
        self.history.hear(lived.rows)
        self.clocks.hear(lived.delays)
        self.metrics.clock_behind.set(self.clocks.behind_s)
        self.standing.step_s = lived.seconds

    def _begin_with(self, norms: Norms) -> None:
        """The watch begins, now or anew, and judges by these norms; they are kept for replays."""
        settings, home = self.settings, self.home
        terms = Terms(settings.rules, tuple(settings.places), self.services.expected_s)
        note_start(home.state, self._began_at, terms, keep(home.lake, norms))
        self._norms = norms
        for line in norms.in_words():
            log.warning("a rule cannot judge everywhere", reason=line)

    def _begin_anew(self, norms: Norms) -> None:
        self.consumer.flush()  # what is held was judged by those of before
        self._begin_with(norms)
        self.consumer.begin_anew()
        log.info("the new climate was taken up", offset=self.consumer.position)


def run(settings: Settings, *, port: int | None = None) -> int:
    """Watch until SIGINT or SIGTERM; return the exit code.

    Raises StateConflict where the home cannot be used, SettingsInvalid where the port cannot, and
    where secrets can be guessed or read by others.
    """
    configure_logs()
    give_back()
    allow_files()
    allow_listeners()
    if port is not None:
        settings = settings.on_port(port)
    for line in weaknesses(checked(settings)):
        log.warning("not as it should be set", reason=line)
    with home_of(settings, exclusive=True) as home:
        _refuse_replay(home)
        home.keys.vapid_key()  # refused here, where somebody looks, and not at the first alert
        return until_done(lambda: asyncio.run(_run(settings, home)))


async def _run(settings: Settings, home: EmbeddedHome) -> int:
    stop = asked_to_stop()
    async with Live(settings, home) as live:
        log.info(
            "watching",
            home=home.name,
            places=len(settings.places),
            rules=settings.rules.name,
            sources=",".join(live.services.expected_s) or "none: pushes only",
            api=f"http://{settings.api.host}:{live.port}",
            push="on" if settings.api.key else "off",
        )
        with suppress(OSError):
            live.greet()
        settle()
        # Found here, and not at the first refine or question: it may be forbidden to map it.
        loading = asyncio.create_task(
            do_beside("loading DuckDB", [sys.executable, "-c", "import duckdb"])
        )
        looking = asyncio.create_task(look_back(live.clock, stop.ask))
        await stop.wait()
        log.info("stopping")
        await cancelled(looking)
        await cancelled(loading)
    return stop.code


def _refuse_replay(home: EmbeddedHome) -> None:
    if home.state.note("replay") is not None:
        raise StateConflict(f"home {home.name} holds a replay; use another --home for the watch")
