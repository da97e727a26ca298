"""Towns that are wished for: asked by anybody, seen by operators."""

# Without postponed annotations: routes name their dependencies in them.

from collections.abc import Callable

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from atalaia.api.access import Gate, Scope
from atalaia.api.people_models import StrictBody
from atalaia.api.problem import errors, wished
from atalaia.domain.alert import instant
from atalaia.people.wishes import TownWish, TownWishes


class TownWished(StrictBody):
    """A town by its id in `GET /v1/towns`."""

    town: int = Field(ge=0, lt=2**31)


class TownWishItem(BaseModel):
    """A town without a watched place within reach, how often it was asked for, and on which UTC day
    it last was."""

    town: int
    label: str
    latitude: float
    longitude: float
    count: int
    asked_at: str


class TownWishPage(BaseModel):
    """Towns, the most wished for first."""

    items: list[TownWishItem]
    next: str | None


def routes(wishes: TownWishes, now: Callable[[], float], gate: Gate) -> APIRouter:
    """The routes, under /v1/wishes."""
    router = APIRouter(prefix="/v1", tags=["people"], responses=errors(422, 429))
    needs_operator = [Depends(gate.needs(Scope.OPERATE))]

    @router.post("/wishes", status_code=201)
    def wish(asked: TownWished) -> TownWishItem:
        """Ask the operator to watch near a town. Needs no key; nothing of who asks is kept."""
        return wished(lambda: _item(wishes.add(asked.town, int(now()))))

    @router.get(
        "/wishes",
        dependencies=needs_operator,
        responses=errors(401, 403),
        openapi_extra={"security": [{"key": []}]},
    )
    def wished_for() -> TownWishPage:
        """What is wished for."""
        return TownWishPage(items=[_item(one) for one in wishes.all()], next=None)

    return router


def _item(one: TownWish) -> TownWishItem:
    return TownWishItem(
        town=one.town,
        label=one.label,
        latitude=one.latitude,
        longitude=one.longitude,
        count=one.count,
        asked_at=instant(one.asked_at)[:10],
    )
