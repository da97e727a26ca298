"""What the map shows beside what comes with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atalaia.cli.options import (
    HomeOption,
    JsonOption,
    LanguageOption,
    SettingsOption,
    as_line,
    settings_of,
    slow,
    spoken,
)
from atalaia.errors import AtalaiaError

if TYPE_CHECKING:
    from atalaia.page.shapes import Imported

maps = typer.Typer(help="What the map shows.", no_args_is_help=True)

WORDS = {
    "with": {
        "pt-BR": "Lugares com polígono: {n}; pelo código: {codes}, por onde ficam: {points}",
        "en": "Places with a polygon: {n}; by code: {codes}, by where they lie: {points}",
        "es": "Lugares con polígono: {n}; por su código: {codes}, por donde están: {points}",
    },
    "without": {
        "pt-BR": "Sem polígono, seguem como pontos: {n} ({shown})",
        "en": "Without one, they stay dots: {n} ({shown})",
        "es": "Sin polígono, siguen como puntos: {n} ({shown})",
    },
    "not_used": {
        "pt-BR": "Não usados: de outros lugares: {unused}, sem polígono em graus: {refused}",
        "en": "Not used: of other places: {unused}, no polygons in degrees: {refused}",
        "es": "No usados: de otros lugares: {unused}, sin polígono en grados: {refused}",
    },
    "next": {
        "pt-BR": "A página os mostra a partir do próximo início",
        "en": "The page shows them from the next start on",
        "es": "La página los muestra desde el próximo inicio",
    },
}


@maps.command("import")
@slow
def import_shapes(
    file: Annotated[
        Path, typer.Argument(help="Polygons as GeoJSON in WGS 84 degrees, or as PMTiles.")
    ],
    language: LanguageOption = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give places the polygons of a file, by their codes or where they lie; filled by level.

    What was imported before is replaced. The page shows them from the next start on.
    """
    import msgspec

    from atalaia.page.shapes import FILE, MOST_BYTES, imported

    chosen = settings_of(settings, home)
    words = spoken(language, chosen.language)
    try:
        if file.stat().st_size > MOST_BYTES:
            raise AtalaiaError(f"{file} is larger than {MOST_BYTES >> 20} MB; take a coarser mesh")
        body = file.read_bytes()
    except OSError as error:
        raise AtalaiaError(f"{file} cannot be read: {error.strerror}; give another file") from error
    shapes, told = imported(body, chosen.places)
    if not shapes.shapes:
        raise AtalaiaError(
            f"{file} has no polygon of a watched place: {told.unused} of others, {told.refused} "
            "that are no polygons in degrees; nothing was changed"
        )
    target = chosen.home / FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_suffix(".new")
    new.write_bytes(msgspec.json.encode(shapes))
    new.replace(target)
    if as_json:
        as_line(msgspec.to_builtins(told))
        return
    for line in _told(told, words):
        typer.echo(line)


def _told(told: Imported, language: str) -> Iterator[str]:
    """What came of a file, as people read it."""
    codes, points = len(told.by_code), len(told.by_point)
    yield WORDS["with"][language].format(n=codes + points, codes=codes, points=points)
    if told.without:
        shown = ", ".join(told.without[:10]) + (" …" if len(told.without) > 10 else "")
        yield WORDS["without"][language].format(n=len(told.without), shown=shown)
    if told.unused or told.refused:
        yield WORDS["not_used"][language].format(unused=told.unused, refused=told.refused)
    yield WORDS["next"][language]
