"""Keys of programs for the API: made, listed, removed."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from atalaia.cli.options import (
    HomeOption,
    JsonOption,
    SettingsOption,
    answer,
    as_line,
    existing,
    settings_of,
    slow,
)
from atalaia.errors import AtalaiaError
from atalaia.translated import translated

app = typer.Typer()
rotating = typer.Typer(help="The keys that what is personal is sealed with.", no_args_is_help=True)
app.add_typer(rotating, name="keys")
keys = typer.Typer(help="Keys of programs for the API, each with a role.", no_args_is_help=True)
app.add_typer(keys, name="api-key")


@rotating.callback()
def of_people() -> None:
    """The keys that what is personal is sealed with."""


@rotating.command()
@slow
def rotate(
    home: HomeOption = None, settings: SettingsOption = None, as_json: JsonOption = False
) -> None:
    """Make a new master key and a new key of look-ups; the watch may go on meanwhile."""
    from atalaia.domain.alert import instant
    from atalaia.homes.embedded.rotate import rotate_master
    from atalaia.people.registry import registry_of
    from atalaia.people.rotation import rotate_lookups
    from atalaia.run.opened import home_of

    kept = settings_of(settings, home)
    existing(kept.home)
    with home_of(kept, exclusive=False) as opened, opened.hold("rotate"):
        found = rotate_lookups(registry_of(opened, kept), int(time.time()))
        done = rotate_master(opened.keys)
    if found.is_resumed or done.is_resumed:
        print(translated("a rotation that had been begun is finished"), file=sys.stderr)
    words = (
        f"{done.keys} keys are wrapped by a new master key\n"
        f"{found.contacts} contacts are found by a new look-up key; links of before ended\n"
        f"the old look-up key is kept until {instant(found.until)}, for counts of codes and for "
        "addresses that were stopped; copy the keys anew, now and then"
    )
    told: dict[str, object] = {
        "keys": done.keys,
        "contacts": found.contacts,
        "until": instant(found.until),
    }
    answer(told, words, as_json=as_json)


@keys.command()
def add(
    role: Annotated[str, typer.Argument(help="reader, station, registrar or operator.")],
    label: Annotated[str, typer.Option(help="What it is for; `list` shows it.")] = "",
    source: Annotated[
        str, typer.Option(help="What all that a station pushes is called; else its label.")
    ] = "",
    place: Annotated[
        list[str] | None,
        typer.Option("--place", help="A place that a station may push for; else all."),
    ] = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key. It is shown this once: only its hash is kept."""
    from atalaia.api.access import Role
    from atalaia.api.keys import add_key
    from atalaia.homes.embedded import open_home

    if role not in tuple(Role):
        raise AtalaiaError(f"there is no role {role!r}; give one of {', '.join(Role)}")
    kept = settings_of(settings, home)
    unknown = [one for one in place or () if kept.places.get(one) is None]
    if unknown:
        raise AtalaiaError(f"place {unknown[0]} is not watched; `atalaia config check` lists them")
    with open_home(kept.home, exclusive=False) as opened:
        try:
            made, text = add_key(
                opened.state,
                Role(role),
                label,
                int(time.time()),
                source=source,
                places=place or (),
            )
        except ValueError as error:
            raise AtalaiaError(str(error)) from None
    answer({"id": made.id, "role": role, "key": text}, text, as_json=as_json)
    print(translated(f"{made.id} has the role {role}; it is not shown again"), file=sys.stderr)


@keys.command("list")
def list_(
    home: HomeOption = None, settings: SettingsOption = None, as_json: JsonOption = False
) -> None:
    """List the keys: id, role, when it was made, label."""
    from atalaia.api.keys import keys_of
    from atalaia.domain.alert import instant
    from atalaia.homes.embedded import open_home

    with open_home(existing(settings_of(settings, home).home), exclusive=False) as opened:
        for key in keys_of(opened.state):
            if as_json:
                kept = {"id": key.id, "role": key.role, "label": key.label}
                as_line(kept | {"made_at": instant(key.made_at)})
                continue
            typer.echo(f"{key.id}  {key.role:<9}  {instant(key.made_at)}  {key.label}".rstrip())


@keys.command()
def remove(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it: k_….")],
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a key, at once."""
    from atalaia.api.keys import remove_key
    from atalaia.homes.embedded import open_home

    with open_home(existing(settings_of(settings, home).home), exclusive=False) as opened:
        if not remove_key(opened.state, id_):
            raise AtalaiaError(f"there is no key {id_}; `atalaia api-key list` shows them")
    if as_json:
        as_line({"removed": id_})
