"""`atalaia init`: from a few answers to a settings file that works."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atalaia.cli.options import JsonOption, as_line, of_others
from atalaia.errors import AtalaiaError
from atalaia.translated import speaking, translated

if TYPE_CHECKING:
    from atalaia.sources.gazetteer import Town

app = typer.Typer()

WORDS = {
    "place": {
        "pt-BR": "Que lugar vigiar? Por exemplo: Recife, PE (vazio: chega)",
        "en": "Which place to watch? For example: Recife, PE (empty: enough)",
        "es": "¿Qué lugar vigilar? Por ejemplo: Recife, PE (vacío: basta)",
    },
    "around": {
        "pt-BR": "E as cidades do mesmo estado em quantos km ao redor? (0: só ela)",
        "en": "And the towns of its state within how many km? (0: this one alone)",
        "es": "¿Y las ciudades de su estado a cuántos km? (0: solo esta)",
    },
    "controller": {
        "pt-BR": "Quem responde pelos dados das pessoas? (vazio: depois)",
        "en": "Who answers for people's data? (empty: later)",
        "es": "¿Quién responde por los datos de las personas? (vacío: después)",
    },
    "contact": {
        "pt-BR": "Como falar com quem responde (e-mail ou telefone)?",
        "en": "How are they reached (e-mail or telephone)?",
        "es": "¿Cómo contactar a quien responde (correo o teléfono)?",
    },
    "answers": {
        "pt-BR": "{source}: responde",
        "en": "{source}: it answers",
        "es": "{source}: responde",
    },
    "silent": {
        "pt-BR": "{source}: não responde agora ({why}); atalaia run volta a tentar, sem parar",
        "en": "{source}: it does not answer now ({why}); atalaia run tries again, for ever",
        "es": "{source}: ahora no responde ({why}); atalaia run vuelve a intentarlo, sin parar",
    },
    "written": {
        "pt-BR": "Lugares em {file}: {n}. Agora: atalaia run{settings}, e abra http://{where}",
        "en": "Places in {file}: {n}. Now: atalaia run{settings}, and open http://{where}",
        "es": "Lugares en {file}: {n}. Ahora: atalaia run{settings}, y abra http://{where}",
    },
}


@app.command()
def init(
    place: Annotated[
        list[str] | None, typer.Option(help="A town to watch: 'Recife, PE', or 'IBGE 2611606'.")
    ] = None,
    all_of: Annotated[
        str | None, typer.Option(help="All towns of a state or country: Pernambuco, 26, Portugal.")
    ] = None,
    within: Annotated[
        str | None, typer.Option(metavar="KM", help="Only those so near to --of: 60km.")
    ] = None,
    of: Annotated[str | None, typer.Option(help="The town that --within is about.")] = None,
    language: Annotated[str | None, typer.Option(help="pt-BR, en or es.")] = None,
    rules: Annotated[str, typer.Option(help="A shipped rule set or a TOML file.")] = "inmet",
    controller: Annotated[str, typer.Option(help="Who answers for people's data.")] = "",
    contact: Annotated[str, typer.Option(help="How whoever answers is reached.")] = "",
    file: Annotated[Path, typer.Option(help="The settings file to write.")] = Path("atalaia.toml"),
    force: Annotated[bool, typer.Option(help="Write over a file that is there.")] = False,
    ask: Annotated[
        bool | None,
        typer.Option(
            "--ask/--no-ask",
            help="Ask each source once whether it answers; else only where it is asked for.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a settings file for the places that you name, and show what it comes to."""
    from atalaia.domain.words import LANGUAGES
    from atalaia.settings.first import First, written

    asks = not (place or all_of) and sys.stdin.isatty()
    is_there = AtalaiaError(f"{file} is there; give --force to write over it, or --file another")
    if asks and file.exists() and not force:
        raise is_there
    if asks and language is None:
        language = typer.prompt("Idioma / Language", default=of_others(), err=True)
    language = language or of_others()
    if language not in LANGUAGES:
        raise AtalaiaError(f"no language {language!r}; give one of {', '.join(LANGUAGES)}")
    with speaking(language):
        towns = _asked(language) if asks else _chosen(place or [], all_of, within, of)
        if not towns:
            raise AtalaiaError(
                "no place to watch; give --place 'Recife, PE', or --all-of Pernambuco"
            )
        if asks and not controller:
            controller = typer.prompt(WORDS["controller"][language], default="", err=True)
        if controller and not contact:
            if not asks:
                raise AtalaiaError("--controller needs --contact: consent names both")
            contact = typer.prompt(WORDS["contact"][language], err=True)
        text = written(
            First(
                language=language, rules=rules, towns=towns, controller=controller, contact=contact
            )
        )
        text = re.sub(r"^# .*", lambda comment: translated(comment[0]), text, flags=re.MULTILINE)
        # The same once more is no loss.
        if file.exists() and not force and file.read_text("utf-8", "replace") != text:
            raise is_there
        _keep(text, file, language, ask=asks if ask is None else ask, as_json=as_json)


def _keep(text: str, file: Path, language: str, *, ask: bool, as_json: bool) -> None:
    """Write the file once it is known to be right; then say what it comes to."""
    from atalaia.settings import describe, load

    trial = file.with_name(f".{file.name}.new")
    try:
        trial.write_text(text, "utf-8")
        settings = load(trial, {})
        trial.replace(file)
    except OSError as error:
        raise AtalaiaError(
            f"{file}: {error.strerror}; give --file where it may be written"
        ) from error
    finally:
        trial.unlink(missing_ok=True)
    reached = dict(_reached(file)) if ask else {}
    if as_json:
        as_line(
            {"written": str(file), "places": len(settings.places)}
            | ({"sources": reached} if ask else {})
        )
        return
    for line in describe(settings)[2:]:
        typer.echo(translated(line))
    for source, fault in reached.items():
        word = WORDS["silent" if fault else "answers"][language]
        typer.echo(word.format(source=source, why=translated(fault or "")))
    typer.echo(
        WORDS["written"][language].format(
            file=file,
            n=len(settings.places),
            settings="" if file == Path("atalaia.toml") else f" --settings {file}",
            where=f"{settings.api.host}:{settings.api.port}",
        )
    )


def _reached(file: Path) -> Iterator[tuple[str, str | None]]:
    """Each source that a watch here would ask, the environment's keys included, and why it gave
    nothing of the first place; None: it did."""
    import asyncio
    import os

    from atalaia.clock import Clock
    from atalaia.settings import load
    from atalaia.settings.plans import plans
    from atalaia.sources.trying import try_source

    settings = load(file, os.environ)
    for plan in plans(settings):
        tried = asyncio.run(try_source(plan, settings.places, 0, Clock()))
        faults = [one.failure or f"HTTP {one.status}" for one in tried.asked]
        yield plan.name, None if tried.is_of_use else next(iter(faults), "no value came")


def _chosen(names: list[str], all_of: str | None, within: str | None, of: str | None) -> list[Town]:
    """The towns that options name."""
    from atalaia.settings.first import around
    from atalaia.sources.municipalities import all_of as all_towns_of
    from atalaia.sources.municipalities import find_town

    if (within is None) != (of is None):
        raise AtalaiaError("--within and --of go together: --within 60km --of 'Recife, PE'")
    try:
        towns = [find_town(name) for name in names]
        many = all_towns_of(all_of) if all_of else []
        if of is not None and within is not None:
            middle = find_town(of)
            if not many:
                many = all_towns_of(_home_of(middle))
            many = around(many, middle, _km(within))
    except ValueError as error:
        raise AtalaiaError(str(error)) from error
    return list(dict.fromkeys([*towns, *many]))


def _asked(language: str) -> list[Town]:
    """The towns that somebody at a terminal names, one after another."""
    from atalaia.settings.first import around
    from atalaia.sources.municipalities import all_of as all_towns_of
    from atalaia.sources.municipalities import find_town

    found: dict[Town, None] = {}
    while name := typer.prompt(WORDS["place"][language], default="", show_default=False, err=True):
        try:
            town = find_town(name)
            km = _km(typer.prompt(WORDS["around"][language], default="0", err=True))
        except ValueError as error:
            typer.echo(translated(str(error)), err=True)
            continue
        new = around(all_towns_of(_home_of(town)), town, km) if km else [town]
        found |= dict.fromkeys(new)
        typer.echo(", ".join(one.name for one in new), err=True)
    return list(found)


def _home_of(town: Town) -> str:
    """The state or country that a town is in, as `all_of` takes it."""
    return ", ".join(part for part in (town.region_name, town.country) if part)


def _km(text: str) -> float:
    match = re.fullmatch(r"\s*(\d{1,5}(?:\.\d+)?)\s*(?:km)?\s*", text)
    if match is None:
        raise ValueError(f"{text!r} is no distance; write for example 60km")
    return float(match[1])
