"""What a plug-in's source is asked: once, or of each place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from atalaia.domain.place import Place, Places
from atalaia.plugins import AnySource, PluginRequest
from atalaia.plugins.found import PluginBroken, fault_of
from atalaia.sources.budget import CallWindow
from atalaia.sources.plan import EachPlacePlan, Plan, StationsPlan
from atalaia.sources.plugged import CONTENT, NAME
from atalaia.sources.request import SourceRequest
from atalaia.sources.schedule import Arithmetic, arithmetic

_ALL = "all"
_SHORTEST_EXPECTED_S = 300


class PluggedSource(msgspec.Struct, frozen=True, kw_only=True):
    """A plug-in's source that is switched on.

    name      as its entry point and its table of settings are called; in records ``plugin:`` and it
    package   what brings it, with its version
    settings  its own, checked; of its own type
    windows   how many calls it allows
    secrets   keys of the settings that are ones
    """

    name: str
    package: str
    made: AnySource
    settings: Any
    interval_s: int
    windows: tuple[CallWindow, ...] = ()
    secrets: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """Its name in payloads and readings."""
        return f"{NAME}:{self.name}"

    def __repr__(self) -> str:
        """Without its settings."""
        return f"PluggedSource({self.source!r})"

    @property
    def told(self) -> str:
        """What it tells, for `config check`."""
        return f"of places {', '.join(sorted(self.made.variables))}, by {self.package}"

    def costs(self, places: int) -> Arithmetic:
        """The arithmetic of asking it of so many places."""
        calls = places if self.made.each_place else 1
        return arithmetic(self.source, calls, self.interval_s, windows=self.windows)

    def plan(self, places: Places, needed: frozenset[str]) -> Plan:
        """What it is asked, and when; `needed` are the variables that rules go by."""
        if not self.made.each_place:
            ask: Callable[[str], SourceRequest] = lambda _: self._request(None)  # noqa: E731
            return StationsPlan(self.source, (_ALL,), self.interval_s, ask, self.windows)
        is_needed = not needed.isdisjoint(self.made.variables)
        return EachPlacePlan(
            places,
            self.source,
            CONTENT,
            self.interval_s,
            self._request,
            self.windows,
            expected_s=max(_SHORTEST_EXPECTED_S, self.interval_s) if is_needed else 0,
        )

    def _request(self, place: Place | None) -> SourceRequest:
        """Raises PluginBroken."""
        try:
            asked = self.made.request(self.settings, place)
            if not isinstance(asked, PluginRequest):
                raise TypeError(f"request gave {type(asked).__name__}")  # noqa: TRY301
            return SourceRequest(
                source=self.source,
                content=CONTENT,
                places=(place.id,) if place is not None else (),
                url=asked.url,
                params=dict(asked.params),
                credentials=dict(asked.secret_headers),
                secret_params=dict(asked.secret_params),
                head=msgspec.json.encode(asked.note) + b"\n",
            )
        except Exception as error:
            raise PluginBroken(
                f"plug-in {self.name!r} of {self.package} cannot say what to ask: "
                f"{fault_of(error)}; mend the package, or its settings"
            ) from error
