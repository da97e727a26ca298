"""Letting go in the lake, too: of who was erased, and of deliveries that were kept long enough.

A part that holds such rows is written again without them, one that holds nothing else is removed;
every other row stays as it is. Each file is replaced as a whole, and what is swept already is found
clean, so a sweep that was killed is simply done again. Only files that nobody else writes are
touched: finished parts of RAW, and GOLD by who holds the home's ``refine`` lock, as the caller
must.

```
raw/deliveries/, gold/deliveries/    rows under their pseudonym, and old rows
raw/payloads/source=station/         what they pushed, sealed with the key that was destroyed
gold/readings/source=own-…/          what that was read as
gold/days/source=own-…/              what was made of it
damaged/…                            files of all these that were set aside: whole
```
"""

# The SQL here is put together from GOLD's own names, and pseudonyms are handed over apart.
# ruff: noqa: S608

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from atalaia.batch.mend import ASIDE
from atalaia.errors import PayloadInvalid, StateConflict
from atalaia.lake import gold, raw
from atalaia.logs import Logger
from atalaia.notes import Note
from atalaia.people.bodies import is_sealed, own_source, owner_of
from atalaia.ports import Keys, Lake, Record, State
from atalaia.sources.readings_csv import STATION

if TYPE_CHECKING:
    from atalaia.lake.merge import Workshop

DAY_S = 86_400

EVERY_S = 6 * 3600
"""A sweep is due so long after the one before it."""

_SETTLED_S = DAY_S
"""A part of RAW's payloads is finished so long after its hour: then no archive writes it again."""

_AGAIN_S = 3 * DAY_S
"""Who was erased is looked for again in sweeps that begin so much later: rows of theirs may have
been on their way to a part that was not finished."""

_AT_ONCE = 1_000
"""Files that are removed together, as S3 takes them. A sweep that is killed has removed those of
before, so that the next one gets further."""

_DAY = re.compile(r"/date=(\d{4}-\d\d-\d\d)/")

log = Logger()


class Swept(NamedTuple):
    """What a sweep let go: rows (of readings: files alone are counted), files that were written or
    removed; `unread` files could not be read, and stay as they are until they can."""

    rows: int = 0
    files: int = 0
    unread: int = 0


class _Goal(NamedTuple):
    """Whose rows go, and up to when all go (Unix seconds)."""

    erased: frozenset[str]
    before: int


class _Removed:
    """Files that go, removed many at a time; all of them are by the end of the block."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._keys: list[str] = []

    def __enter__(self) -> _Removed:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._lake.delete_all(self._keys)

    def put(self, key: str, body: bytes | None) -> None:
        """A file with what is kept of it; None: nothing is."""
        if body is not None:
            self._lake.write(key, body)
            return
        self._keys.append(key)
        if len(self._keys) == _AT_ONCE:
            self._lake.delete_all(self._keys)
            self._keys = []


class _Note(msgspec.Struct, frozen=True):
    """When the last whole sweep began."""

    at: int


def is_due(state: State, now: int) -> bool:
    """Whether it is time for a sweep."""
    before = _note(state).get()
    return before is None or not 0 <= now - before.at < EVERY_S


def sweep(state: State, lake: Lake, keys: Keys | None, now: int, keep_s: int) -> Swept:
    """Take out of the lake who was erased since the last sweep, and deliveries older than `keep_s`.

    lake    the home's, with files at hand
    keys    say who was erased; None: the home has no people
    """
    from atalaia.lake.merge import workshop  # noqa: PLC0415  DuckDB: the watch asks `is_due` alone

    note = _note(state)
    before = note.get()
    # One of a time to come was by a clock that was wrong: since when it was so nobody knows.
    since = before.at - _AGAIN_S if before and before.at <= now else 0
    erased = keys.erased() if keys else []
    goal = _Goal(frozenset(who for who, at in erased if at >= since), now - keep_s)
    with _Removed(lake) as files:
        done = list(_deliveries_of_raw(state, lake, goal, files))
        with workshop(lake) as shop:
            done += _deliveries_of_gold(shop, goal, files)
        done += _set_aside(lake, goal, files)
        if goal.erased:
            done += _pushed_of_raw(state, lake, goal, now, files)
            done += _pushed_of_gold(lake, goal, files)
    note.put(_Note(now))
    total = Swept(*(sum(column) for column in zip(*done, strict=True))) if done else Swept()
    if total.files or total.unread:
        log.info("swept", **total._asdict())
    return total


def _deliveries_of_raw(state: State, lake: Lake, goal: _Goal, files: _Removed) -> Iterable[Swept]:
    finished = state.offset(raw.DELIVERIES_ARCHIVED)
    for key in lake.keys(raw.DELIVERIES):
        if raw.first_of(key) > finished:
            continue
        is_old = raw.ends_at(key) <= goal.before
        if not is_old and not goal.erased:
            continue
        try:
            rows = raw.read_deliveries(lake.read(key))
        except (PayloadInvalid, StateConflict):
            if is_old:  # nothing of it is to be kept, whatever is in it
                files.put(key, None)
                yield Swept(files=1)
            else:
                yield _passed_over(key)
            continue
        kept = [] if is_old else [row for row in rows if row.person not in goal.erased]
        if len(kept) < len(rows):
            files.put(key, raw.write_deliveries(kept) if kept else None)
            yield Swept(len(rows) - len(kept), 1)


def _deliveries_of_gold(shop: Workshop, goal: _Goal, files: _Removed) -> Iterable[Swept]:
    """Of a day that may have old rows, or of any where somebody was erased."""
    from atalaia.lake.merge import PARQUET  # noqa: PLC0415

    con, folder, lake = shop
    con.execute("CREATE TABLE erased AS SELECT unnest($1::VARCHAR[]) AS person", [[*goal.erased]])
    is_kept = (
        "person NOT IN (SELECT person FROM erased)"
        f" AND settled_at >= make_timestamptz({goal.before}::BIGINT * 1000000)"
    )
    out = folder / "swept.parquet"
    for key in lake.keys(gold.DELIVERIES):
        if not goal.erased and _day_begins(key) >= goal.before:
            continue
        rows = f"({gold.rows('deliveries', [lake.path(key)])})"
        names = ", ".join(f'"{name}"' for name in gold.DELIVERY_COLUMNS)
        counted = con.execute(f"SELECT count(*), count(*) FILTER ({is_kept}) FROM {rows}")
        before, kept = counted.fetchall()[0]
        if kept == before:
            continue
        if kept:
            con.execute(f"COPY (SELECT {names} FROM {rows} WHERE {is_kept}) TO '{out}' {PARQUET}")
        files.put(key, out.read_bytes() if kept else None)
        yield Swept(before - kept, 1)


def _set_aside(lake: Lake, goal: _Goal, files: _Removed) -> Iterable[Swept]:
    """Damaged files, out of which nobody can take rows: of deliveries, of what people pushed, and
    of what was read in it. What they held was made again in its place."""
    own = {f"/source={raw.folder_name(own_source(person))}/" for person in goal.erased}
    for key in lake.keys(ASIDE):
        is_delivery = "/deliveries/" in key
        is_pushed = f"/source={raw.folder_name(STATION)}/" in key and raw.PAYLOADS in key
        is_old = is_delivery and _day_begins(key) < goal.before
        is_erased = bool(goal.erased) and (is_delivery or is_pushed)
        if is_old or is_erased or any(name in key for name in own):
            files.put(key, None)
            yield Swept(files=1)


def _pushed_of_raw(
    state: State, lake: Lake, goal: _Goal, now: int, files: _Removed
) -> Iterable[Swept]:
    """What they pushed under a key of their own. Its owner stands before the seal."""
    waiting = {key.decode() for key in state.load(gold.UNREFINED).values()}
    for key in lake.keys(f"{raw.PAYLOADS}source={raw.folder_name(STATION)}/"):
        if key in waiting or raw.ends_at(key) + _SETTLED_S > now:
            continue
        try:
            kept, gone = raw.kept_of(lake.read(key), lambda one: _owner(one) not in goal.erased)
        except (PayloadInvalid, StateConflict):
            yield _passed_over(key)
            continue
        if gone:
            files.put(key, kept)
            yield Swept(gone, 1)


def _pushed_of_gold(lake: Lake, goal: _Goal, files: _Removed) -> Iterable[Swept]:
    for person in sorted(goal.erased):
        for layer in (gold.DAYS, gold.READINGS):
            for key in lake.keys(f"{layer}source={raw.folder_name(own_source(person))}/"):
                files.put(key, None)
                yield Swept(files=1)


def _passed_over(key: str) -> Swept:
    log.warning("a file cannot be read, and is not swept", file=key)
    return Swept(unread=1)


def _owner(record: Record) -> str | None:
    if not is_sealed(record.payload.body):
        return None
    try:
        return owner_of(record.payload.body)
    except ValueError:
        return None


def _day_begins(key: str) -> int:
    """Of a file of GOLD's deliveries: no row in it was settled before."""
    found = _DAY.search(key)
    day = datetime.fromisoformat(found[1]).replace(tzinfo=UTC) if found else None
    return int(day.timestamp()) if day else 0


def _note(state: State) -> Note[_Note]:
    return Note(state, "swept", _Note, is_spare=True)
