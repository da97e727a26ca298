"""What is kept and what is in force: SQL, the inbox, GOLD, the catalogue, rules and settings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from atalaia.cli.options import (
    HomeOption,
    JsonOption,
    OnOption,
    SettingsOption,
    existing,
    settings_of,
    while_read,
)

app = typer.Typer()
config = typer.Typer(help="The settings file.", no_args_is_help=True)
app.add_typer(config, name="config")

Form = Literal["table", "csv", "json"]


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="SQL over the tables of `atalaia tables`.")],
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
    if aws is not None:
        _ask_athena(aws, query, "json" if as_json else form)
        return
    from atalaia.lake.places import places_of
    from atalaia.lake.query import query as ask
    from atalaia.people.bodies import opened
    from atalaia.report.table import render
    from atalaia.run.opened import home_of
    from atalaia.sources import decode_all

    kept = settings_of(settings, home)
    existing(kept.home)
    with home_of(kept, exclusive=False) as live:
        places = places_of(live.state)
        answer = ask(live, opened(decode_all(places), live), places, query)
        with while_read():
            render(answer, "json" if as_json else form, sys.stdout)


def _ask_athena(deployment: str, query: str, form: Form) -> None:
    """With the caller's own rights on AWS. Ctrl-C cancels the query."""
    from atalaia.homes.aws.clients import Clients
    from atalaia.homes.aws.config import Config
    from atalaia.homes.aws.sql import AthenaSql
    from atalaia.report.table import render

    names = Config(deployment, account="")
    athena = AthenaSql(
        Clients(),
        names.workgroup,
        names.database,
        on_cost=lambda cost: print(cost.in_words(), file=sys.stderr),
    )
    with while_read():
        render(athena.run(query, {}), form, sys.stdout)


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
            null = f"; null: {told.null}" if told.null else ""
            typer.echo(f"  {column:32} {told.type:12} {told.meaning}{unit}{null}")


@app.command()
def alerts(
    last: Annotated[int, typer.Option(min=1, help="How many, the newest last.")] = 20,
    language: Annotated[str, typer.Option(help="pt-BR, en or es.")] = "pt-BR",
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """The inbox: what the watch has told, newest last."""
    from atalaia.domain.alert import instant, to_line
    from atalaia.domain.words import LANGUAGES
    from atalaia.homes.embedded import open_home

    if language not in LANGUAGES:
        raise typer.BadParameter(f"give one of {', '.join(LANGUAGES)}", param_hint="--language")
    with open_home(existing(settings_of(settings, home).home), exclusive=False) as opened:
        newest = [entry.alert for _, entry in opened.state.alerts()][-last:]
    with while_read():
        for alert in newest:
            typer.echo(
                to_line(alert) if as_json else f"{instant(alert.sent_at)}  {alert.text[language]}"
            )
    if not newest:
        print("nothing has been told yet", file=sys.stderr)


@app.command()
def refine(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Derive all of GOLD again from RAW.")
    ] = False,
    on: OnOption = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring GOLD up to date with RAW, or derive all of it again; make few files of many."""
    import time
    from contextlib import ExitStack

    import msgspec

    from atalaia.batch import refine as batch
    from atalaia.lake.places import places_of
    from atalaia.people.bodies import opened as opened_on_the_way
    from atalaia.run.opened import home_of
    from atalaia.sources import decode_all

    kept = settings_of(settings, home)
    existing(kept.home)
    with ExitStack() as stack:
        opened = stack.enter_context(home_of(kept, exclusive=False))
        stack.enter_context(opened.hold("refine"))
        places = places_of(opened.state)
        workers = None
        if on:
            from atalaia.batch.spark import open_spark
            from atalaia.cli.workers import workers_of

            workers = workers_of(stack.enter_context(open_spark(on)), kept, places)
        work = batch.rebuild if rebuild else batch.refine
        decode = opened_on_the_way(decode_all(places), opened)
        report = work(opened.state, opened.lake, decode, places, opened.outbox, workers)
        compacted = batch.compact(opened.lake, int(time.time()))
    if as_json:
        typer.echo(msgspec.json.encode(report._asdict() | {"compacted": compacted._asdict()}))
    else:
        typer.echo(
            f"{report.rows} rows in {report.partitions} partitions, "
            f"{report.rejects} rejects, {report.seconds:.1f} s"
        )


@app.command()
def variables(as_json: JsonOption = False) -> None:
    """The catalogue: every variable, its unit and plausible limits."""
    import msgspec

    from atalaia.domain.rule import INDICES
    from atalaia.domain.variable import CATALOGUE

    if as_json:
        typer.echo(msgspec.json.encode(list(CATALOGUE.values())))
        return
    for variable in CATALOGUE.values():
        limits = f"{variable.lowest:g} … {variable.highest:g} {variable.unit}"
        typer.echo(f"{variable.name:32} {limits:28} {variable.meaning}; {variable.because}")
    for name, (unit, inputs) in INDICES.items():
        typer.echo(f"{name:32} {'index, ' + unit:28} from {' and '.join(inputs)}")


@app.command()
def rules(
    name: Annotated[str, typer.Argument(help="A shipped rule set or a TOML file.")] = "inmet",
    as_json: JsonOption = False,
) -> None:
    """Check a rule set and show its limits."""
    import msgspec

    from atalaia import rules as rule_sets

    rule_set = rule_sets.load(name)
    if as_json:
        typer.echo(msgspec.json.encode(rule_set))
        return
    typer.echo(
        f"{rule_set.name}: {len(rule_set.rules)} rules; shipped: {', '.join(rule_sets.SHIPPED)}"
    )
    for rule in rule_set.rules:
        typer.echo(f"{rule.name:20} {rule.hazard:14} {rule.in_words()}")


@config.command("check")
def config_check(
    file: Annotated[Path | None, typer.Argument(help="Settings file; else ./atalaia.toml.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Name every problem of the settings, and show the arithmetic of the sources' calls."""
    import msgspec

    from atalaia.settings import describe

    lines = describe(settings_of(file, None))
    typer.echo(msgspec.json.encode(lines) if as_json else "\n".join(lines))
