"""What was sent to whom, and what became of it."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from atalaia.cli.opened import PersonArgument, opened_people, pseudonym_of
from atalaia.cli.options import (
    HomeOption,
    JsonOption,
    LanguageOption,
    SettingsOption,
    answer,
    as_line,
    slow,
    spoken,
    while_read,
)
from atalaia.errors import AtalaiaError
from atalaia.translated import translated

app = typer.Typer()
deliveries = typer.Typer(help="What was sent to whom, and what became of it.")
app.add_typer(deliveries, name="deliveries")


@deliveries.callback(invoke_without_command=True)
def deliveries_list(
    context: typer.Context,
    person: Annotated[str | None, typer.Option(help="Only this person's.")] = None,
    status: Annotated[
        str | None,
        typer.Option(help="waiting, due, leased, sent, unknown, late, dropped or dead."),
    ] = None,
    channel: Annotated[str | None, typer.Option(help="Only by this channel.")] = None,
    last: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 20,
    language: LanguageOption = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """List messages and how many there are of each kind; those that shared a letter name it."""
    from msgspec.structs import replace

    from atalaia.domain.alert import instant
    from atalaia.domain.delivery import Status, letter_of
    from atalaia.notify.reasons import in_words

    if context.invoked_subcommand is not None:
        return
    if status is not None and status not in tuple(Status):
        raise typer.BadParameter(f"give one of {', '.join(Status)}", param_hint="--status")
    with opened_people(settings, home) as (kept, opened, people):
        words = spoken(language, kept.language)
        found = opened.outbox.messages(
            status=Status(status) if status else None,
            person=pseudonym_of(people, person) if person else None,
            channel=channel,
            limit=last,
        )
        counts = opened.outbox.counts()
    shared = {m.letter for m in found if m.letter != m.id}
    with while_read():
        for m in found:
            letter = letter_of(m)
            if as_json:
                as_line(replace(m, letter=letter))
                continue
            when = instant(m.settled_at or m.due_at)
            its = f"{translated('in')} {letter}  " if letter in shared else ""
            why = its + in_words(m.reason)[words]
            typer.echo(f"{when}  {m.status:8} {m.channel:9} {m.person}  {m.id}  {why}")
    for (name, state), n in sorted(counts.items()):
        print(f"{name} {state}: {n}", file=sys.stderr)
    if not counts:
        print(translated("nothing was to be sent yet"), file=sys.stderr)


@deliveries.command()
@slow
def retry(
    message: Annotated[list[str] | None, typer.Argument(help="Ids (msg_…).")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are dead.")] = False,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send what is dead, late or unknown once more, within the next hour."""
    from atalaia.domain.delivery import Status

    with opened_people(settings, home) as (_, opened, _):
        ids = list(message or [])
        if every:
            dead = opened.outbox.messages(status=Status.DEAD, limit=1_000_000)
            ids += [m.id for m in dead]
        if not ids:
            raise AtalaiaError("nothing to send again: give ids, or --all where some are dead")
        now = int(time.time())
        n = opened.outbox.retry(ids, now, now + 3600)
    told: dict[str, object] = {"asked": len(ids), "sent_again": n}
    answer(told, f"{n} of {len(ids)} will be sent again", as_json=as_json)


@deliveries.command()
def acknowledge(
    person: PersonArgument,
    message: Annotated[str, typer.Argument(help="Its id (msg_…).")],
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Note that somebody read a message, so that it goes by no further channel."""
    with opened_people(settings, home) as (_, _, people):
        if not people.acknowledge(pseudonym_of(people, person), message, int(time.time())):
            raise AtalaiaError(
                f"{person} has no message {message}; `atalaia deliveries` lists them"
            )
    answer({"acknowledged": message}, f"{message} is acknowledged", as_json=as_json)
