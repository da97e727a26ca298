"""One thing said in a talk with the bot, and what the talk has come to by then."""

from __future__ import annotations

import msgspec

from atalaia.domain.contact import Contact
from atalaia.domain.subscription import Person
from atalaia.sources import gazetteer


class TownChoice(msgspec.Struct, frozen=True):
    """A place of the gazetteer: `label` tells it from others of its name (WGS 84 degrees)."""

    label: str
    latitude: float
    longitude: float


class Talk(msgspec.Struct):
    """What a half-done talk has come to. It is personal."""

    language: str = ""
    towns: tuple[TownChoice, ...] = ()
    town: TownChoice | None = None
    level: str = ""

    def begin_again(self) -> Talk:
        """Forget what was chosen; the language stays."""
        self.towns, self.town, self.level = (), None, ""
        return self

    def end(self) -> None:
        """Forget all of it."""
        self.begin_again().language = ""


class Turn(msgspec.Struct, frozen=True):
    """One thing said, by whom, in which language (an index of `LANGUAGES`), in which talk."""

    contact: Contact
    now: int
    i: int
    person: Person | None
    talk: Talk


class Towns:
    """The gazetteer, as a talk has it."""

    def search(self, name: str, limit: int) -> list[TownChoice]:
        """Towns that this name, perhaps with a state or country, may mean; the likeliest first."""
        return [_town(town) for town in gazetteer.search(name, limit=limit)]

    def nearest(self, latitude: float, longitude: float) -> TownChoice | None:
        """The town that a position is at or near; None: there is none."""
        town = gazetteer.nearest(latitude, longitude)
        return None if town is None else _town(town)


def _town(town: gazetteer.Town) -> TownChoice:
    return TownChoice(town.label, town.latitude, town.longitude)
