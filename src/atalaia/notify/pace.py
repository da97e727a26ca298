"""How fast a channel may send: so many a second, a person, a day, so much money a month.

What was sent in a day and spent in a month outlives the process, and is counted over all processes
that send; so is when the last message went out, after which nobody is written to again too soon.

What comes to an end is taken before it is used: a process sets some messages aside for itself in
what all have together, sends those, and gives back what it did not need. So no number of processes
passes a limit; one that is killed may leave some of it unused.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from atalaia.domain.delivery import Limits
from atalaia.notes import Note
from atalaia.ports import Notes

_REMEMBERED = 100_000
_DAY_S = 86_400


class Spent(msgspec.Struct):
    """What was used up or set aside, as it is kept: `day` is a UTC date, `month` its first seven
    letters; until `paused_until` (Unix seconds) the provider wants nothing."""

    day: str = ""
    sent: int = 0
    month: str = ""
    usd: float = 0.0
    last_at: float = 0.0
    paused_until: float = 0.0
    pause_reason: str = ""


def spent_in(notes: Notes, channel: str) -> Note[Spent]:
    """What all processes of a home have used up of a channel."""
    return Note(notes, f"pace:{channel}", Spent)


def sum_of(parts: Iterable[Spent], now: float) -> Spent:
    """What they come to on the day, and in the month, of `now`: what is of others is over."""
    found = list(parts)
    day = datetime.fromtimestamp(now, UTC).date().isoformat()
    month = day[:7]
    longest = max(found, key=lambda one: one.paused_until, default=Spent())
    return Spent(
        day,
        sum(one.sent for one in found if one.day == day),
        month,
        sum(one.usd for one in found if one.month == month),
        max((one.last_at for one in found), default=0.0),
        longest.paused_until,
        longest.pause_reason,
    )


class Pace:
    """The pace of one channel. `now` is in Unix seconds: by it days and months are counted.

    Who waits, waits by `tick`, seconds that no one sets back (by default as `now`).

    kept    what all processes had spent when this one began
    """

    def __init__(
        self, limits: Limits, kept: Spent | None, now: float, tick: float | None = None
    ) -> None:
        self._limits = limits
        self._spent = kept or Spent()
        self._new = Spent()
        self._aside = 0
        tick = now if tick is None else tick
        self._next_at = tick
        # Who was written to last by the process before is not known: all wait as if they were. If
        # the clock was set meanwhile, no longer than that.
        left_s = self._spent.last_at + limits.contact_s - now if kept else 0.0
        self._since = tick + min(max(0.0, left_s), limits.contact_s)
        self._contacts: dict[str, float] = {}
        self._paused_until = tick + min(max(0.0, self._spent.paused_until - now), _DAY_S)
        self._page_from = -86400.0  # the UTC day that what is spent was last found to be of
        self.pause_reason = self._spent.pause_reason

    def closed_for(self, now: float, tick: float | None = None) -> float:
        """Seconds until the channel may send at all; 0: it may now."""
        return max(self.paused_for(now if tick is None else tick), self.capped_for(now)[0])

    def paused_for(self, tick: float) -> float:
        """Seconds for which the provider wants nothing; 0: it takes what comes."""
        return max(0.0, self._paused_until - tick)

    def capped_for(self, now: float) -> tuple[float, str]:
        """Seconds until there is something to spend again, and what is used up; 0: there is."""
        self._turn_page(now)
        limits = self._limits
        if self._aside:
            return 0.0, ""
        if limits.a_day and self._spent.sent >= limits.a_day:
            return _until_tomorrow(now), f"{limits.a_day} a day are used up"
        if limits.usd_a_month and _fitting(self._spent, limits) < 1:
            return _until_next_month(now), f"USD {limits.usd_a_month:g} a month are used up"
        return 0.0, ""

    def set_aside(self, known: Spent | None, now: float) -> tuple[Spent, int]:
        """What all have spent when some more messages are set aside, and how many those are."""
        spent = sum_of((known or Spent(),), now)
        n = min(self._limits.at_once, max(0, _fitting(spent, self._limits)))
        return sum_of((spent, self._worth(spent, n)), now), n

    def hold(self, n: int, kept: Spent, now: float) -> None:
        """So many were set aside for this process, as is `kept`."""
        self._turn_page(now)
        self.learn(kept, now)
        self._aside += n

    def begin(self, now: float) -> bool:
        """Use one of those set aside; False: none is."""
        self._turn_page(now)
        if not self._aside:
            return False
        self._aside -= 1
        return True

    def put_back(self, now: float) -> None:
        """What was begun spent nothing."""
        self._turn_page(now)
        self._aside += 1

    def give_back(self, now: float) -> bool:
        """Let others have what is set aside; whether anything was."""
        self._turn_page(now)
        n = self._aside
        self._let_go()
        return n > 0

    def room(self, now: float) -> int | None:
        """How many more may go today; None: as many as there are."""
        self._turn_page(now)
        left = self._limits.a_day - self._spent.sent + self._aside
        return max(0, left) if self._limits.a_day else None

    def slot_in(self, tick: float) -> float:
        """Seconds until the next slot, whoever takes it."""
        return max(0.0, self._next_at - tick)

    def turn(self, contact: str, tick: float, latest: float = math.inf) -> float:
        """Take the next slot for this contact (any text that stands for it): when it is.

        One that is later than `latest` is told, and not taken.
        """
        at = max(tick, self._next_at, self._contacts.get(contact, self._since))
        if at > latest:
            return at
        if self._limits.a_second:
            # A slot lies after the one before, whoever has to wait longer for reasons of his own.
            self._next_at = max(tick, self._next_at) + 1 / self._limits.a_second
        if self._limits.contact_s:
            if len(self._contacts) >= _REMEMBERED:
                self._contacts = {c: until for c, until in self._contacts.items() if until > tick}
            self._contacts[contact] = at + self._limits.contact_s
        return at

    def spend(self, now: float, usd: float, *, is_counted: bool = False) -> None:
        """Count one message that went out; `is_counted`: it was set aside before."""
        self._turn_page(now)
        for spent in (self._spent, self._new):
            spent.sent += not is_counted
            spent.usd += usd - self._limits.usd_each if is_counted else usd
            spent.last_at = now

    def pause(self, until: float, reason: str, at: float = 0.0) -> None:
        """Send nothing until then, as the provider wishes; `at`: the same in Unix seconds, for who
        comes after this process."""
        self._paused_until = max(self._paused_until, until)
        self.pause_reason = reason
        if at > self._new.paused_until:
            self._new.paused_until, self._new.pause_reason = at, reason

    def take(self, now: float) -> Spent:
        """What was spent here since it was last taken: its taker adds it to what all have spent."""
        new, self._new = self._new, sum_of((), now)
        return new

    def learn(self, kept: Spent, now: float) -> None:
        """Go by what all have spent, with what was taken here, and by what is new since."""
        self._spent = sum_of((kept, self._new), now)

    def _turn_page(self, now: float) -> None:
        if self._page_from <= now < self._page_from + 86400:
            return
        self._page_from = now - now % 86400
        self._let_go()  # yesterday's part of it is over; the month's is somebody's again
        self._spent, self._new = sum_of((self._spent,), now), sum_of((self._new,), now)

    def _let_go(self) -> None:
        for spent in (self._spent, self._new):
            spent.sent -= self._aside
            spent.usd -= self._aside * self._limits.usd_each
        self._aside = 0

    def _worth(self, spent: Spent, n: int) -> Spent:
        return Spent(spent.day, n, spent.month, n * self._limits.usd_each)


def _fitting(spent: Spent, limits: Limits) -> int:
    """How many more messages there is something left for."""
    most = [limits.a_day - spent.sent] if limits.a_day else []
    if limits.usd_a_month:
        left = limits.usd_a_month - spent.usd + 1e-9  # for sums of fractions
        most.append(math.floor(left / limits.usd_each) if limits.usd_each else int(left > 1e-8))
    return min(most)


def takes(messages: int, limits: Limits) -> float:
    """Seconds that so many messages to as many people take at the channel's pace."""
    return messages / limits.a_second if limits.a_second else 0.0


def takes_in_words(messages: int, channel: str, limits: Limits) -> str:
    """``10,000 people take 5 min 33 s by Telegram``"""
    seconds = math.floor(takes(messages, limits))
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else "", f"{rest} s"]
    name = {"telegram": "Telegram", "whatsapp": "WhatsApp", "sms": "SMS"}.get(channel, channel)
    text = f"{messages:,} people take {' '.join(filter(None, parts))} by {name}"
    if limits.a_day and messages > limits.a_day:
        days = math.ceil(messages / limits.a_day)
        text += f"; its limit of {limits.a_day:,} a day spreads them over {days} days"
    return text


def _until_tomorrow(now: float) -> float:
    return _DAY_S - now % _DAY_S


def _until_next_month(now: float) -> float:
    local = datetime.fromtimestamp(now, UTC)
    year, month = (local.year + 1, 1) if local.month == 12 else (local.year, local.month + 1)
    return datetime(year, month, 1, tzinfo=UTC).timestamp() - now
