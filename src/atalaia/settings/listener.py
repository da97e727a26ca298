"""Listening to brokers and nothing else: of a home whose other parts are functions.

brokers ─► subscriber: intake → ingest ─► the home's stream ─► its functions
"""

from __future__ import annotations

import asyncio

from atalaia.clock import Clock
from atalaia.logs import Logger, configure_logs
from atalaia.parts import Parts, asked_to_stop, begin
from atalaia.ports import Home
from atalaia.settings import Settings
from atalaia.settings.listening import start_listening
from atalaia.sources.ingest import Ingest

log = Logger()


async def listen(settings: Settings, home: Home, clock: Clock, stop: asyncio.Event) -> None:
    """Listen until `stop`; what comes goes into the stream.

    What is in the stream is acknowledged; what was not when this ends, in whichever way, the
    brokers send again.
    """
    ingest = Ingest(home.stream, lambda *_: None, clock)
    async with Parts() as parts:
        parts.start("ingest", ingest.run)
        parts.at_the_end(ingest.drain)
        listening = start_listening(settings, home, clock, ingest.keep, parts)
        names = ", ".join(one.name for one in listening)
        log.info("listening", subscriptions=names or "none: the settings name no topics")
        await stop.wait()


def listen_alone(settings: Settings, home: Home, clock: Clock) -> None:
    """Listen until SIGINT or SIGTERM."""

    async def run() -> None:
        begin(asyncio.get_running_loop())
        await listen(settings, home, clock, asked_to_stop())

    configure_logs()
    asyncio.run(run())
