"""What is kept, asked: SQL over the tables, which these are, and the inbox."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from atalaia.cli.opened import opened_to_ask
from atalaia.cli.options import (
    HomeOption,
    JsonOption,
    LanguageOption,
    SettingsOption,
    answers,
    as_lines,
    existing,
    settings_of,
    slow,
    spoken,
    while_read,
)
from atalaia.cli.written import Form, whole, write
from atalaia.given import read_given
from atalaia.translated import translated

app = typer.Typer()


@app.command()
@slow
def sql(
    query: Annotated[
        str | None,
        typer.Argument(help="SQL over the tables of `atalaia tables`; - reads it from stdin."),
    ] = None,
    file: Annotated[Path | None, typer.Option(help="A file that holds the SQL.")] = None,
    form: Annotated[Form, typer.Option("--format", help="How the answer is written.")] = "table",
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    aws: Annotated[
        str | None,
        typer.Option(metavar="ENV", help="Ask this deployment's GOLD by Athena; it says the cost."),
    ] = None,
) -> None:
    """Ask GOLD, and what is newer than GOLD, in one answer. `atalaia tables` lists the columns."""
    if form == "parquet" and not as_json and sys.stdout.isatty():
        raise typer.BadParameter("it is no text; write it to a file: > FILE.parquet")
    query = _written(query, file)
    if aws is not None:
        _ask_athena(aws, query, "json" if as_json else form)
        return
    from atalaia.lake.query import query as ask

    with opened_to_ask(settings, home) as (live, places, decode):
        if form == "parquet" and not as_json:
            from atalaia.homes.embedded.sql import DuckSql

            with whole() as written:
                ask(live, decode, places, query, DuckSql(into=written))
            return
        answer = ask(live, decode, places, query)
        write(answer, "json" if as_json else form)


@app.command()
@slow
def stations(
    near: Annotated[
        str | None, typer.Option(metavar="PLACE", help="Those that this place may listen to.")
    ] = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which stations were heard, when, and what each is evidence of at a place."""
    import time

    from atalaia.report.stations import stations_of
    from atalaia.sources.mqtt.standing import NAMES, standing_of

    now = int(time.time())
    with opened_to_ask(settings, home) as (live, places, decode):
        found = stations_of(live, decode, places, near)
        heard_by = {name: standing_of(live.state, name).get() for name in NAMES}
    if as_json:
        as_lines(found)
        return
    with while_read():
        for one in found:
            away = "" if one.km is None else f"{one.km:6.1f} km  "
            heard = one.last_valid_at or translated("never heard")
            typer.echo(f"{away}{one.station_id:36} {one.kind:10} {heard:26} {one.name or ''}")
            if one.speaks_for:
                typer.echo(translated(f"           speaks for {', '.join(one.speaks_for)}"))
    for name, standing in heard_by.items():
        for line in standing.in_words(now) if standing else ():
            print(translated(f"{name}: {line}"), file=sys.stderr)
    if not found:
        said = f"no station was heard near {near}" if near else "no station was heard"
        print(translated(said), file=sys.stderr)


def _written(query: str | None, file: Path | None) -> str:
    """The SQL itself, wherever it is written."""
    if (query is None) == (file is None):
        raise typer.BadParameter("give the SQL, - for stdin, or --file; one of them")
    if file is not None:
        return read_given(file)
    if query != "-":
        return str(query)
    if sys.stdin.isatty():
        answers()  # somebody types: nothing is written over that
    return sys.stdin.read()


def _ask_athena(deployment: str, query: str, form: Form) -> None:
    """With the caller's own rights on AWS. Ctrl-C cancels the query."""
    from atalaia.homes.aws.clients import Clients
    from atalaia.homes.aws.config import Config
    from atalaia.homes.aws.sql import AthenaSql

    names = Config(deployment, account="")
    athena = AthenaSql(
        Clients(),
        names.workgroup,
        names.database,
        on_cost=lambda cost: print(translated(cost.in_words()), file=sys.stderr),
    )
    write(athena.run(query, {}), form)


@app.command()
def tables(
    name: Annotated[str | None, typer.Argument(help="One table; else all of them.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The tables that `atalaia sql` knows: each column's type, unit, meaning and null."""
    import msgspec

    from atalaia.lake.tables import tables as known

    chosen = known() if name is None else {name: known().get(name, {})}
    if not all(chosen.values()):
        raise typer.BadParameter(f"give one of {', '.join(known())}", param_hint="name")
    if as_json:
        typer.echo(msgspec.json.encode(chosen))
        return
    for table, columns in chosen.items():
        typer.echo(table)
        for column, told in columns.items():
            unit = f" [{told.unit}]" if told.unit else ""
            null = f"; {translated('null:')} {translated(told.null)}" if told.null else ""
            typer.echo(f"  {column:32} {told.type:12} {translated(told.meaning)}{unit}{null}")


@app.command()
@slow
def alerts(
    last: Annotated[int, typer.Option(min=1, help="How many, the newest last.")] = 20,
    language: LanguageOption = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """The inbox: what the watch has told, newest last."""
    from atalaia.domain.alert import instant, to_line
    from atalaia.homes.embedded import open_home

    kept = settings_of(settings, home)
    words = spoken(language, kept.language)
    with open_home(existing(kept.home), exclusive=False) as opened:
        newest = [entry.alert for _, entry in opened.state.alerts()][-last:]
    with while_read():
        for alert in newest:
            typer.echo(
                to_line(alert) if as_json else f"{instant(alert.sent_at)}  {alert.text[words]}"
            )
    if not newest:
        print(translated("nothing has been told yet"), file=sys.stderr)
