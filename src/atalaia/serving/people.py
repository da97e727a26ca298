"""People over HTTP: subscribing, confirming, seeing and erasing what is kept, and deliveries.

Two kinds of key open these: the operator's (`api.key_file`), and a person's own (`atalaia key`),
which opens what is theirs and nothing else. No answer and no error repeats an address.
"""

# Without postponed annotations: routes name their dependencies in them.

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from atalaia.serving.problem import Problem

OPERATOR = "operator"

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


class Subscribed(BaseModel):
    """`to_confirm`: channels that get a code. `secrets`: shown this once."""

    person: str
    confirmed: list[str]
    to_confirm: list[str]
    secrets: dict[str, str]
    notes: list[str]
    consent: str


class Code(Strict):
    """The six digits that a contact was sent."""

    code: str = Field(pattern=r"^\d{3} ?\d{3}$")


class Stopping(Strict):
    """By which channel; None: by all."""

    channel: str | None = None


class Told(BaseModel):
    """One message that would have gone out."""

    at: str
    level: str
    text: str


class Previewed(BaseModel):
    """What somebody would have had in the past days."""

    messages: list[Told]
    days: int


class Delivered(BaseModel):
    """One message in the outbox."""

    id: str
    person: str
    channel: str
    kind: str
    status: str
    attempts: int
    reason: str
    due_at: int
    settled_at: int
    acknowledged_at: int


@dataclass(frozen=True)
class PeopleDesk:
    """What these routes need of the running watch. They may raise ValueError, with the next step
    and without any address; all but `whatsapp` block, and are called in threads.

    who           whose key this is: a pseudonym, `OPERATOR`, or None
    export        JSON; None: nobody
    whatsapp      what Meta's webhook sends: query or body and signature → (status, text)
    """

    who: Callable[[str], str | None]
    subscribe: Callable[[Subscribing], Subscribed]
    confirm: Callable[[str, str], str | None]
    preview: Callable[[Wish, int], Previewed]
    export: Callable[[str], bytes | None]
    erase: Callable[[str], bool]
    stop: Callable[[str, str | None], bool]
    deliveries: Callable[[str | None, str | None, int], Sequence[Delivered]]
    retry: Callable[[str], bool]
    acknowledge: Callable[[str, str], bool]
    whatsapp: Callable[[Request], Awaitable[tuple[int, str]]]


def routes(desk: PeopleDesk) -> APIRouter:
    """The routes; all under /v1."""
    router = APIRouter(prefix="/v1", tags=["people"])

    def key(request: Request) -> str:
        """Who asks: a pseudonym or the operator."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        who = desk.who(given.strip()) if scheme.lower() == "bearer" and given.strip() else None
        if who is None:
            raise Problem(
                401,
                "send a key that is known: Authorization: Bearer …",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return who

    def operator(who: Annotated[str, Depends(key)]) -> str:
        if who != OPERATOR:
            raise Problem(403, "this is for the operator's key; see api.key_file")
        return who

    def own(person: Pseudonym, who: Annotated[str, Depends(key)]) -> str:
        """The person asked about, who has to be the one who asks, unless that is the operator."""
        if who not in (OPERATOR, person):
            # The same as for nobody: who is there is nobody else's business.
            raise _nobody()
        return person

    @router.post("/subscriptions", status_code=201, dependencies=[Depends(operator)])
    def subscribe(asked: Subscribing) -> Subscribed:
        """Tell somebody. What is not proven is told once its contact confirmed by a code."""
        return _wished(lambda: desk.subscribe(asked))

    @router.post("/preview", dependencies=[Depends(key)])
    def preview(asked: Wish, days: Annotated[int, Field(ge=1, le=3650)] = 30) -> Previewed:
        """What would have been told in the past days."""
        return _wished(lambda: desk.preview(asked, days))

    @router.post("/people/{person}/confirm")
    def confirm(person: Pseudonym, given: Code) -> dict[str, str]:
        """Take a code; it needs no key, being one. Five tries."""
        confirmed = _wished(lambda: desk.confirm(person, given.code))
        if confirmed is None:
            raise Problem(403, "this code confirms nothing of theirs, or has run out")
        return {"person": confirmed}

    @router.get("/people/{person}")
    def export(person: Annotated[str, Depends(own)]) -> Response:
        """All that is kept of somebody."""
        held = desk.export(person)
        if held is None:
            raise _nobody()
        return Response(held, media_type="application/json", headers={"Cache-Control": "no-store"})

    @router.delete("/people/{person}", status_code=204)
    def erase(person: Annotated[str, Depends(own)]) -> None:
        """Forget somebody: their key, contacts, subscriptions, messages. It cannot be undone."""
        if not desk.erase(person):
            raise _nobody()

    @router.post("/people/{person}/stop", status_code=204)
    def stop(person: Annotated[str, Depends(own)], asked: Stopping) -> None:
        """Tell somebody no more, by one channel or by all."""
        if not desk.stop(person, asked.channel):
            raise _nobody()

    @router.post("/people/{person}/messages/{message}/acknowledge", status_code=204)
    def acknowledge(person: Annotated[str, Depends(own)], message: str) -> None:
        """Note that they read it: it goes by no further channel."""
        if not desk.acknowledge(person, message):
            raise Problem(404, "they have no such message")

    @router.get("/deliveries", dependencies=[Depends(operator)])
    def deliveries(
        status: str | None = None,
        person: Pseudonym | None = None,
        limit: Annotated[int, Field(ge=1, le=1000)] = 100,
    ) -> list[Delivered]:
        """Messages, the newest first."""
        return list(_wished(lambda: desk.deliveries(status, person, limit)))

    @router.post("/deliveries/{message}/retry", status_code=204, dependencies=[Depends(operator)])
    def retry(message: str) -> None:
        """Send a dead, late or unknown message once more, within the next hour."""
        if not desk.retry(message):
            raise Problem(404, "no message of this id is dead, late or unknown")

    @router.api_route("/whatsapp", methods=["GET", "POST"], include_in_schema=False)
    async def whatsapp(request: Request) -> Response:
        """Meta's webhook: answers of people, and messages that did not arrive."""
        status, text = await desk.whatsapp(request)
        return Response(text, status, media_type="text/plain")

    return router


def _wished(do: Callable[[], T]) -> T:
    """What cannot be asked for is told as such."""
    try:
        return do()
    except ValueError as error:
        raise Problem(422, str(error)) from None


def _nobody() -> Problem:
    return Problem(404, "nobody is kept under this name, or not for this key")
