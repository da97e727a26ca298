"""What is usual and what is rare at each place: learnt, imported, shown."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atalaia.cli.options import (
    HomeOption,
    JsonOption,
    OnOption,
    SettingsOption,
    answers,
    as_lines,
    settings_of,
    slow,
    so_far,
    while_read,
)
from atalaia.errors import AtalaiaError
from atalaia.translated import figures, translated

if TYPE_CHECKING:
    from atalaia.batch.learn import Learnt
    from atalaia.domain.place import Places
    from atalaia.homes.embedded import EmbeddedHome
    from atalaia.lake.climate import Months, ReturnLevel
    from atalaia.settings import Settings

app = typer.Typer()

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@app.command()
@slow
def climate(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="With --import: INMET station files, Open-Meteo archives, CSV."),
    ] = None,
    is_import: Annotated[
        bool, typer.Option("--import", help="Learn from the files and not from GOLD.")
    ] = False,
    place: Annotated[
        str | None, typer.Option(help="Show what is known of this place; learn nothing.")
    ] = None,
    places: Annotated[
        Path | None, typer.Option(help="CSV of places, where the home does not know them yet.")
    ] = None,
    least_years: Annotated[
        int, typer.Option(min=1, help="Years that a mean or percentile needs to be a norm.")
    ] = 10,
    on: OnOption = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Learn each place's climate from GOLD or from files: means, percentiles, return levels."""
    from atalaia.homes.embedded import open_home
    from atalaia.lake.norms import note_learnt

    if bool(files) != is_import:
        raise typer.BadParameter("--import and files go together", param_hint="--import")
    if files and on:
        raise typer.BadParameter("files are learnt from in this process", param_hint="--on")
    kept = settings_of(settings, home)
    if not is_import and not (kept.home / "atalaia.sqlite3").exists():
        raise AtalaiaError(
            f"no home at {kept.home}; give --home, or --import files with --places into a new one"
        )
    with open_home(kept.home, exclusive=False) as opened:
        if place is not None:
            _show(opened, place, as_json=as_json)
            return
        where = _places(opened, kept, places)
        learnt = _learn(opened, where, files or [], least_years, on)
        is_new = any(each.is_kept for each in learnt)
        is_new |= not files and _learn_chances(opened, kept, where)
        note_learnt(opened.state, int(time.time()), is_new=is_new)
    answers()
    if as_json:
        _tell_json(learnt)
    else:
        _tell(learnt)
    silent = {each.id for each in where} - {each.place.id for each in learnt}
    if silent and not files:
        said = f"no history of {', '.join(sorted(silent)[:10])}"
        print(translated(said), file=sys.stderr)
    if not learnt and not kept.rules.by_chance:
        raise AtalaiaError("nothing was learnt: no place has 28 days of hourly values")


def _places(opened: EmbeddedHome, kept: Settings, file: Path | None) -> Places:
    """The home's places, with those of a file, which are then the home's; else the settings'."""
    from atalaia.domain.place import Places
    from atalaia.lake.places import note_places, places_of
    from atalaia.sources.recorded import read_places

    known = {place.id: place for place in places_of(opened.state)}
    if file is not None:
        told = Places(read_places(file))
        note_places(opened.state, told)
        known |= {place.id: place for place in told}
    return Places(known.values() or kept.places)


def _learn(
    opened: EmbeddedHome, where: Places, files: list[Path], least_years: int, on: str | None
) -> list[Learnt]:
    from atalaia.batch.learn import learn, learn_from, learn_on
    from atalaia.batch.spark import open_spark
    from atalaia.cli.workers import lake_of

    with opened.hold("refine"):
        if on:
            with open_spark(on) as spark:
                return learn_on(spark, lake_of(opened.path), where, least_years)
        if not files:
            return learn(opened.lake, where, least_years, so_far)
        learnt, rejects = learn_from(opened.lake, where, files, least_years)
    for reject in rejects[:10]:
        print(translated(f"rejected: {reject.reason}: {reject.detail}"), file=sys.stderr)
    return learnt


def _learn_chances(opened: EmbeddedHome, kept: Settings, where: Places) -> bool:
    """What became of the chances that the rules name; whether that is another than was known."""
    if not kept.rules.by_chance:
        return False
    from atalaia.batch.came_true import learn_chances
    from atalaia.lake.norms import read_record

    with opened.hold("refine"):
        is_new = learn_chances(opened.lake, kept.rules, where)
    steps = read_record(opened.lake).steps.values()
    pairs = sum(step.pairs for some in steps for step in some)
    said = (
        f"chances: {len(steps)} records, each of a question and a lead, of {pairs} pairs"
        if steps
        else "chances: of no question and lead have 200 pairs come yet; they stay raw"
    )
    print(translated(said), file=sys.stderr)
    return is_new


def _tell(learnt: list[Learnt]) -> None:
    for each in learnt:
        years = each.climate.years
        variables = len({row.variable for row in each.climate.months})
        levels = [row for row in each.climate.levels if row.level is not None]
        refused = len(each.climate.levels) - len(levels)
        kept = "" if each.is_kept else "; passed over: what is known came of more years"
        told = (
            f"{variables} variables, {years} year{'s' if years != 1 else ''}, "
            f"{len(levels)} return levels, {refused} refused{kept}"
        )
        typer.echo(f"{each.place.id:12} {each.place.name}: {translated(told)}")


def _tell_json(learnt: list[Learnt]) -> None:
    as_lines(
        {
            "place_id": each.place.id,
            "years": each.climate.years,
            "is_kept": each.is_kept,
            "variables": sorted({row.variable for row in each.climate.months}),
            "return_levels": sum(row.level is not None for row in each.climate.levels),
            "refused": sum(row.level is None for row in each.climate.levels),
        }
        for each in learnt
    )


def _show(opened: EmbeddedHome, place_id: str, *, as_json: bool) -> None:
    """One place: the year's course of each variable, and its return levels."""
    import msgspec

    from atalaia.lake.climate import places_with_climate, read_climate

    months, levels = read_climate(opened.lake, place_id)
    if not months:
        known = ", ".join(places_with_climate(opened.lake)[:10]) or "none; learn it first"
        raise AtalaiaError(f"no climate of place {place_id!r} is known; of these it is: {known}")
    if as_json:
        typer.echo(msgspec.json.encode({"months": months, "return_levels": levels}))
        return
    with while_read():
        _show_months([row for row in months if row.hour is None])
        _show_levels(levels)


def _show_months(rows: list[Months]) -> None:
    for variable in dict.fromkeys(row.variable for row in rows):
        mine = [row for row in rows if row.variable == variable]
        first, last = min(row.first_year for row in mine), max(row.last_year for row in mine)
        typer.echo(f"{variable} [{mine[0].unit}], {mine[0].source} {first}–{last}")
        typer.echo(translated("       mean  min of days  max of days    p1   p50   p99  years"))
        for row in mine:
            p = row.percentiles
            norm = "" if row.is_norm else translated("  too few for a norm")
            typer.echo(
                f"  {translated(_MONTHS[row.month - 1])}"
                + figures(
                    f"{row.mean:7.1f}{_number(row.mean_minimum):>13}"
                    f"{_number(row.mean_maximum):>13}{p[0]:6.1f}{p[49]:6.1f}{p[98]:6.1f}"
                )
                + f"{row.years:7}{norm}"
            )


def _show_levels(rows: list[ReturnLevel]) -> None:
    for row in rows:
        over = f" in {row.window_s // 3600} h" if row.window_s else ""
        what = translated(f"{row.extreme} {row.variable}{over}, {row.return_years} years")
        if row.level is None:
            typer.echo(f"{what:44} {translated(f'refused: {row.refusal}')}")
        else:
            level, interval = f"{row.level:.1f}", f"{row.low:.1f} … {row.high:.1f}"
            typer.echo(f"{what:44} {figures(level)} {row.unit} ({figures(interval)})")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
