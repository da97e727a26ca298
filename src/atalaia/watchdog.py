"""A dead man's switch: a sign of life every minute, which stops when any stage does.

Whoever gets it, another machine or systemd, raises the alarm when it stays away: what has died
cannot. It goes by the event loop and the network, so that a loop that stands and a network that is
lost stop it, too.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress

import aiohttp

from atalaia.clock import Clock, steady
from atalaia.logs import Logger

EVERY_S = 60.0
LATE_S = 120
"""A stage that has not moved for so long, with work before it, has stopped."""

_ANSWER_S = 20.0

log = Logger()


class Stage:
    """Something that has to move as long as there is work for it.

    behind  how much work waits; done  a number that grows as it is done
    """

    def __init__(self, name: str, behind: Callable[[], int], done: Callable[[], int]) -> None:
        self.name = name
        self._behind = behind
        self._done = done
        self._moved_at: float | None = None
        self._last: int | None = None

    def stuck_for(self, tick: float) -> float:
        """Seconds for which it has not moved though it could; 0: it moves, or there is no work."""
        done = self._done()
        if self._moved_at is None or done != self._last or self._behind() <= 0:
            self._moved_at, self._last = tick, done
        return tick - self._moved_at


class Watchdog:
    """Gives the sign. `run` it in a task.

    url      is asked by GET; empty: systemd alone is told, where it started this (NOTIFY_SOCKET)
    stages   each has to move
    faults   what else is wrong, in words
    """

    def __init__(
        self,
        url: str,
        session: aiohttp.ClientSession,
        clock: Clock,
        stages: list[Stage],
        faults: Callable[[], Iterator[str]],
    ) -> None:
        self._url = url
        self._session = session
        self._clock = clock
        self._tick = steady(clock.now)
        self._stages = stages
        self._faults = faults
        self._told: tuple[str, ...] = ()

    async def run(self) -> None:
        """Look every minute, for ever."""
        notify("READY=1")
        while True:
            await self.look()
            await self._clock.sleep(EVERY_S)

    async def look(self) -> None:
        """Give the sign, unless something has stopped."""
        found = tuple(self.found())
        if found != self._told:
            self._told = found
            if found:
                log.error("no sign of life is given", reason="; ".join(found))
            else:
                log.info("a sign of life is given again")
        if found:
            return
        notify("WATCHDOG=1")
        if self._url:
            await self._ask()

    def found(self) -> Iterator[str]:
        """What has stopped, in words."""
        tick = self._tick()
        for stage in self._stages:
            stuck_s = stage.stuck_for(tick)
            if stuck_s >= LATE_S:
                yield f"{stage.name} has not moved for {stuck_s:.0f} s"
        yield from self._faults()

    async def _ask(self) -> None:
        reason = None
        try:
            timeout = aiohttp.ClientTimeout(total=_ANSWER_S)
            async with self._session.get(self._url, timeout=timeout) as answer:
                if answer.status >= 300:
                    reason = f"HTTP {answer.status}"
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            reason = type(error).__name__
        if reason is not None:  # not the address: it is as good as a key
            log.warning("the sign of life did not arrive", reason=reason)


def notify(state: str) -> None:
    """Tell systemd, where it has asked to be told (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.setblocking(False)
        out.sendto(state.encode(), address.replace("@", "\0", 1))
