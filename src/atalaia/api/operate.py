"""What operators see and do: deliveries, lag, silences. All of it needs the scope `operate`."""

# Without postponed annotations: routes name their dependencies in them.

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, Field

from atalaia.api import once
from atalaia.api.access import Caller, Gate, Scope
from atalaia.api.cursors import cursor as cursor_of
from atalaia.api.cursors import position
from atalaia.api.once import Once
from atalaia.api.people_models import Pseudonym, Strict
from atalaia.api.problem import Problem, errors, wished
from atalaia.domain.hazard import Hazard

_MessageId = Annotated[str, Path(pattern=r"^msg_[A-Za-z0-9_-]{1,80}$")]
_SilenceId = Annotated[str, Path(pattern=r"^sil_[A-Za-z0-9_-]{1,40}$")]


class Delivered(BaseModel):
    """One message in the outbox. Instants are Unix seconds; 0: not yet."""

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


class DeliveredPage(BaseModel):
    """Messages, the newest first. `counts`: how many there are by channel and status."""

    items: list[Delivered]
    next: str | None
    counts: dict[str, dict[str, int]]


class LagItem(BaseModel):
    """How far each stage is behind the one before it.

    speed, archive    records of the stream not yet lived through, not yet archived
    board             entries of the alert log not yet shown
    fan_out           entries of the alert log not yet fanned out
    step_s            seconds from reading the newest batch to its commit; null: none yet
    deliveries        messages that wait to be sent
    """

    stream_offset: int
    speed: int
    archive: int
    board: int
    fan_out: int
    step_s: float | None
    deliveries: int


class SilenceAsked(Strict):
    """Name a hazard, a place, or both; for at most seven days."""

    hazard: Hazard | None = None
    place: str | None = Field(None, max_length=200)
    seconds: int = Field(ge=60, le=7 * 86_400)
    reason: str = Field(min_length=1, max_length=300)


class SilenceItem(BaseModel):
    """A silence. Instants are ISO 8601."""

    id: str
    hazard: str | None
    place: str | None
    since: str
    until: str
    reason: str
    by: str
    active: bool


class SilencePage(BaseModel):
    """Silences, the newest first."""

    items: list[SilenceItem]
    next: str | None


class DrillAsked(Strict):
    """What is drilled; for organisations that such an alert would concern, or for everyone."""

    hazard: Hazard
    level: Literal["watch", "yellow", "orange", "red"]
    place: str = Field(max_length=200)
    everyone: bool = False


class DrillItem(BaseModel):
    """A drill that was started. `people`: how many get it; `status` is CAP's."""

    id: str
    status: Literal["Exercise"] = "Exercise"
    people: int


@dataclass(frozen=True)
class OperatorDesk:
    """What these routes need of the running watch. They may raise ValueError, with the next step;
    they block, and are called in threads.

    deliveries    status, person, after which message, how many → messages, the newest first
    silence       what is asked, and whose key asks
    """

    deliveries: Callable[[str | None, str | None, str | None, int], Sequence[Delivered]]
    counts: Callable[[], dict[str, dict[str, int]]]
    retry: Callable[[str], bool]
    lag: Callable[[], LagItem]
    silences: Callable[[], Sequence[SilenceItem]]
    silence: Callable[[SilenceAsked, str], SilenceItem]
    end_silence: Callable[[str], bool]
    drill: Callable[[DrillAsked, str], DrillItem]


def routes(desk: OperatorDesk, gate: Gate, once_: Once) -> APIRouter:
    """The routes; all under /v1."""
    needs_operator = gate.needs(Scope.OPERATE)
    router = APIRouter(
        prefix="/v1",
        tags=["operating"],
        dependencies=[Depends(needs_operator)],
        responses=errors(401, 403, 422, 429),
    )
    needs_key: dict[str, Any] = {"security": [{"key": []}]}

    @router.get("/deliveries", openapi_extra=needs_key)
    def deliveries(
        status: Annotated[str | None, Query(max_length=20)] = None,
        person: Pseudonym | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        cursor: Annotated[str | None, Query(max_length=300)] = None,
    ) -> DeliveredPage:
        """Messages, the newest first."""
        after = position("deliveries", cursor)
        found = list(wished(lambda: desk.deliveries(status, person, after, limit + 1)))
        ahead = cursor_of("deliveries", found[limit - 1].id) if len(found) > limit else None
        return DeliveredPage(items=found[:limit], next=ahead, counts=desk.counts())

    @router.post(
        "/deliveries/{message}/retry",
        status_code=204,
        responses=errors(404),
        openapi_extra=needs_key,
    )
    def retry(message: _MessageId) -> None:
        """Send a dead, late or unknown message once more, within the next hour."""
        if not desk.retry(message):
            raise Problem(404, "no message of this id is dead, late or unknown")

    @router.get("/lag", openapi_extra=needs_key)
    def lag() -> LagItem:
        """How far behind each stage is."""
        return desk.lag()

    @router.get("/silences", openapi_extra=needs_key)
    def silences() -> SilencePage:
        """Silences, those that are over within the last 30 days included."""
        return SilencePage(items=list(desk.silences()), next=None)

    @router.post("/silences", status_code=201, responses=errors(409), openapi_extra=needs_key)
    def silence(
        request: Request,
        response: Response,
        asked: SilenceAsked,
        who: Annotated[Caller, Depends(needs_operator)],
        idempotency_key: once.Key = None,
    ) -> SilenceItem:
        """Tell nobody of a hazard, or of a place, for a while. Alerts are recorded all the same."""
        return once_.do(
            idempotency_key,
            request,
            response,
            asked,
            lambda: wished(lambda: desk.silence(asked, who.name)),
        )

    @router.delete(
        "/silences/{silence_id}",
        status_code=204,
        responses=errors(404),
        openapi_extra=needs_key,
    )
    def end_silence(silence_id: _SilenceId) -> None:
        """End a silence now."""
        if not desk.end_silence(silence_id):
            raise Problem(404, "no silence of this id is going on")

    @router.post("/drills", status_code=201, responses=errors(409), openapi_extra=needs_key)
    def drill(
        request: Request,
        response: Response,
        asked: DrillAsked,
        who: Annotated[Caller, Depends(needs_operator)],
        idempotency_key: once.Key = None,
    ) -> DrillItem:
        """Send an exercise, marked as one, all the way to people. No board or feed shows it."""
        return once_.do(
            idempotency_key,
            request,
            response,
            asked,
            lambda: wished(lambda: desk.drill(asked, who.name)),
        )

    return router
