"""People over HTTP: subscribing, confirming, seeing and erasing what is kept of them.

A person's own key (`atalaia key`), and the signed token that they get when they subscribe, open
what is theirs and nothing else; the operator's key opens everybody's. No answer and no error
repeats an address.
"""

# Without postponed annotations: routes name their dependencies in them.

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from atalaia.api import once
from atalaia.api.access import Caller, Gate, Scope
from atalaia.api.once import Once
from atalaia.api.people_models import (
    Code,
    Confirmed,
    OpenlySubscribed,
    OpenSubscribing,
    Previewed,
    Pseudonym,
    Stopping,
    Subscribed,
    Subscribing,
    Told,
    Wish,
    open_request_of,
    request_of,
    wish_of,
)
from atalaia.api.previews import Preview
from atalaia.api.problem import Problem, errors, wished
from atalaia.people.request import Request as Wanted
from atalaia.people.service import PeopleService

OPEN_PREVIEW_DAYS = 30
"""How far back a preview may look without a key."""

_NO_STORE = {"Cache-Control": "no-store"}
_MessageId = Annotated[str, Path(pattern=r"^msg_[A-Za-z0-9_-]{1,80}$")]


def routes(
    people: PeopleService, previewed: Preview, now: Callable[[], int], gate: Gate, once_: Once
) -> APIRouter:
    """The routes; all under /v1."""
    router = APIRouter(prefix="/v1", tags=["people"], responses=errors(422, 429))
    needs_key: dict[str, Any] = {"security": [{"key": []}]}

    def own(person: Pseudonym, who: Annotated[Caller, Depends(gate.caller)]) -> str:
        """The person asked about, who has to be the one who asks, unless that is the operator."""
        if not who.owns(person):
            # The same as for nobody: who is there is nobody else's business.
            raise _nobody()
        return person

    def subscribed(wanted: Wanted) -> Subscribed:
        done = people.subscribe(wanted, now())
        return Subscribed(
            person=done.pseudonym,
            confirmed=list(done.confirmed),
            to_confirm=[message.channel for message in done.asks],
            secrets=done.secrets,
            notes=people.notes(wanted),
            consent=people.words(wanted.language),
        )

    def openly_subscribed(wanted: Wanted) -> OpenlySubscribed:
        done = subscribed(wanted).model_dump(exclude={"confirmed"})
        return OpenlySubscribed(**done, manage=link(done["person"]))

    def link(person: str) -> str:
        """Where they manage what is theirs. After a #, so that no server is told of the token."""
        return "/manage#" + people.manage(person, now())

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
            lambda: wished(lambda: subscribed(request_of(asked, people.rules))),
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
            lambda: wished(lambda: openly_subscribed(open_request_of(asked, people.rules))),
        )

    @router.post("/preview", responses=errors(401, 503))
    def preview(
        request: Request, asked: Wish, days: Annotated[int, Query(ge=1, le=3650)] = 30
    ) -> Previewed:
        """What would have been told in the past days. More than 30 need a key."""
        if days > OPEN_PREVIEW_DAYS:
            gate.caller(request)
        found = wished(lambda: previewed(wish_of(asked, people.rules), days))
        told = [Told(at=m.at, level=m.level, text=m.text) for m in found.messages]
        return Previewed(messages=told, days=days)

    @router.post("/people/{person}/confirm", responses=errors(403))
    def confirm(response: Response, person: Pseudonym, given: Code) -> Confirmed:
        """Take a code; it needs no key, being one. Five tries."""
        confirmed = wished(lambda: people.confirm(person, given.code, now()))
        if confirmed is None:
            raise Problem(403, "this code confirms nothing of theirs, or has run out")
        response.headers.update(_NO_STORE)
        return Confirmed(person=confirmed.pseudonym, manage=link(confirmed.pseudonym))

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
        held = people.export(person)
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
        if not people.erase(person, now()):
            raise _nobody()

    @router.post(
        "/people/{person}/stop",
        status_code=204,
        responses=errors(401, 404),
        openapi_extra=needs_key,
    )
    def stop(person: Own, asked: Stopping) -> None:
        """Tell somebody no more, by one channel or by all."""
        if not people.stop(person, now(), asked.channel):
            raise _nobody()

    @router.post(
        "/people/{person}/messages/{message}/acknowledge",
        status_code=204,
        responses=errors(401, 404),
        openapi_extra=needs_key,
    )
    def acknowledge(person: Own, message: _MessageId) -> None:
        """Note that they read it: it goes by no further channel."""
        if not people.acknowledge(person, message, now()):
            raise Problem(404, "they have no such message")

    return router


def _nobody() -> Problem:
    return Problem(404, "nobody is kept under this name, or not for this key")
