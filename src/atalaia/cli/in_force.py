"""What is in force: the catalogue of variables, rules, settings and sources; settings anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from atalaia.cli import init, sources
from atalaia.cli.options import (
    JsonOption,
    LanguageOption,
    SettingsOption,
    as_lines,
    settings_of,
    spoken,
)
from atalaia.translated import translated

app = typer.Typer()
app.add_typer(init.app)
app.add_typer(sources.app)
config = typer.Typer(help="The settings file.", no_args_is_help=True)
app.add_typer(config, name="config")

RULES = {
    "pt-BR": "{name}: regras: {n}; de fábrica: {shipped}",
    "en": "{name}: rules: {n}; shipped: {shipped}",
    "es": "{name}: reglas: {n}; de fábrica: {shipped}",
}


@app.command()
def variables(as_json: JsonOption = False) -> None:
    """The catalogue: every variable, its unit and plausible limits."""
    from atalaia.domain.rule import INDICES
    from atalaia.domain.variable import CATALOGUE

    if as_json:
        as_lines(CATALOGUE.values())
        return
    for variable in CATALOGUE.values():
        limits = f"{variable.lowest:.10g} … {variable.highest:.10g} {variable.unit}"
        means = f"{translated(variable.meaning)}; {translated(variable.because)}"
        typer.echo(f"{variable.name:32} {limits:28} {means}")
    for name, (unit, inputs) in INDICES.items():
        what = f"{translated('index')}, {unit}"
        of = f" {translated('and')} ".join(inputs)
        typer.echo(f"{name:32} {what:28} {translated('from')} {of}")


@app.command()
def rules(
    name: Annotated[str, typer.Argument(help="A shipped rule set or a TOML file.")] = "inmet",
    as_json: JsonOption = False,
    as_written: Annotated[
        bool, typer.Option("--print", help="Print the file itself, to copy from it.")
    ] = False,
    language: LanguageOption = None,
    settings: SettingsOption = None,
) -> None:
    """Check a rule set and show its limits."""
    import msgspec

    from atalaia import rules as rule_sets
    from atalaia.domain.rule_words import in_words

    if as_written:
        typer.echo(rule_sets.text_of(name)[0], nl=False)
        return
    rule_set = rule_sets.load(name)
    if as_json:
        typer.echo(msgspec.json.encode(rule_set))
        return
    words = spoken(language, settings_of(settings, None).language)
    shipped = ", ".join(rule_sets.SHIPPED)
    typer.echo(RULES[words].format(name=rule_set.name, n=len(rule_set.rules), shipped=shipped))
    for rule in rule_set.rules:
        typer.echo(f"{rule.name:20} {rule.hazard:14} {in_words(rule, words)}")


@config.command("check")
def config_check(
    file: Annotated[Path | None, typer.Argument(help="Settings file; else ./atalaia.toml.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Name every problem of the settings, and show the arithmetic of the sources' calls (exit code
    1: a problem, or a plug-in that cannot be used)."""
    from atalaia.settings import describe
    from atalaia.settings.strength import checked

    chosen = checked(settings_of(file, None))  # with what `run` refuses, nothing is in force
    lines = describe(chosen)
    if as_json:
        as_lines({"says": line} for line in lines)
    else:
        typer.echo(translated("\n".join(lines)))
    if chosen.broken_plugins:
        raise typer.Exit(1)
