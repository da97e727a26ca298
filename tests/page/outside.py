"""A watch of which something is shown outside its page, without the rest of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
from fastapi import FastAPI

from atalaia.api import problem
from atalaia.api.access import Gate, Who
from atalaia.api.alert_view import AlertView
from atalaia.api.shown import Shown
from atalaia.api.system_view import SystemView
from atalaia.detect.sight import Sight
from atalaia.domain.alert import LogEntry
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import NO_TIME
from atalaia.page.glance import Glances
from atalaia.page.served import page_of
from atalaia.ports import Home
from atalaia.rules import load as load_rules
from atalaia.settings import load
from telling import NOON, PLACES

from .stage import served

HOUR = 3600
ORIGIN = "https://www.prefeitura.example"


class Watch:
    """Its places can be seen, until it is told otherwise; nothing goes on, until it is told."""

    def __init__(self, places: Places = PLACES) -> None:
        self.places = places
        self.now = NOON + HOUR
        self.view = AlertView()
        self.systems = SystemView(places)
        self.newest = np.full(len(places), NOON, np.int64)
        self.until = np.full(len(places), NOON + 2 * HOUR, np.int64)
        self.statuses: list[int] = []
        self._seq = 0

    def tell(self, *entries: LogEntry) -> None:
        for entry in entries:
            self._seq += 1
            self.systems.hear([(self._seq, entry)])
            self.view.take([(self._seq, entry)])

    def loses(self, place: str, *, ever: bool = True) -> None:
        """Nothing is known of a place now, or, where it never was, ever."""
        at = self.places.position[place]
        self.until[at] = NOON if ever else NO_TIME
        self.newest[at] = NOON - 5 * HOUR if ever else NO_TIME

    def shown(self) -> Shown:
        none = cast(Any, None)
        return Shown(
            places=self.places,
            rules=load_rules("inmet"),
            view=self.view,
            history=none,
            state=none,
            sources=list,
            sight=lambda: Sight(self.newest, self.until),
            norms=none,
            expected_s={},
            channels=(),
            now=lambda: self.now,
        )

    def glances(self) -> Glances:
        return Glances(self.shown(), self.systems)

    @contextmanager
    def served(
        self,
        origins: str = ORIGIN,
        *,
        is_public: bool = True,
        who: Who = lambda _key: None,
        home: Home | None = None,
        **more: str,
    ) -> Iterator[str]:
        """Its address, while it is served."""
        env = {"ATALAIA_PAGE_FRAME_ORIGINS": origins} if origins else {}
        app = FastAPI()
        problem.install(app)
        gate, settings = Gate(who, is_public=is_public), load(None, env | more)
        app.include_router(page_of(settings, self.shown(), self.systems, gate, home))
        with served(app) as address:
            yield address


def place(id_: str, name: str, zone: str = "America/Recife") -> Place:
    return Place(id=id_, name=name, latitude=-8.05, longitude=-34.9, timezone=zone)
