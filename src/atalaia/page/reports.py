"""A report of a place, of a system or of a range of days, from the page: as HTML, PNG or PDF.

    /report/place/ID.html, /report/system/ID.pdf   for who may read, of a month at most
    /report/all.png                                for operators, of a year at most

A home → `report.ranged` → here. Made in a thread, one at a time, for all who ask the same within
`MADE_AGAIN_S`; few may wait, and what is kept is bounded.
"""

# Without postponed annotations: routes name their dependencies in them.

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import Path as InPath
from fastapi.responses import RedirectResponse
from msgspec.structs import replace

from atalaia.api.access import Gate, bearer
from atalaia.api.cached import Versioned
from atalaia.api.problem import Problem
from atalaia.api.shown import Shown
from atalaia.api.speaking import Language, language_of
from atalaia.api.system_view import SystemView
from atalaia.domain.rule import RuleSet
from atalaia.errors import AtalaiaError, PayloadInvalid, QueryInvalid, StateConflict
from atalaia.logs import Logger
from atalaia.page.made import Made, tagged
from atalaia.ports import Home
from atalaia.report.wish import ReportWish

if TYPE_CHECKING:
    from atalaia.report.reported import Report

Form = Literal["html", "png", "pdf"]
Colours = Literal["ordinary", "colour-blind"]

MADE_AGAIN_S = 600
MOST_DAYS, MOST_DAYS_OPERATOR = 31, 366

_MOST_KEPT = 32
_MOST_BYTES = 32_000_000
_MOST_GATHERED = 4
_MOST_WAITING = 8
_MEDIA = {"html": "text/html; charset=utf-8", "png": "image/png", "pdf": "application/pdf"}
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

_Id = Annotated[str, InPath(min_length=1, max_length=200)]

log = Logger()


def forms(home: Home | None) -> tuple[Form, ...]:
    """In which forms reports can be had; none of a home that is not on this machine."""
    if home is None or not isinstance(home.lake.path("gold"), Path):
        return ()
    return ("html", "png", "pdf") if find_spec("typst") else ("html",)


class MadeReports:
    """Makes them, and keeps the newest. On the event loop alone.

    What a report tells is gathered once for all forms, languages and colours of it, and so they
    tell the same. One is made at a time, by a thread: it alone looks at what was gathered.
    """

    def __init__(self, home: Home, rules: RuleSet, now: Callable[[], float]) -> None:
        self._home, self._rules, self._now = home, rules, now
        self._kept = Made(1, _MOST_KEPT, _MOST_BYTES)
        self._gathered = Versioned["Report"](lambda _: 1, _MOST_GATHERED, _MOST_GATHERED)
        self._waiting = 0

    async def of(self, wanted: ReportWish, form: Form, language: str, colours: Colours) -> bytes:
        """The file. Raises Problem where there is nothing to report, or too many ask."""
        asked, version = (wanted, form, language, colours), int(self._now()) // MADE_AGAIN_S
        body = self._kept.get(asked, version)
        if body is not None:
            return body
        if self._waiting >= _MOST_WAITING:
            raise Problem(
                503, "too many ask for reports at once; come again", headers={"Retry-After": "5"}
            )
        self._waiting += 1
        try:
            return await self._kept.made(asked, version, partial(self._made, version, *asked))
        finally:
            self._waiting -= 1

    def _told(self, wanted: ReportWish, version: int) -> "Report":
        # Only now: it brings DuckDB, which a watch that nobody asks does without.
        from atalaia.report.ranged import ranged_report  # noqa: PLC0415

        told = self._gathered.get(wanted, version)
        if told is None:
            told = ranged_report(self._home, self._rules, wanted, int(self._now()))
            told = replace(told, home="")  # what our folder is called is nobody's business
            self._gathered.put(wanted, version, told)
        return told

    def _made(
        self, version: int, wanted: ReportWish, form: Form, language: str, colours: Colours
    ) -> bytes:
        from atalaia.report.printed import printed  # noqa: PLC0415  as above
        from atalaia.report.render import page  # noqa: PLC0415

        try:
            told = self._told(wanted, version)
            if form == "html":
                return page(told, language, colours).encode()
            return printed(told, language, form, colours)
        except PayloadInvalid:
            raise Problem(404, "nothing came yet: there is nothing to report") from None
        except (QueryInvalid, StateConflict) as error:
            log.warning("GOLD was not read", reason=str(error)[:500])
            raise Problem(503, "GOLD cannot be read just now; come again") from None
        except AtalaiaError as error:
            raise Problem(422, str(error)) from None


def routes(home: Home, shown: Shown, systems: SystemView, gate: Gate, language: str) -> APIRouter:
    """The routes. `language` is spoken to who wants none that there is."""
    made, can_be = MadeReports(home, shown.rules, shown.now), forms(home)
    router = APIRouter(
        include_in_schema=False, dependencies=[Depends(each) for each in gate.readers]
    )

    def is_operator(request: Request) -> bool:
        given = bearer(request.headers.get("authorization", ""))
        return bool(given) and gate.caller(request).is_operator

    class AskedReport:
        """What stands in the address besides of what it is."""

        def __init__(
            self,
            request: Request,
            operates: Annotated[bool, Depends(is_operator)],
            from_: Annotated[date | None, Query(alias="from")] = None,
            to: date | None = None,
            lang: Language | None = None,
            colours: Colours = "ordinary",
        ) -> None:
            self.request, self.operates = request, operates
            self.first, self.until, self.colours = from_, to, colours
            self.language = lang or language_of(request, language)

        def bounds(self, zone: str) -> dict[str, Any]:
            """Two days, as `ReportWish` takes them; a Problem where there are too many between."""
            most = MOST_DAYS_OPERATOR if self.operates else MOST_DAYS
            first, until = self.first, self.until
            if first is not None and until is None:
                today = datetime.fromtimestamp(shown.now(), UTC).date()
                last = min(max(first, today), date.max - timedelta(days=1))
                until = last + timedelta(days=1)
            if until is not None and first is None:
                first = until - timedelta(days=min(most, (until - date.min).days))
            if first and until and not 0 < (until - first).days <= most:
                raise Problem(
                    422, f"give at least one day and at most {most}: from, and to, left out"
                )
            return {"first": first, "until": until, "days": most, "zone": zone}

    async def sent(asked: AskedReport, wanted: ReportWish, form: Form, name: str) -> Response:
        if form not in can_be:
            raise Problem(501, "PNG and PDF need the extra `report` here; ask for html")
        body = await made.of(wanted, form, asked.language, asked.colours)
        headers = {
            "Cache-Control": "no-cache",
            "Vary": "Accept-Language, Authorization",
            "Content-Security-Policy": _POLICY,
            "Referrer-Policy": "no-referrer",
            "Content-Disposition": f"inline; filename*=UTF-8''{quote(name, safe='')}.{form}",
        }
        return tagged(asked.request, body, _MEDIA[form], headers)

    @router.api_route("/report/all.{form}", methods=["GET", "HEAD"])
    async def of_all(form: Form, asked: Annotated[AskedReport, Depends()]) -> Response:
        if not asked.operates:
            raise Problem(403, "a report of all places needs a key with the scope operate")
        bounds = asked.bounds(_zone(shown))
        # Without a day it would be the report of scores, which is of all that was ever told.
        bounds["first"] = bounds["first"] or _today(shown) - timedelta(days=MOST_DAYS - 1)
        bounds["until"] = bounds["until"] or bounds["first"] + timedelta(days=MOST_DAYS)
        return await sent(asked, ReportWish(**bounds), form, "atalaia")

    @router.api_route("/report/place/{id_:path}.{form}", methods=["GET", "HEAD"])
    async def of_place(id_: _Id, form: Form, asked: Annotated[AskedReport, Depends()]) -> Response:
        place = shown.places.get(id_)
        if place is None:
            raise Problem(404, "no place of this id is watched; GET /v1/places lists them")
        wanted = ReportWish(place=id_, **asked.bounds(place.timezone))
        return await sent(asked, wanted, form, place.name)

    @router.api_route("/report/system/{id_:path}.{form}", methods=["GET", "HEAD"])
    async def of_system(id_: _Id, form: Form, asked: Annotated[AskedReport, Depends()]) -> Response:
        found = await asyncio.to_thread(systems.known, id_)
        if found is None:
            raise Problem(404, "no system of this id is known, or not any more")
        if found.system.joined is not None:
            other = f"/report/system/{quote(found.system.joined, safe='')}.{form}"
            query = asked.request.url.query
            return RedirectResponse(f"{other}?{query}" if query else other, 307)
        wanted = ReportWish(system=id_, **asked.bounds("UTC"))
        return await sent(asked, wanted, form, found.name[asked.language])

    return router


def _zone(shown: Shown) -> str:
    """Whose days a report of all is of: those of the first place."""
    return next((place.timezone for place in shown.places), "UTC")


def _today(shown: Shown) -> date:
    return datetime.fromtimestamp(shown.now(), UTC).date()
