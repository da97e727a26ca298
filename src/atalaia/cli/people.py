"""Who is told: subscribing, previewing, and what is kept of people."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atalaia.cli.opened import PersonArgument, opened_people, pseudonym_of, wishes
from atalaia.cli.options import (
    HomeOption,
    JsonOption,
    SettingsOption,
    answer,
    answers,
    as_line,
    aside,
    of_others,
    slow,
    sure,
    while_read,
)
from atalaia.cli.wishes import app as town_wishes
from atalaia.errors import AtalaiaError
from atalaia.translated import translated

if TYPE_CHECKING:
    from atalaia.domain.subscription import Circle, Polygon
    from atalaia.people.request import Request
    from atalaia.people.service import PeopleService
    from atalaia.settings import Settings

app = typer.Typer()
app.add_typer(town_wishes)

PlaceOption = Annotated[
    list[str] | None,
    typer.Option("--place", help="A town's name, or latitude,longitude. May be repeated."),
]
RadiusOption = Annotated[float, typer.Option("--radius", help="Kilometres around each place.")]
AreaOption = Annotated[
    list[Path] | None, typer.Option("--area", help="A GeoJSON file with polygons.")
]
HazardOption = Annotated[
    list[str] | None,
    typer.Option("--hazard", help="heavy_rain, wind=orange, all=red … (from yellow, if not said)."),
]
ThresholdOption = Annotated[
    list[str] | None,
    typer.Option("--threshold", help="A limit of your own: 'rain_mm over 1h >= 35'."),
]
LanguageOption = Annotated[
    str | None,
    typer.Option("--language", help="Theirs: pt-BR, en or es; else pt-BR, or es if you speak it."),
]
QuietOption = Annotated[
    str, typer.Option("--quiet", help="Hours in which only red is told: 22:00-07:00.")
]
ZoneOption = Annotated[
    str, typer.Option("--timezone", help="Of the quiet hours; else the place's.")
]
_NO_CONTACT = "inbox:"


@app.command()
@slow
def subscribe(
    contact: Annotated[
        list[str] | None,
        typer.Option("--contact", help="channel:address, the preferred one first."),
    ] = None,
    place: PlaceOption = None,
    radius: RadiusOption = 25.0,
    area: AreaOption = None,
    hazard: HazardOption = None,
    threshold: ThresholdOption = None,
    language: LanguageOption = None,
    quiet: QuietOption = "",
    timezone: ZoneOption = "",
    organisation: Annotated[
        bool, typer.Option("--organisation", help="It is for an organisation.")
    ] = False,
    escalate_after: Annotated[
        str, typer.Option(help="An unacknowledged red alert goes by the next channel; 0min: never.")
    ] = "10min",
    proof: Annotated[
        str, typer.Option(help="What proves that they agreed (a paper form): no code is asked for.")
    ] = "",
    file: Annotated[
        Path | None, typer.Option("--file", help="Many at once, from CSV or JSON lines.")
    ] = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell somebody: where, of what, by which channels. They confirm it with a code."""
    from atalaia.domain.subscription import Circle

    language = language or of_others()
    with opened_people(settings, home, is_new=True) as (kept, _, people):
        if file is not None:
            _import(file, people, proof=proof, as_json=as_json)
            return
        request = _request(
            kept, contact or [], place, radius, area, hazard, threshold, language, quiet, timezone,
            escalate_after=escalate_after, is_organisation=organisation, proof=proof,
        )  # fmt: skip
        answers()
        for problem in people.notes(request):
            print(translated(f"note: {problem}"), file=sys.stderr)
        with wishes():
            done = people.subscribe(request, int(time.time()))
        words = people.words(language)
    told: dict[str, Any] = {
        "person": done.pseudonym,
        "confirmed": list(done.confirmed),
        "to_confirm": [message.channel for message in done.asks],
        "secrets": done.secrets,
    }
    if as_json:
        as_line(told)
        return
    typer.echo(translated(f"person {done.pseudonym}"))
    for one in request.where:
        around = f", {one.radius_km:g} km around" if isinstance(one, Circle) else ""
        typer.echo(translated(f"where: {one.name}") + translated(around))
    for channel in done.confirmed:
        typer.echo(translated(f"{channel}: told from now on"))
    for message in done.asks:
        said = (
            f"{message.channel}: a code goes there when `atalaia run` runs; then "
            f"`atalaia confirm {done.pseudonym} CODE`"
        )
        typer.echo(translated(said))
    for channel, secret in done.secrets.items():
        said = f"{channel}: messages are signed with {secret} (shown this once)"
        typer.echo(translated(said))
    print(f"\n{translated('What they agree to:')}\n{words}", file=sys.stderr)


@app.command()
def confirm(
    person: PersonArgument,
    code: Annotated[str, typer.Argument(help="The six digits that the contact was sent.")],
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the code that a contact was sent: from then on it is told."""
    from atalaia.domain.contact import read_contact

    with opened_people(settings, home) as (_, _, people), wishes():
        who = person if person.startswith("p_") else read_contact(person, people.brought)
        done = people.confirm(who, code, int(time.time()), is_theirs=True)
    if done is None:
        raise AtalaiaError(
            "this code does not confirm anything of theirs; it may have run out (30 minutes, "
            "5 tries): subscribe again"
        )
    told = {"person": done.pseudonym, "confirmed": done.channel}
    if as_json:
        as_line(told)
    else:
        typer.echo(translated(f"{done.channel} of {done.pseudonym}: told from now on"))


@app.command()
@slow
def preview(
    person: Annotated[
        str | None, typer.Argument(help="Somebody who is subscribed; else say what for.")
    ] = None,
    place: PlaceOption = None,
    radius: RadiusOption = 25.0,
    area: AreaOption = None,
    hazard: HazardOption = None,
    threshold: ThresholdOption = None,
    language: LanguageOption = None,
    quiet: QuietOption = "",
    timezone: ZoneOption = "",
    days: Annotated[
        int, typer.Option(min=0, help="Of the past; 0: all that is kept in the alert log.")
    ] = 30,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """What would I have received? The alert log of the past, told as it would have been."""
    from atalaia.notify.preview import previewed, stranger

    with opened_people(settings, home) as (kept, opened, people):
        if person is None:
            request = _request(
                kept, [_NO_CONTACT], place, radius, area, hazard, threshold,
                language or of_others(), quiet, timezone,
            )  # fmt: skip
            who = stranger(request)
        else:
            known = people.person(pseudonym_of(people, person))
            if known is None:
                raise AtalaiaError(f"{person} is not told of anything yet; confirm a contact first")
            who = known
        told = previewed(opened.state, who, people.places, days, int(time.time()))
        is_empty = not opened.state.latest(1)
        with while_read():
            for each in told.messages:
                if as_json:
                    typer.echo(each.as_json())
                else:
                    typer.echo(f"── {each.at}{translated(each.note)}\n{each.text}\n")
    if not as_json:
        print(translated(told.summary), file=sys.stderr)
        if is_empty:
            aside("nothing has been told yet")


@app.command()
def stop(
    person: PersonArgument,
    channel: Annotated[str | None, typer.Option(help="Only this channel; else all.")] = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell somebody no more. `atalaia erase` also forgets them."""
    with opened_people(settings, home) as (_, _, people):
        pseudonym = pseudonym_of(people, person)
        if not people.stop(pseudonym, int(time.time()), channel):
            raise AtalaiaError(
                f"{pseudonym} was not told by {channel}"
                if channel
                else f"{pseudonym} was not told by any channel"
            )
    told: dict[str, object] = {"person": pseudonym, "channel": channel}
    said = (
        f"{pseudonym} is told no more by {channel}"
        if channel
        else f"{pseudonym} is told no more by any channel"
    )
    answer(told, said, as_json=as_json)


@app.command()
@slow
def export(
    person: PersonArgument,
    home: HomeOption = None,
    settings: SettingsOption = None,
) -> None:
    """All that is kept of somebody, as JSON, for them."""
    with opened_people(settings, home) as (_, _, people):
        pseudonym = pseudonym_of(people, person)
        held = people.export(pseudonym)
    if held is None:
        raise AtalaiaError(f"nobody is kept under {pseudonym}; they may have been erased")
    answers()
    typer.echo(held)


@app.command()
def erase(
    person: PersonArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forget somebody: their key, contacts, subscriptions, messages. It cannot be undone."""
    with opened_people(settings, home) as (_, _, people):
        pseudonym = pseudonym_of(people, person)
        if not people.is_kept(pseudonym):
            raise AtalaiaError(f"nobody is kept under {pseudonym}; they may have been erased")
        if not yes:
            sure(f"Forget {pseudonym}? It cannot be undone")
        people.erase(pseudonym, int(time.time()))
    words = f"{pseudonym} is erased; that they once agreed is kept, under a name that says nothing"
    answer({"erased": pseudonym}, words, as_json=as_json)


@app.command()
def key(
    person: PersonArgument,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """A key of somebody's own for the API, shown this once; an older one ends."""
    with opened_people(settings, home) as (_, _, people), wishes():
        pseudonym = pseudonym_of(people, person)
        text = people.make_key(pseudonym, int(time.time()))
    answer({"person": pseudonym, "key": text}, text, as_json=as_json)


# Parts


def _request(
    kept: Settings,
    contacts: list[str],
    places: list[str] | None,
    radius: float,
    areas: list[Path] | None,
    hazards: list[str] | None,
    thresholds: list[str] | None,
    language: str,
    quiet: str,
    timezone: str,
    *,
    escalate_after: str = "10min",
    is_organisation: bool = False,
    proof: str = "",
) -> Request:
    """What the options ask for; AtalaiaError with the next step for what cannot be."""
    from atalaia.domain.contact import read_contact
    from atalaia.domain.rule import seconds
    from atalaia.domain.subscription import read_hazards, read_threshold
    from atalaia.people.request import Request, check, read_quiet

    with wishes():
        where: tuple[Circle | Polygon, ...] = (
            *_circles(places or [], radius),
            *_polygons(areas or []),
        )
        request = Request(
            contacts=tuple(read_contact(text, kept.channels.brought) for text in contacts),
            where=where,
            hazards=read_hazards(tuple(hazards or ())),
            thresholds=tuple(read_threshold(text, kept.rules) for text in thresholds or ()),
            language=language,
            quiet=read_quiet(quiet, timezone, where),
            is_organisation=is_organisation,
            escalate_after_s=seconds(escalate_after),
            how="cli",
            proof=proof,
            is_operators=True,
        )
        check(request)
    return request


def _circles(texts: list[str], radius: float) -> Iterator[Circle]:
    from atalaia.people.request import read_where
    from atalaia.sources.municipalities import find

    for text in texts:
        yield read_where(text, radius, find)


def _polygons(files: list[Path]) -> Iterator[Polygon]:
    import msgspec

    from atalaia.people.request import read_geojson

    for file in files:
        try:
            document = msgspec.json.decode(file.read_bytes())
        except (OSError, msgspec.MsgspecError) as error:
            raise AtalaiaError(f"{file}: {error}; give a GeoJSON file") from None
        try:
            yield from read_geojson(document, file.stem)
        except ValueError as error:
            raise AtalaiaError(f"{file}: {error}") from None


def _import(
    file: Path,
    people: PeopleService,
    *,
    proof: str,
    as_json: bool,
) -> None:
    """Many requests from a file: the good ones are kept, and each bad row is told."""
    from atalaia.people.importing import read_requests
    from atalaia.sources.municipalities import find

    kept_rows = 0
    faults: list[str] = []
    for row in read_requests(file, people.rules, find, proof=proof, brought=people.brought):
        if isinstance(row, str):
            faults.append(row)
            continue
        try:
            done = people.subscribe(row.request, int(time.time()))
        except ValueError as error:
            faults.append(f"{file}:{row.line}: {error}")
            continue
        kept_rows += 1
        answers()
        told = {"line": row.line, "person": done.pseudonym, "secrets": done.secrets}
        if as_json:
            as_line(told)
        else:
            typer.echo(f"{row.line}: {done.pseudonym}")
    for fault in faults:
        print(translated(fault), file=sys.stderr)
    print(translated(f"{kept_rows} kept, {len(faults)} refused"), file=sys.stderr)
    if faults and not kept_rows:
        raise typer.Exit(1)
