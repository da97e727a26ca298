"""One try of one letter: the channel's pace, a last look at what is told, the channel itself."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import structlog

from atalaia.clock import Clock
from atalaia.deadlines import Timeout
from atalaia.domain.delivery import (
    Channel,
    Letter,
    Message,
    Outcome,
    left_out_by,
    released,
    settled,
)
from atalaia.notify.last_look import LastLook
from atalaia.notify.pace import Pace

TRY_S = 45.0
"""A channel that has not answered by then never will."""

_MARGIN_S = 5

log = structlog.get_logger()

Tried = tuple[Message, Outcome | None]
"""A message as it is now, and what its try came to; None: there was none."""


class Sender:
    """Sends letters by one channel.

    is_closing    nothing that waits is tried any more
    has_spent     something was used up since it was last set to false
    """

    def __init__(
        self,
        name: str,
        channel: Channel,
        pace: Pace,
        last_look: LastLook,
        clock: Clock,
        tick: Callable[[], float],
    ) -> None:
        self._name = name
        self._channel = channel
        self._last_look = last_look
        self._clock = clock
        self._tick = tick
        self._is_capped = False
        self.limits = channel.limits
        self.pace = pace
        self.is_closing = False
        self.has_spent = False

    def begin(self) -> None:
        """To be called on the event loop that it then sends on."""
        self._timeout = Timeout(TRY_S)

    def slot_in(self) -> float:
        """Seconds to wait for the channel's next slot; one that is closed needs none."""
        is_closed = self.is_closing or self.pace.closed_for(self._clock.now(), self._tick())
        return 0.0 if is_closed else self.pace.slot_in(self._tick())

    async def send(self, message: Message, letter: Letter) -> Tried:
        """Try once, when its turn comes; or give it back."""
        not_tried = self._over_cap(message, letter) or await self._turn(message)
        if not_tried is not None:
            return not_tried
        renewed = await self._last_look.renewed(message, letter)
        if isinstance(renewed, Outcome):
            return self._settled(message, renewed), None
        outcome = await self._sent(renewed)
        self._spend(outcome, message)
        after = self._settled(message, outcome)
        if renewed.left_out or message.left_out:
            after = msgspec.structs.replace(after, left_out=left_out_by(message, renewed))
        return after, outcome

    def _over_cap(self, message: Message, letter: Letter) -> Tried | None:
        """What the channel may send is used up: by another it can still go."""
        if not self.limits.is_counted or _is_code(message):
            return None
        capped_s, reason = self.pace.capped_for(self._clock.now())
        if reason and not self._is_capped:
            log.warning(
                "a channel is capped; what is for it goes by the next",
                channel=self._name,
                reason=reason,
            )
        self._is_capped = bool(reason)
        if self.is_closing or not capped_s:
            return None
        if not letter.has_more:
            return self._released(message, max(capped_s, self.pace.paused_for(self._tick())))
        outcome = Outcome("never", reason, is_capped=True)
        return self._settled(message, outcome), outcome

    async def _turn(self, message: Message) -> Tried | None:
        """Wait for its slot; what the channel would take too late is given back."""
        tick = self._tick()
        if closed_s := 1.0 if self.is_closing else self.pace.paused_for(tick):
            return self._released(message, closed_s)
        latest = tick + message.lease_until - self._clock.now() - TRY_S - _MARGIN_S
        at = self.pace.turn(message.person, tick, latest)
        if at > latest:
            # By then its lease may have run out, and somebody else have taken it up.
            return self._released(message, max(0.0, at - tick - TRY_S))
        if at > tick:
            await self._clock.sleep(at - tick)
            # A try that went on meanwhile was refused.
            if closed_s := self.pace.paused_for(self._tick()):
                return self._released(message, closed_s)
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

    def _spend(self, outcome: Outcome, message: Message) -> None:
        is_spent = outcome.verdict in ("sent", "unknown") and not _is_code(message)
        if is_spent and self.limits.is_counted:
            self.pace.spend(self._clock.now(), outcome.cost_usd)
            self.has_spent = True
        if outcome.pauses:
            for_s = max(1.0, outcome.after_s)
            self.pace.pause(self._tick() + for_s, outcome.reason, at=self._clock.now() + for_s)
            self.has_spent = True
            log.warning("a channel pauses", channel=self._name, reason=outcome.reason)

    def _settled(self, message: Message, outcome: Outcome) -> Message:
        return settled(message, outcome, self.limits.schedule, self._clock.second())

    def _released(self, message: Message, after_s: float) -> Tried:
        return released(message, after_s, self._clock.second()), None


def _is_code(message: Message) -> bool:
    """Codes have a budget of their own, which is kept where they are asked for."""
    return message.kind == "confirm"
