"""Who is told: subscribing, previewing, what became of messages, and what is kept of people."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from atalaia.cli.options import (
    HomeOption,
    JsonOption,
    SettingsOption,
    existing,
    settings_of,
    while_read,
)
from atalaia.errors import AtalaiaError

if TYPE_CHECKING:
    from atalaia.domain.subscription import Circle, Polygon
    from atalaia.homes.embedded import EmbeddedHome
    from atalaia.people.request import Request
    from atalaia.people.service import PeopleService
    from atalaia.settings import Settings

app = typer.Typer()
deliveries = typer.Typer(help="What was sent to whom, and what became of it.")
app.add_typer(deliveries, name="deliveries")

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
LanguageOption = Annotated[str, typer.Option("--language", help="pt-BR, en or es.")]
QuietOption = Annotated[
    str, typer.Option("--quiet", help="Hours in which only red is told: 22:00-07:00.")
]
ZoneOption = Annotated[str, typer.Option("--timezone", help="Of the quiet hours.")]
PersonArgument = Annotated[
    str, typer.Argument(help="A pseudonym (p_…), or a contact such as email:name@example.org.")
]

_NO_CONTACT = "inbox:"


@app.command()
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
    language: LanguageOption = "pt-BR",
    quiet: QuietOption = "",
    timezone: ZoneOption = "America/Sao_Paulo",
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

    with _opened(settings, home, is_new=True) as (kept, _, people):
        if file is not None:
            _import(file, people, proof=proof, as_json=as_json)
            return
        request = _request(
            kept, contact or [], place, radius, area, hazard, threshold, language, quiet, timezone,
            escalate_after=escalate_after, is_organisation=organisation, proof=proof,
        )  # fmt: skip
        for problem in people.notes(request):
            print(f"note: {problem}", file=sys.stderr)
        with _wishes():
            done = people.subscribe(request, int(time.time()))
        words = people.words(language)
    told: dict[str, Any] = {
        "person": done.pseudonym,
        "confirmed": list(done.confirmed),
        "to_confirm": [message.channel for message in done.asks],
        "secrets": done.secrets,
    }
    if as_json:
        _json(told)
        return
    typer.echo(f"person {done.pseudonym}")
    for one in request.where:
        around = f", {one.radius_km:g} km around" if isinstance(one, Circle) else ""
        typer.echo(f"where: {one.name}{around}")
    for channel in done.confirmed:
        typer.echo(f"{channel}: told from now on")
    for message in done.asks:
        typer.echo(
            f"{message.channel}: a code goes there when `atalaia run` runs; then "
            f"`atalaia confirm {done.pseudonym} CODE`"
        )
    for channel, secret in done.secrets.items():
        typer.echo(f"{channel}: messages are signed with {secret} (shown this once)")
    print(f"\nWhat they agree to:\n{words}", file=sys.stderr)


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

    with _opened(settings, home) as (_, _, people), _wishes():
        who = person if person.startswith("p_") else read_contact(person)
        done = people.confirm(who, code, int(time.time()))
    if done is None:
        raise AtalaiaError(
            "this code does not confirm anything of theirs; it may have run out (7 days, 5 tries): "
            "subscribe again"
        )
    told = {"person": done.pseudonym, "confirmed": done.channel}
    if as_json:
        _json(told)
    else:
        typer.echo(f"{done.channel} of {done.pseudonym}: told from now on")


@app.command()
def preview(
    person: Annotated[
        str | None, typer.Argument(help="Somebody who is subscribed; else say what for.")
    ] = None,
    place: PlaceOption = None,
    radius: RadiusOption = 25.0,
    area: AreaOption = None,
    hazard: HazardOption = None,
    threshold: ThresholdOption = None,
    language: LanguageOption = "pt-BR",
    quiet: QuietOption = "",
    timezone: ZoneOption = "America/Sao_Paulo",
    days: Annotated[
        int, typer.Option(min=0, help="Of the past; 0: all that is kept in the alert log.")
    ] = 30,
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """What would I have received? The alert log of the past, told as it would have been."""
    from atalaia.notify.preview import previewed, stranger

    with _opened(settings, home) as (kept, opened, people):
        if person is None:
            request = _request(
                kept, [_NO_CONTACT], place, radius, area, hazard, threshold, language, quiet,
                timezone,
            )  # fmt: skip
            who = stranger(request)
        else:
            known = people.person(_pseudonym(people, person))
            if known is None:
                raise AtalaiaError(f"{person} is not told of anything yet; confirm a contact first")
            who = known
        told = previewed(opened.state, who, people.places, days, int(time.time()))
        with while_read():
            for each in told.messages:
                if as_json:
                    typer.echo(each.as_json())
                else:
                    typer.echo(f"── {each.at}{each.note}\n{each.text}\n")
    if not as_json:
        print(told.summary, file=sys.stderr)


@app.command()
def stop(
    person: PersonArgument,
    channel: Annotated[str | None, typer.Option(help="Only this channel; else all.")] = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
) -> None:
    """Tell somebody no more. `atalaia erase` also forgets them."""
    with _opened(settings, home) as (_, _, people):
        pseudonym = _pseudonym(people, person)
        if not people.stop(pseudonym, int(time.time()), channel):
            raise AtalaiaError(f"{pseudonym} was not told by {channel or 'any channel'}")
    typer.echo(f"{pseudonym} is told no more by {channel or 'any channel'}")


@app.command()
def export(
    person: PersonArgument,
    home: HomeOption = None,
    settings: SettingsOption = None,
) -> None:
    """All that is kept of somebody, as JSON, for them."""
    with _opened(settings, home) as (_, _, people):
        pseudonym = _pseudonym(people, person)
        held = people.export(pseudonym)
    if held is None:
        raise AtalaiaError(f"nobody is kept under {pseudonym}; they may have been erased")
    typer.echo(held)


@app.command()
def erase(
    person: PersonArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: HomeOption = None,
    settings: SettingsOption = None,
) -> None:
    """Forget somebody: their key, contacts, subscriptions, messages. It cannot be undone."""
    with _opened(settings, home) as (_, _, people):
        pseudonym = _pseudonym(people, person)
        if not people.is_kept(pseudonym):
            raise AtalaiaError(f"nobody is kept under {pseudonym}; they may have been erased")
        if not yes:
            typer.confirm(f"Forget {pseudonym}? It cannot be undone", abort=True, err=True)
        people.erase(pseudonym, int(time.time()))
    typer.echo(
        f"{pseudonym} is erased; that they once agreed is kept, under a name that says nothing"
    )


@app.command()
def key(
    person: PersonArgument,
    home: HomeOption = None,
    settings: SettingsOption = None,
) -> None:
    """A key of somebody's own for the API, shown this once; an older one ends."""
    with _opened(settings, home) as (_, _, people), _wishes():
        typer.echo(people.make_key(_pseudonym(people, person), int(time.time())))


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="Where the copy goes.")],
    keys: Annotated[
        Path | None,
        typer.Option("--keys", help="Copy people's keys to this other folder, for 7 days."),
    ] = None,
    home: HomeOption = None,
    settings: SettingsOption = None,
) -> None:
    """Copy the home, without people's keys, while it runs."""
    from atalaia.homes.embedded.backup import backup as copy
    from atalaia.homes.embedded.backup import backup_keys
    from atalaia.homes.embedded.keys import default_folder

    kept = settings_of(settings, home)
    where = existing(kept.home)
    copy(where, folder)
    typer.echo(f"{where} is copied to {folder}")
    if keys is not None:
        backup_keys(kept.people.keys or default_folder(where), keys, int(time.time()))
        typer.echo(f"keys are copied to {keys}; copies older than 7 days there were removed")


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="A copy that `atalaia backup` made.")],
    home: HomeOption = None,
    settings: SettingsOption = None,
) -> None:
    """Make a home of a copy, and erase again everybody who was erased since."""
    from atalaia.homes.embedded.backup import restore as bring_back
    from atalaia.homes.embedded.keys import open_keys
    from atalaia.people.rows import lookups
    from atalaia.people.vault import Vault

    kept = settings_of(settings, home)
    keys = open_keys(kept.home, kept.people.keys, kept.people.master_key_file)
    erased = bring_back(folder, kept.home, keys, lookups(Vault(keys)), int(time.time()))
    typer.echo(f"{kept.home} is as {folder} was; {erased} erasures were made again")


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
    home: HomeOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """List messages and how many there are of each kind."""
    from atalaia.domain.alert import instant
    from atalaia.domain.delivery import Status

    if context.invoked_subcommand is not None:
        return
    if status is not None and status not in tuple(Status):
        raise typer.BadParameter(f"give one of {', '.join(Status)}", param_hint="--status")
    with _opened(settings, home) as (_, opened, people):
        found = opened.outbox.messages(
            status=Status(status) if status else None,
            person=_pseudonym(people, person) if person else None,
            channel=channel,
            limit=last,
        )
        counts = opened.outbox.counts()
    with while_read():
        for m in found:
            if as_json:
                _json(m)
                continue
            when = instant(m.settled_at or m.due_at)
            typer.echo(f"{when}  {m.status:8} {m.channel:9} {m.person}  {m.id}  {m.reason}")
    for (name, state), n in sorted(counts.items()):
        print(f"{name} {state}: {n}", file=sys.stderr)
    if not counts:
        print("nothing was to be sent yet", file=sys.stderr)


@deliveries.command()
def retry(
    message: Annotated[list[str] | None, typer.Argument(help="Ids (msg_…).")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are dead.")] = False,
    home: HomeOption = None,
    settings: SettingsOption = None,
) -> None:
    """Send what is dead, late or unknown once more, within the next hour."""
    from atalaia.domain.delivery import Status

    with _opened(settings, home) as (_, opened, _):
        ids = list(message or [])
        if every:
            dead = opened.outbox.messages(status=Status.DEAD, limit=1_000_000)
            ids += [m.id for m in dead]
        if not ids:
            raise AtalaiaError("nothing to send again: give ids, or --all where some are dead")
        now = int(time.time())
        n = opened.outbox.retry(ids, now, now + 3600)
    typer.echo(f"{n} of {len(ids)} will be sent again")


@deliveries.command()
def acknowledge(
    person: PersonArgument,
    message: Annotated[str, typer.Argument(help="Its id (msg_…).")],
    home: HomeOption = None,
    settings: SettingsOption = None,
) -> None:
    """Note that somebody read a message, so that it goes by no further channel."""
    with _opened(settings, home) as (_, _, people):
        if not people.acknowledge(_pseudonym(people, person), message, int(time.time())):
            raise AtalaiaError(
                f"{person} has no message {message}; `atalaia deliveries` lists them"
            )
    typer.echo(f"{message} is acknowledged")


# Parts


@contextmanager
def _opened(
    file: Path | None, home: Path | None, *, is_new: bool = False
) -> Iterator[tuple[Settings, EmbeddedHome, PeopleService]]:
    """The settings, the home and its people. Beside a running watch, which notices what changes."""
    from atalaia.homes.embedded import open_home
    from atalaia.lake.places import places_of
    from atalaia.people.registry import registry_of
    from atalaia.people.service import PeopleService
    from atalaia.run.people import key_files

    kept = settings_of(file, home)
    where = kept.home if is_new else existing(kept.home)
    with open_home(where, exclusive=False, keys=key_files(kept)) as opened:
        noted = places_of(opened.state)
        watched = noted if len(noted) else kept.places
        yield kept, opened, PeopleService(registry_of(opened, kept), opened, kept, watched)


@contextmanager
def _wishes() -> Iterator[None]:
    """What cannot be asked for is told without a traceback."""
    try:
        yield
    except ValueError as error:
        raise AtalaiaError(str(error)) from None


def _pseudonym(people: PeopleService, person: str) -> str:
    """Whose pseudonym or contact this is."""
    with _wishes():
        return people.pseudonym(person)


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

    with _wishes():
        request = Request(
            contacts=tuple(read_contact(text) for text in contacts),
            where=(*_circles(places or [], radius), *_polygons(areas or [])),
            hazards=read_hazards(tuple(hazards or ())),
            thresholds=tuple(read_threshold(text, kept.rules) for text in thresholds or ()),
            language=language,
            quiet=read_quiet(quiet, timezone),
            is_organisation=is_organisation,
            escalate_after_s=seconds(escalate_after),
            how="cli",
            proof=proof,
        )
        check(request)
    return request


def _circles(texts: list[str], radius: float) -> Iterator[Circle]:
    from atalaia.people.gazetteer import find
    from atalaia.people.request import read_where

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
    from atalaia.people.gazetteer import find
    from atalaia.people.importing import read_requests

    kept_rows = 0
    faults: list[str] = []
    for row in read_requests(file, people.rules, find, proof=proof):
        if isinstance(row, str):
            faults.append(row)
            continue
        try:
            done = people.subscribe(row.request, int(time.time()))
        except ValueError as error:
            faults.append(f"{file}:{row.line}: {error}")
            continue
        kept_rows += 1
        told = {"line": row.line, "person": done.pseudonym, "secrets": done.secrets}
        if as_json:
            _json(told)
        else:
            typer.echo(f"{row.line}: {done.pseudonym}")
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{kept_rows} kept, {len(faults)} refused", file=sys.stderr)
    if faults and not kept_rows:
        raise typer.Exit(1)


def _json(value: object) -> None:
    import msgspec

    with while_read():
        typer.echo(msgspec.json.encode(value).decode())
