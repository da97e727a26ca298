"""People over HTTP: subscribing, confirming, seeing and erasing what is kept of them.

A person's own key (`atalaia key`), and the signed token that they get when they subscribe, open
what is theirs and nothing else; the operator's key opens everybody's. No answer and no error
repeats an address.
"""

# Without postponed annotations: routes name their dependencies in them.

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from atalaia.api import once
from atalaia.api.access import Caller, Gate, Scope
from atalaia.api.once import Once
from atalaia.api.problem import Problem, errors

T = TypeVar("T")

Pseudonym = Annotated[str, Field(pattern=r"^p_[A-Za-z0-9_-]{1,62}$")]


class Strict(BaseModel):
    """A body with these fields and no others."""

    model_config = ConfigDict(extra="forbid")


class Area(Strict):
    """One of: a town's name; a point; a GeoJSON polygon."""

    place: str | None = Field(None, max_length=100, examples=["Recife, PE"])
    name: str = Field("", max_length=100)
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)
    radius_km: float = Field(25.0, gt=0, le=500)
    geojson: dict[str, Any] | None = None


class Wish(Strict):
    """What somebody wants to be told."""

    where: list[Area] = Field(min_length=1, max_length=200)
    hazards: dict[str, Literal["watch", "yellow", "orange", "red"]] = {}
    thresholds: list[str] = Field([], max_length=50, examples=[["rain_mm over 1h >= 35"]])
    language: Literal["pt-BR", "en", "es"] = "pt-BR"
    quiet: str = Field("", examples=["22:00-07:00"], max_length=20)
    timezone: str = Field("America/Sao_Paulo", max_length=64)


class Subscribing(Wish):
    """A wish, and how to reach who has it."""

    contacts: list[str] = Field(min_length=1, max_length=7, examples=[["email:name@example.org"]])
    organisation: bool = False
    escalate_after_s: int = Field(600, ge=0, le=86_400)
    proof: str = Field("", max_length=500)


OPEN_CHANNELS = ("telegram", "whatsapp", "sms", "email", "webhook")
"""By which anybody may subscribe without a key: those that are asked to confirm."""


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


class Confirmed(BaseModel):
    """Whose contact it is: they may have been known before, under another pseudonym."""

    person: str
    manage: str


class Code(Strict):
    """The six digits that a contact was sent."""

    code: str = Field(pattern=r"^\d{3} ?\d{3}$")


class Stopping(Strict):
    """By which channel; None: by all."""

    channel: str | None = Field(None, max_length=20)


class Told(BaseModel):
    """One message that would have gone out."""

    at: str
    level: str
    text: str


class Previewed(BaseModel):
    """What somebody would have had in the past days."""

    messages: list[Told]
    days: int


Heard = Callable[[Request], Awaitable[tuple[int, str]]]
"""Takes what a bot's webhook sends: query or body, and what proves whose it is → (status, text)."""


@dataclass(frozen=True)
class PeopleDesk:
    """What these routes need of the running watch. They may raise ValueError, with the next step
    and without any address; all but the two webhooks block, and are called in threads.

    export        JSON; None: nobody
    manage        a person's signed token
    whatsapp, telegram   what Meta's and Telegram's webhooks send
    """

    subscribe: Callable[[Subscribing], Subscribed]
    subscribe_openly: Callable[[OpenSubscribing], OpenlySubscribed]
    confirm: Callable[[str, str], str | None]
    manage: Callable[[str], str]
    preview: Callable[[Wish, int], Previewed]
    export: Callable[[str], bytes | None]
    erase: Callable[[str], bool]
    stop: Callable[[str, str | None], bool]
    acknowledge: Callable[[str, str], bool]
    whatsapp: Heard
    telegram: Heard


OPEN_PREVIEW_DAYS = 30
"""How far back a preview may look without a key."""

_NO_STORE = {"Cache-Control": "no-store"}
_MessageId = Annotated[str, Path(pattern=r"^msg_[A-Za-z0-9_-]{1,80}$")]


def routes(desk: PeopleDesk, gate: Gate, once_: Once) -> APIRouter:
    """The routes; all under /v1."""
    router = APIRouter(prefix="/v1", tags=["people"], responses=errors(422, 429))
    needs_key: dict[str, Any] = {"security": [{"key": []}]}

    def own(person: Pseudonym, who: Annotated[Caller, Depends(gate.caller)]) -> str:
        """The person asked about, who has to be the one who asks, unless that is the operator."""
        if not who.owns(person):
            # The same as for nobody: who is there is nobody else's business.
            raise _nobody()
        return person

    Own = Annotated[str, Depends(own)]  # noqa: N806  a type

    @router.post(
        "/subscriptions",
        status_code=201,
        dependencies=[Depends(gate.needs(Scope.SUBSCRIBE))],
        responses=errors(401, 403, 409),
        openapi_extra=needs_key,
    )
    def subscribe(
        request: Request, response: Response, asked: Subscribing, idempotency_key: once.Key = None
    ) -> Subscribed:
        """Tell somebody. What is not proven is told once its contact confirmed by a code."""
        response.headers.update(_NO_STORE)
        return once_.do(
            idempotency_key,
            request,
            response,
            asked,
            lambda: wished(lambda: desk.subscribe(asked)),
        )

    @router.post("/subscribe", status_code=201, responses=errors(409))
    def subscribe_openly(
        request: Request,
        response: Response,
        asked: OpenSubscribing,
        idempotency_key: once.Key = None,
    ) -> OpenlySubscribed:
        """Subscribe oneself: each contact is asked for a code first. It needs no key."""
        response.headers.update(_NO_STORE)
        return once_.do(
            idempotency_key,
            request,
            response,
            asked,
            lambda: wished(lambda: desk.subscribe_openly(asked)),
        )

    @router.post("/preview", responses=errors(401, 503))
    def preview(
        request: Request, asked: Wish, days: Annotated[int, Query(ge=1, le=3650)] = 30
    ) -> Previewed:
        """What would have been told in the past days. More than 30 need a key."""
        if days > OPEN_PREVIEW_DAYS:
            gate.caller(request)
        return wished(lambda: desk.preview(asked, days))

    @router.post("/people/{person}/confirm", responses=errors(403))
    def confirm(response: Response, person: Pseudonym, given: Code) -> Confirmed:
        """Take a code; it needs no key, being one. Five tries."""
        confirmed = wished(lambda: desk.confirm(person, given.code))
        if confirmed is None:
            raise Problem(403, "this code confirms nothing of theirs, or has run out")
        response.headers.update(_NO_STORE)
        return Confirmed(person=confirmed, manage=desk.manage(confirmed))

    @router.get(
        "/people/{person}",
        response_class=Response,
        responses={
            200: {"content": {"application/json": {"schema": {"type": "object"}}}},
            **errors(401, 404),
        },
        openapi_extra=needs_key,
    )
    def export(person: Own) -> Response:
        """All that is kept of somebody."""
        held = desk.export(person)
        if held is None:
            raise _nobody()
        return Response(held, media_type="application/json", headers=_NO_STORE)

    @router.delete(
        "/people/{person}",
        status_code=204,
        responses=errors(401, 404),
        openapi_extra=needs_key,
    )
    def erase(person: Own) -> None:
        """Forget somebody: their key, contacts, subscriptions, messages. It cannot be undone."""
        if not desk.erase(person):
            raise _nobody()

    @router.post(
        "/people/{person}/stop",
        status_code=204,
        responses=errors(401, 404),
        openapi_extra=needs_key,
    )
    def stop(person: Own, asked: Stopping) -> None:
        """Tell somebody no more, by one channel or by all."""
        if not desk.stop(person, asked.channel):
            raise _nobody()

    @router.post(
        "/people/{person}/messages/{message}/acknowledge",
        status_code=204,
        responses=errors(401, 404),
        openapi_extra=needs_key,
    )
    def acknowledge(person: Own, message: _MessageId) -> None:
        """Note that they read it: it goes by no further channel."""
        if not desk.acknowledge(person, message):
            raise Problem(404, "they have no such message")

    @router.api_route("/whatsapp", methods=["GET", "POST"], include_in_schema=False)
    async def whatsapp(request: Request) -> Response:
        """Meta's webhook: answers of people, and messages that did not arrive."""
        status, text = await desk.whatsapp(request)
        return Response(text, status, media_type="text/plain")

    @router.post("/telegram", include_in_schema=False)
    async def telegram(request: Request) -> Response:
        """Telegram's webhook: what people write to the bot."""
        status, text = await desk.telegram(request)
        return Response(text, status, media_type="text/plain")

    return router


def wished(do: Callable[[], T]) -> T:
    """What cannot be asked for is told as such."""
    try:
        return do()
    except ValueError as error:
        raise Problem(422, str(error)) from None


def _nobody() -> Problem:
    return Problem(404, "nobody is kept under this name, or not for this key")
