"""What alerts were worth: scored against what happened, and limits searched by such scores."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from atalaia.cli.options import (
    HomeOption,
    JsonOption,
    SettingsOption,
    existing,
    hazard_of,
    settings_of,
    while_read,
    zone_of,
)
from atalaia.errors import AtalaiaError

if TYPE_CHECKING:
    from atalaia.domain.alert import Alert
    from atalaia.domain.place import Places
    from atalaia.domain.reading import Readings
    from atalaia.domain.rule import Near
    from atalaia.ports import Lake

app = typer.Typer()

EventsOption = Annotated[
    Path, typer.Option(help="CSV: started_at,ended_at,latitude,longitude,place_id,severity.")
]
MinEventsOption = Annotated[
    int, typer.Option("--min-events", min=1, help="So many occurrences make an event.")
]
TimezoneOption = Annotated[str, typer.Option(help="IANA zone whose days are counted.")]
FromOption = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d"], help="First local day; else the first on record."),
]
ToOption = Annotated[
    datetime | None,
    typer.Option("--to", formats=["%Y-%m-%d"], help="Last local day; else the last on record."),
]
By = Literal["day", "episode"]


@app.command()
def verify(
    alerts: Annotated[str, typer.Option(help="An alerts file, or gold: the home's own.")],
    events: EventsOption,
    hazard: Annotated[str | None, typer.Option(help="Only this hazard; else all.")] = None,
    by: Annotated[By, typer.Option(help="Score local days, or episodes.")] = "day",
    min_events: MinEventsOption = 1,
    timezone: TimezoneOption = "UTC",
    since: FromOption = None,
    until: ToOption = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score alerts against outside events: POD, FAR, CSI, bias, lead times."""
    import msgspec

    from atalaia.batch.doubts import doubts
    from atalaia.batch.events import read_events
    from atalaia.batch.verify import verify as score
    from atalaia.cli.scores import show_verified, wide
    from atalaia.detect.official import RULE as OFFICIAL

    zone = zone_of(timezone)
    told, happened = _told(alerts, settings, home), read_events(events, zone)
    verified = score(
        told,
        happened,
        zone,
        hazard=hazard_of(hazard),
        by=by,
        min_events=min_events,
        first_day=since.date() if since else None,
        last_day=until.date() if until else None,
    )
    with while_read():
        if as_json:
            typer.echo(msgspec.json.encode(verified))
        else:
            show_verified(verified, wide())
    official = {entry.incident for entry in told if entry.rule == OFFICIAL}
    if official:
        print(
            f"{len(official)} official warnings were passed on and are not scored: no rule decided "
            "them (nor is a drill, which is in no log)",
            file=sys.stderr,
        )
    notes = doubts(verified, told, happened, zone, hazard)
    for note in notes:
        print(note, file=sys.stderr)
    if verified.outside and not notes:
        print(
            f"{verified.outside} warned days lie before the first or after the last occurrence; "
            "if nothing was recorded then, leave them out with --from and --to",
            file=sys.stderr,
        )


@app.command()
def record(
    rules: Annotated[
        str | None, typer.Option(help="What counts as an event: a rule set; else the settings'.")
    ] = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score every forecast alert ever sent against what an instrument observed there later."""
    import msgspec

    from atalaia import rules as rule_sets
    from atalaia.batch.recorded import record_of
    from atalaia.cli.scores import show_record, wide
    from atalaia.homes.embedded import open_home

    kept = settings_of(settings, home)
    rule_set = rule_sets.load(rules) if rules else kept.rules
    with open_home(existing(kept.home), exclusive=False) as opened:
        found = record_of(opened, rule_set)
    with while_read():
        if as_json:
            typer.echo(msgspec.json.encode(found))
        else:
            show_record(found, wide())


ReadingsArgument = Annotated[
    list[Path] | None, typer.Argument(help="Readings CSV or INMET station files; else the home's.")
]
PlacesOption = Annotated[
    Path | None, typer.Option(help="CSV: place_id,name,latitude,longitude,timezone[,area].")
]


@app.command()
def backtest(
    rules: Annotated[
        list[str], typer.Option(help="A rule set; give it again for each to compare.")
    ],
    readings: ReadingsArgument = None,
    places: PlacesOption = None,
    events: Annotated[Path | None, typer.Option(help="Events to score against, as CSV.")] = None,
    hazard: Annotated[str | None, typer.Option(help="Only this hazard; else all.")] = None,
    min_events: MinEventsOption = 1,
    timezone: TimezoneOption = "UTC",
    since: FromOption = None,
    until: ToOption = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replay one past under several rule sets, side by side: messages, scores, what changed."""
    import msgspec

    from atalaia import rules as rule_sets
    from atalaia.batch.backtest import backtest as compare
    from atalaia.batch.doubts import outside_of_the_days
    from atalaia.batch.events import read_events
    from atalaia.batch.history import days_of, unjudged, watched
    from atalaia.cli.scores import show_backtest, wide

    zone = zone_of(timezone)
    sets = [(name, rule_sets.load(name)) for name in rules]
    variables = frozenset[str]().union(*(rule_set.variables for _, rule_set in sets))
    rows, where, lake = _history(readings, places, variables, settings, home)
    first, last = days_of(rows, zone)
    logs = [
        (name, [entry.alert for entry in watched(rows, rule_set, where, lake)])
        for name, rule_set in sets
    ]
    happened = read_events(events, zone) if events else []
    compared = compare(
        logs,
        happened,
        zone,
        since.date() if since else first,
        until.date() if until else last,
        hazard=hazard_of(hazard),
        min_events=min_events,
    )
    with while_read():
        if as_json:
            typer.echo(msgspec.json.encode(compared))
        else:
            show_backtest(compared, wide())
    verified = compared[0].verified
    if verified and (nowhere := outside_of_the_days(verified, happened, zone)):
        print(nowhere, file=sys.stderr)
    for _, rule_set in sets:
        for line in unjudged(rule_set, where, lake):
            print(line, file=sys.stderr)


@app.command()
def calibrate(
    hazard: Annotated[str, typer.Option(help="What the rules will warn of.")],
    events: EventsOption,
    write: Annotated[Path, typer.Option(help="The rule file to write.")],
    readings: ReadingsArgument = None,
    places: PlacesOption = None,
    area: Annotated[str | None, typer.Option(help="The area; else the only one.")] = None,
    variable: Annotated[str, typer.Option(help="The amount that is summed.")] = "rain_mm",
    near: Annotated[
        list[str] | None,
        typer.Option(help="LAT,LON,KM: try triggers at places in this circle; may be repeated."),
    ] = None,
    min_pod: Annotated[float, typer.Option(min=0, max=1, help="POD to keep.")] = 0.8,
    min_lead: Annotated[str, typer.Option(help="Median lead to keep, such as 1h.")] = "0h",
    budget: Annotated[
        float | None, typer.Option(min=0, help="Warned days a month at most.")
    ] = None,
    splits: Annotated[
        int, typer.Option(min=0, help="Repeat the search over so many other splits of the days.")
    ] = 0,
    min_events: MinEventsOption = 1,
    timezone: TimezoneOption = "UTC",
    since: FromOption = None,
    until: ToOption = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search limits for the best strict CSI, scored on years that did not choose them."""
    import msgspec

    from atalaia.batch.calibrate import Space, Wanted
    from atalaia.batch.calibration import Search, calibrated
    from atalaia.batch.events import read_events
    from atalaia.cli.scores import show_calibration, wide

    zone = zone_of(timezone)
    wanted = Wanted(
        min_pod, _seconds(min_lead, "--min-lead"), float("inf") if budget is None else budget
    )
    space = Space(circles=tuple(_near(text) for text in near or ()))
    rows, where, _ = _history(readings, places, frozenset({variable}), settings, home)
    search = Search(
        hazard=str(hazard_of(hazard)),
        variable=_sum(variable),
        area=area,
        name=write.stem,
        wanted=wanted,
        space=space,
        min_events=min_events,
        first_day=since.date() if since else None,
        last_day=until.date() if until else None,
        splits=splits,
    )
    found, text = calibrated(rows, where, read_events(events, zone), zone, search)
    try:
        write.write_text(text, "utf-8")
    except OSError as error:
        raise AtalaiaError(
            f"{write} cannot be written: {error.strerror}; give another --write"
        ) from error
    with while_read():
        if as_json:
            typer.echo(msgspec.json.encode(found))
        else:
            show_calibration(found, wide())
            typer.echo(f"written: {write}")
    if found.left_out:
        print(
            f"{found.left_out} rows are left out: their period is another than that of most rows",
            file=sys.stderr,
        )


def _history(
    readings: list[Path] | None,
    places: Path | None,
    variables: frozenset[str],
    settings: Path | None,
    home: Path | None,
) -> tuple[Readings, Places, Lake | None]:
    """The rows of the files, or else of the home, with its lake."""
    from atalaia.batch.history import kept, recorded
    from atalaia.homes.embedded import open_home

    if readings:
        if places is None:
            raise typer.BadParameter("files of readings need their places", param_hint="--places")
        return *recorded(readings, places), None
    with open_home(existing(settings_of(settings, home).home), exclusive=False) as opened:
        return *kept(opened, variables), opened.lake


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


def _sum(name: str) -> str:
    from atalaia.domain.variable import CATALOGUE

    known = [variable.name for variable in CATALOGUE.values() if variable.is_sum]
    if name not in known:
        raise typer.BadParameter(f"give one of {', '.join(known)}", param_hint="--variable")
    return name


def _told(alerts: str, settings: Path | None, home: Path | None) -> list[Alert]:
    from atalaia.batch.told import read_alerts

    if alerts != "gold":
        return read_alerts(Path(alerts))
    from atalaia.batch.history import told_by
    from atalaia.homes.embedded import open_home

    kept = settings_of(settings, home)
    with open_home(existing(kept.home), exclusive=False) as opened:
        return told_by(opened, has_official=True)
