"""The people of a home, as commands have them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atalaia.cli.options import existing, settings_of
from atalaia.errors import AtalaiaError

if TYPE_CHECKING:
    from atalaia.domain.decoded import Decode, Decoded
    from atalaia.domain.payload import Payload
    from atalaia.domain.place import Places
    from atalaia.domain.rule import RuleSet
    from atalaia.homes.embedded import EmbeddedHome
    from atalaia.people.service import PeopleService
    from atalaia.settings import Settings
    from atalaia.sources.decoding import Wanted

PersonArgument = Annotated[
    str, typer.Argument(help="A pseudonym (p_…), or a contact such as email:name@example.org.")
]


@contextmanager
def opened_people(
    file: Path | None, home: Path | None, *, is_new: bool = False
) -> Iterator[tuple[Settings, EmbeddedHome, PeopleService]]:
    """The settings, the home and its people. Beside a running watch, which notices what changes."""
    from atalaia.homes.embedded import open_home
    from atalaia.lake.places import places_of
    from atalaia.people.registry import registry_of
    from atalaia.people.service import PeopleService
    from atalaia.run.opened import key_files

    kept = settings_of(file, home)
    where = kept.home if is_new else existing(kept.home)
    with open_home(where, exclusive=False, keys=key_files(kept)) as opened:
        noted = places_of(opened.state)
        watched = noted if len(noted) else kept.places
        yield kept, opened, PeopleService(registry_of(opened, kept), opened, kept, watched)


@contextmanager
def opened_to_ask(
    file: Path | None, home: Path | None
) -> Iterator[tuple[EmbeddedHome, Places, Decode]]:
    """A home beside its watch, its places, and what decodes what is newer than its GOLD."""
    from atalaia.lake.places import places_of
    from atalaia.run.opened import home_of

    kept = settings_of(file, home)
    existing(kept.home)
    with home_of(kept, exclusive=False) as live:
        places = places_of(live.state)
        yield live, places, _when_asked(places, live, kept.rules)


def _when_asked(places: Places, home: EmbeddedHome, rules: RuleSet) -> Decode:
    """Decoders that are loaded when there is something to decode: mostly GOLD has all of it."""

    @cache
    def made() -> Decode:
        from atalaia.batch.counted import counting

        return counting(home.lake, home, rules, places)

    def decode(payloads: Sequence[Payload], wanted: Wanted) -> Decoded:
        return made()(payloads, wanted)

    return decode


@contextmanager
def wishes() -> Iterator[None]:
    """What cannot be asked for is told without a traceback."""
    try:
        yield
    except ValueError as error:
        raise AtalaiaError(str(error)) from None


def pseudonym_of(people: PeopleService, person: str) -> str:
    """Whose pseudonym or contact this is."""
    with wishes():
        return people.pseudonym(person)
