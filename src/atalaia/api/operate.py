"""What operators see and do over HTTP. All of it needs the scope `operate`."""

# Without postponed annotations: routes name their dependencies in them.

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from atalaia.api import once
from atalaia.api.access import Caller, Gate, Scope
from atalaia.api.cursors import cursor as cursor_of
from atalaia.api.cursors import position
from atalaia.api.once import Once
from atalaia.api.operator import (
    DeliveredPage,
    DrillAsked,
    DrillItem,
    DrillReach,
    LagItem,
    Operator,
    SilenceAsked,
    SilenceItem,
    SilencePage,
)
from atalaia.api.people_models import Pseudonym
from atalaia.api.problem import Problem, errors, wished

_MessageId = Annotated[str, Path(pattern=r"^msg_[A-Za-z0-9_-]{1,80}$")]
_SilenceId = Annotated[str, Path(pattern=r"^sil_[A-Za-z0-9_-]{1,40}$")]


def routes(operator: Operator, gate: Gate, once_: Once) -> APIRouter:
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
        found = list(wished(lambda: operator.deliveries(status, person, after, limit + 1)))
        ahead = cursor_of("deliveries", found[limit - 1].id) if len(found) > limit else None
        return DeliveredPage(items=found[:limit], next=ahead, counts=operator.counts())

    @router.post(
        "/deliveries/{message}/retry",
        status_code=204,
        responses=errors(404),
        openapi_extra=needs_key,
    )
    def retry(message: _MessageId) -> None:
        """Send a dead, late or unknown message once more, within the next hour."""
        if not operator.retry(message):
            raise Problem(404, "no message of this id is dead, late or unknown")

    @router.get("/lag", openapi_extra=needs_key)
    def lag() -> LagItem:
        """How far behind each stage is."""
        return operator.lag()

    @router.get("/silences", openapi_extra=needs_key)
    def silences() -> SilencePage:
        """Silences, those that are over within the last 30 days included."""
        return SilencePage(items=list(operator.silenced()), next=None)

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
            lambda: wished(lambda: operator.silence(asked, who.name)),
        )

    @router.delete(
        "/silences/{silence_id}",
        status_code=204,
        responses=errors(404),
        openapi_extra=needs_key,
    )
    def end_silence(silence_id: _SilenceId) -> None:
        """End a silence now."""
        if not operator.end_silence(silence_id):
            raise Problem(404, "no silence of this id is going on")

    @router.post("/drills/reach", openapi_extra=needs_key)
    def reach(asked: DrillAsked) -> DrillReach:
        """Whom such a drill would reach. Nothing is sent."""
        return wished(lambda: operator.reach(asked))

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
            lambda: wished(lambda: operator.drill(asked, who.name)),
        )

    return router
