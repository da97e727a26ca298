"""What is sent and answered about people, and the request that it stands for."""

# Without postponed annotations: FastAPI reads them.

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from atalaia.domain.contact import Brought, Contact, read_contact
from atalaia.domain.rule import RuleSet
from atalaia.domain.subscription import (
    Circle,
    Polygon,
    Threshold,
    read_hazards,
    read_threshold,
)
from atalaia.people.changing import ChangeWanted, SubscriptionWanted
from atalaia.people.request import OPEN, Request, read_geojson, read_quiet, read_where
from atalaia.people.terms import OPEN_CHANNELS
from atalaia.sources.municipalities import find

Language = Literal["pt-BR", "en", "es"]
Hazards = dict[str, Literal["watch", "yellow", "orange", "red"]]
Pseudonym = Annotated[str, Field(pattern=r"^p_[A-Za-z0-9_-]{1,62}$")]

NO_STORE = {"Cache-Control": "no-store"}
"""Of answers that are one person's: nobody on the way keeps them."""


class StrictBody(BaseModel):
    """A body with these fields and no others."""

    model_config = ConfigDict(extra="forbid")


class Area(StrictBody):
    """One of: a town's name; a point; a GeoJSON polygon."""

    place: str | None = Field(None, max_length=100, examples=["Recife, PE"])
    name: str = Field("", max_length=100)
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)
    radius_km: float = Field(25.0, gt=0, le=500)
    geojson: dict[str, Any] | None = None


class Wish(StrictBody):
    """What somebody wants to be told."""

    where: list[Area] = Field(min_length=1, max_length=200)
    hazards: Hazards = {}
    thresholds: list[str] = Field([], max_length=50, examples=[["rain_mm over 1h >= 35"]])
    language: Language = "pt-BR"
    quiet: str = Field("", examples=["22:00-07:00"], max_length=20)
    timezone: str = Field(
        "", max_length=64, description="Of the quiet hours, an IANA name; empty: the place's."
    )


class Subscribing(Wish):
    """A wish, and how to reach who has it."""

    contacts: list[str] = Field(min_length=1, max_length=7, examples=[["email:name@example.org"]])
    organisation: bool = False
    escalate_after_s: int = Field(600, ge=0, le=86_400)
    proof: str = Field("", max_length=500)


class OpenSubscribing(Wish):
    """A wish of somebody's own; its contacts have to confirm it."""

    contacts: list[str] = Field(
        min_length=1,
        max_length=5,
        examples=[["email:name@example.org"]],
        description=f"`channel:address`, of {', '.join(OPEN_CHANNELS)}",
    )


class Subscribed(BaseModel):
    """`to_confirm`: channels that get a code. `secrets`: shown this once."""

    person: str
    confirmed: list[str]
    to_confirm: list[str]
    secrets: dict[str, str]
    notes: list[str]
    consent: str


class OpenlySubscribed(BaseModel):
    """`to_confirm`: channels that get a code. `secrets`: shown this once.

    `manage` leads to the page by which they see and erase what is kept; it is theirs alone.
    """

    person: str
    to_confirm: list[str]
    secrets: dict[str, str]
    notes: list[str]
    consent: str
    manage: str


class SubscribingTerms(BaseModel):
    """`consent`: the words that are agreed to, with who answers for the data. `channels`: by which
    one can be told without a key. `push_key`: the `applicationServerKey` that a browser subscribes
    by, as URL-safe base64; empty where `webpush` is not among the channels."""

    consent: str
    channels: list[str]
    push_key: str


class Confirmed(BaseModel):
    """Whose contact it is: they may have been known before, under another pseudonym."""

    person: str
    manage: str


class Code(StrictBody):
    """The six digits that a contact was sent."""

    code: str = Field(pattern=r"^\d{3} ?\d{3}$")


class SubscriptionPart(StrictBody):
    """What is wanted of one subscription; what is left out stays as it is."""

    where: list[Area] | None = Field(None, min_length=1, max_length=200)
    hazards: Hazards | None = None
    thresholds: list[str] | None = Field(None, max_length=50)


class Changing(StrictBody):
    """What is to be otherwise; what is left out stays as it is. `subscriptions`: by their ids, of
    which null ends one; `added`: new ones. `channels`: their order."""

    language: Language | None = None
    quiet: str | None = Field(
        None, max_length=20, examples=["22:00-07:00"], description="Empty: none any more."
    )
    timezone: str = Field(
        "", max_length=64, description="Of the quiet hours, an IANA name; empty: the place's."
    )
    channels: list[str] | None = Field(None, max_length=20)
    escalate_after_s: int | None = Field(None, ge=0, le=86_400)
    subscriptions: dict[str, SubscriptionPart | None] = Field({}, max_length=100)
    added: list[SubscriptionPart] = Field([], max_length=100)


class Stopping(StrictBody):
    """By which channel; None: by all."""

    channel: str | None = Field(None, max_length=20)


class Stopped(BaseModel):
    """`manage`: the link that goes on, where it was a link that asked; others have ended."""

    manage: str | None = None


class Told(BaseModel):
    """One message that would have gone out."""

    at: str
    level: str
    text: str


class Previewed(BaseModel):
    """What somebody would have had in the past days."""

    messages: list[Told]
    days: int


def wish_of(wanted: Wish, rules: RuleSet) -> Request:
    """What is wanted, of whoever it is. Raises ValueError for what cannot be."""
    where = _where(wanted.where)
    return Request(
        contacts=(Contact("inbox", ""),),
        where=where,
        hazards=_hazards(wanted.hazards),
        thresholds=_thresholds(wanted.thresholds, rules),
        language=wanted.language,
        quiet=read_quiet(wanted.quiet, wanted.timezone, where),
    )


def request_of(
    wanted: Subscribing, rules: RuleSet, brought: Brought, *, is_operators: bool
) -> Request:
    """The same with who is to be told; `brought` are plug-ins' channels. Raises ValueError."""
    return msgspec.structs.replace(
        wish_of(wanted, rules),
        contacts=tuple(read_contact(text, brought) for text in wanted.contacts),
        is_organisation=wanted.organisation,
        escalate_after_s=wanted.escalate_after_s,
        how="api",
        proof=wanted.proof,
        is_operators=is_operators,
    )


def open_request_of(wanted: OpenSubscribing, rules: RuleSet) -> Request:
    """What somebody asks for who comes by the page. Raises ValueError."""
    contacts = tuple(read_contact(text) for text in wanted.contacts)
    closed = sorted({c.channel for c in contacts} - set(OPEN_CHANNELS))
    if closed:
        known = ", ".join(OPEN_CHANNELS)
        raise ValueError(f"{closed[0]} is not for who comes by the page; give one of {known}")
    return msgspec.structs.replace(wish_of(wanted, rules), contacts=contacts, how=OPEN)


def change_of(wanted: Changing, rules: RuleSet) -> ChangeWanted:
    """What is to be changed, of whoever it is. Raises ValueError for what cannot be."""
    change = ChangeWanted(
        language=wanted.language,
        channels=None if wanted.channels is None else tuple(wanted.channels),
        escalate_after_s=wanted.escalate_after_s,
        subscriptions={
            id_: None if part is None else _wanted(part, rules)
            for id_, part in wanted.subscriptions.items()
        },
        added=tuple(_wanted(part, rules) for part in wanted.added),
    )
    if wanted.quiet is None:
        return change
    quiet = read_quiet(wanted.quiet, wanted.timezone, change.where)
    return msgspec.structs.replace(change, quiet=quiet)


def _wanted(part: SubscriptionPart, rules: RuleSet) -> SubscriptionWanted:
    return SubscriptionWanted(
        where=None if part.where is None else _where(part.where),
        hazards=None if part.hazards is None else _hazards(part.hazards),
        thresholds=None if part.thresholds is None else _thresholds(part.thresholds, rules),
    )


def _hazards(wanted: Hazards) -> dict[str, str]:
    return read_hazards(tuple(f"{hazard}={level}" for hazard, level in wanted.items()))


def _thresholds(wanted: Sequence[str], rules: RuleSet) -> tuple[Threshold, ...]:
    return tuple(read_threshold(text, rules) for text in wanted)


def _where(wanted: Sequence[Area]) -> tuple[Circle | Polygon, ...]:
    return tuple(each for area in wanted for each in _areas(area))


def _areas(area: Area) -> Iterator[Circle | Polygon]:
    if area.geojson is not None:
        yield from read_geojson(area.geojson, area.name)
    elif area.latitude is not None and area.longitude is not None:
        yield Circle(
            name=area.name or f"{area.latitude:g}, {area.longitude:g}",
            latitude=area.latitude,
            longitude=area.longitude,
            radius_km=area.radius_km,
        )
    elif area.place:
        yield read_where(area.place, area.radius_km, find)
    else:
        raise ValueError("say where: place, latitude and longitude, or geojson")
