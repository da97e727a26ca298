"""Reading over HTTP: places, readings, incidents, alerts, sources. None of it is of a person."""

# Without postponed annotations: routes name their dependencies in them.

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from atalaia.api import read_models as models
from atalaia.api.access import Gate
from atalaia.api.cached import sent
from atalaia.api.hour_answers import HourAnswers
from atalaia.api.problem import Problem, errors
from atalaia.api.read_answers import ReadAnswers
from atalaia.api.shown import Shown
from atalaia.domain.hazard import Hazard
from atalaia.domain.variable import CATALOGUE

MOST_HOURS = 72
MOST_PLACES_AT_ONCE = 10_000
_SEARCH = Annotated[str, Query(min_length=1, max_length=100)]
_PLACE = Annotated[str, Path(max_length=200)]
_CURSOR = Annotated[str | None, Query(max_length=300)]


def routes(shown: Shown, gate: Gate) -> APIRouter:
    """The routes; all under /v1."""
    readers = [Depends(each) for each in gate.readers]
    told = errors(401, 403) if readers else {}
    router = APIRouter(prefix="/v1", tags=["reading"], dependencies=readers, responses=told)
    made, hourly = ReadAnswers(shown), HourAnswers(shown)

    def answers(model: type[Any], *statuses: int) -> dict[str, Any]:
        # The answers are bytes already; the models say what is in them.
        more = {304: {"description": "Not changed"}, **errors(*statuses, 422, 429)}
        return {"response_model": model, "response_class": Response, "responses": more}

    @router.get("/places", **answers(models.PlacePage))
    async def places(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=MOST_PLACES_AT_ONCE)] = 100,
        cursor: _CURSOR = None,
    ) -> Response:
        """Watched places, each with what is going on there."""
        return sent(request, made.places(limit, cursor))

    @router.get("/rules", **answers(models.RulesItem))
    async def rules(request: Request) -> Response:
        """The rules that are in force, in the words of `atalaia rules`."""
        return sent(request, made.rules())

    @router.get("/places/{place_id}", **answers(models.PlaceDetail, 404))
    async def place(request: Request, place_id: _PLACE) -> Response:
        """A place, the rules that judge it, and its climate where one was computed."""
        return sent(request, await made.place(place_id))

    @router.get("/places/{place_id}/stations", **answers(models.StationsItem, 404, 503))
    async def stations(request: Request, place_id: _PLACE) -> Response:
        """The stations within reach of a place, the nearest first, and of what each is evidence."""
        return sent(request, await made.stations(place_id))

    @router.get("/stations", **answers(models.KnownStationsItem, 503))
    async def known_stations(
        request: Request, bbox: Annotated[str, Query(max_length=200)]
    ) -> Response:
        """The stations near watched places that stand within a box: `west,south,east,north` in
        degrees; a west that lies east of its east goes across the antimeridian."""
        return sent(request, await made.known_stations(bbox))

    @router.get("/places/{place_id}/readings", **answers(models.ReadingsItem, 404, 503))
    async def readings(
        request: Request,
        place_id: _PLACE,
        hours: Annotated[int, Query(ge=1, le=MOST_HOURS)] = MOST_HOURS,
        variables: Annotated[str | None, Query(max_length=1000)] = None,
    ) -> Response:
        """The last hours of a place and the hours to come; `variables` are separated by commas."""
        return sent(request, await made.readings(place_id, hours, variables))

    @router.get("/places/{place_id}/measures", **answers(models.MeasuresItem, 404, 503))
    async def measures(
        request: Request,
        place_id: _PLACE,
        hours: Annotated[int, Query(ge=1, le=MOST_HOURS)] = MOST_HOURS,
    ) -> Response:
        """What the rules made of the last hours of a place, and make of the hours to come."""
        return sent(request, await made.measures(place_id, hours))

    @router.get("/places/{place_id}/chances", **answers(models.ChancesItem, 404, 503))
    async def chances(request: Request, place_id: _PLACE) -> Response:
        """What the runs of ensembles say of the hours to come, by the rules that name a chance."""
        return sent(request, await made.chances(place_id))

    @router.get("/incidents", **answers(models.IncidentPage))
    async def incidents(
        request: Request,
        active: bool | None = None,
        place: Annotated[str | None, Query(max_length=200)] = None,
        hazard: Hazard | None = None,
        level: Literal["watch", "yellow", "orange", "red"] | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        cursor: _CURSOR = None,
    ) -> Response:
        """Incidents, the newest first: all that are open, and the last 10,000 that are over.

        `level`: from this level on.
        """
        asked = (active, place, hazard, level, limit, cursor)
        return sent(request, made.incidents(*asked))

    @router.get("/incidents/{key}", **answers(models.IncidentDetail, 404))
    async def incident(
        request: Request, key: Annotated[str, Path(pattern=r"^[0-9A-Za-z_-]{1,64}$")]
    ) -> Response:
        """An incident with all entries of its life."""
        return sent(request, await made.incident(key))

    @router.get("/alerts", **answers(models.AlertPage))
    async def alerts(
        request: Request,
        after: Annotated[int | None, Query(ge=0, le=2**53)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        cursor: _CURSOR = None,
    ) -> Response:
        """Entries of the alert log after a number, the newest last; without one, the newest."""
        return sent(request, await made.alerts(after, limit, cursor))

    @router.get("/sources", **answers(models.SourcePage))
    async def sources(request: Request) -> Response:
        """How fresh each source is, what it still allows, and where it cannot be seen."""
        return sent(request, made.sources())

    @router.get("/summary", **answers(models.SummaryItem))
    async def summary(request: Request) -> Response:
        """How things stand. Its ETag stays while nothing but the time has changed."""
        return sent(request, **made.summary())

    @router.get("/summary/hours", **answers(models.HoursItem, 503))
    async def hours(request: Request) -> Response:
        """How things stood at each full hour of the last 7 days, and what is announced for the next
        48 hours: columns, for a map."""
        return sent(request, await hourly.hours())

    @router.get("/values", **answers(models.ValuesItem, 503))
    async def values(request: Request, variable: Annotated[str, Query(max_length=100)]) -> Response:
        """The newest value of a variable at each place that has one of the last 3 hours; of an
        amount, what the hour until then brought. The same for a minute."""
        if variable not in CATALOGUE:
            raise Problem(422, "unknown variable; docs/data.md lists them")
        return sent(request, await hourly.values(variable))

    @router.get("/towns", **answers(models.TownPage))
    async def towns(
        request: Request, q: _SEARCH, limit: Annotated[int, Query(ge=1, le=50)] = 10
    ) -> Response:
        """Towns by name, offline, each with the watched place that is nearest."""
        return sent(request, await made.towns(q, limit))

    return router
