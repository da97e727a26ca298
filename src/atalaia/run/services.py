"""One program, put together for any home: the only wiring there is.

    a reading   sources ─► stream ─► consumer: decode → check → measure → detect → incidents
    an alert    alert log ─► recipients → fan-out → outbox → compose → channel → settle ─► people
    a question  the alert log, readings, people, operators, feeds ─► API

Read from top to bottom it is the way of an alert. Each part is made when it is first asked for, and
what only some roots need is imported there: a function that polls has no API.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

from atalaia.clock import Clock
from atalaia.domain.decoded import Decode
from atalaia.domain.lanes import Lane
from atalaia.metrics import Metrics
from atalaia.ports import Home, State
from atalaia.settings import Settings
from atalaia.settings.plans import expected
from atalaia.sources import decode_all, pushable

if TYPE_CHECKING:
    from collections.abc import Awaitable

    import aiohttp
    from fastapi import APIRouter, FastAPI

    from atalaia.api.following import LogFollower
    from atalaia.api.history import PlaceHistory
    from atalaia.api.probes import ProgramStanding
    from atalaia.channels.telegram_updates import Handler
    from atalaia.detect.asked import AskedLimits
    from atalaia.detect.consumer import Consumer, ItemsOf
    from atalaia.detect.sight import Sight
    from atalaia.detect.values import Usual
    from atalaia.detect.watch import Watch
    from atalaia.domain.delivery import Channel, Sent
    from atalaia.domain.payload import Payload
    from atalaia.notify.notifier import Notifier
    from atalaia.notify.recipients import Recipients
    from atalaia.notify.silences import Silences
    from atalaia.people.registry import Registry
    from atalaia.people.service import PeopleService


class Services:
    """The parts of the program, in the order of the path.

    lanes       into how many the places are cut, each with a consumer of its own
    can_stream  whether an answer of the API may go on for ever
    """

    def __init__(
        self,
        home: Home,
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
        *,
        lanes: int = 1,
        can_stream: bool = True,
    ) -> None:
        self.home = home
        self.settings = settings
        self.clock = clock
        self.metrics = metrics
        self._lanes = lanes
        self._can_stream = can_stream
        self._state = home.state

    # A reading

    @cached_property
    def decode(self) -> Decode:
        """Payloads → readings; what a person pushed is opened on the way."""
        from atalaia.people.bodies import opened

        return opened(decode_all(self.settings.places), self.home)

    @cached_property
    def expected_s(self) -> dict[str, int]:
        """By source that is polled of places: how often."""
        return expected(self.settings)

    @cached_property
    def asked(self) -> AskedLimits:
        """Limits of their own that people set: who fans out tells them, consumers follow."""
        from atalaia.detect.asked import AskedLimits

        return AskedLimits(self.home, self.settings.rules, self.settings.places, self.clock)

    def consumer(
        self,
        norms: Callable[[], Usual],
        since: Callable[[State], int],
        *,
        lane: int = 0,
        name: str | None = None,
        items_of: ItemsOf | None = None,
        hold_s: float = 0.0,
    ) -> Consumer:
        """What lives through a lane of the stream.

        norms   those to go by, whenever its watch is made
        since   from when on the polled sources are expected to speak, Unix seconds
        """
        from atalaia.detect.consumer import Consumer, no_items
        from atalaia.detect.watch import CONSUMER

        mine = Lane(self.settings.places, lane, self._lanes)

        def watch(state: State) -> Watch:
            return self._watch(state, mine, norms(), since(state))

        return Consumer(
            lambda: self.home.state,
            watch,
            name=name or CONSUMER,
            items_of=items_of or no_items,
            asked=self.asked.latest,
            hold_s=hold_s,
        )

    def _watch(self, state: State, lane: Lane, norms: Usual, since: int) -> Watch:
        """A watch in the state that the home has kept, which expects what is polled."""
        from atalaia.detect.watch import Watch

        decode = self.decode
        watch = Watch(
            self.settings.rules,
            self.settings.places,
            lambda payloads, wanted: lane.narrowed(decode(payloads, wanted)),
            norms,
            expected_s=self.expected_s,
            lane=lane,
        )
        watch.load(state, lane)
        for source in self.expected_s:
            watch.expect(source, since, lane)
        return watch

    # An alert

    @cached_property
    def registry(self) -> Registry:
        """Everybody of this home."""
        from atalaia.people.registry import registry_of

        return registry_of(self.home, self.settings)

    @cached_property
    def session(self) -> aiohttp.ClientSession:
        """The HTTP client. To be made, and closed, on the event loop that uses it."""
        from atalaia.sources.session import open_session

        return open_session()

    @cached_property
    def channels(self) -> dict[str, Channel]:
        """Those that the settings switch on."""
        from atalaia.notify.channels import open_channels

        return open_channels(self.settings, self.session, self.home.keys)

    @cached_property
    def recipients(self) -> Recipients:
        """Who is told."""
        from atalaia.notify.recipients import recipients_of

        return recipients_of(self.home, self.registry, self.settings, self.metrics, self.clock)

    @cached_property
    def silences(self) -> Silences:
        """What is told to nobody."""
        from atalaia.notify.silences import Silences

        return Silences(self._state)

    def notifier(
        self,
        *,
        off: Collection[str] = (),
        by_need: bool = False,
    ) -> Notifier:
        """The stages of telling people.

        off      channels that others may believe to be on: what is for them goes by the next
        by_need  who sends reads those that it sends to, and not everybody who is told
        """
        from atalaia.channels.off import Off
        from atalaia.notify.at_hand import sending
        from atalaia.notify.compose import Composer
        from atalaia.notify.deliver import Deliverer
        from atalaia.notify.escalate import Escalation
        from atalaia.notify.fanout import Fan
        from atalaia.notify.last_look import FRESH_S
        from atalaia.notify.notifier import Notifier
        from atalaia.notify.standing import Standing

        state, outbox, places = self._state, self.home.outbox, self.settings.places
        clock, registry = self.clock, self.registry
        recipients, silences = self.recipients, self.silences.all
        who = sending(recipients, registry, self.settings, by_need=by_need)
        composer = Composer(
            state,
            outbox,
            places,
            who.profiles,
            who.people,
            clock,
            silences=silences,
            refresh=who.refresh,
            fetch=who.fetch,
            ways=who.ways,
        )
        escalation = Escalation(
            state, outbox, registry, who.profiles, clock, refresh=who.refresh, fetch=who.fetch
        )

        def on_sent(tries: Sequence[Sent]) -> None:
            escalation.hear(tries)
            self.metrics.tried(tries)

        deliverer = Deliverer(
            outbox,
            state,
            {**self.channels, **{name: Off(name) for name in off}},
            composer.write,
            clock=clock,
            drafts=composer,
            fresh_s=FRESH_S,
            on_sent=on_sent,
        )
        return Notifier(
            recipients,
            Fan(state, outbox, recipients.audience, recipients, places, silences=silences),
            deliverer,
            escalation,
            self.channels,
            clock=clock,
            wake=self.home.wake,
            standing=Standing(state, outbox, recipients, places, silences),
            on_changed=self.asked.tell,
        )

    # A question

    @cached_property
    def people(self) -> PeopleService:
        """What can be asked of people."""
        from atalaia.people.service import PeopleService

        return PeopleService(self.registry, self.home, self.settings)

    @cached_property
    def talk(self) -> Handler:
        """What the bot answers."""
        from atalaia.people.conversation import Conversation, in_turn
        from atalaia.people.talks import SealedTalks

        talks = SealedTalks(self.registry.lookups, self.home.talks)
        bot = Conversation(self.people, talks, language=self.settings.language)
        return in_turn(bot, self.clock.now)

    @cached_property
    def follower(self) -> LogFollower:
        """The alert log, followed: by what the API shows of it, and by who listens."""
        from atalaia.api.following import LogFollower

        return LogFollower(self._state, self.settings.places)

    def api(
        self,
        accept: Callable[[Sequence[Payload]], Awaitable[int]],
        history: PlaceHistory,
        standing: ProgramStanding,
        sight: Callable[[], Sight],
        norms: Callable[[], Usual],
    ) -> FastAPI:
        """What is asked over HTTP.

        accept    keeps what was pushed; raises QueueFull or StateConflict
        history   what was at each place
        sight     until when each can be seen
        norms     those that the watch goes by; may block
        """
        from atalaia.api import hooks, wishes
        from atalaia.api.app import api
        from atalaia.api.keys import gate_of
        from atalaia.api.operator import Operator
        from atalaia.api.previews import previews
        from atalaia.api.push import Pushing
        from atalaia.api.shown import Shown
        from atalaia.api.telegram_hook import telegram_hook
        from atalaia.api.whatsapp_hook import whatsapp_hook
        from atalaia.notify.drills import Drills
        from atalaia.page.served import page_of
        from atalaia.people.answering import Answering
        from atalaia.people.bodies import seal_body
        from atalaia.people.terms import open_channels
        from atalaia.people.wishes import TownWishes

        settings, state, outbox, now = self.settings, self._state, self.home.outbox, self.clock.now
        wake = partial(self.home.wake, "normal")
        drills = Drills(
            state, outbox, self.recipients, settings.places, clock=self.clock, wake=wake
        )
        gate = gate_of(settings, state, self.people, now)
        shown = Shown(
            places=settings.places,
            rules=settings.rules,
            view=self.follower.view,
            history=history,
            state=state,
            sources=standing.sources,
            sight=sight,
            norms=norms,
            expected_s=self.expected_s,
            channels=open_channels(settings),
            now=now,
        )
        return api(
            gate,
            settings.api.rate_limit,
            self.clock.second,
            meter=self.home.meter,
            hosts=settings.api.hosts if self._can_stream else (),
            pushing=Pushing(
                is_on=settings.api.key is not None,
                accept=accept,
                decode=self.decode,
                seal=lambda person, body: seal_body(self.registry.vault, person, body),
                now=self.clock.second,
                sources=pushable(settings.places),
                max_body=settings.max_body,
                bytes_a_day=settings.bytes_a_day,
            ),
            shown=shown,
            service=self.people,
            preview=previews(state, settings.places, now),
            operator=Operator(
                outbox, self.silences, drills, settings.places, lag=standing.lag, now=now, wake=wake
            ),
            wishes=wishes.routes(TownWishes(state, settings.places), now, gate),
            hooks=hooks.routes(
                whatsapp_hook(settings, self.people, now),
                telegram_hook(settings, self.session, self.talk, state),
                Answering(self.people, self.registry, self.home, self.clock.second),
                settings.language,
            ),
            feeds=self._feeds(),
            standing=standing,
            page=page_of(settings, shown, self.follower.systems, gate, self.home),
        )

    def _feeds(self) -> APIRouter:
        """The open ones."""
        from atalaia.api.feeds import routes

        log, settings = self.follower, self.settings
        places = {place.id: place for place in settings.places}
        listeners = log.events if self._can_stream else None
        return routes(log.view, log.systems, listeners, self._state.life, places, settings.cap)
