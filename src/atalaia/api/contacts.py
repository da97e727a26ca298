"""Addresses, one at a time: another beside those that somebody has, and a fresh link to one.

No answer says whether an address is known, and none repeats it.
"""

# Without postponed annotations: routes name their dependencies in them.

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from atalaia.api.access import Caller, Gate
from atalaia.api.people_models import NO_STORE, Pseudonym, StrictBody
from atalaia.api.problem import Problem, errors, wished
from atalaia.domain.contact import read_contact
from atalaia.people.request import OPEN
from atalaia.people.service import PeopleService


class Contacted(StrictBody):
    """One address."""

    contact: str = Field(
        max_length=2000, examples=["email:name@example.org"], description="`channel:address`"
    )


class Added(BaseModel):
    """`to_confirm`: the channel that gets a code, to be given with what this was asked with.
    `secrets`: shown this once. `consent`: the words that are agreed to by giving it."""

    to_confirm: str
    secrets: dict[str, str]
    consent: str


class LinkAsked(BaseModel):
    """By which channel a link comes, if anybody is told at that address."""

    channel: str


def routes(people: PeopleService, now: Callable[[], int], gate: Gate) -> APIRouter:
    """The routes, below those of people."""
    router = APIRouter()

    @router.post("/links", status_code=202)
    def ask_link(response: Response, asked: Contacted) -> LinkAsked:
        """Have a fresh link sent to who is told at this address, by that channel alone. The answer
        is the same where nobody is."""
        response.headers.update(NO_STORE)
        contact = wished(lambda: read_contact(asked.contact))
        wished(lambda: people.addresses.ask_link(contact, now()))
        return LinkAsked(channel=contact.channel)

    @router.post(
        "/people/{person}/contacts",
        status_code=202,
        responses=errors(401, 404),
        openapi_extra={"security": [{"key": []}]},
    )
    def add(
        response: Response,
        person: Pseudonym,
        who: Annotated[Caller, Depends(gate.caller)],
        asked: Contacted,
    ) -> Added:
        """Ask another address for a code. Given to `confirm` with the same link or key, it is told
        beside the others, which are told so."""
        response.headers.update(NO_STORE)
        contact = wished(lambda: read_contact(asked.contact))
        how = "api" if who.is_operator else OPEN
        done = None
        if who.owns(person):
            done = wished(lambda: people.addresses.add(who.link or person, contact, now(), how))
        if done is None:
            raise Problem(404, "nobody is kept under this name, or not for this key")
        return Added(
            to_confirm=contact.channel, secrets=done.secrets, consent=people.words(done.language)
        )

    return router
