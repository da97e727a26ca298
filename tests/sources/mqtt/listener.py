"""A process of its own, to be killed: listens to one broker, and keeps in the home of a folder."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from atalaia.clock import Clock
from atalaia.homes.embedded import open_home
from atalaia.sources.ingest import Ingest
from atalaia.sources.mqtt.broker import broker_of
from atalaia.sources.mqtt.subscriber import Subscriber
from atalaia.sources.wis2.intake import WnmIntake
from atalaia.sources.wis2.owed import Owed


async def listen(url: str, folder: Path) -> None:
    with open_home(folder) as home:
        clock = Clock()
        ingest = Ingest(home.stream, lambda *_: None, clock)
        intake = WnmIntake(home.stream, Owed(home.state))
        subscriber = Subscriber(
            "wis2", [broker_of(url)], ["#"], intake, ingest.keep, home.state, clock
        )
        await asyncio.gather(ingest.run(), subscriber.run())


if __name__ == "__main__":
    asyncio.run(listen(sys.argv[1], Path(sys.argv[2])))
