"""The open feeds put together: the alert log, followed as it grows, and who listens to it."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Sequence

from atalaia.api.alert_view import Board, Numbered
from atalaia.api.cap import Issuer
from atalaia.api.events import MOST_CLIENTS, Events
from atalaia.api.feeds import FeedPorts
from atalaia.ports import State
from atalaia.settings import Settings


class Feeds:
    """Follows the log of a home. `run` it in a task, and `wake` it when there is something new.

    on_new    told of every entry, those from before the start included, before who listens is
    """

    def __init__(
        self,
        settings: Settings,
        state: State,
        on_new: Callable[[Sequence[Numbered]], object],
        *,
        can_stream: bool = True,
    ) -> None:
        self._settings = settings
        self._state = state
        self.board = Board(state.alerts)
        self.events = Events(
            lambda after, limit: list(state.alerts(after, limit)), can_stream=can_stream
        )
        self._on_new = on_new
        self._news = asyncio.Event()
        self._has_begun = False

    def ports(self) -> FeedPorts:
        """What the routes need."""
        cap = self._settings.cap
        return FeedPorts(
            view=self.board.view,
            life=self._state.life,
            places={place.id: place for place in self._settings.places},
            issuer=Issuer(cap.sender),
            base_url=cap.public_url,
            events=self.events,
        )

    def wake(self) -> None:
        """There is something new in the log."""
        self._news.set()

    async def run(self) -> None:
        """Tell what is new, for ever. What the log holds at the beginning is no news."""
        while True:
            self._news.clear()
            await self.catch_up()
            await self._news.wait()

    async def catch_up(self) -> None:
        """Take up what the log has new, and tell it."""
        while new := await asyncio.to_thread(self.board.advance):
            self._on_new(new)
            if self._has_begun:
                self.events.publish(new)
        if not self._has_begun:
            self._has_begun = True
            self.events.begin(self.board.seq)

    def close(self) -> None:
        """Let all who listen go."""
        self.events.close()


def allow_listeners() -> None:
    """Let this process have a connection for everybody who may listen, as far as it is allowed to:
    many systems begin with 1,024 open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MOST_CLIENTS + 1024
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
