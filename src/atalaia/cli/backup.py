"""Copies of a home, and people's keys apart from them."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from atalaia.cli.options import (
    HomeOption,
    JsonOption,
    SettingsOption,
    answer,
    existing,
    settings_of,
    slow,
)

app = typer.Typer()


@app.command()
@slow
def backup(
    folder: Annotated[Path, typer.Argument(help="Where the copy goes.")],
    keys: Annotated[
        Path | None,
        typer.Option("--keys", help="Copy people's keys to this other folder, for 7 days."),
    ] = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the home, without people's keys, while it runs."""
    from atalaia.homes.embedded.backup import backup as copy
    from atalaia.homes.embedded.backup import backup_keys
    from atalaia.homes.embedded.keys import default_folder

    kept = settings_of(settings, home)
    where = existing(kept.home)
    copy(where, folder)
    words = f"{where} is copied to {folder}"
    if keys is not None:
        backup_keys(kept.people.keys or default_folder(where), keys, int(time.time()))
        words += f"\nkeys are copied to {keys}; copies older than 7 days there were removed"
    told: dict[str, object] = {"home": str(where), "copy": str(folder)}
    answer(told | ({"keys": str(keys)} if keys is not None else {}), words, as_json=as_json)


@app.command()
@slow
def restore(
    folder: Annotated[Path, typer.Argument(help="A copy that `atalaia backup` made.")],
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a home of a copy; who was erased since, or stopped, is so again."""
    from atalaia.homes.embedded.backup import people_in
    from atalaia.homes.embedded.backup import restore as bring_back
    from atalaia.homes.embedded.keys import open_keys
    from atalaia.people.registry import Registry, stop_again
    from atalaia.people.rotation import lookup_again

    kept = settings_of(settings, home)
    keys = open_keys(
        kept.home, kept.people.keys, kept.people.master_key_file, people=people_in(folder)
    )
    stopped = []
    erased = bring_back(
        folder,
        kept.home,
        keys,
        lambda opened: partial(lookup_again, Registry(opened.people, keys)),
        int(time.time()),
        lambda opened: stopped.append(stop_again(Registry(opened.people, keys), keys.stops())),
    )
    n = sum(stopped)
    words = f"{kept.home} is as {folder} was; {erased} erasures were made again"
    if n:
        words += f"\n{n} contacts were stopped again"
    told: dict[str, object] = {
        "home": str(kept.home),
        "copy": str(folder),
        "erased": erased,
        "stopped": n,
    }
    answer(told, words, as_json=as_json)
