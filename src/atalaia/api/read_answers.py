"""The answers to who reads: made from memory, once for all who ask.

What may block (an incident's life, the log further back, GOLD, the gazetteer) goes to a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import islice
from typing import Any
from zlib import crc32

import msgspec

from atalaia import __version__
from atalaia.api.cached import AnswerCache, JsonAnswer
from atalaia.api.cursors import cursor, number, position
from atalaia.api.incidents import alert_line, with_entries
from atalaia.api.problem import Problem, wished
from atalaia.api.read_items import (
    measure_item,
    rule_item,
    runs_item,
    series_item,
    station_item,
    stations_in_box,
    town_items,
    wanted_variables,
)
from atalaia.api.shown import Shown
from atalaia.detect.course import courses
from atalaia.detect.eyes_of import STATIONS, KnownStation, eyes_of, known_stations
from atalaia.domain.alert import instant
from atalaia.domain.hazard import LEVEL_OF
from atalaia.domain.place import Place
from atalaia.domain.reading import NO_TIME, Bools
from atalaia.domain.words import LANGUAGES


class ReadAnswers:
    """Makes the answers. All but threads happens on the event loop."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._answers = AnswerCache()
        self._stations: tuple[int, list[KnownStation]] = -1, []  # of a minute
        self._lives = asyncio.Semaphore(8)  # threads that read the log at the same time

    @property
    def _version(self) -> int:
        return self._shown.view.version

    # Places

    def places(self, limit: int, given: str | None) -> JsonAnswer:
        """Watched places after a cursor."""
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
            items = [
                self._place_item(place, is_known)
                for place, is_known in zip(every, has_data[first : first + limit], strict=True)
            ]
            return msgspec.json.encode({"items": items, "next": ahead})

        has_data = self._has_data().tolist()
        version = (self._version, tuple(has_data))
        return self._answers.made(("places", first, limit), version, make)

    def rules(self) -> JsonAnswer:
        """Those in force."""
        rules = self._shown.rules
        items = [rule_item(rule) for rule in rules.rules]
        shown = {"name": rules.name, "items": items, "next": None}
        return self._answers.made(("rules",), 0, lambda: msgspec.json.encode(shown))

    async def place(self, place_id: str) -> JsonAnswer:
        """A place with its rules and its climate."""
        place = self._place(place_id)
        climate = await self._shown.history.climate(place_id)
        at = self._shown.places.position[place.id]
        newest_at = int(self._shown.sight().newest_at[at])
        has_data = bool(self._has_data()[at])
        shown = {
            **self._place_item(place, has_data),
            "newest_at": None if newest_at == NO_TIME else instant(newest_at),
            "rules": [
                rule_item(rule)
                for rule in self._shown.rules.rules
                if (place.area is not None or not rule.places) and rule.judges_at(place)
            ],
            "climate": None if climate is None else climate.model_dump(),
        }
        version = (self._version, id(climate), newest_at, has_data)
        return self._answers.made(("place", place_id), version, lambda: msgspec.json.encode(shown))

    async def stations(self, place_id: str) -> JsonAnswer:
        """The instruments that speak for a place."""
        place = self._place(place_id)
        kept = await asyncio.to_thread(self._shown.state.load, STATIONS)
        items = [station_item(eye) for eye in eyes_of(kept, place)]
        body = msgspec.json.encode({"place_id": place.id, "items": items})
        return self._answers.made(("stations", place.id), hash(body), lambda: body)

    async def known_stations(self, bbox: str) -> JsonAnswer:
        """The instruments within a box; the same for a minute."""
        minute = int(self._shown.now()) // 60
        asked = ("known stations", bbox)
        held = self._answers.get(asked, minute)
        if held is not None:
            return held
        if self._stations[0] != minute:
            kept = await asyncio.to_thread(self._shown.state.load, STATIONS)
            self._stations = minute, await asyncio.to_thread(known_stations, kept)
        try:
            found = stations_in_box(self._stations[1], bbox)
        except ValueError:
            raise Problem(422, "bbox: four numbers in degrees, west,south,east,north") from None
        return self._answers.put(asked, minute, msgspec.json.encode(found))

    async def readings(self, place_id: str, hours: int, asked: str | None) -> JsonAnswer:
        """A place's series; `asked` are variables, separated by commas."""
        place = self._place(place_id)
        wanted = wished(lambda: wanted_variables(asked, self._shown.rules))
        at = self._shown.places.position[place.id]
        found = await self._shown.history.readings(at, wanted, hours)
        shown = {
            "place_id": place.id,
            "hours": hours,
            "series": [series_item(series) for series in found],
        }
        body = msgspec.json.encode(shown)
        return self._answers.made(("readings", place.id, hours, asked), hash(body), lambda: body)

    async def measures(self, place_id: str, hours: int) -> JsonAnswer:
        """What the rules make of a place's readings; the same for a minute."""
        shown, place = self._shown, self._place(place_id)
        now = int(shown.now())
        minute = now // 60
        asked = ("measures", place.id, hours)
        held = self._answers.get(asked, minute)
        if held is not None:
            return held
        names = dict.fromkeys(name for rule in shown.rules.rules for name in rule.inputs)
        rows = await shown.history.rows(shown.places.position[place.id], list(names))

        def make() -> bytes:
            found = courses(shown.rules, shown.places, shown.norms(), shown.expected_s, rows, now)
            items = [measure_item(course, now - hours * 3600) for course in found]
            items = [item for item in items if item["times"]]
            return msgspec.json.encode({"place_id": place.id, "hours": hours, "measures": items})

        async with self._lives:
            body = await asyncio.to_thread(make)
        return self._answers.put(asked, minute, body)

    async def chances(self, place_id: str) -> JsonAnswer:
        """What ensembles say of a place, by the rules in force."""
        place = self._place(place_id)
        told = await self._shown.history.chances(self._shown.places.position[place.id])
        by_hash = {rule.digest: rule for rule in self._shown.rules.rules if rule.judges_at(place)}
        items = [runs_item(by_hash[one.rule_hash], one) for one in told if one.rule_hash in by_hash]
        body = msgspec.json.encode({"place_id": place.id, "chances": items})
        return self._answers.made(("chances", place.id), hash(body), lambda: body)

    def _place(self, place_id: str) -> Place:
        place = self._shown.places.get(place_id)
        if place is None:
            raise Problem(404, "no such place is watched; GET /v1/places lists them")
        return place

    def _place_item(self, place: Place, has_data: bool) -> dict[str, Any]:
        levels = self._shown.view.levels(place.id)
        return {**msgspec.structs.asdict(place), "levels": levels, "has_data": has_data}

    def _has_data(self) -> Bools:
        """Of which places anything is known now."""
        return self._shown.sight().has_data(int(self._shown.now()))

    # Incidents and alerts

    def incidents(
        self,
        active: bool | None,
        place: str | None,
        hazard: str | None,
        level: str | None,
        limit: int,
        given: str | None,
    ) -> JsonAnswer:
        """Incidents before a cursor, the newest first."""
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

    async def incident(self, key: str) -> JsonAnswer:
        """An incident with its life."""
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

    async def alerts(self, after: int | None, limit: int, given: str | None) -> JsonAnswer:
        """Entries of the log after a number or a cursor; without either, the newest."""
        at = number("alerts", given)
        at = after if at is None else at
        if at is not None and at > self._shown.view.seq:  # which may be behind the log
            async with self._lives:
                latest = await asyncio.to_thread(self._shown.state.latest, 1)
            if at > max((seq for seq, _ in latest), default=0):
                at = None  # of a log that was set back since: what is new has lower numbers
        held = self._shown.view.alerts(at, limit)
        if held is None:
            async with self._lives:
                log = self._shown.state.alerts
                read = await asyncio.to_thread(lambda: list(log(at or 0, limit)))
            held = [(seq, alert_line(seq, entry)) for seq, entry in read]
        newest = held[-1][0] if held else 0
        ahead = cursor("alerts", newest) if 0 < newest < self._shown.view.seq else None
        body = _page([line for _, line in held], ahead)
        return self._answers.made(("alerts", at, limit), hash(body), lambda: body)

    # How things stand

    def sources(self) -> JsonAnswer:
        """How the sources are doing, and where they cannot be seen."""
        shown = {
            "items": [item.model_dump() for item in self._shown.sources()],
            "next": None,
            "blind": self._blind(),
        }
        body = msgspec.json.encode(shown)
        return self._answers.made(("sources",), hash(body), lambda: body)

    def summary(self) -> dict[str, Any]:
        """How things stand, with a tag that stays while nothing but the time has changed."""
        shown = self._shown
        now = int(shown.now())
        seen = shown.sight()
        has_data, answered = seen.has_data(now), int(seen.has_answered.sum())
        stands = (self._version, crc32(has_data.tobytes(), answered))

        def make() -> bytes:
            known = list(zip(shown.places, has_data.tolist(), strict=True))
            return msgspec.json.encode(
                {
                    "now": instant(now),
                    "places": len(shown.places),
                    "answered": answered,
                    "calm": sum(
                        is_known and not shown.view.levels(place.id) for place, is_known in known
                    ),
                    "no_data": [place.id for place, is_known in known if not is_known],
                    "active": shown.view.counts(),
                    "blind": self._blind(),
                    "subscribers_channels": list(shown.channels),
                    "languages": list(LANGUAGES),
                    "rules": shown.rules.name,
                    "version": __version__,
                    "seq": shown.view.seq,
                }
            )

        answer = self._answers.made(("summary",), (*stands, now), make)
        return {"answer": answer, "tag": 'W/"{}-{}-{:x}"'.format(__version__, *stands)}

    def _blind(self) -> list[dict[str, Any]]:
        return [
            {"source": source, "since": instant(blind.since), "places": sorted(blind.places)}
            for source, blind in sorted(self._shown.view.blind.items())
        ]

    async def towns(self, q: str, limit: int) -> JsonAnswer:
        """Towns by name."""
        held = self._answers.get(("towns", q, limit), 0)
        if held is not None:
            return held
        async with self._lives:
            items = await asyncio.to_thread(town_items, q, limit, self._shown.places)
        shown = {"items": items, "next": None}
        return self._answers.put(("towns", q, limit), 0, msgspec.json.encode(shown))


def _page(bodies: Sequence[bytes], ahead: str | None) -> bytes:
    return b'{"items":[%b],"next":%b}' % (b",".join(bodies), msgspec.json.encode(ahead))
