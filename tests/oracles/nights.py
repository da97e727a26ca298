"""Random nights: what happens in them, and what of it went out. What must have is in `told`."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple
from unittest.mock import patch
from zoneinfo import ZoneInfo

import msgspec

from atalaia.clock import Clock, Onward
from atalaia.domain.alert import LogEntry, Moved
from atalaia.domain.contact import Contact
from atalaia.domain.delivery import (
    Letter,
    Limits,
    Outcome,
    Status,
    letter_of,
    notice,
    released,
)
from atalaia.domain.hazard import LEVEL_OF
from atalaia.domain.official import RULE, Official
from atalaia.domain.silence import Silence
from atalaia.domain.subscription import Person, Quiet, Threshold
from atalaia.notify.audience import Audience
from atalaia.notify.claimed import Row
from atalaia.notify.compose import Composer
from atalaia.notify.deliver import Deliverer
from atalaia.notify.drills import Drills
from atalaia.notify.escalate import Escalation
from atalaia.notify.fanout import Fan
from atalaia.notify.standing import Standing
from atalaia.ports import Commit, Outbox, State
from telling import HERE, NOON, PLACES, THERE, TOWNS, news, person

CHANNELS = ("telegram", "sms", "email", "webhook")
HAZARDS = ("heavy_rain", "wind")
ZONES = (
    "America/Recife",
    "Europe/Lisbon",
    "Asia/Kolkata",
    "Pacific/Auckland",
    "Australia/Lord_Howe",
)
STARTS = (NOON, 1_774_735_200, 1_792_836_000, 1_775_300_000)
"""A plain day, and days around which clocks change in Europe and the south (2026)."""
_SCHEDULE = (5, 30, 120, 600)
LIMITS = {
    "telegram": Limits(a_day=1_000, letter_chars=3_900, schedule=_SCHEDULE),
    "sms": Limits(usd_a_month=1_000.0, usd_each=0.05, schedule=_SCHEDULE),
    "email": Limits(letter_chars=30_000, schedule=_SCHEDULE),
    "webhook": Limits(schedule=_SCHEDULE),
}
STEP_S, LONGEST_STEP_S = 60, 480
"""A minute, and more where nothing happens."""
WAITS_S = 30
"""So long written letters wait, now and then: their lease is good for a try after that."""
HOURS = 20
LEVELS = ("yellow", "orange", "red")
MET = Official(identifier="1", sender="met", issuer="Met", type="Alert", sent_at=NOON)
ESCALATE_S = 600


class Died(Exception):
    """The process is no more."""


class Mortal:
    """A store at any call to which its caller may die: before it, or right behind it."""

    def __init__(self, store: Any, meet: Callable[[], None]) -> None:
        self._store = store
        self._meet = meet

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def call(*args: Any, **how: Any) -> Any:
            self._meet()
            found = method(*args, **how)
            self._meet()
            return found

        return call


class Book:
    """Who is told and where: what the registry and the watch's memory of it know."""

    def __init__(self) -> None:
        self.people: dict[str, Person] = {}
        self.audience = Audience()
        self.moves: dict[tuple[str, str], int] = defaultdict(int)

    def get(self, pseudonym: str) -> Person | None:
        return self.people.get(pseudonym)

    def person(self, pseudonym: str, *, if_limited: bool = False) -> Person | None:
        return self.people.get(pseudonym)

    def address(self, pseudonym: str, channel: str) -> str:
        return f"{pseudonym}@{self.moves[pseudonym, channel]}"

    def contact(self, pseudonym: str, channel: str) -> Contact | None:
        one = self.people.get(pseudonym)
        here = self.address(pseudonym, channel)
        return Contact(channel, here) if one and channel in one.channels else None

    def question(self, *_: object) -> None:
        return None

    def refresh(self) -> None:
        """What is known is new."""

    def put(self, one: Person) -> None:
        self.people[one.pseudonym] = one
        self.audience.put(one)

    def remove(self, pseudonym: str) -> None:
        self.people.pop(pseudonym, None)
        self.audience.remove(pseudonym)


class Went(NamedTuple):
    """What was sent: when, to whom, by which channel, what it told, what the channel answered, and
    the letter's id."""

    at: int
    who: str
    channel: str
    told: tuple[tuple[str, int], ...]
    verdict: str
    id: str


class Aside(NamedTuple):
    """What went out that is no alert: when, to whom, by which channel, what it is, what the channel
    answered, and the letter's id."""

    at: int
    who: str
    channel: str
    kind: str
    verdict: str
    id: str


class Post:
    """A channel of the night."""

    def __init__(self, name: str, take: Callable[[str, Letter], Outcome]) -> None:
        self.name = name
        self.limits = LIMITS[name]
        self._take = take

    async def send(self, letter: Letter) -> Outcome:
        return self._take(self.name, letter)


class Process:
    """One that sends: it claims, writes, and tries.

    fuse    it dies at so many calls to a store from now; 0: it lives on
    rows    what it has claimed and not tried
    waits   it takes its time with these
    """

    def __init__(
        self,
        state: State,
        outbox: Outbox,
        book: Book,
        clock: Clock,
        silences: Callable[[], Sequence[Silence]],
        posts: Sequence[Post],
    ) -> None:
        self.fuse = 0
        self.rows: list[Row] = []
        self.waits = False
        self.clock = clock
        self.outbox = kept = Mortal(outbox, self._meet)
        self.state = log = Mortal(state, self._meet)
        composer = Composer(log, kept, PLACES, book, book, clock, silences=silences)
        channels = {post.name: post for post in posts}
        write = composer.write
        self.deliverer = Deliverer(kept, log, channels, write, clock=clock, drafts=composer)

    async def begin(self, fuse: int) -> None:
        for sender in self.deliverer.senders.values():
            sender.begin()
        self.fuse = fuse

    def ids(self) -> set[str]:
        """Of the messages that it has claimed and not tried."""
        return {message.id for row in self.rows for bundle in row for message, _ in bundle}

    def _meet(self) -> None:
        """Death comes at one of many calls."""
        self.fuse -= 1
        if self.fuse == 0:
            raise Died


class Night:
    """One case.

    is_calm    nothing fails, nobody changes, and each has one channel
    is_mild    nothing fails, and each may have several
    steps      when the watch ran
    came_at    when each alert came to the log
    hours      quiet hours of each person, since when
    wishes     what each asked for, since when
    said       over which places a warning was told, by what went, incident and version
    answered   what was acknowledged, and when
    ahead_s    by so much the clock is set forward, or back, just now
    slack_s    so wrong it may be, ever; 0: it is right
    drills     what was drilled, as an entry that the log has not
    aside      what went out that is no alert
    lost       who lost a channel, and was not told by it any more
    wrong      what was seen to be wrong at once
    """

    def __init__(self, state: State, outbox: Outbox, seed: int) -> None:
        self._state, self._outbox = self.state, self.kept = state, outbox
        self.random = random.Random(seed)
        self.chance = random.Random(f"{seed}, besides")
        self.is_calm = seed % 4 == 3
        self.is_mild = seed % 8 == 5
        self.has_limits = not self.is_calm and self.chance.random() < 0.4
        self.start = self.random.choice(STARTS)
        self.now = self.start
        self.people = [self._person(i) for i in range(3)]
        newcomer = msgspec.structs.replace(
            self._person(3), since=self.start + self.random.randrange(HOURS * 3600)
        )
        self.silences = [self._silence(i) for i in range(self.random.randrange(3))]
        self.log = self._history()
        self._numbers = {(e.alert.incident, e.alert.version): i for i, e in enumerate(self.log)}
        self.came_at = self._arrivals()
        self._to_come = [newcomer]
        self.book = Book()
        for one in self.people:
            self.book.put(one)
        self.steps: list[int] = []
        self.went: list[Went] = []
        self.wrong: list[str] = []
        self.left: dict[str, int] = {}
        self.lost: set[tuple[str, str]] = set()
        self.said: dict[tuple[int, str, int], set[str]] = {}
        self.answered: dict[str, list[int]] = defaultdict(list)
        self.drills: list[LogEntry] = []
        self.aside: list[Aside] = []
        self.came: set[str] = set()
        self.in_flight: set[str] = set()  # whose message was leased when its sender died, or hung
        self.deaths = 0
        self.hours: dict[str, list[tuple[int, Quiet | None]]] = {
            one.pseudonym: [(0, one.quiet)] for one in (*self.people, newcomer)
        }
        self.wishes: dict[str, list[tuple[int, Person]]] = {
            one.pseudonym: [(0, one)] for one in self.people
        } | {newcomer.pseudonym: []}
        self.faults = {
            name: (self.random.randrange(HOURS * 3600), self.random.choice((0, 600, 5400)))
            for name in CHANNELS
        }
        self._has_several = False
        self._loop = asyncio.new_event_loop()
        self.beside: Process | None = None
        self.ahead_s = 0
        kind = self.chance.random()
        self.slack_s = 900 if kind > 0.7 and not self._is_kind else 0
        self._begin()
        if kind < 0.4:
            self._begin_beside()

    def _person(self, i: int) -> Person:
        r = self.random
        n = 1 if self.is_calm else r.randrange(1, 4)
        return person(
            f"p_{i}",
            *r.sample(CHANNELS, n),
            where=r.choice(([HERE], [THERE], [HERE, THERE])),
            quiet=self._quiet(),
            hazards={hazard: r.choice(LEVELS) for hazard in HAZARDS},
            thresholds=self._own_limits(),
            escalate_after_s=ESCALATE_S,
        )

    def _own_limits(self) -> tuple[Threshold, ...]:
        if not self.has_limits or self.chance.random() < 0.5:
            return ()
        limit = float(self.chance.randrange(20, 70))
        return (Threshold("rain_mm", 3600, limit, "heavy_rain"),)

    def _quiet(self) -> Quiet | None:
        r = self.random
        if r.random() < 0.3:
            return None
        hour = r.randrange(24)
        end = (hour + r.randrange(1, 10)) % 24
        return Quiet(hour * 60 + r.choice((0, 30)), end * 60 + 15, r.choice(ZONES))

    def _silence(self, i: int) -> Silence:
        r = self.random
        since = self.start + r.randrange(0, 12) * 3600 + r.choice((0, 77))
        hazard, place = r.choice((("wind", None), (None, "natal"), ("heavy_rain", "recife")))
        until = since + r.choice((300, 3600, 6 * 3600))
        return Silence(
            id=f"s{i}", hazard=hazard, place=place, since=since, until=until, reason="", by="x"
        )

    def _history(self) -> list[LogEntry]:
        """Lives of a few incidents, of which several change at one instant."""
        r, found = self.random, []
        for i in range(5):
            at = self.start + r.randrange(1, 10) * 3600
            level = r.choice(LEVELS)
            kind = {
                "place": r.choice(("recife", "natal")),
                "hazard": r.choice(HAZARDS),
                "expires_s": r.choice((2 * 86_400, 2 * 86_400, 2 * 86_400, 3 * 3600)),
            }
            found.append(news(f"i{i}", at=at, level=level, **kind))
            for version in range(2, r.randrange(2, 7)):
                at += r.choice((60, 300, 1800, 3600, 7200))
                new = r.choice(LEVELS)
                step = LEVEL_OF[new] - LEVEL_OF[level]
                reason = "certainty" if not step else "escalated" if step > 0 else "eased"
                level = new
                found.append(news(f"i{i}", version, at=at, level=level, reason=reason, **kind))
            if r.random() < 0.8:
                at += r.choice((60, 1800, 7200))
                last = found[-1].alert.version + 1
                found.append(news(f"i{i}", last, "end", at=at, level=level, **kind))
        if self.has_limits:
            found = self._with_peaks(found)
        if not self.is_calm and r.random() < 0.5:
            found += self._warning()
        return sorted(found, key=lambda e: (e.alert.sent_at, e.alert.incident))

    def _with_peaks(self, log: Sequence[LogEntry]) -> list[LogEntry]:
        """How far each rain came; where its level stays, it is told to those alone whose own limit
        it passed, now and then."""
        peaks: dict[str, float] = {}
        found = []
        for entry in log:
            alert, before = entry.alert, peaks.get(entry.alert.incident)
            high = (before or 15.0) + self.chance.randrange(20)
            if alert.is_over or alert.hazard != "heavy_rain" or high == before:
                found.append(entry)
                continue
            peaks[alert.incident] = high
            if alert.reason == "certainty" and self.chance.random() < 0.6:
                alert = msgspec.structs.replace(alert, type="step", reason="step")
            moved = (Moved("rain_mm", 3600, is_below=False, low=before, high=high),)
            found.append(msgspec.structs.replace(entry, alert=alert, moved=moved))
        return found

    def _warning(self) -> Iterator[LogEntry]:
        """An official one over two towns: each entry speaks of one of them, or of both, and what it
        does not speak of stands. What changes at one instant is over first."""
        r, stands = self.random, dict[str, str]()
        at, version, peak = self.start + r.randrange(1, 8) * 3600, 0, "watch"
        kind = {"hazard": r.choice(HAZARDS), "rule": RULE, "expires_s": 2 * 86_400}
        for _ in range(r.randint(2, 6)):
            left = set(TOWNS) if not version else set(r.sample(sorted(TOWNS), r.randint(1, 2)))
            ends = {town for town in sorted(left & set(stands)) if version and r.random() < 0.3}
            for said in (ends, left - ends):
                if not said:
                    continue
                version += 1
                still, level = tuple(sorted(set(stands) - said)), r.choice(LEVELS)
                # What rises at one town is told apart from what eases at another.
                before = min((LEVEL_OF[stands[town]] for town in said & set(stands)), default=0)
                type_ = "alert" if version == 1 else r.choice(["end", "cancel"])
                changes: dict[str, Any] = {}
                if version > 1 and said is not ends:
                    type_ = "update"
                    has_eased = said <= set(stands) and LEVEL_OF[level] < before
                    changes = {"reason": "eased" if has_eased else "escalated"}
                peak = max(peak, level, key=LEVEL_OF.__getitem__)
                places = tuple(sorted(said))
                changes["place"] = places[0] if len(places) == 1 else MET.issuer
                entry = news("w", version, type_, at=at, level=level, **kind, **changes)
                said_by = msgspec.structs.replace(
                    MET, identifier=str(version), severity=entry.alert.severity
                )
                yield msgspec.structs.replace(
                    entry, places=places, still=still, official=said_by, peak_level=peak
                )
                stands = {town: stands[town] for town in still}
                stands |= {} if said is ends else dict.fromkeys(said, level)
            if not stands:
                return
            at += r.choice((60, 300, 1800, 3600, 7200))

    def _arrivals(self) -> dict[tuple[str, int], int]:
        """The log is in the order of sending; who judged may have been slow to write."""
        found, last = {}, 0
        lags = {entry.alert.sent_at: self.random.choice((0, 0, 0, 45, 400)) for entry in self.log}
        for entry in self.log:
            last = max(last, entry.alert.sent_at + lags[entry.alert.sent_at])
            found[entry.alert.incident, entry.alert.version] = last
        return found

    def came_by(self, entry: LogEntry, at: int) -> bool:
        """Whether it was in the log by then."""
        return self.came_at[entry.alert.incident, entry.alert.version] <= at

    def _begin(self) -> None:
        """A process begins, which knows nothing but the home."""
        self.came |= {one.pseudonym for one in self.book.people.values() if one.since}
        self.main = self._process(0 if self._is_kind else self.random.randrange(1, 3_000))
        state, outbox, book, clock = self.main.state, self.main.outbox, self.book, self.main.clock
        silences = lambda: self.silences  # noqa: E731
        self.fan = Fan(state, outbox, book.audience, book, PLACES, step_people=2, silences=silences)
        self.escalation = Escalation(state, outbox, book, book, clock)  # type: ignore[arg-type]
        self.standing = Standing(state, outbox, book, PLACES, silences)  # type: ignore[arg-type]
        wake = self.main.deliverer.wake
        self.drilling = Drills(state, outbox, book, PLACES, clock=clock, wake=wake)  # type: ignore[arg-type]
        self._is_begun = False

    def _begin_beside(self) -> None:
        """Another process begins that sends from the same outbox, and does nothing else."""
        self.beside = self._process(0 if self._is_kind else self.chance.randrange(1, 2_000))

    def _process(self, fuse: int) -> Process:
        silences = lambda: self.silences  # noqa: E731
        posts = [Post(name, self._taken) for name in CHANNELS]
        now = Onward(lambda: float(self.now + self.ahead_s), lambda: float(self.now))
        clock = Clock(now)
        begun = Process(self._state, self._outbox, self.book, clock, silences, posts)
        self._loop.run_until_complete(begun.begin(fuse))
        return begun

    @property
    def _processes(self) -> list[Process]:
        return [self.main, self.beside] if self.beside else [self.main]

    def live(self) -> None:
        pending = list(self.log)
        step_s = STEP_S
        while self.now < self.start + HOURS * 3600 + 86_400:
            self.now += step_s if self.now < self.start + HOURS * 3600 else 1800
            new = [e for e in pending if self.came_by(e, self.now)]
            pending = pending[len(new) :]
            first, rest = self._cut(new)
            self._commit(first)
            if rest:
                self._survive(self._fan_out)
                self._commit(rest)
            self.steps.append(self.now)
            before = len(self.went)
            self._survive(self._step)
            waits = any(one.waits for one in self._processes)
            is_busy = new or waits or len(self.went) > before
            step_s = STEP_S if is_busy else min(2 * step_s, LONGEST_STEP_S)
            step_s = WAITS_S if waits else step_s
        self._loop.close()

    def _cut(self, new: list[LogEntry]) -> tuple[list[LogEntry], list[LogEntry]]:
        """What has come, in two parts of which the first ends amid an instant: now and then."""
        within = [i for i in range(1, len(new)) if new[i].alert.sent_at == new[i - 1].alert.sent_at]
        at = self.random.choice(within) if within and self.random.random() < 0.5 else len(new)
        return new[:at], new[at:]

    def _commit(self, entries: Sequence[LogEntry]) -> None:
        if entries:
            number = self._state.offset("speed") + 1
            assert self._state.commit(Commit("speed", number, entries=entries))

    def _survive(self, do: Callable[[], None]) -> None:
        """Do it; who dies of it is followed by one who knows nothing of it."""
        self._survives(self.main, do)

    def _survives(self, process: Process, do: Callable[[], None]) -> None:
        try:
            do()
        except Died:
            self.deaths += 1
            leased = self._outbox.messages(status=Status.LEASED, limit=1000)
            others = {id_ for one in self._processes if one is not process for id_ in one.ids()}
            self.in_flight |= {m.person for m in leased if m.id not in others}
            process.rows.clear()
            if process is self.main:
                self._begin()
            else:
                self._begin_beside()

    def _fan_out(self) -> None:
        while self.fan.step(self.main.clock.second()) is not None:
            pass

    def _step(self) -> None:
        r = self.random
        if self.slack_s and self.chance.random() < 0.02:
            self.ahead_s = self.chance.choice((-600, -180, 0, 0, 240, 600))
        self._operate()
        while self._to_come and self._to_come[0].since <= self.now:
            self._comes(msgspec.structs.replace(self._to_come.pop(), since=self.now))
        if not self.is_calm:
            self._people_change()
        if self.is_calm or r.random() < 0.9:
            self._fan_out()
            if not self._is_begun:
                self.standing.rouse_changed(self.main.clock.second())
                self._is_begun = True
            self.standing.step(frozenset(self.came), self.main.clock.second())
            self.came.clear()
        self.escalation.hand_on()
        if self.chance.random() < 0.03 and self.now < self.start + HOURS * 3600:
            self._say_besides()
        for process in self._processes:
            self._survives(process, partial(self._claim, process))
        going = [one for one in self._processes if not one.waits]
        while any(one.rows for one in going):
            process = self.chance.choice([one for one in going if one.rows])
            self._survives(process, partial(self._send, process, process.rows.pop(0)))
        self._end_a_silence_behind()

    def _end_a_silence_behind(self) -> None:
        """Another process ends one within the second in which was looked for such."""
        going_on = [i for i, one in enumerate(self.silences) if one.since < self.now < one.until]
        if going_on and not self.is_calm and self.chance.random() < 0.02:
            i = self.chance.choice(going_on)
            self.silences[i] = msgspec.structs.replace(self.silences[i], until=self.now)

    def _claim(self, process: Process) -> None:
        """Letters are written, which now and then wait for a while, and are looked at again."""
        is_other = process is self.beside
        if process.waits:
            # One process hangs at times until its leases have run out.
            process.waits = is_other and self.chance.random() < 0.5
            firsts = [row[0][0][0] for row in process.rows]
            self.in_flight |= {m.person for m in firsts if m.lease_until <= self.now}
            return
        r = self.chance if is_other else self.random
        room = dict.fromkeys(CHANNELS, 50)
        if self.beside and self.is_calm:  # each has its channels, by turns, and room for all
            room = {name: 50 for name in CHANNELS if self._is_his(process, name)}
        elif self.beside:
            room = dict.fromkeys(CHANNELS, self.chance.randrange(1, 6))
        now = process.clock.second()
        urgent = process.deliverer._urgent_room(now, room)
        if self.beside and self.is_calm:  # what is behind a letter of the other waits for that
            urgent = {}
        taken = process.deliverer._take(now, room, urgent)
        process.deliverer._mine.clear()
        process.rows = [row for each in taken.values() for row in each]
        process.waits = bool(process.rows) and not self._is_kind and r.random() < 0.2

    def _is_his(self, process: Process, channel: str) -> bool:
        turn = len(self.steps) + CHANNELS.index(channel)
        return (process is self.main) == bool(turn % 3)

    def _send(self, process: Process, row: Row) -> None:
        """Letters of one order key, until one has to wait."""
        has_to_wait, now = False, process.clock.second()
        for bundle in row:
            before = [message for message, _ in bundle]
            if has_to_wait:
                process.outbox.settle([(m, released(m, 0.0, now)) for m in before])
                continue
            sender, n = process.deliverer.senders[before[0].channel], len(self.went)
            n_aside = len(self.aside)
            left = sender.pace.room(now)
            self._has_several = len(bundle) > 1
            tried = self._loop.run_until_complete(sender.send(bundle))
            if len(self.went) > n + 1:
                self.wrong.append(f"{before[0].person}: several letters for one")
            new = (*self.went[n:], *self.aside[n_aside:])
            spent = sum(each.verdict in ("sent", "unknown") for each in new)
            if left is not None and sender.pace.room(now) != left - spent and not self.beside:
                self.wrong.append(f"{before[0].channel}: a letter counts for more, or for less")
            after = [message for message, _ in tried]
            if len(bundle) > 1 and not self._is_kind and self.random.random() < 0.15:
                process.fuse = 1  # it may have gone, and nobody knows
            process.outbox.settle(list(zip(before, after, strict=True)))
            has_to_wait = any(message.status == Status.DUE for message in after)
            sent = [message for message in after if message.status == Status.SENT]
            if sent and not self.is_calm and self.random.random() < 0.2:
                process.outbox.acknowledge(sent[-1].person, letter_of(sent[-1]), now)
                if sent[-1].kind == "alert":
                    self.answered[sent[-1].person].append(self.now)

    def _taken(self, channel: str, letter: Letter) -> Outcome:
        """A channel is handed a letter."""
        who = letter.contact.address.partition("@")[0]
        if letter.contact.address != self.book.address(who, channel):
            self.wrong.append(f"{who}: by {channel} to the address of before")
        if not letter.content.alerts:
            return self._taken_besides(who, channel, letter)
        outcome = self._try(channel)
        if self._has_several and not self._is_kind and self.random.random() < 0.15:
            outcome = Outcome("unknown", "no answer")
        told = tuple((a.incident, a.version) for a in letter.content.alerts)
        self.went.append(Went(self.now, who, channel, told, outcome.verdict, letter.id))
        where = letter.content.where or [None] * len(told)
        for alert, at_places in zip(told, where, strict=True):
            said = at_places.places if at_places else self.log[self.number(alert)].places
            self.said[len(self.went) - 1, *alert] = set(said)
        if letter.content.kind != "alert":
            self.wrong.append(f"{who}: {told} by {channel} marked {letter.content.kind}")
        parts = [(part.is_over, -LEVEL_OF[part.level]) for part in letter.content.parts]
        if parts != sorted(parts) or len(parts) != len(told):
            self.wrong.append(f"{who}: by {channel} in a wrong order, or not all of it: {parts}")
        # What a silence kept back is one message: others may have come in between.
        if not self.silences and told != tuple(sorted(told, key=self.number)):
            self.wrong.append(f"{who}: alerts by {channel} not as in the log: {told}")
        return outcome

    def _taken_besides(self, who: str, channel: str, letter: Letter) -> Outcome:
        """One that is no alert fails often, also where nothing else does: that is nothing to what
        is real."""
        chance = self.chance.random()
        outcome = self._try(channel) if not self._is_kind else Outcome("sent", provider_id="x")
        if chance < 0.4:
            outcome = Outcome("again", "busy", after_s=self.chance.choice((0, 50, 90)))
        elif chance < 0.5:
            outcome = Outcome("unknown", "no answer")
        kind, id_ = letter.content.kind, letter.id
        self.aside.append(Aside(self.now, who, channel, kind, outcome.verdict, id_))
        return outcome

    def _say_besides(self) -> None:
        """An operator begins a drill; or somebody is told what was done with an address."""
        r = self.chance
        if r.random() < 0.3:
            who = r.choice(sorted(self.book.people) or ["p_0"])
            channel = self.book.people[who].channels[0] if who in self.book.people else "sms"
            about, kind = f"added at {self.now}", "added:sms"
            self.main.outbox.put(notice(who, channel, about, kind, self.now, 3600))
            return
        hazard, level, place = r.choice(HAZARDS), r.choice(LEVELS), r.choice(sorted(TOWNS))
        id_ = f"d{len(self.drills)}"
        self.drills.append(news(id_, at=self.now, level=level, place=place, hazard=hazard))
        with patch("atalaia.notify.drills.secrets.token_hex", lambda _: id_):
            self.drilling.start(hazard, level, place, "x", is_for_everyone=True)

    def number(self, alert: tuple[str, int]) -> int:
        """Where it stands in the log."""
        return self._numbers[alert]

    @property
    def _is_kind(self) -> bool:
        return self.is_calm or self.is_mild

    def _operate(self) -> None:
        """Somebody silences something from now on, or ends a silence."""
        r = self.random
        if r.random() > 0.01 or self.now > self.start + HOURS * 3600:
            return
        going_on = [i for i, one in enumerate(self.silences) if one.since <= self.now < one.until]
        if going_on and r.random() < 0.7:
            i = r.choice(going_on)
            self.silences[i] = msgspec.structs.replace(self.silences[i], until=self.now)
        else:
            new = self._silence(len(self.silences))
            lasts_s = new.until - new.since
            self.silences.append(
                msgspec.structs.replace(new, since=self.now, until=self.now + lasts_s)
            )

    def _comes(self, one: Person) -> None:
        """Somebody asks to be told, or to be told of something else."""
        if one.pseudonym not in self.book.people:
            self.people.append(one)
        self.wishes[one.pseudonym].append((self.now, one))
        self.book.put(one)
        self.came.add(one.pseudonym)

    def _people_change(self) -> None:
        r = self.random
        if r.random() > 0.01:
            return
        known = self.book.people.get(r.choice(self.people).pseudonym)
        if known is None:
            return
        who, kind = known.pseudonym, r.random()
        if kind < 0.15:
            self.book.remove(who)
            self.left[who] = self.now
        elif kind < 0.3 and len(known.channels) > 1 and not self.is_mild:
            gone = r.choice(known.channels)
            self.lost.add((who, gone))
            left = tuple(name for name in known.channels if name != gone)
            self.book.put(msgspec.structs.replace(known, channels=left))
        elif kind < 0.45:
            wish = self._person(9).subscriptions
            if self.has_limits and r.random() < 0.5:  # the limit alone is raised, or lowered
                own = self._own_limits()
                wish = (msgspec.structs.replace(known.subscriptions[0], thresholds=own),)
            self._comes(msgspec.structs.replace(known, subscriptions=wish))
        elif kind < 0.65:
            self.book.moves[who, r.choice(known.channels)] += 1
            self.book.put(msgspec.structs.replace(known))
        else:
            quiet = self._quiet()
            self.book.put(msgspec.structs.replace(known, quiet=quiet))
            self.hours[who].append((self.now, quiet))
            self.main.outbox.rouse(who, self.now)

    def _try(self, channel: str) -> Outcome:
        if self._is_kind:
            return Outcome("sent", provider_id="x")
        begins, lasts_s = self.faults[channel]
        if begins <= self.now - self.start < begins + lasts_s:
            return Outcome("again", "rate limit", after_s=300, pauses=True)
        kind = self.random.random()
        if kind < 0.05:
            return Outcome("again", "busy")
        if kind < 0.08:
            return Outcome("never", "refused")
        if kind < 0.1:
            return Outcome("unknown", "no answer")
        return Outcome("sent", provider_id="x")

    def asked(self, who: str, entry: LogEntry, since: int = 0) -> bool:
        """Whether it would be news to them by anything they asked for since then."""
        each = self.wishes[who]
        ends = [later for later, _ in each[1:]] + [1 << 40]
        return any(
            is_asked(one, entry) for (_, one), end in zip(each, ends, strict=True) if end > since
        )

    def always_asked(self, who: str, entry: LogEntry, since: int) -> bool:
        """Whether it would be by all of that."""
        each = self.wishes[who]
        ends = [later for later, _ in each[1:]] + [1 << 40]
        held = [one for (_, one), end in zip(each, ends, strict=True) if end > since]
        return each[0][0] <= since and all(is_asked(one, entry) for one in held)

    def life_to(self, who: str, life: Sequence[LogEntry]) -> list[LogEntry]:
        """What of an incident they must be told: of what concerns those alone whose own limit it
        passed, what passed theirs, whatever that was since, and no silence kept back."""
        return [
            entry
            for entry in life
            if entry.alert.type != "step"
            or (
                self.always_asked(who, entry, self.came_at[_key(entry)])
                and not any(self.may_have_been_silenced(entry, at) for at in self.steps)
            )
        ]

    def quiet_of(self, pseudonym: str, at: int) -> Quiet | None:
        return [quiet for since, quiet in self.hours[pseudonym] if since <= at][-1]

    def was_quiet(self, pseudonym: str, at: int) -> bool:
        """By any clock that it may have gone by."""
        quiet = self.quiet_of(pseudonym, at)
        return all(is_quiet(quiet, at + by) for by in self._may_be())

    def was_silenced(self, entry: LogEntry, at: int) -> bool:
        """By any clock that it may have gone by."""
        return all(self.is_silenced(entry, at + by) for by in self._may_be())

    def may_have_been_silenced(self, entry: LogEntry, at: int) -> bool:
        """By some clock that it may have gone by."""
        return any(self.is_silenced(entry, at + by) for by in self._may_be())

    def _may_be(self) -> range:
        return range(-self.slack_s, self.slack_s + 1, 60)

    def is_silenced(self, entry: LogEntry, at: int) -> bool:
        """By what the operator said, and nothing else."""
        alert = entry.alert
        return not alert.is_over and any(
            one.since <= at < one.until
            and one.hazard in (None, alert.hazard)
            and (one.place is None or {one.place} == set(entry.places))
            for one in self.silences
        )

    def lives(self) -> dict[str, list[LogEntry]]:
        found: dict[str, list[LogEntry]] = defaultdict(list)
        for entry in self.log:
            found[entry.alert.incident].append(entry)
        return found


def is_quiet(quiet: Quiet | None, at: int) -> bool:
    """By the clock on the wall, and nothing else."""
    if quiet is None:
        return False
    local = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(quiet.timezone))
    minute = local.hour * 60 + local.minute
    if quiet.start < quiet.end:
        return quiet.start <= minute < quiet.end
    return minute >= quiet.start or minute < quiet.end


def _key(entry: LogEntry) -> tuple[str, int]:
    return entry.alert.incident, entry.alert.version


def is_red(entry: LogEntry) -> bool:
    return entry.alert.level == "red" and not entry.alert.is_over


def is_asked(one: Person, entry: LogEntry) -> bool:
    """Whether it would be news to somebody who never heard of it."""
    alert, wish = entry.alert, one.subscriptions[0]
    is_step = alert.type == "step"
    is_level = not is_step and LEVEL_OF[alert.level] >= LEVEL_OF[wish.hazards[alert.hazard]]
    is_theirs = bool(towns_of(one) & set(entry.places)) and not alert.is_over
    return is_theirs and (is_level or has_passed(one, entry))


def has_passed(one: Person, entry: LogEntry) -> bool:
    """Whether it came through a limit of their own."""
    return any(
        own.hazard == entry.alert.hazard
        and (m.low is None or m.low < own.limit)
        and own.limit <= m.high
        for own in one.subscriptions[0].thresholds
        for m in entry.moved
    )


def towns_of(one: Person) -> set[str]:
    """Where they want to hear of anything."""
    return {town for town, circle in TOWNS.items() if circle in one.subscriptions[0].where}


def is_of_use(entry: LogEntry, at: int) -> bool:
    """Whether it says anything of now."""
    expires_at = entry.alert.expires_at
    return entry.alert.is_over or expires_at is None or at <= expires_at
