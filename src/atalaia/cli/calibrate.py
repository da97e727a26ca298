"""Limits searched by the scores that they would have had."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from atalaia.cli.options import EventsOption, hazard_of, slow, while_read
from atalaia.cli.scored import Scoring, scored
from atalaia.cli.trial import PlacesOption, ReadingsArgument, history_of
from atalaia.errors import AtalaiaError
from atalaia.translated import translated

if TYPE_CHECKING:
    from atalaia.domain.rule import Near

app = typer.Typer()

Form = Literal["limits", "score"]
Update = Literal["yearly"]


@app.command()
@slow
@scored
def calibrate(
    asked: Scoring,
    hazard: Annotated[str, typer.Option(help="What the rules will warn of.")],
    events: EventsOption,
    write: Annotated[Path, typer.Option(help="The rule file to write.")],
    readings: ReadingsArgument = None,
    places: PlacesOption = None,
    area: Annotated[str | None, typer.Option(help="The area; else the only one.")] = None,
    variable: Annotated[str, typer.Option(help="The amount that is summed.")] = "rain_mm",
    near: Annotated[
        list[str] | None,
        typer.Option(
            help="LAT,LON,KM: try triggers at places in this circle; may be repeated. A score: "
            "only these places count."
        ),
    ] = None,
    min_pod: Annotated[float, typer.Option(min=0, max=1, help="POD to keep.")] = 0.8,
    min_lead: Annotated[str, typer.Option(help="Median lead to keep, such as 1h.")] = "0h",
    budget: Annotated[
        float | None, typer.Option(min=0, help="Warned days a month at most.")
    ] = None,
    form: Annotated[
        Form, typer.Option(help="Limits, or a score that adds up and stands for a chance.")
    ] = "limits",
    beside: Annotated[
        list[str] | None,
        typer.Option(help="A score: try means of this variable, too; may be repeated."),
    ] = None,
    update: Annotated[
        Update | None,
        typer.Option(help="A score: tell each year by those before it alone, learning anew."),
    ] = None,
    splits: Annotated[
        int, typer.Option(min=0, help="Repeat the search over so many other splits of the days.")
    ] = 0,
) -> None:
    """Search limits, or learn a score: told is how they do on years that did not choose them."""
    import msgspec

    from atalaia.batch.adding_up import AddingUp
    from atalaia.batch.amounts import AmountSpace
    from atalaia.batch.calibrate import Calibration, Wanted
    from atalaia.batch.calibration import Search, calibrated, learned, looked_at
    from atalaia.batch.occurrences import read_events
    from atalaia.cli.scores import show_calibration, wide
    from atalaia.cli.scores_added import show_learned

    zone = asked.zone
    wanted = Wanted(
        min_pod, _seconds(min_lead, "--min-lead"), float("inf") if budget is None else budget
    )
    circles = tuple(_near(text) for text in near or ())
    _fits(form, circles, (beside, update), (splits, budget is not None, min_lead != "0h"))
    names = _beside(beside or ())
    needed = looked_at(variable, names, is_score=form == "score")
    with history_of(readings, places, needed, asked.settings, asked.home) as (past, where, _):
        rows = past.whole()
    search = Search(
        hazard=str(hazard_of(hazard)),
        variable=_sum(variable),
        area=area,
        name=write.stem,
        wanted=wanted,
        circles=circles,
        min_events=asked.min_events,
        first_day=asked.first_day,
        last_day=asked.last_day,
        splits=splits,
        evidence=AmountSpace(
            beside=names, clock=True, tendency=True, near=circles[0] if circles else None
        ),
        is_forward=update == "yearly",
    )
    find = learned if form == "score" else calibrated
    found: AddingUp | Calibration
    found, text = find(rows, where, read_events(events, zone), zone, search)
    try:
        write.write_text(text, "utf-8")
    except OSError as error:
        raise AtalaiaError(
            f"{write} cannot be written: {error.strerror}; give another --write"
        ) from error
    with while_read():
        if asked.as_json:
            typer.echo(msgspec.json.encode(found))
        else:
            if isinstance(found, AddingUp):
                show_learned(found, wide())
            else:
                show_calibration(found, wide())
            typer.echo(translated(f"written: {write}"))
    if found.left_out:
        said = f"{found.left_out} rows are left out: their period is another than that of most rows"
        print(translated(said), file=sys.stderr)


def _fits(
    form: Form,
    circles: tuple[Near, ...],
    of_scores: tuple[object, ...],
    of_limits: tuple[object, ...],
) -> None:
    """Refuse what is given for the other form."""
    if form == "limits" and any(of_scores):
        raise typer.BadParameter(
            "--beside and --update are for scores; leave them out, or give --form score",
            param_hint="--form",
        )
    if form == "score" and any(of_limits):
        raise typer.BadParameter(
            "--min-lead, --budget and --splits are for limits; leave them out",
            param_hint="--form",
        )
    if form == "score" and len(circles) > 1:
        raise typer.BadParameter("a score has one circle; give it once", param_hint="--near")


def _near(text: str) -> Near:
    from atalaia.domain.rule import Near

    try:
        latitude, longitude, km = (float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not LAT,LON,KM, for example -22.9,-43.2,10", param_hint="--near"
        ) from None
    return Near(latitude, longitude, km)


def _seconds(text: str, option: str) -> int:
    from atalaia.domain.rule import seconds

    try:
        return seconds(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def _beside(names: Sequence[str]) -> tuple[str, ...]:
    from atalaia.domain.variable import CATALOGUE
    from atalaia.given import meant

    known = [variable.name for variable in CATALOGUE.values() if not variable.is_sum]
    for name in names:
        if name not in known:
            raise typer.BadParameter(
                f"{name!r} is nothing that has a mean{meant(name, known)}; "
                "`atalaia variables` lists what there is",
                param_hint="--beside",
            )
    return tuple(dict.fromkeys(names))


def _sum(name: str) -> str:
    from atalaia.domain.variable import CATALOGUE

    known = [variable.name for variable in CATALOGUE.values() if variable.is_sum]
    if name not in known:
        raise typer.BadParameter(f"give one of {', '.join(known)}", param_hint="--variable")
    return name
