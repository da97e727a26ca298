"""People over HTTP: subscribing, confirming, seeing and erasing what is kept of them.

A person's own key (`atalaia key`), and the signed token that they get when they subscribe, open
what is theirs and nothing else; the operator's key opens everybody's. No answer and no error
repeats an address.
"""

# Without postponed annotations: routes name their dependencies in them.

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from atalaia.api import contacts, everybody, once
from atalaia.api.access import Caller, Gate, Scope, bearer
from atalaia.api.once import Once
from atalaia.api.people_models import (
    NO_STORE,
    Changing,
    Code,
    Confirmed,
    OpenlySubscribed,
    OpenSubscribing,
    Previewed,
    Pseudonym,
    Stopped,
    Stopping,
    Subscribed,
    Subscribing,
    SubscribingTerms,
    Told,
    Wish,
    change_of,
    open_request_of,
    request_of,
    wish_of,
)
from atalaia.api.previews import Preview
from atalaia.api.problem import Problem, errors, wished
from atalaia.people.coverage import check_reach
from atalaia.people.manage import Signed
from atalaia.people.request import Request as Wanted
from atalaia.people.service import PeopleService
from atalaia.people.subscribe import Enrolled

OPEN_PREVIEW_DAYS = 30
"""How far back a preview may look without a key."""

_NOT_ALL = (
    "this link was earned by other addresses; who has more of theirs can say so with a code to each"
)
_NEEDS_KEY: dict[str, Any] = {"security": [{"key": []}]}
_MessageId = Annotated[str, Path(pattern=r"^msg_[A-Za-z0-9_-]{1,80}$")]


def routes(
    people: PeopleService, previewed: Preview, now: Callable[[], int], gate: Gate, once_: Once
) -> APIRouter:
    """The routes; all under /v1."""
    router = APIRouter(prefix="/v1", tags=["people"], responses=errors(422, 429, 503))
    _add_asking(router, people, previewed, now, gate, once_)
    _add_own(router, people, now, gate)
    router.include_router(contacts.routes(people, now, gate))
    router.include_router(everybody.routes(people.registry.people, gate))
    return router


def _link(people: PeopleService, link: Signed, now: int) -> str:
    """Where they manage what is theirs. After a #, so that no server is told of the token."""
    return "/manage#" + people.manage(link, now)


def _add_asking(
    router: APIRouter,
    people: PeopleService,
    previewed: Preview,
    now: Callable[[], int],
    gate: Gate,
    once_: Once,
) -> None:
    """How one begins to be told."""

    def subscribed(wanted: Wanted, done: Enrolled) -> Subscribed:
        return Subscribed(
            person=done.pseudonym,
            confirmed=list(done.confirmed),
            to_confirm=[message.channel for message in done.asks],
            secrets=done.secrets,
            notes=people.notes(wanted),
            consent=people.words(wanted.language),
        )

    def openly_subscribed(wanted: Wanted) -> OpenlySubscribed:
        check_reach(wanted.where, people.places)
        done = people.subscribe(wanted, now())
        told = subscribed(wanted, done).model_dump(exclude={"confirmed"})
        link = Signed(done.pseudonym, (), done.epoch)
        return OpenlySubscribed(**told, manage=_link(people, link, now()))

    @router.post(
        "/subscriptions",
        status_code=201,
        responses=errors(401, 403, 409),
        openapi_extra=_NEEDS_KEY,
    )
    def subscribe(
        request: Request,
        response: Response,
        asked: Subscribing,
        who: Annotated[Caller, Depends(gate.needs(Scope.SUBSCRIBE))],
        idempotency_key: once.Key = None,
    ) -> Subscribed:
        """Tell somebody. What is not proven is told once its contact confirmed by a code."""
        response.headers.update(NO_STORE)

        def done() -> Subscribed:
            wanted = request_of(asked, people.rules, people.brought, is_operators=who.is_operator)
            return subscribed(wanted, people.subscribe(wanted, now()))

        return once_.do(idempotency_key, request, response, asked, lambda: wished(done))

    @router.get("/subscribe")
    def subscribing_terms(
        language: Literal["pt-BR", "en", "es"] = "pt-BR",
    ) -> SubscribingTerms:
        """On what terms one subscribes here, before one does."""
        told = people.terms(language)
        return SubscribingTerms(
            consent=told.consent, channels=list(told.channels), push_key=told.push_key
        )

    @router.post("/subscribe", status_code=201, responses=errors(409))
    def subscribe_openly(
        request: Request,
        response: Response,
        asked: OpenSubscribing,
        idempotency_key: once.Key = None,
    ) -> OpenlySubscribed:
        """Subscribe oneself: each contact is asked for a code first. It needs no key."""
        response.headers.update(NO_STORE)
        return once_.do(
            idempotency_key,
            request,
            response,
            asked,
            lambda: wished(lambda: openly_subscribed(open_request_of(asked, people.rules))),
        )

    @router.post("/preview", responses=errors(401))
    def preview(
        request: Request, asked: Wish, days: Annotated[int, Query(ge=1, le=3650)] = 30
    ) -> Previewed:
        """What would have been told in the past days. More than 30 need a key."""
        if days > OPEN_PREVIEW_DAYS:
            gate.caller(request)
        found = wished(lambda: previewed(wish_of(asked, people.rules), days))
        told = [Told(at=m.at, level=m.level, text=m.text) for m in found.messages]
        return Previewed(messages=told, days=days)


def _add_own(router: APIRouter, people: PeopleService, now: Callable[[], int], gate: Gate) -> None:
    """What a person does with what is theirs."""

    def own(person: Pseudonym, who: Annotated[Caller, Depends(gate.caller)]) -> Caller:
        """Who asks, who has to be the person asked about, unless that is the operator."""
        if not who.owns(person):
            # The same as for nobody: who is there is nobody else's business.
            raise _nobody()
        return who

    def is_whole(person: str, who: Caller) -> bool:
        """Whether who asks may speak for all of somebody's contacts."""
        return who.link is None or people.is_whole(person, who.link.channels)

    Own = Annotated[Caller, Depends(own)]  # noqa: N806  a type

    @router.post("/people/{person}/confirm", responses=errors(401, 403))
    def confirm(request: Request, response: Response, person: Pseudonym, given: Code) -> Confirmed:
        """Take a code; it needs no key, being one. Five tries.

        A code proves one address. With the person's own link or key besides, the address is added
        to those that they confirmed before; without, it is told for itself.
        """
        who = gate.caller(request) if bearer(request.headers.get("authorization", "")) else None
        is_own = who is not None and who.owns(person)
        shown = who.link if who is not None and is_own else None
        is_theirs = shown or is_own
        confirmed = wished(lambda: people.confirm(person, given.code, now(), is_theirs=is_theirs))
        if confirmed is None:
            raise Problem(403, "this code confirms nothing of theirs, or has run out")
        response.headers.update(NO_STORE)
        before = shown.channels if shown and confirmed.pseudonym == person else ()
        earned = tuple({*before, confirmed.channel})
        link = Signed(confirmed.pseudonym, earned, confirmed.epoch)
        return Confirmed(person=confirmed.pseudonym, manage=_link(people, link, now()))

    @router.get(
        "/people/{person}",
        response_class=Response,
        responses={
            200: {"content": {"application/json": {"schema": {"type": "object"}}}},
            **errors(401, 404),
        },
        openapi_extra=_NEEDS_KEY,
    )
    def export(person: Pseudonym, who: Own) -> Response:
        """All that is kept of somebody; by a link without the addresses that did not earn it."""
        held = people.export(who.link or person)
        if held is None:
            raise _nobody()
        return Response(held, media_type="application/json", headers=NO_STORE)

    @router.delete(
        "/people/{person}",
        status_code=204,
        responses=errors(401, 403, 404),
        openapi_extra=_NEEDS_KEY,
    )
    def erase(person: Pseudonym, who: Own) -> None:
        """Forget somebody: their key, contacts, subscriptions, messages. It cannot be undone."""
        if not is_whole(person, who):
            raise Problem(403, _NOT_ALL)
        if not people.erase(who.link or person, now()):
            raise _nobody()

    @router.patch(
        "/people/{person}",
        status_code=204,
        responses=errors(401, 404),
        openapi_extra=_NEEDS_KEY,
    )
    def change(person: Pseudonym, who: Own, asked: Changing) -> None:
        """Change how somebody is told, and of what; by a link their other contacts are told so."""
        wanted = wished(lambda: change_of(asked, people.rules))
        if not wished(lambda: people.change(who.link or person, wanted, now())):
            raise _nobody()

    @router.post(
        "/people/{person}/stop",
        responses=errors(401, 403, 404),
        openapi_extra=_NEEDS_KEY,
    )
    def stop(response: Response, person: Pseudonym, who: Own, asked: Stopping) -> Stopped:
        """Tell somebody no more, by one channel or by all. Links of before end with it."""
        response.headers.update(NO_STORE)
        if who.link is not None:
            return _stopped_by(people, who.link, asked.channel, now())
        if not people.stop(person, now(), asked.channel):
            raise _nobody()
        return Stopped()

    @router.post(
        "/people/{person}/messages/{message}/acknowledge",
        status_code=204,
        responses=errors(401, 404),
        openapi_extra=_NEEDS_KEY,
    )
    def acknowledge(person: Pseudonym, _: Own, message: _MessageId) -> None:
        """Note that they read it: it goes by no further channel."""
        if not people.acknowledge(person, message, now()):
            raise Problem(404, "they have no such message")


def _stopped_by(people: PeopleService, link: Signed, wanted: str | None, now: int) -> Stopped:
    """End what a link may: all, where it is of all that they confirmed, or else its own."""
    if people.is_whole(link.pseudonym, link.channels):
        channels: tuple[str | None, ...] = (wanted,)
    elif wanted in (None, *link.channels):
        channels = (wanted,) if wanted else link.channels
    else:
        raise Problem(403, _NOT_ALL)
    for channel in channels:
        after = people.stop_by(link, channel, now)
        if after is None:
            raise _nobody()
        link = after
    if not (link.channels or people.is_whole(link.pseudonym, ())):
        return Stopped()
    return Stopped(manage=_link(people, link, now))


def _nobody() -> Problem:
    return Problem(404, "nobody is kept under this name, or not for this key")
