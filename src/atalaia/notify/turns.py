"""People told in turns, by a home that has no process of its own to tell them from.

A turn does what is there to do, and ends. What wakes it says nothing: it looks into the home, so
that a wake-up that is lost or comes twice changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from atalaia.errors import HeldByAnother, Overtaken, StateConflict
from atalaia.logs import Logger
from atalaia.metrics import Metrics
from atalaia.notify.fanout import position
from atalaia.notify.notifier import Notifier
from atalaia.ports import Outbox, State

_MARGIN_S = 20.0
"""So long before its time is over nothing more is begun, and what is under way comes to its
outcome."""

_END_S = 2.0
"""Before it is over: what has no outcome by then is left to its lease."""

_HANDED_AT_ONCE = 25

log = Logger()


def fan_out(notifier: Notifier, tries: Iterable[int]) -> int:
    """Fan out all that is new, in bounded steps; return how many.

    tries  of those who share the outbox: each is made after a pause

    Raises StateConflict.
    """
    for _ in tries:
        try:
            steps = 0
            while notifier.step():
                steps += 1
            notifier.keep()
        except Overtaken:  # a message went out while a step was made that drops it
            continue
        except HeldByAnother as error:
            # What the other leaves, the next turn does.
            log.info("fan-out is left to another", reason=str(error))
            return 0
        return steps
    raise StateConflict("messages go out all the time while fan-out drops them; it is tried again")


def tell_lag(state: State, outbox: Outbox, metrics: Metrics, now: int) -> None:
    """How far fan-out is behind the log, and delivery behind fan-out. Where that cannot be looked
    up nothing is told, which is an alarm as well."""
    metrics.waits_unknown()
    with suppress(StateConflict):
        newest = next((number for number, _ in state.latest(1)), 0)
        done = position(outbox).done
        lag = max(0, newest - done)
        waiting = next(state.alerts(done, limit=1), None) if lag else None
        metrics.consumer_lag.labels("fan-out").set(lag)
        metrics.waits("entry", waiting[1].alert.sent_at if waiting else None, now)
        metrics.waits("message", outbox.oldest_due(now), now)


async def deliver(notifier: Notifier, left_s: float) -> int:
    """Send until nothing is due, or this time is over; return what was handed on meanwhile."""
    tick = asyncio.get_running_loop().time
    until = tick() + left_s
    handing = asyncio.create_task(_hand_on(notifier, until - _MARGIN_S))
    try:
        await notifier.deliverer.run_dry(left_s - _END_S, _MARGIN_S - _END_S)
    finally:
        handed = await handing
    if handed and (left_s := until - tick()) > _MARGIN_S:
        await notifier.deliverer.run_dry(left_s - _END_S, _MARGIN_S - _END_S)
    return handed


async def _hand_on(notifier: Notifier, until: float) -> int:
    """What nobody read goes on beside the sending, some at a time, as long as there is time."""
    made = 0
    while asyncio.get_running_loop().time() < until:
        some = await asyncio.to_thread(notifier.escalation.hand_some_on, _HANDED_AT_ONCE)
        made += some.made
        if some.made:
            notifier.deliverer.wake()
        if some.looked_at < _HANDED_AT_ONCE:
            break
    return made
