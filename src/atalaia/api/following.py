"""The alert log, followed as it grows: by the view of it, and by who listens."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable

import msgspec

from atalaia.api.alert_view import AlertView
from atalaia.api.events import MOST_CLIENTS, Events
from atalaia.api.system_view import SystemView
from atalaia.domain.in_part import Numbered
from atalaia.domain.place import Places
from atalaia.errors import StateConflict
from atalaia.logs import Logger
from atalaia.notes import Note
from atalaia.ports import State

_PAGE = 250
"""So many are taken up in one go: who pushes meanwhile is answered in between, also at a start."""

BEHIND = 5_000
"""Who begins takes up so many of the newest entries, and of older ones what is still open."""

_NOTED_EVERY = 1_000

log = Logger()


class Beginning(msgspec.Struct, frozen=True):
    """Where one may begin to take up the log: with these older entries, and all after a number."""

    after: int
    older: list[int]


class LogFollower:
    """Follows the log of a home. `run` it in a task, and `wake` it when there is something new.

    view      takes up every entry before who listens does; of those from before the start what is
              open, and the newest `behind`
    systems   which of it is one weather
    events    who listens
    """

    def __init__(self, state: State, places: Places, *, behind: int = BEHIND) -> None:
        self._state = state
        self._behind = behind
        self._beginning = Note(state, "api/beginning", Beginning, is_spare=True)
        self._noted = 0
        self.view = AlertView()
        self.systems = SystemView(places)
        self.events = Events(lambda after, limit: list(state.alerts(after, limit)))
        self._news = asyncio.Event()
        self._has_begun = False
        self._on_change: list[Callable[[], None]] = []

    def when_changed(self, do: Callable[[], None]) -> None:
        """Do this whenever the log was taken up; the first time `view` has what is open."""
        self._on_change.append(do)

    @property
    def has_begun(self) -> bool:
        """Whether `view` has what is open."""
        return self._has_begun

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
        if not self._has_begun and not self.view.seq:
            older, self._noted = await asyncio.to_thread(self._begin)
            self.systems.hear(older)
            self.view.begin(older, self._noted)
        while new := await asyncio.to_thread(
            lambda: list(self._state.alerts(self.view.seq, _PAGE))
        ):
            self.systems.hear(new)  # first: what is made once for each number has all up to it
            self.view.take(new)
            if self._has_begun:
                self.events.publish(new)
            await self._note()
        if not self._has_begun:
            self._has_begun = True
            self.events.begin(self.view.seq)
        for do in self._on_change:
            do()

    def _begin(self) -> tuple[list[Numbered], int]:
        """What to begin with, and after which number the log is taken up as a whole."""
        noted = self._beginning.get()
        if noted is None:
            return [], 0
        return sorted(self._state.entries(noted.older).items()), noted.after

    async def _note(self) -> None:
        """For who begins later. Without it they read more."""
        after = self.view.seq - self._behind
        if after < self._noted + _NOTED_EVERY:
            return
        self._noted = after
        linked = await asyncio.to_thread(self.systems.older, after)
        beginning = Beginning(after, sorted(linked.union(self.view.older(after))))
        try:
            await asyncio.to_thread(self._beginning.put, beginning)
        except StateConflict as error:
            log.warning("where the API may begin was not noted", reason=str(error))

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
