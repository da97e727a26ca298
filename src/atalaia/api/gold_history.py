"""What the API shows of a place: its last days and its climate, for which Athena is asked, and what
is foretold, which its item of the watch's state has: the newest of each hour.

Nothing is fetched to the function: its disk holds no file, and its memory the rows of one answer.
Of the readings the folders of four days are read, of the climate one place's file. A query of
one's own is an analyst's, with a role of their own.
"""

# The SQL here is put together from GOLD's own names, instants, and quoted ids.
# ruff: noqa: S608

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np

from atalaia.api import read_models as models
from atalaia.api.climate_view import PERCENTILES, climate_item, folder_of
from atalaia.api.history import NEWEST_S, TimedCache, chance_hashes
from atalaia.api.problem import Problem
from atalaia.api.recent import KEEP_S, Recent, Rows, Series, readings_in, series_of
from atalaia.detect.items import forecasts_in
from atalaia.domain.place import Places
from atalaia.domain.reading import Bools, Readings
from atalaia.domain.rule import RuleSet
from atalaia.domain.rule_counts import RuleCounts
from atalaia.errors import QueryInvalid, StateConflict
from atalaia.lake.fan import counts_of, runs_sql
from atalaia.lake.past import readings_of
from atalaia.lake.seen import HOUR_S, MOST_REACH, seen_at, seen_sql
from atalaia.logs import Logger
from atalaia.ports import Result, Sql

MOST_ROWS = 20_000
"""Of one place, the newest first: three days of a row a minute, from four sources."""

MOST_NEWEST = 50_000
"""Of all places, the newest first: three hours of a row every 15 minutes at 4,000 places."""

KEPT_S, CLIMATE_S = 300.0, 6 * 3600.0
"""GOLD is made every 15 minutes, and the climate learnt every week: Athena is paid a question."""

ANSWER_S = 20.0
"""A question that is not answered by then is cancelled: an HTTP API waits for 30 seconds."""

_CLIMATE = (
    "variable, unit, month, hour, source, first_year, last_year, is_norm, mean, mean_minimum, "
    "mean_maximum"
)
_LEVELS = "variable, unit, window_s, extreme, return_years, level, low, high"

log = Logger()


class GoldHistory:
    """Fills `PlaceHistory` out of GOLD, which is minutes behind; each answer is kept for a while.
    Forecasts are not: they are those of the state.

    now    Unix seconds
    item   of the watch's state, by its key
    rules  those in force; None: no chance is shown
    """

    def __init__(
        self,
        sql: Sql,
        places: Places,
        now: Callable[[], float],
        item: Callable[[str], bytes | None],
        rules: RuleSet | None = None,
    ) -> None:
        self._sql = sql
        self._places = places
        self._by_chance = sorted(chance_hashes(rules)) if rules else []
        self._now = now
        self._item = item
        self._held: TimedCache[Readings] = TimedCache(KEPT_S)
        self._chances: TimedCache[list[RuleCounts]] = TimedCache(KEPT_S)
        self._seen: TimedCache[Bools] = TimedCache(KEPT_S)
        self._newest: TimedCache[Readings] = TimedCache(KEPT_S)
        self._climates: TimedCache[models.ClimateItem | None] = TimedCache(CLIMATE_S)

    async def readings(self, place: int, variables: Sequence[str], hours: int) -> list[Series]:
        """See `PlaceHistory`. Raises Problem where GOLD cannot be read now."""
        now = int(self._now())
        parts, sources = await self._parts(place, variables, now)
        return list(series_of(parts, sources, variables, now - hours * 3600, now))

    async def rows(self, place: int, variables: Sequence[str]) -> Readings:
        """See `PlaceHistory`. Raises Problem where GOLD cannot be read now."""
        return readings_in(*await self._parts(place, variables, int(self._now())))

    async def _parts(
        self, place: int, variables: Sequence[str], now: int
    ) -> tuple[list[Rows], list[str]]:
        asked = (place, tuple(variables))
        held = self._held.get(asked)
        if held is None:
            found = await asyncio.to_thread(self._read, place, variables, now)
            held = (self._held.put(asked, found),)
        foretold = await asyncio.to_thread(self._foretold, place)
        numbers = Recent(now)
        parts = [numbers.rows_of(rows) for rows in (*held, *foretold) if len(rows)]
        return parts, numbers.sources

    async def chances(self, place: int) -> list[RuleCounts]:
        """See `PlaceHistory.chances`. Raises Problem where GOLD cannot be read now."""
        held = self._chances.get(place)
        if held is None:
            found = await asyncio.to_thread(self._newest_runs, place) if self._by_chance else []
            held = (self._chances.put(place, found),)
        return held[0]

    def _newest_runs(self, place: int) -> list[RuleCounts]:
        sql = runs_sql(self._places[place].id, self._by_chance, int(self._now()))
        return counts_of(self._asked(sql).rows, place)

    async def seen(self, since: int, hours: int, reach: Mapping[str, int]) -> Bools:
        """See `PlaceHistory.seen`. Raises Problem where GOLD cannot be read now."""
        held = self._seen.get(since)
        if held is None:
            found = await asyncio.to_thread(self._look, since, hours, reach)
            held = (self._seen.put(since, found),)
        return held[0]

    def _look(self, since: int, hours: int, reach: Mapping[str, int]) -> Bools:
        wanted = "place_id, source, kind, valid_at, received_at"
        rows = _rows_within(wanted, since - MOST_REACH * HOUR_S, since + hours * HOUR_S)
        found = self._asked(seen_sql(f"({rows})", "to_unixtime", since, hours))
        return seen_at(found.rows, self._places.position, reach, hours)

    async def newest(self, variable: str) -> Readings:
        """See `PlaceHistory.newest`. Raises Problem where GOLD cannot be read now."""
        held = self._newest.get(variable)
        if held is None:
            found = await asyncio.to_thread(self._read_newest, variable, int(self._now()))
            held = (self._newest.put(variable, found),)
        return held[0]

    def _read_newest(self, variable: str, now: int) -> Readings:
        columns = "place_id, source, kind, valid_at, received_at, coalesce(period_s, 0) AS period_s"
        within = _rows_within(f'{columns}, "{variable}"', now - NEWEST_S, now)
        sql = (
            f"SELECT * FROM ({within}) AS told WHERE kind <> 'forecast' "
            f'AND "{variable}" IS NOT NULL ORDER BY valid_at DESC LIMIT {MOST_NEWEST}'
        )
        positions = self._places.position
        rows = [row for row in self._asked(sql).rows if row[0] in positions]
        if not rows:
            return Readings.empty()
        place = np.array([positions[row[0]] for row in rows], np.int32)
        return readings_of(place, [row[1:] for row in rows], [variable], _second)

    async def climate(self, place_id: str) -> models.ClimateItem | None:
        """See `PlaceHistory`. Raises Problem where GOLD cannot be read now."""
        held = self._climates.get(place_id)
        if held is None:
            held = (self._climates.put(place_id, await asyncio.to_thread(self._climate, place_id)),)
        return held[0]

    def _read(self, place: int, variables: Sequence[str], now: int) -> Readings:
        if not variables:
            return Readings.empty()
        sql = readings_sql(self._places[place].id, variables, now - KEEP_S, now)
        rows = list(self._asked(sql).rows)
        if not rows:
            return Readings.empty()
        return readings_of(np.full(len(rows), place, np.int32), rows, variables, _second)

    def _foretold(self, place: int) -> list[Readings]:
        body = self._item(f"place:{self._places[place].id}")
        return forecasts_in(body, place) if body is not None else []

    def _climate(self, place_id: str) -> models.ClimateItem | None:
        months, levels = (_named(self._asked(sql)) for sql in climate_sql(place_id))
        for row in months:
            found = [getattr(row, f"p{n}", None) for n in range(1, 100)]
            row.percentiles = found if row.p50 is not None else []
        return climate_item(months, levels) if months or levels else None

    def _asked(self, sql: str) -> Result:
        try:
            return self._sql.run(sql, {})
        except (QueryInvalid, StateConflict) as error:
            log.warning("GOLD was not read", reason=str(error)[:500])
            raise Problem(503, "GOLD cannot be read just now; come again") from None


def readings_sql(place_id: str, variables: Sequence[str], since: int, until: int) -> str:
    """A place's rows in (since, until], from the folders of these days and of their months.

    What a month has may still lie in a day's file, too; such twins are one in a series. Forecasts
    are left out: GOLD has each issue of them, and a chart wants the newest, which the state has.
    """
    names = ", ".join(f'"{name}"' for name in variables)
    columns = "source, kind, valid_at, received_at, coalesce(period_s, 0) AS period_s"
    which = f"place_id = {_quoted(place_id)} AND kind <> 'forecast'"
    rows = _rows_within(f"{columns}, {names}", since, until, which)
    return f"{rows} ORDER BY valid_at DESC LIMIT {MOST_ROWS}"


def _rows_within(columns: str, since: int, until: int, which: str = "true") -> str:
    """Rows of (since, until] of which a condition holds, by the folders of days and of months."""
    first, last = datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(until, UTC)
    days = f"date BETWEEN DATE '{first:%Y-%m-%d}' AND DATE '{last:%Y-%m-%d}'"
    months = ", ".join(f"'{month}'" for month in sorted({f"{first:%Y-%m}", f"{last:%Y-%m}"}))
    where = (
        f"{which} AND {days} "
        f"AND valid_at > TIMESTAMP '{first:%Y-%m-%d %H:%M:%S}' "
        f"AND valid_at <= TIMESTAMP '{last:%Y-%m-%d %H:%M:%S}'"
    )
    return (
        f"SELECT {columns} FROM readings_days WHERE {where} "
        f"UNION ALL SELECT {columns} FROM readings_months WHERE month IN ({months}) AND {where}"
    )


def climate_sql(place_id: str) -> tuple[str, str]:
    """A place's climate and its return levels. The path keeps Athena from other places' files."""
    percentiles = ", ".join(f"element_at(percentiles, {n}) AS p{n}" for n in PERCENTILES)
    folder = _quoted("/" + folder_of(place_id))
    where = f'place_id = {_quoted(place_id)} AND strpos("$path", {folder}) > 0'
    return (
        f"SELECT {_CLIMATE}, {percentiles} FROM climate WHERE {where} AND hour IS NULL "
        "ORDER BY variable, month",
        f"SELECT {_LEVELS} FROM return_levels WHERE {where} AND level IS NOT NULL "
        "ORDER BY variable, window_s, extreme, return_years",
    )


def _named(result: Result) -> list[Any]:
    return [SimpleNamespace(**dict(zip(result.columns, row, strict=True))) for row in result.rows]


def _second(moment: datetime) -> int:
    return int(moment.timestamp())


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
