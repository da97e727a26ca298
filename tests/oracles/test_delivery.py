"""What people are told, against a slow and plainly written oracle, over random nights.

A case is a history of incidents, people with quiet hours in five zones, channels that refuse, pause
or do not answer, senders that die at any step, and people who stop, or change their hours, in the
middle. What went out is held against the log alone: nothing of the outbox is asked.

    ATALAIA_DELIVERIES=2000 pytest tests/oracles/test_delivery.py
"""

from __future__ import annotations

import os
import random
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from atalaia.clock import Clock
from atalaia.domain.alert import LogEntry
from atalaia.domain.contact import Contact
from atalaia.domain.delivery import Outcome, Status, settled
from atalaia.domain.hazard import LEVEL_OF
from atalaia.domain.subscription import Person, Quiet
from atalaia.notify.compose import Composer
from atalaia.notify.escalate import Escalation
from telling import NOON, Crowd, news, person

CASES = int(os.environ.get("ATALAIA_DELIVERIES", "40"))
CHANNELS = ("telegram", "sms", "email")
ZONES = (
    "America/Recife",
    "Europe/Lisbon",
    "Asia/Kolkata",
    "Pacific/Auckland",
    "Australia/Lord_Howe",
)
STARTS = (NOON, 1_774_735_200, 1_792_836_000, 1_775_300_000)
"""A plain day, and days around which clocks change in Europe and the south (2026)."""
SCHEDULE = (5, 30, 120, 600)
STEP_S = 60
HOURS = 20
LEVELS = ("yellow", "orange", "red")


class Book:
    """Addresses at hand; the registry that escalation asks to give up what is gone."""

    def __init__(self, people: dict[str, Person]) -> None:
        self.people = people

    def person(self, pseudonym: str) -> Person | None:
        return self.people.get(pseudonym)

    def contact(self, pseudonym: str, channel: str) -> Contact | None:
        one = self.people.get(pseudonym)
        return Contact(channel, pseudonym) if one and channel in one.channels else None

    def question(self, *_: object) -> None:
        return None


class Night:
    """One case. `went`: what was sent: when, to whom, by which channel, which alerts, and whether
    the channel took it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.start = self.random.choice(STARTS)
        self.now = self.start
        self.people = [self._person(i) for i in range(3)]
        self.crowd = Crowd(folder, *self.people, step_people=2)
        self.entries: list[LogEntry] = []
        self.log = self._history()
        self.went: list[tuple[int, str, str, tuple[tuple[str, int], ...], str]] = []
        self.doubtful: set[str] = set()  # whose outcome a dead sender took with it
        self.left: dict[str, int] = {}
        self.hours: dict[str, list[tuple[int, Quiet | None]]] = {
            one.pseudonym: [(0, one.quiet)] for one in self.people
        }
        self.faults = {
            name: (self.random.randrange(HOURS * 3600), self.random.choice((0, 600, 5400)))
            for name in CHANNELS
        }
        self._begin()

    def _person(self, i: int) -> Person:
        r = self.random
        quiet = None
        if r.random() < 0.7:
            hour = r.randrange(24)
            end = (hour + r.randrange(1, 10)) % 24
            quiet = Quiet(hour * 60 + r.choice((0, 30)), end * 60 + 15, r.choice(ZONES))
        n = r.randrange(1, 4)
        level = r.choice(LEVELS)
        return person(f"p_{i}", *r.sample(CHANNELS, n), quiet=quiet, hazards={"heavy_rain": level})

    def _history(self) -> list[LogEntry]:
        """Lives of a few incidents, of which several change at one instant."""
        r, found = self.random, []
        for i in range(4):
            at = self.start + r.randrange(0, 10) * 3600
            level = r.choice(LEVELS)
            found.append(news(f"i{i}", at=at, level=level, expires_s=2 * 86_400))
            for version in range(2, r.randrange(2, 7)):
                at += r.choice((60, 300, 1800, 3600, 7200))
                new = r.choice(LEVELS)
                step = LEVEL_OF[new] - LEVEL_OF[level]
                reason = "certainty" if not step else "escalated" if step > 0 else "eased"
                level = new
                found.append(
                    news(f"i{i}", version, at=at, level=level, reason=reason, expires_s=2 * 86_400)
                )
            if r.random() < 0.8:
                at += r.choice((60, 1800, 7200))
                last = found[-1].alert.version + 1
                found.append(news(f"i{i}", last, type="end", at=at, level=level))
        return sorted(found, key=lambda e: (e.alert.sent_at, e.alert.incident))

    def _begin(self) -> None:
        """A process begins, which knows nothing but the home."""
        home = self.crowd.home
        self.crowd.restart()
        book = Book(self.crowd.people)
        clock = Clock(lambda: self.now)
        self.composer = Composer(
            home.state, home.outbox, self.crowd.fan._places, self.crowd.people, book, clock
        )
        self.escalation = Escalation(
            home.state,
            home.outbox,
            book,
            self.crowd.people,
            clock,  # type: ignore[arg-type]
        )

    def live(self) -> None:
        pending = list(self.log)
        while self.now < self.start + HOURS * 3600 + 86_400:
            self.now += STEP_S if self.now < self.start + HOURS * 3600 else 1800
            new = [e for e in pending if e.alert.sent_at <= self.now]
            pending = pending[len(new) :]
            if new:
                self.crowd.log(*new)
            self._people_change()
            if self.random.random() < 0.9:
                self.crowd.fan_out(self.now)
            self.escalation.hand_on()
            self._send()
            if self.random.random() < 0.01:
                self._begin()
        self.crowd.fan_out(self.now)

    def _people_change(self) -> None:
        r = self.random
        if r.random() > 0.002:
            return
        one = r.choice(self.people)
        known = self.crowd.people.get(one.pseudonym)
        if known is None:
            return
        if r.random() < 0.3:
            self.crowd.leave(one.pseudonym)
            self.left[one.pseudonym] = self.now
            return
        quiet = None if r.random() < 0.5 else Quiet(60 * r.randrange(24), 615, r.choice(ZONES))
        if quiet is not None and quiet.start == quiet.end:
            return
        self.crowd.join(msgspec.structs.replace(known, quiet=quiet))
        self.hours[one.pseudonym].append((self.now, quiet))
        self.crowd.home.outbox.rouse(one.pseudonym, self.now)

    def _send(self) -> None:
        outbox = self.crowd.home.outbox
        claimed = outbox.claim(self.now, self.now + 90, dict.fromkeys(CHANNELS, 50))
        if self.random.random() < 0.02:
            self.doubtful |= {m.person for m in claimed}
            return  # dies before it sends, and nobody knows that
        held: set[tuple[str, str]] = set()
        for m, letter in zip(claimed, self.composer.write(claimed), strict=True):
            if (m.channel, m.order_key) in held:
                outbox.settle([(m, msgspec.structs.replace(m, status=Status.DUE, lease_until=0))])
                continue
            if isinstance(letter, Outcome):
                after = settled(m, letter, SCHEDULE, self.now)
            else:
                outcome = self._try(m.channel)
                told = tuple((a.incident, a.version) for a in letter.content.alerts)
                self.went.append((self.now, m.person, m.channel, told, outcome.verdict))
                after = settled(m, outcome, SCHEDULE, self.now)
                after = msgspec.structs.replace(after, left_out=letter.left_out)
                if self.random.random() < 0.01:
                    self.doubtful |= {m.person for m in claimed}
                    return  # dies before it is written down
            if after.status == Status.DUE:
                held.add((m.channel, m.order_key))
            outbox.settle([(m, after)])

    def _try(self, channel: str) -> Outcome:
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

    def quiet_of(self, pseudonym: str, at: int) -> Quiet | None:
        return [quiet for since, quiet in self.hours[pseudonym] if since <= at][-1]


def is_quiet(quiet: Quiet | None, at: int) -> bool:
    """By the clock on the wall, and nothing else."""
    if quiet is None:
        return False
    local = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(quiet.timezone))
    minute = local.hour * 60 + local.minute
    if quiet.start < quiet.end:
        return quiet.start <= minute < quiet.end
    return minute >= quiet.start or minute < quiet.end


def disagreements(night: Night) -> list[str]:
    """What went out and must not have, and what did not and must."""
    lives: dict[str, list[LogEntry]] = defaultdict(list)
    for entry in night.log:
        lives[entry.alert.incident].append(entry)
    found = []
    heard: dict[tuple[str, str, str], list[int]] = defaultdict(list)  # person, channel, incident
    for at, who, channel, told, verdict in night.went:
        if who in night.left and at >= night.left[who]:
            found.append(f"{who} had left")
        entries = {(i, v): lives[i][v - 1] for i, v in told}
        is_red = any(e.alert.level == "red" and not e.alert.is_over for e in entries.values())
        if not is_red and is_quiet(night.quiet_of(who, at), at):
            found.append(f"{who} was told in quiet hours at {at}")
        for (incident, version), entry in entries.items():
            before = heard[who, channel, incident]
            if before and version < max(before):
                found.append(f"{who} {channel}: {incident}/{version} after {max(before)}")
            last = [e for e in lives[incident] if e.alert.sent_at <= at - 1800][-1:]
            if last and last[0].alert.is_over and not entry.alert.is_over:
                found.append(f"{who}: {incident}/{version} as going on, half an hour after its end")
            anywhere = any(heard[who, name, incident] for name in CHANNELS)
            failed = any(
                w == who and any(i == incident and v < version for i, v in t)
                for _, w, _, t, _ in night.went
            )
            if entry.alert.is_over and not anywhere and not failed and who not in night.doubtful:
                found.append(f"{who}: the end of {incident}, never told before")
        if verdict in ("sent", "unknown"):
            for incident, version in told:
                heard[who, channel, incident].append(version)
    return found + _lost(night, lives, heard)


def _lost(
    night: Night,
    lives: dict[str, list[LogEntry]],
    heard: dict[tuple[str, str, str], list[int]],
) -> list[str]:
    """Who heard that something began must hear how it stands in the end, and who asked for what
    stands must have been told of it: unless every channel failed them."""
    found = []
    for one in night.people:
        who = one.pseudonym
        if who in night.left or who in night.doubtful:
            continue
        for incident, life in lives.items():
            mine = [v for name in CHANNELS for v in heard[who, name, incident]]
            last = life[-1].alert
            has_failed = any(
                w == who and verdict not in ("sent",) and any(i == incident for i, _ in t)
                for _, w, _, t, verdict in night.went
            )
            if has_failed:
                continue
            if mine and max(mine) < last.version and last.reason != "certainty":
                found.append(f"{who}: heard {incident} up to {max(mine)} of {last.version}")
            asked = LEVEL_OF[one.subscriptions[0].hazards["heavy_rain"]]
            if not mine and not last.is_over and LEVEL_OF[last.level] >= asked:
                found.append(f"{who}: never heard of {incident}, which stands")
    return found


@pytest.mark.parametrize("part", range(4))
def test_everybody_is_told_what_is_so_when_it_arrives(tmp_path: Path, part: int) -> None:
    wrong = {}
    sends = 0
    for seed in range(part, CASES, 4):
        night = Night(tmp_path / str(seed), seed)
        try:
            night.live()
            sends += len(night.went)
            if found := disagreements(night):
                wrong[seed] = found
        finally:
            night.crowd.home.close()
    print(f"{CASES // 4} cases, {sends} sends, {len(wrong)} disagreements")
    assert sends
    assert not wrong
