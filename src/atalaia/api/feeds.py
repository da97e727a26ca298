"""Open feeds, for other programs: CAP 1.2 with an Atom index, GeoJSON, a calendar, events.

They need no key and may be read from any page. What has not changed is not sent again (ETag; of a
CAP message, which never changes, If-Modified-Since too), and is made once for all who ask.
"""

# Without postponed annotations: routes name their dependencies in them.

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from lxml import etree  # type: ignore[import-untyped]

from atalaia.api import cap, geojson, ical
from atalaia.api.alert_view import AlertView, Snapshot
from atalaia.api.cached import tag_of
from atalaia.api.events import HEADERS, MOST_CLIENTS, Events
from atalaia.api.problem import Problem, errors
from atalaia.api.system_view import SystemView
from atalaia.domain.alert import LogEntry, instant
from atalaia.domain.hazard import LEVEL_OF, Hazard, Level
from atalaia.domain.in_part import Numbered, places_under
from atalaia.domain.place import Place
from atalaia.settings.feeds import Cap

ATOM = "http://www.w3.org/2005/Atom"
ATOM_TYPE = "application/atom+xml; charset=utf-8"
_KINDS = {geojson.MEDIA_TYPE: "object"}
"""What an answer is to who reads the description of the API; else a text."""

_ALWAYS = ("/feeds/alerts.geojson", "/feeds/systems.geojson")
"""What is there also where nothing goes on."""

FRESH_S = 10
"""How long an index may be kept without asking again; a message, which never changes, longer."""
_MESSAGE_FRESH_S = 3600

_RETRY_AFTER_S = 30
_NUMBER = re.compile(r"[0-9]{1,18}")

Language = Literal["pt-BR", "en", "es"]
Word = Literal["watch", "yellow", "orange", "red"]


class Only(NamedTuple):
    """What of the alerts somebody wants: of one place, of one hazard, from a level on.

    Of an incident that fell back the level that it stands at counts, and its end is of all levels.
    """

    place: str | None = None
    hazard: str | None = None
    level: Level = Level.NONE

    def has(self, entry: LogEntry) -> bool:
        """Whether it wants this."""
        alert = entry.alert
        return (
            (self.place is None or self.place in places_under(entry))
            and (self.hazard is None or alert.hazard == self.hazard)
            and (alert.is_over or LEVEL_OF[alert.level] >= self.level)
        )

    @property
    def query(self) -> str:
        """As it stands in an address; empty: it wants all."""
        level = self.level.word if self.level else None
        said = {"place": self.place, "hazard": self.hazard, "level": level}
        asked = urlencode({name: text for name, text in said.items() if text is not None})
        return f"?{asked}" if asked else ""


def _shown(now: Snapshot, place: str | None) -> Iterator[ical.CalendarEvent]:
    """What is open by its gravest part, or at one place by the part that stands there."""
    for (_, entry), parts, newest in zip(now.open, now.stands, now.newest, strict=True):
        there = (part for _, part in parts if place in part.places)
        yield ical.CalendarEvent(next(there, entry), newest)


@dataclass(frozen=True, slots=True)
class _Page:
    """A body that was made, with what tells whether it has changed.

    made_at   Unix seconds, of what never changes; None: it does, and more than once in a second or
              with news of an instant before. Who asked by its date would not hear of all of it
    """

    body: bytes
    tag: str
    made_at: int | None = None


def routes(
    view: AlertView,
    systems: SystemView,
    listeners: Events | None,
    life: Callable[[str], Sequence[Numbered]],
    places: Mapping[str, Place],
    speaker: Cap,
) -> APIRouter:
    """The routes, under /feeds, and /v1/events.

    listeners    who listens to /v1/events; None: no answer that goes on passes the gateway in front
    life         all entries of an incident, by version; may block
    speaker      who speaks in CAP, and where others reach this service; empty: as they ask for it
    """
    issuer = cap.Issuer(speaker.sender)
    router = APIRouter(tags=["feeds"])

    @lru_cache(maxsize=64)
    def index(seq: int, language: str, base_url: str, only: Only) -> _Page:  # noqa: ARG001
        now = view.now
        return _page(_atom(now, language, base_url, issuer, only))

    @lru_cache(maxsize=64)
    def calendar(seq: int, language: str, only: Only) -> _Page:  # noqa: ARG001
        now = view.now
        chosen = [one for one in _shown(now, only.place) if only.has(one.entry)]
        return _page(ical.calendar(chosen, language, places, issuer.sender))

    def wanted(
        place: str | None = None, hazard: Hazard | None = None, level: Word | None = None
    ) -> Only:
        if place is not None and place not in places:
            raise Problem(
                404, f"no place with the id {place[:40]!r} is watched; /v1/places lists them"
            )
        return Only(place, hazard, LEVEL_OF[level] if level else Level.NONE)

    asked = Annotated[Only, Depends(wanted)]

    @lru_cache(maxsize=1)
    def collection(seq: int) -> _Page:  # noqa: ARG001
        return _page(geojson.of_alerts(view.now, places))

    def cap_atom(request: Request, only: asked, lang: Language = "pt-BR") -> Response:
        """The newest 300 CAP messages, newest first, as an Atom feed that leads to each.

        Of them only those of one place, of one hazard, or from a level on, where asked for.
        """
        base_url = speaker.public_url or str(request.base_url).rstrip("/")
        page = index(view.now.seq, lang, base_url, only)
        return _answer(request, page, ATOM_TYPE, FRESH_S)

    def alerts_ics(request: Request, only: asked, lang: Language = "pt-BR") -> Response:
        """What is going on or foretold, as a calendar (iCalendar) to subscribe to.

        Of it only that of one place, of one hazard, or from a level on, where asked for.
        """
        page = calendar(view.now.seq, lang, only)
        return _answer(request, page, ical.MEDIA_TYPE, FRESH_S)

    def cap_message(request: Request, name: str) -> Response:
        """One entry of the alert log as a CAP 1.2 message."""
        found = cap.incident_of(name)
        entries = [entry for _, entry in life(found[0])] if found else []
        position = next((i for i, e in enumerate(entries) if e.alert.version == found[1]), None)  # type: ignore[index]
        if position is None:
            raise Problem(404, "there is no such message; /feeds/cap.atom lists the newest")
        entry, earlier = entries[position], entries[:position]
        system = systems.system_of(entry.alert.incident, entry.alert.sent_at)
        body = cap.to_cap(entry, earlier, places, issuer, system)
        page = _page(body, entry.alert.sent_at)
        return _answer(request, page, cap.MEDIA_TYPE, _MESSAGE_FRESH_S)

    def alerts_geojson(request: Request) -> Response:
        """Incidents that are going on, each with the places or the area that it concerns."""
        return _answer(request, collection(view.now.seq), geojson.MEDIA_TYPE, FRESH_S)

    systems_geojson, system_geojson = _of_systems(systems, view, places)
    for path, answer, media in (
        ("/feeds/cap.atom", cap_atom, "application/atom+xml"),
        ("/feeds/cap/{name}.xml", cap_message, cap.MEDIA_TYPE),
        ("/feeds/alerts.geojson", alerts_geojson, geojson.MEDIA_TYPE),
        ("/feeds/systems.geojson", systems_geojson, geojson.MEDIA_TYPE),
        ("/feeds/systems/{system}.geojson", system_geojson, geojson.MEDIA_TYPE),
        ("/feeds/alerts.ics", alerts_ics, "text/calendar"),
    ):
        told: dict[int | str, dict[str, Any]] = {
            200: {"content": {media: {"schema": {"type": _KINDS.get(media, "string")}}}},
            304: {"description": "Not changed"},
            **({} if path in _ALWAYS else errors(404)),  # one thing is asked for
        }
        router.add_api_route(path, answer, response_class=Response, responses=told)
        router.add_api_route(path, answer, methods=["HEAD"], include_in_schema=False)

    @router.get(
        "/v1/events",
        response_class=Response,
        responses={
            200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
            501: {"description": "Nothing that goes on passes the gateway: ask `/v1/alerts`"},
        },
    )
    async def events(
        after: Annotated[int | None, Query(ge=0)] = None,
        last_event_id: Annotated[str, Header()] = "",
    ) -> Response:
        """Each entry of the alert log as it is committed; its number is the event's id.

        Goes on after `Last-Event-ID`, or after the query's `after`; else begins now.
        """
        if listeners is None:
            raise _not_here()
        if listeners.is_full:
            raise Problem(
                503,
                f"{MOST_CLIENTS} listen already; come again, or poll /feeds/alerts.geojson",
                headers={"Retry-After": str(_RETRY_AFTER_S)},
            )
        # EventSource sends what it heard last by itself, which goes before the page's own query.
        heard = int(last_event_id) if _NUMBER.fullmatch(last_event_id) else after
        return listeners.stream(heard)

    @router.head("/v1/events", include_in_schema=False)
    def events_head() -> Response:
        if listeners is None:
            raise _not_here()
        return Response(headers=HEADERS)

    return router


_Answering = Callable[..., Response]


def _of_systems(
    systems: SystemView, view: AlertView, places: Mapping[str, Place]
) -> tuple[_Answering, _Answering]:
    """What answers of those that go on, and of how one went."""

    @lru_cache(maxsize=1)
    def system_collection(seq: int) -> _Page:
        return _page(geojson.of_systems(seq, systems.open(), places))

    def systems_geojson(request: Request) -> Response:
        """Systems that are going on: incidents that are one weather, each with its outline."""
        return _answer(request, system_collection(view.now.seq), geojson.MEDIA_TYPE, FRESH_S)

    @lru_cache(maxsize=16)
    def system_steps(seq: int, system: str) -> _Page | None:
        steps = systems.history(system)
        return _page(geojson.of_steps(seq, system, steps, places)) if steps else None

    def system_geojson(request: Request, system: str) -> Response:
        """How one of these went: its outline and its places at each of up to 48 instants."""
        page = system_steps(view.now.seq, system)
        if page is None:
            raise Problem(404, "no such system goes on; /feeds/systems.geojson lists those that do")
        return _answer(request, page, geojson.MEDIA_TYPE, FRESH_S)

    return systems_geojson, system_geojson


def _not_here() -> Problem:
    return Problem(
        501,
        "no answer that goes on passes the gateway in front of this service; ask "
        "/v1/alerts?after=SEQ, or /feeds/alerts.geojson, now and then, with If-None-Match",
        headers={"Link": f'</feeds/alerts.geojson>; rel="alternate"; type="{geojson.MEDIA_TYPE}"'},
    )


# What has not changed


def _page(body: bytes, made_at: int | None = None) -> _Page:
    return _Page(body, tag_of(body), made_at)


def _newest(now: Snapshot) -> int:
    return now.recent[0][1].alert.sent_at if now.recent else 0


def _answer(request: Request, page: _Page, media: str, fresh_s: int) -> Response:
    headers = {
        "ETag": page.tag,
        "Cache-Control": f"public, max-age={fresh_s}",
        "Access-Control-Allow-Origin": "*",
    }
    if page.made_at is not None:
        headers["Last-Modified"] = formatdate(page.made_at, usegmt=True)
    if _is_known(request, page):
        return Response(status_code=304, headers=headers)
    return Response(page.body, media_type=media, headers=headers)


def _is_known(request: Request, page: _Page) -> bool:
    """Whether who asks has it already."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        return tags.strip() == "*" or page.tag in [
            tag.strip().removeprefix("W/") for tag in tags.split(",")
        ]
    since = request.headers.get("if-modified-since")
    if since is None or page.made_at is None:
        return False
    try:
        return parsedate_to_datetime(since) >= datetime.fromtimestamp(page.made_at, UTC)
    except (ValueError, TypeError):  # no date, or one without a zone
        return False


# Atom


def _atom(now: Snapshot, language: str, base_url: str, issuer: cap.Issuer, only: Only) -> bytes:
    """RFC 4287. Each entry leads to its CAP message."""
    feed = etree.Element(f"{{{ATOM}}}feed", nsmap={None: ATOM})
    feed.set("{http://www.w3.org/XML/1998/namespace}lang", language)
    own = f"{base_url}/feeds/cap.atom{only.query}"
    _text(feed, "id", f"tag:{issuer.sender},2026:feeds/cap.atom{only.query}")
    _text(feed, "title", cap.TITLES[language])
    _text(feed, "updated", instant(_newest(now)))
    _text(etree.SubElement(feed, f"{{{ATOM}}}author"), "name", "Atalaia")
    _link(feed, "self", own, "application/atom+xml")
    for entry in (entry for _, entry in now.recent if only.has(entry)):
        _atom_entry(feed, entry, language, base_url, issuer)
    body: bytes = etree.tostring(feed, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return body


def _atom_entry(
    feed: Any, entry: LogEntry, language: str, base_url: str, issuer: cap.Issuer
) -> None:
    alert = entry.alert
    name = cap.identifier(alert)
    one = etree.SubElement(feed, f"{{{ATOM}}}entry")
    _text(one, "id", f"tag:{issuer.sender},2026:{name}")
    _text(one, "title", cap.headline(alert.text[language]))
    _text(one, "updated", instant(alert.sent_at))
    _text(one, "published", instant(alert.sent_at))
    if entry.official is not None:
        _text(etree.SubElement(one, f"{{{ATOM}}}author"), "name", cap.clean(entry.official.issuer))
    _link(one, "alternate", f"{base_url}/feeds/cap/{name}.xml", cap.MEDIA_TYPE)
    for term in (alert.hazard, alert.level, alert.type):
        etree.SubElement(one, f"{{{ATOM}}}category").set("term", term)
    _text(one, "summary", cap.clean(alert.text[language]))


def _text(parent: Any, name: str, text: str) -> None:
    etree.SubElement(parent, f"{{{ATOM}}}{name}").text = text


def _link(parent: Any, rel: str, href: str, media: str) -> None:
    link = etree.SubElement(parent, f"{{{ATOM}}}link")
    for name, value in (("rel", rel), ("href", href), ("type", media)):
        link.set(name, value)
