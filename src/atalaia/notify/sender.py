"""One try of one letter: the channel's pace, a last look at what is told, the channel itself."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence

import msgspec

from atalaia.clock import Clock
from atalaia.deadlines import Timeout
from atalaia.domain.delivery import (
    Channel,
    Letter,
    Message,
    Outcome,
    apart,
    released,
    settled,
)
from atalaia.domain.message import LINK
from atalaia.errors import StateConflict
from atalaia.logs import Logger
from atalaia.notes import Note
from atalaia.notify.last_look import LastLook
from atalaia.notify.pace import Pace, Spent
from atalaia.notify.together import Bundle, as_one, fit, is_bound

TRY_S = 45.0
"""A channel that has not answered by then never will."""

MARGIN_S = 5

_FAULT_S = 5.0
"""So long nothing goes by a capped channel where it cannot be told what is left."""

_CAPPED_S = 60.0
"""What others set aside they may give back: so long after it was used up it is looked up again."""

SET_ASIDE = "others have set aside what is left"
"""Why a channel is capped for this process alone."""

log = Logger()

Tried = tuple[Message, Outcome | None]
"""A message as it is now, and what its try came to, or that it was given back by a fault of ours;
None: there was none."""


class Sender:
    """Sends letters by one channel.

    spent         what all processes have used up of it
    is_closing    nothing that waits is tried any more
    has_spent     something was used up since it was last set to false
    """

    def __init__(
        self,
        name: str,
        channel: Channel,
        pace: Pace,
        spent: Note[Spent],
        last_look: LastLook,
        clock: Clock,
        tick: Callable[[], float],
    ) -> None:
        self._name = name
        self._channel = channel
        self._last_look = last_look
        self._clock = clock
        self._tick = tick
        self._spent = spent
        self._is_capped = False
        self._looked_at = -math.inf
        self.limits = channel.limits
        self.pace = pace
        self.is_closing = False
        self.has_spent = False

    def begin(self) -> None:
        """To be called on the event loop that it then sends on."""
        self._setting_aside = asyncio.Lock()
        self._timeout = Timeout(TRY_S)

    def slot_in(self) -> float:
        """Seconds to wait for the channel's next slot; one that is closed needs none."""
        is_closed = self.is_closing or self.pace.closed_for(self._clock.now(), self._tick())
        return 0.0 if is_closed else self.pace.slot_in(self._tick())

    async def send(self, bundle: Bundle) -> list[Tried]:
        """Try a letter once, when its turn comes; or give it back. What became of each message."""
        is_counted = self.limits.is_capped and not _is_code(bundle[0][0])
        if is_counted and (over_cap := await self._over_cap(bundle)) is not None:
            return over_cap
        tried, outcome = await self._turn(bundle), None
        if tried is None:
            tried, outcome = await self._renewed(bundle)
        if outcome is not None:
            self._spend(outcome, bundle[0][0], is_counted=is_counted)
        elif is_counted:
            self.pace.put_back(self._clock.now())
        return tried

    async def _renewed(self, bundle: Bundle) -> tuple[list[Tried], Outcome | None]:
        """Look once more at what each says, and send what is left of it as one letter."""
        if len(bundle) == 1 and self._last_look.is_as_written(bundle[0][0]):
            came = await self._sent(bundle[0][1])
            return [*self._outcomes(bundle, came)], came
        messages = [message for message, _ in bundle]
        found = await self._last_look.renewed(bundle)
        parts = [
            (message, letter)
            for message, letter in zip(messages, found, strict=True)
            if isinstance(letter, Letter)
        ]
        outcome = None
        if parts and self._can_go(parts):
            outcome = await self._sent(as_one([letter for _, letter in parts]))
            went = dict(zip([m.id for m, _ in parts], self._outcomes(parts, outcome), strict=True))
        else:
            # They say more now than one letter holds, or leave out other alerts: with whom each
            # goes is decided anew.
            went = {message.id: self._released(message, 1.0) for message, _ in parts}
        tried = [
            self._untried(message, one) if isinstance(one, Outcome) else went[message.id]
            for message, one in zip(messages, found, strict=True)
        ]
        return tried, outcome

    def _untried(self, message: Message, outcome: Outcome) -> Tried:
        return self._settled(message, outcome), outcome if outcome.is_given_back else None

    def _can_go(self, parts: Sequence[tuple[Message, Letter]]) -> bool:
        """Whether one letter can tell all of it, and leaves out what is kept of it. What may have
        gone goes again as it did."""
        if not all(is_bound(message, letter) for message, letter in parts):
            return False
        if len(parts) == 1 or any(message.unknowns for message, _ in parts):
            return True
        return fit([letter for _, letter in parts], self.limits.letter_chars)

    def _outcomes(
        self, parts: Sequence[tuple[Message, Letter]], outcome: Outcome
    ) -> Iterator[Tried]:
        """What a letter came to, for each of its messages."""
        is_refused = outcome.verdict == "never" and not outcome.is_gone
        if len(parts) > 1 and is_refused and not any(message.unknowns for message, _ in parts):
            refused = Outcome("again", outcome.reason)
            now = self._clock.second()
            yield from ((apart(message, outcome.reason, now), refused) for message, _ in parts)
            return
        if outcome.verdict == "unknown":  # it goes once more as a whole
            schedule = self.limits.schedule
            waits_s = (schedule[min(m.attempts, len(schedule) - 1)] for m, _ in parts)
            outcome = msgspec.structs.replace(outcome, after_s=max(outcome.after_s, *waits_s))
        for message, _ in parts:
            yield self._settled(message, outcome), outcome
            if outcome.cost_usd:  # it costs once
                outcome = msgspec.structs.replace(outcome, cost_usd=0.0)

    async def _over_cap(self, bundle: Bundle) -> list[Tried] | None:
        """Begin one of what the channel may send. Where that is used up, it can still go by
        another; where nobody knows whether it is, it waits."""
        try:
            capped_s, reason = await self._begun()
        except StateConflict as error:
            log.warning("what is left of a channel is not known", reason=str(error))
            return self._all_released(bundle, _FAULT_S)
        if reason and not self._is_capped:
            log.warning(
                "a channel is capped; what is for it goes by the next",
                channel=self._name,
                reason=reason,
            )
        self._is_capped = bool(reason)
        if not capped_s:
            return None
        if self.is_closing:
            return self._all_released(bundle, 1.0)
        if not bundle[0][1].has_more:
            wait_s = max(capped_s, self.pace.paused_for(self._tick()))
            return self._all_released(bundle, wait_s)
        outcome = Outcome("never", reason, is_capped=True)
        return [(self._settled(message, outcome), outcome) for message, _ in bundle]

    async def _begun(self) -> tuple[float, str]:
        """Use one of what is set aside, or set some aside; seconds until that can be, and why,
        where it cannot."""
        if self.pace.begin(self._clock.now()):
            return 0.0, ""
        # One at a time: of two that look at once the second finds all of it set aside by the first,
        # and may hear that before the first holds it for both.
        async with self._setting_aside:
            return await self._set_aside()

    async def _set_aside(self) -> tuple[float, str]:
        now, tick = self._clock.now(), self._tick()
        if self.pace.begin(now):
            return 0.0, ""
        capped = self.pace.capped_for(now)
        if capped[0] and tick < self._looked_at + _CAPPED_S:
            return capped
        self._looked_at = tick
        n = 0

        def some_more(known: Spent | None) -> Spent:
            nonlocal n
            after, n = self.pace.set_aside(known, now)
            return after

        kept = await asyncio.to_thread(self._spent.change, some_more)
        self.pace.hold(n, kept, now)
        if self.pace.begin(now):
            return 0.0, ""
        return max(self.pace.capped_for(now), (_FAULT_S, SET_ASIDE))

    async def _turn(self, bundle: Bundle) -> list[Tried] | None:
        """Wait for its slot; what the channel would take too late is given back."""
        tick = self._tick()
        if closed_s := 1.0 if self.is_closing else self.pace.paused_for(tick):
            return self._all_released(bundle, closed_s)
        lease_until = bundle[0][0].lease_until
        if len(bundle) > 1:
            lease_until = min(message.lease_until for message, _ in bundle)
        latest = tick + lease_until - self._clock.now() - TRY_S - MARGIN_S
        at = self.pace.turn(bundle[0][0].person, tick, latest)
        if at > latest:
            # By then its lease may have run out, and somebody else have taken it up.
            return self._all_released(bundle, max(0.0, at - tick - TRY_S))
        if at > tick:
            await self._clock.sleep(at - tick)
            # A try that went on meanwhile was refused.
            if closed_s := self.pace.paused_for(self._tick()):
                return self._all_released(bundle, closed_s)
        return None

    async def _sent(self, letter: Letter) -> Outcome:
        try:
            return await self._timeout.within(self._channel.send(letter))
        except TimeoutError:
            return Outcome("unknown", f"no answer within {TRY_S:g} s")
        except Exception as error:  # a fault of ours: it must not take the channel with it
            fault = type(error).__name__
            # Without the traceback's last line: it may quote an address.
            log.error("a channel broke", channel=self._name, error=fault)  # noqa: TRY400
            return Outcome("again", f"fault in the channel: {fault}")

    def _spend(self, outcome: Outcome, message: Message, *, is_counted: bool) -> None:
        is_spent = outcome.verdict in ("sent", "unknown") and not _is_code(message)
        if is_spent and self.limits.is_counted:
            self.pace.spend(self._clock.now(), outcome.cost_usd, is_counted=is_counted)
            self.has_spent = True
        elif is_counted:
            self.pace.put_back(self._clock.now())
        if outcome.pauses:
            for_s = max(1.0, outcome.after_s)
            self.pace.pause(self._tick() + for_s, outcome.reason, at=self._clock.now() + for_s)
            self.has_spent = True
            log.warning("a channel pauses", channel=self._name, reason=outcome.reason)

    def _settled(self, message: Message, outcome: Outcome) -> Message:
        return settled(message, outcome, self.limits.schedule, self._clock.second())

    def _all_released(self, bundle: Bundle, after_s: float) -> list[Tried]:
        return [self._released(message, after_s) for message, _ in bundle]

    def _released(self, message: Message, after_s: float) -> Tried:
        return released(message, after_s, self._clock.second()), None


def _is_code(message: Message) -> bool:
    """Codes, and links that are asked for, have a budget of their own, which is kept where they
    are asked for."""
    return message.kind in ("confirm", LINK)
