"""What a place's last days and its climate were, as the API shows them: from memory, and from GOLD.

batches ─► recent ─┐
GOLD ────► past ───┴─► /v1   (in threads, one at a time, and only for what memory lacks)
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import Generic, Protocol, TypeVar

from atalaia.api import read_models as models
from atalaia.api.climate_view import has_climate, read_climate_item
from atalaia.api.problem import Problem
from atalaia.api.recent import KEEP_S, Recent, Rows, Series, readings_in, series_of
from atalaia.batch.upkeep import refined
from atalaia.domain.decoded import Decode
from atalaia.domain.place import Places
from atalaia.domain.reading import Bools, Readings
from atalaia.domain.rule import RuleSet
from atalaia.domain.rule_counts import RuleCounts
from atalaia.errors import QueryInvalid
from atalaia.lake.fan import newest_runs
from atalaia.lake.past import past_readings, seen_hours
from atalaia.logs import Logger
from atalaia.ports import Home

SEEN_FOR_S = 300
"""GOLD is made every 15 minutes; who looks at many hours asks once."""

NEWEST_S = 3 * 3600
"""What is older is no value of now, of any source."""

_NEIGHBOURS = 50
"""Places whose past is read together: a few thousand rows, in a tenth of a second."""

_TRIES = 2
_MINUTE_S = 60
_CLIMATE_S = 3600
_MOST_KEPT = 500
_MOST_WAITING = 8
_TAIL = 20_000
"""Payloads of the stream that are read again after a start, at most."""

T = TypeVar("T")

log = Logger()


class PlaceHistory(Protocol):
    """What was at a place. Raises Problem where it cannot be read now."""

    async def readings(self, place: int, variables: Sequence[str], hours: int) -> list[Series]:
        """The series of the place at this position: the last hours, and the hours to come."""
        ...

    async def rows(self, place: int, variables: Sequence[str]) -> Readings:
        """All that is at hand of the place, as the watch takes it."""
        ...

    async def chances(self, place: int) -> list[RuleCounts]:
        """What the rules that name a chance make of the hours to come by the newest ensembles."""
        ...

    async def climate(self, place_id: str) -> models.ClimateItem | None:
        """A place's climate; None: none was computed."""
        ...

    async def seen(self, since: int, hours: int, reach: Mapping[str, int]) -> Bools:
        """Shape (places, hours): whether each was seen at the full hours from `since` on. `reach`:
        by source, for how many hours one value stands; 1 where it is not named."""
        ...

    async def newest(self, variable: str) -> Readings:
        """What was read of a variable at all places in the last `NEWEST_S`, no forecasts."""
        ...


class MemoryHistory:
    """Fills `PlaceHistory` beside a watch in the same process, which tells it of each batch."""

    def __init__(
        self,
        places: Places,
        rules: RuleSet,
        home: Home,
        decode: Decode,
        now: Callable[[], float],
    ) -> None:
        self._places = places
        self._variables = rules.variables
        self._by_chance = chance_hashes(rules)
        self._home = home
        self._decode = decode
        self._now = now
        self._began_at = int(now())
        self._recent = Recent(self._began_at)
        self._tail_until = home.stream.last_offset()
        self._tail: asyncio.Task[None] | None = None
        self._groups: dict[int, asyncio.Task[None]] = {}
        self._compacting: asyncio.Task[None] | None = None
        self._past: TimedCache[Readings] = TimedCache(_MINUTE_S)
        self._chances: TimedCache[list[RuleCounts]] = TimedCache(_MINUTE_S)
        self._seen: TimedCache[Bools] = TimedCache(SEEN_FOR_S)
        self._newest: TimedCache[Readings] = TimedCache(SEEN_FOR_S)
        self._climates: TimedCache[models.ClimateItem | None] = TimedCache(_CLIMATE_S)
        self._one_at_a_time = asyncio.Semaphore(1)
        self._waiting = 0

    def hear(self, readings: Readings) -> None:
        """Take up a batch that was lived through. On the event loop."""
        is_much = self._recent.take(readings)
        if is_much and (self._compacting is None or self._compacting.done()):
            compact = asyncio.to_thread(self._recent.compact, int(self._now()))
            self._compacting = asyncio.create_task(compact)

    async def readings(self, place: int, variables: Sequence[str], hours: int) -> list[Series]:
        """The series of a place, from memory; what was before this start is read into it once.

        What memory does not hold (variables that no rule names, and what it had to let go) comes
        from GOLD each time, for a minute.
        """
        now = int(self._now())
        since = now - hours * 3600
        parts = await self._parts(place, variables, since, now)
        return list(series_of(parts, self._recent.sources, variables, since, now))

    async def rows(self, place: int, variables: Sequence[str]) -> Readings:
        """See `PlaceHistory.rows`."""
        now = int(self._now())
        parts = await self._parts(place, variables, now - KEEP_S, now)
        return readings_in(parts, self._recent.sources)

    async def _parts(
        self, place: int, variables: Sequence[str], since: int, now: int
    ) -> list[Rows]:
        if since < self._began_at:
            await self._caught_up()
            await self._taken_up(place // _NEIGHBOURS)
        in_memory = self._variables
        has_let_go = since < self._recent.since and self._recent.since > self._began_at
        missing = [name for name in variables if has_let_go or name not in in_memory]
        parts = self._recent.of(place)
        if missing:
            parts.append(self._recent.rows_of(await self._from_gold(place, missing, now)))
        return parts

    # From the stores, in threads

    async def _caught_up(self) -> None:
        """What came before this start and is not in GOLD yet is read from the stream, once."""
        if self._tail is None or (self._tail.done() and self._tail.exception() is not None):
            self._tail = asyncio.create_task(asyncio.to_thread(self._read_tail))
        await asyncio.shield(self._tail)

    def _read_tail(self) -> None:
        after = max(refined(self._home.state), self._tail_until - _TAIL)
        while after < self._tail_until:
            records = self._home.stream.read(after, 64)
            if not records:
                return
            after = records[-1].offset
            payloads = [one.payload for one in records if one.offset <= self._tail_until]
            decoded = self._decode(payloads, self._variables)
            self._recent.take(decoded.readings)

    async def _taken_up(self, group: int) -> None:
        """What GOLD holds of a group of places goes into memory: one look for all of them."""
        task = self._groups.get(group)
        if task is None or (task.done() and task.exception() is not None):
            task = self._groups[group] = asyncio.create_task(self._take_up(group))
        await asyncio.shield(task)

    async def _take_up(self, group: int) -> None:
        first, every = group * _NEIGHBOURS, self._places
        places = range(first, min(first + _NEIGHBOURS, len(every)))
        variables = sorted(self._variables)
        async with self._one_at_a_time:
            past = await asyncio.to_thread(self._read_past, places, variables, self._began_at)
        self.hear(past)

    async def _from_gold(self, place: int, variables: Sequence[str], now: int) -> Readings:
        asked = (place, tuple(variables))
        held = self._past.get(asked)
        if held is not None:
            return held[0]
        read = await self._alone(lambda: self._read_past([place], variables, now))
        return self._past.put(asked, read)

    def _read_past(self, places: Iterable[int], variables: Sequence[str], now: int) -> Readings:
        positions = {self._places[place].id: place for place in places}
        home, since = self._home, now - KEEP_S
        read = partial(past_readings, home.lake, home.sql, positions, variables, since, now)
        return self._tried(read)

    async def chances(self, place: int) -> list[RuleCounts]:
        """See `PlaceHistory.chances`; the same for a minute."""
        held = self._chances.get(place)
        if held is not None:
            return held[0]
        found = await self._alone(lambda: self._newest_runs(place)) if self._by_chance else []
        return self._chances.put(place, found)

    def _newest_runs(self, place: int) -> list[RuleCounts]:
        home, place_id, now = self._home, self._places[place].id, int(self._now())
        hashes = self._by_chance
        return self._tried(partial(newest_runs, home.lake, home.sql, place_id, place, hashes, now))

    async def climate(self, place_id: str) -> models.ClimateItem | None:
        """See `PlaceHistory.climate`; one that was read is held for an hour."""
        held = self._climates.get(place_id)
        if held is not None:
            return held[0]
        lake = self._home.lake
        if not await asyncio.to_thread(has_climate, lake, place_id):
            return self._climates.put(place_id, None)
        read = partial(read_climate_item, lake, place_id)
        return self._climates.put(place_id, await self._alone(read))

    async def seen(self, since: int, hours: int, reach: Mapping[str, int]) -> Bools:
        """See `PlaceHistory.seen`; the same for some minutes."""
        held = self._seen.get(since)
        if held is None:
            home, positions = self._home, self._places.position
            read = partial(seen_hours, home.lake, home.sql, positions, reach, since, hours)
            held = (self._seen.put(since, await self._alone(lambda: self._tried(read))),)
        return held[0]

    async def newest(self, variable: str) -> Readings:
        """See `PlaceHistory.newest`; what is newer than GOLD is from memory."""
        now, recent = int(self._now()), self._recent
        held = self._newest.get(variable)
        if held is None:
            read = partial(self._read_newest, variable, now)
            held = (self._newest.put(variable, await self._alone(read)),)
        parts = [recent.rows_of(held[0])] if len(held[0]) else []
        return readings_in([*parts, *recent.since_of(now - NEWEST_S, variable)], recent.sources)

    def _read_newest(self, variable: str, now: int) -> Readings:
        home, positions = self._home, self._places.position
        since = now - NEWEST_S
        read = partial(past_readings, home.lake, home.sql, positions, [variable], since, now)
        return self._tried(read)

    def _tried(self, read: Callable[[], T]) -> T:
        for _ in range(_TRIES):
            try:
                return read()
            except QueryInvalid as error:  # of a file that refine has just replaced
                reason = str(error)
        # Whoever asks needs no folder of ours; who runs this does.
        log.warning("GOLD was not read", reason=reason[:500])
        raise Problem(503, "GOLD cannot be read just now; come again")

    async def _alone(self, do: Callable[[], T]) -> T:
        """In a thread, one at a time, so that the watch keeps the machine; few may wait."""
        if self._waiting >= _MOST_WAITING:
            raise Problem(
                503, "too many ask for the past at once; come again", headers={"Retry-After": "2"}
            )
        self._waiting += 1
        try:
            async with self._one_at_a_time:
                return await asyncio.to_thread(do)
        finally:
            self._waiting -= 1


def chance_hashes(rules: RuleSet) -> frozenset[str]:
    """By which GOLD knows the rules that name a chance."""
    return frozenset(rule.digest for rule in rules.rules if rule.chance)


class TimedCache(Generic[T]):
    """The last answers of a store, each for so many seconds."""

    def __init__(self, for_s: float) -> None:
        self._for_s = for_s
        self._held: OrderedDict[Hashable, tuple[float, T]] = OrderedDict()

    def get(self, asked: Hashable) -> tuple[T] | None:
        """In a tuple, as what is held may be None; None: nothing is held of it."""
        found = self._held.get(asked)
        if found is None or time.monotonic() - found[0] > self._for_s:
            return None
        return (found[1],)

    def put(self, asked: Hashable, value: T) -> T:
        """Hold it."""
        self._held.pop(asked, None)
        self._held[asked] = (time.monotonic(), value)
        while len(self._held) > _MOST_KEPT:
            self._held.popitem(last=False)
        return value
