"""Who is kept, for operators: pseudonyms, channels and dates. No address, no place and no wish is
opened for it.
"""

# Without postponed annotations: routes name their dependencies in them.

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from atalaia.api.access import Gate, Scope
from atalaia.api.cursors import cursor as cursor_of
from atalaia.api.cursors import number
from atalaia.api.problem import errors
from atalaia.domain.alert import instant
from atalaia.people.rows import CONFIRMED, KEY, PENDING, STOPPED
from atalaia.ports import ContactRow, People, PersonRow

_STANDS = (CONFIRMED, PENDING, STOPPED)


class ChannelItem(BaseModel):
    """A contact without its address. `status`: pending, confirmed, stopped."""

    channel: str
    status: str


class PersonItem(BaseModel):
    """Somebody. `confirmed_at` is null before any contact was."""

    person: str
    created_at: str
    confirmed_at: str | None
    contacts: list[ChannelItem]


class PersonPage(BaseModel):
    """People, who changed longest ago first."""

    items: list[PersonItem]
    next: str | None


def routes(people: People, gate: Gate) -> APIRouter:
    """The route, below those of people."""
    router = APIRouter()
    needs: dict[str, Any] = {"security": [{"key": []}]}

    @router.get(
        "/people",
        dependencies=[Depends(gate.needs(Scope.OPERATE))],
        responses=errors(401, 403),
        openapi_extra=needs,
    )
    def everybody(
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        cursor: Annotated[str | None, Query(max_length=300)] = None,
    ) -> PersonPage:
        """Who is kept, without addresses, places or wishes."""
        rows = people.changes(number("people", cursor) or 0, limit)
        kept = dict.fromkeys(row.pseudonym for row in rows if row.sealed is not None)
        found = {row.pseudonym: (row, some) for row, some in people.with_contacts(list(kept))}
        items = [_item(*found[name]) for name in kept if name in found]
        ahead = cursor_of("people", rows[-1].changed) if len(rows) == limit else None
        return PersonPage(items=items, next=ahead)

    return router


def _item(row: PersonRow, contacts: Sequence[ContactRow]) -> PersonItem:
    # Of a channel that was asked for anew what stands: confirmed, or pending, or else stopped.
    rows = sorted(contacts, key=lambda one: _STANDS.index(one.status), reverse=True)
    shown = sorted({one.channel: one.status for one in rows if one.channel != KEY}.items())
    return PersonItem(
        person=row.pseudonym,
        created_at=instant(row.created_at),
        confirmed_at=instant(row.confirmed_at) if row.confirmed_at else None,
        contacts=[ChannelItem(channel=channel, status=status) for channel, status in shown],
    )
