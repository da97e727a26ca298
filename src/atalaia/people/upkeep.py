"""What is done for people's data again and again: letting go of what is old, and of old keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from atalaia.clock import Clock
from atalaia.errors import StateConflict
from atalaia.logs import Logger
from atalaia.people.registry import Registry
from atalaia.people.retention import Forgotten, apply_retention
from atalaia.people.rotation import go_on
from atalaia.ports import Home

_FORGET_S = 6 * 3600.0

log = Logger()


def upkeep(
    home: Home, registry: Registry, now: int, goes_on: Callable[[], bool] = lambda: True
) -> Forgotten:
    """Let go of what was kept long enough, for as long as it `goes_on`, and go on with a look-up
    key's replacement where one was begun. Raises StateConflict as these do; the next call goes
    on."""
    gone = apply_retention(home.people, home.keys, home.outbox, now, registry.keep, goes_on)
    ended = go_on(registry, now)
    if ended:
        log.info("old keys of look-ups are destroyed", keys=ended)
    return gone


async def forget_often(home: Home, registry: Registry, clock: Clock) -> None:
    """Do it for as long as the watch runs."""
    while True:
        try:
            gone = await asyncio.to_thread(upkeep, home, registry, clock.second())
        except StateConflict as error:
            log.warning("retention failed; it is tried again", reason=str(error))
        else:
            if gone.people or gone.messages or gone.erased:
                log.info("forgotten", **msgspec.structs.asdict(gone))
        await clock.sleep(_FORGET_S)
