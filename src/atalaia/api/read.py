"""Reading over HTTP: places, readings, incidents, alerts, sources. Nothing here is of any person.

Answers come from memory, are made once for all who ask, and carry an ETag; what may block (an
incident's life, the log further back, GOLD, the gazetteer) goes to a thread.
"""

# Without postponed annotations: routes name their dependencies in them.

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from atalaia import __version__
from atalaia.api import read_models as models
from atalaia.api.access import Gate
from atalaia.api.alert_view import AlertView
from atalaia.api.cached import Answers, sent
from atalaia.api.cursors import cursor, number, position
from atalaia.api.history import History
from atalaia.api.incidents import alert_line, with_entries
from atalaia.api.problem import Problem, errors
from atalaia.api.recent import Series
from atalaia.domain.alert import instant
from atalaia.domain.hazard import LEVEL_OF, Hazard
from atalaia.domain.place import Place, Places
from atalaia.domain.rule import LEVELS, Rule, RuleSet
from atalaia.domain.variable import CATALOGUE
from atalaia.domain.words import LANGUAGES
from atalaia.people import gazetteer
from atalaia.people.coverage import nearest
from atalaia.ports import State

MOST_HOURS = 72
MOST_PLACES_AT_ONCE = 10_000
_SEARCH = Annotated[str, Query(min_length=1, max_length=100)]
_PLACE = Annotated[str, Path(max_length=200)]
_CURSOR = Annotated[str | None, Query(max_length=300)]


@dataclass(frozen=True)
class Shown:
    """What is shown of a running watch.

    view        what the alert log tells; followed on the event loop's thread
    history     what was at each place
    state       for an incident's whole life, and the log further back; may block
    sources     how each source is doing
    channels    those that people can choose
    """

    places: Places
    rules: RuleSet
    view: AlertView
    history: History
    state: State
    sources: Callable[[], list[models.SourceItem]]
    channels: Sequence[str]
    now: Callable[[], float]


def routes(shown: Shown, gate: Gate) -> APIRouter:
    """The routes; all under /v1."""
    readers = [Depends(each) for each in gate.readers]
    told = errors(401, 403) if readers else {}
    router = APIRouter(prefix="/v1", tags=["reading"], dependencies=readers, responses=told)
    made = _Made(shown)

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

    @router.get("/places/{place_id}", **answers(models.PlaceDetail, 404))
    async def place(request: Request, place_id: _PLACE) -> Response:
        """A place, the rules that judge it, and its climate where one was computed."""
        return sent(request, await made.place(place_id))

    @router.get("/places/{place_id}/readings", **answers(models.ReadingsItem, 404, 503))
    async def readings(
        request: Request,
        place_id: _PLACE,
        hours: Annotated[int, Query(ge=1, le=MOST_HOURS)] = MOST_HOURS,
        variables: Annotated[str | None, Query(max_length=1000)] = None,
    ) -> Response:
        """The last hours of a place and the hours to come; `variables` are separated by commas."""
        return sent(request, await made.readings(place_id, hours, variables))

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

    @router.get("/towns", **answers(models.TownPage))
    async def towns(
        request: Request, q: _SEARCH, limit: Annotated[int, Query(ge=1, le=50)] = 10
    ) -> Response:
        """Towns by name, offline, each with the watched place that is nearest."""
        return sent(request, await made.towns(q, limit))

    return router


class _Made:
    """Makes the answers. All but threads happens on the event loop."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._answers = Answers()
        self._lives = asyncio.Semaphore(8)  # threads that read the log at the same time
        self._rules = {
            has_area: [_rule(rule) for rule in shown.rules.rules if has_area or not rule.places]
            for has_area in (False, True)
        }

    @property
    def _version(self) -> int:
        return self._shown.view.version

    # Places

    def places(self, limit: int, given: str | None) -> Any:
        first = 0
        after = position("places", given)
        if after is not None:
            at = self._shown.places.position.get(after)
            if at is None:
                raise Problem(422, "the place of this cursor is no longer watched; begin anew")
            first = at + 1

        def make() -> bytes:
            every = list(islice(self._shown.places, first, first + limit))
            is_more = first + limit < len(self._shown.places)
            ahead = cursor("places", every[-1].id) if is_more else None
            items = [self._place_item(place) for place in every]
            return msgspec.json.encode({"items": items, "next": ahead})

        return self._answers.made(("places", first, limit), self._version, make)

    async def place(self, place_id: str) -> Any:
        place = self._place(place_id)
        climate = await self._shown.history.climate(place_id)
        shown = {
            **self._place_item(place),
            "rules": self._rules[place.area is not None],
            "climate": None if climate is None else climate.model_dump(),
        }
        version = (self._version, id(climate))
        return self._answers.made(("place", place_id), version, lambda: msgspec.json.encode(shown))

    async def readings(self, place_id: str, hours: int, asked: str | None) -> Any:
        place = self._place(place_id)
        wanted = self._variables(asked)
        at = self._shown.places.position[place.id]
        found = await self._shown.history.readings(at, wanted, hours)
        shown = {
            "place_id": place.id,
            "hours": hours,
            "series": [_series(series) for series in found],
        }
        body = msgspec.json.encode(shown)
        return self._answers.made(("readings", place.id, hours, asked), hash(body), lambda: body)

    def _variables(self, asked: str | None) -> list[str]:
        if asked is None:
            return sorted(self._shown.rules.variables, key=list(CATALOGUE).index)
        names = list(dict.fromkeys(name.strip() for name in asked.split(",") if name.strip()))
        unknown = [name for name in names if name not in CATALOGUE]
        if unknown or not names:
            raise Problem(422, "unknown variable; docs/data.md lists them")
        return names

    def _place(self, place_id: str) -> Place:
        place = self._shown.places.get(place_id)
        if place is None:
            raise Problem(404, "no such place is watched; GET /v1/places lists them")
        return place

    def _place_item(self, place: Place) -> dict[str, Any]:
        levels = self._shown.view.levels(place.id)
        return {**msgspec.structs.asdict(place), "levels": levels}

    # Incidents and alerts

    def incidents(
        self,
        active: bool | None,
        place: str | None,
        hazard: str | None,
        level: str | None,
        limit: int,
        given: str | None,
    ) -> Any:
        before = number("incidents", given)

        def make() -> bytes:
            rows = self._shown.view.rows(
                is_open=active,
                place=place,
                hazard=hazard,
                level=int(LEVEL_OF[level]) if level else 0,
                before=before,
            )
            found = list(islice(rows, limit + 1))
            page = found[:limit]
            ahead = cursor("incidents", page[-1].number) if len(found) > limit else None
            return _page([row.body for row in page], ahead)

        asked = ("incidents", active, place, hazard, level, limit, before)
        return self._answers.made(asked, self._version, make)

    async def incident(self, key: str) -> Any:
        row = self._shown.view.get(key)
        version = row.seq if row else self._version
        held = self._answers.get(("incident", key), version)
        if held is not None:
            return held
        async with self._lives:
            life = await asyncio.to_thread(self._shown.state.life, key)
        if not life:
            raise Problem(404, "there is no such incident; GET /v1/incidents lists them")
        return self._answers.put(("incident", key), version, with_entries(life))

    async def alerts(self, after: int | None, limit: int, given: str | None) -> Any:
        at = number("alerts", given)
        at = after if at is None else at
        held = self._shown.view.alerts(at, limit)
        if held is None:
            async with self._lives:
                log = self._shown.state.alerts
                read = await asyncio.to_thread(lambda: list(log(at or 0, limit)))
            held = [(seq, alert_line(seq, entry.alert)) for seq, entry in read]
        newest = held[-1][0] if held else 0
        ahead = cursor("alerts", newest) if 0 < newest < self._shown.view.seq else None
        body = _page([line for _, line in held], ahead)
        return self._answers.made(("alerts", at, limit), hash(body), lambda: body)

    # How things stand

    def sources(self) -> Any:
        shown = {
            "items": [item.model_dump() for item in self._shown.sources()],
            "next": None,
            "blind": self._blind(),
        }
        body = msgspec.json.encode(shown)
        return self._answers.made(("sources",), hash(body), lambda: body)

    def summary(self) -> dict[str, Any]:
        shown = self._shown
        now = int(shown.now())

        def make() -> bytes:
            return msgspec.json.encode(
                {
                    "now": instant(now),
                    "places": len(shown.places),
                    "active": shown.view.counts(),
                    "blind": self._blind(),
                    "subscribers_channels": list(shown.channels),
                    "languages": list(LANGUAGES),
                    "rules": shown.rules.name,
                    "version": __version__,
                    "seq": shown.view.seq,
                }
            )

        answer = self._answers.made(("summary",), (self._version, now), make)
        return {"answer": answer, "tag": f'W/"{__version__}-{self._version}"'}

    def _blind(self) -> list[dict[str, Any]]:
        return [
            {"source": source, "since": instant(blind.since), "places": sorted(blind.places)}
            for source, blind in sorted(self._shown.view.blind.items())
        ]

    async def towns(self, q: str, limit: int) -> Any:
        held = self._answers.get(("towns", q, limit), 0)
        if held is not None:
            return held
        async with self._lives:
            found = await asyncio.to_thread(lambda: list(gazetteer.search(q, limit=limit)))
        items = [_town(town, self._shown.places).model_dump() for town in found]
        shown = {"items": items, "next": None}
        return self._answers.put(("towns", q, limit), 0, msgspec.json.encode(shown))


def _page(bodies: Sequence[bytes], ahead: str | None) -> bytes:
    return b'{"items":[%b],"next":%b}' % (b",".join(bodies), msgspec.json.encode(ahead))


def _rule(rule: Rule) -> dict[str, Any]:
    def by_level(limits: Sequence[float | None]) -> dict[str, float]:
        pairs = zip(LEVELS, limits, strict=True)
        return {level.word: limit for level, limit in pairs if limit is not None}

    return {
        "name": rule.name,
        "hazard": rule.hazard,
        "variable": rule.variable,
        "measure": rule.measure,
        "window_s": rule.window_s,
        "unit": rule.unit,
        "is_below": rule.is_below,
        "limits": by_level(rule.enter),
        "exits": by_level(rule.leave),
        "norm": rule.norm,
        "in_words": rule.in_words(),
    }


def _series(series: Series) -> dict[str, Any]:
    return {
        "source": series.source,
        "kind": series.kind.word,
        "variable": series.variable,
        "unit": CATALOGUE[series.variable].unit,
        "period_s": series.period_s,
        "times": [instant(at) for at in series.valid_at.tolist()],
        "values": [
            None if math.isnan(value) else round(value, 3) for value in series.values.tolist()
        ],
    }


def _town(town: gazetteer.Town, places: Places) -> models.TownItem:
    place, km = nearest(town.latitude, town.longitude, places)
    near = None
    if place is not None:
        near = models.NearestItem(place_id=place.id, name=place.name, km=round(km, 1))
    return models.TownItem(
        id=town.id,
        label=town.label,
        latitude=town.latitude,
        longitude=town.longitude,
        timezone=town.timezone,
        nearest=near,
    )
