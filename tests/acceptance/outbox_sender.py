"""A process of its own, to be killed: fans out to many people and sends to one webhook server.

python outbox_sender.py HOME PORT PEOPLE SECONDS: by a clock that is so many seconds ahead.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from atalaia.channels.guard import Rules, networks
from atalaia.channels.webhook import Webhook
from atalaia.clock import Clock
from atalaia.domain.contact import Contact
from atalaia.domain.delivery import Status
from atalaia.homes.embedded import open_home
from atalaia.notify.audience import Audience
from atalaia.notify.compose import Composer
from atalaia.notify.deliver import Deliverer
from atalaia.notify.fanout import Fan
from telling import PLACES, people

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Known:
    """Everybody's address, at hand."""

    def __init__(self, port: int) -> None:
        self._port = port

    def person(self, _pseudonym: str) -> None:
        return None

    def contact(self, pseudonym: str, channel: str) -> Contact:
        return Contact(channel, f"http://127.0.0.1:{self._port}/{pseudonym}", SECRET)

    def question(self, _pseudonym: str, _channel: str, _now: int) -> None:
        return None


async def main(path: Path, port: int, n: int, ahead_s: int) -> None:
    clock = Clock(lambda: time.time() + ahead_s)
    profiles = {one.pseudonym: one for one in people(n, "webhook")}
    audience = Audience()
    audience.put_all(profiles.values())
    with open_home(path) as home:
        composer = Composer(home.state, home.outbox, PLACES, profiles, Known(port), clock)
        webhook = Webhook(rules=Rules(allow=networks(["127.0.0.0/8"])))
        deliverer = Deliverer(
            home.outbox, home.state, {"webhook": webhook}, composer.write, clock=clock
        )
        fan = Fan(home.state, home.outbox, audience, profiles, PLACES, step_people=150)
        sending = asyncio.create_task(deliverer.run())
        while await asyncio.to_thread(fan.step, int(clock.now())) is not None:
            deliverer.wake()
        while set(home.outbox.counts()) != {("webhook", str(Status.SENT))}:
            await asyncio.sleep(0.02)
        sending.cancel()
        await asyncio.wait([sending])
        await webhook.close()


if __name__ == "__main__":
    home, port, n, ahead = sys.argv[1:]
    asyncio.run(main(Path(home), int(port), int(n), int(ahead)))
