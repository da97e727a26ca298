"""The alert log, followed as it grows: by the view of it, and by who listens."""

from __future__ import annotations

import asyncio
import resource

from atalaia.api.alert_view import AlertView
from atalaia.api.events import MOST_CLIENTS, Events
from atalaia.ports import State

_PAGE = 2_000


class LogFollower:
    """Follows the log of a home. `run` it in a task, and `wake` it when there is something new.

    view      takes up every entry, those from before the start included, before who listens does
    events    who listens
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.view = AlertView()
        self.events = Events(lambda after, limit: list(state.alerts(after, limit)))
        self._news = asyncio.Event()
        self._has_begun = False

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
        while new := await asyncio.to_thread(
            lambda: list(self._state.alerts(self.view.seq, _PAGE))
        ):
            self.view.take(new)
            if self._has_begun:
                self.events.publish(new)
        if not self._has_begun:
            self._has_begun = True
            self.events.begin(self.view.seq)

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
