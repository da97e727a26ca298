"""From RAW to GOLD: decode every variable, fold, and rewrite the partitions that changed.

Work is done in steps of bounded memory. A step rewrites partitions and then commits; killed in
between, the next run does it again and makes the same files, as merging twice changes nothing.
One process at a time may refine: hold the home's ``refine`` lock around these calls.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from atalaia.domain.alert import LogEntry
from atalaia.domain.payload import Reject
from atalaia.domain.place import Places
from atalaia.domain.reading import Decode, Readings
from atalaia.errors import PayloadInvalid
from atalaia.homes import gold, raw
from atalaia.homes.merge import merge_alerts, merge_readings
from atalaia.homes.ports import Commit, Lake, State

STEP_ROWS = 250_000
"""A step merges when it holds so many rows. Bodies are dropped as soon as they are decoded."""

_REBUILT = "gold-rebuilt/"

_ALERTS_AT_ONCE = 20_000


class RefineReport(NamedTuple):
    """What was refined.

    rows        readings decoded
    partitions  files of GOLD that were written (each time that one was)
    seconds     that it took
    rejects     parts of payloads that could not be decoded
    """

    rows: int
    partitions: int
    seconds: float
    rejects: int


class _Step(NamedTuple):
    """Rows to merge, and the parts of RAW that are wholly in GOLD once these are.

    `damaged` are those of them that cannot be read to their end; `rejects` counts these too.
    """

    readings: Readings
    done: list[str]
    damaged: list[str]
    rejects: int


def refine(state: State, lake: Lake, decode: Decode, places: Places) -> RefineReport:
    """Bring GOLD up to where RAW is."""
    start = time.perf_counter()
    waiting = state.load(gold.UNREFINED)
    item_of = {key.decode(): item for item, key in waiting.items()}
    keys = sorted(item_of, key=raw.first_of)
    rows = partitions = rejects = 0
    for step in _steps(lake, keys, decode):
        partitions += merge_readings(lake, step.readings, places).partitions
        rows, rejects = rows + len(step.readings), rejects + step.rejects
        if step.done:
            items = {item_of[key]: None for key in step.done}
            faults = [(raw.first_of(key), _damage(key)) for key in step.damaged]
            last = raw.first_of(step.done[-1])
            state.commit(Commit(gold.REFINED, last, items=items, rejects=faults))
    partitions += _refine_alerts(state, lake)
    return RefineReport(rows, partitions, time.perf_counter() - start, rejects)


def rebuild(state: State, lake: Lake, decode: Decode, places: Places) -> RefineReport:
    """Derive all of GOLD again from RAW, beside it, then put it in its place file by file.

    Use it after a decoder has learned more. Readers meanwhile see each partition old or new.
    """
    start = time.perf_counter()
    _clear(lake)
    beside = _Beside(lake)
    waiting = state.load(gold.UNREFINED)
    up_to = state.offset(raw.ARCHIVED)
    keys = sorted(
        (key for key in lake.keys(raw.PAYLOADS) if raw.first_of(key) <= up_to), key=raw.first_of
    )
    rows = partitions = rejects = 0
    for step in _steps(lake, keys, decode):
        partitions += merge_readings(beside, step.readings, places).partitions
        rows, rejects = rows + len(step.readings), rejects + step.rejects
    last_alert = 0
    for entries in _all_alerts(state, lake):
        partitions += merge_alerts(beside, [entry for _, entry in entries]).partitions
        last_alert = max(last_alert, entries[-1][0])
    _swap(lake)
    if keys:
        rebuilt = set(keys)
        done = dict.fromkeys(item for item, key in waiting.items() if key.decode() in rebuilt)
        state.commit(Commit(gold.REFINED, raw.first_of(keys[-1]), items=done))
    state.commit(Commit(gold.ALERTS_REFINED, last_alert))
    return RefineReport(rows, partitions, time.perf_counter() - start, rejects)


def _steps(lake: Lake, keys: Sequence[str], decode: Decode) -> Iterator[_Step]:
    """The parts' readings, a step at a time. A damaged part is counted and passed over."""
    readings: list[Readings] = []
    done: list[str] = []
    damaged: list[str] = []
    rows = rejects = 0
    for key in keys:
        try:
            for payloads in raw.payload_blocks(lake.read(key)):
                decoded = decode(payloads, None)
                readings.append(decoded.readings)
                rejects += len(decoded.rejects)
                rows += len(decoded.readings)
                if rows >= STEP_ROWS:
                    yield _Step(Readings.concat(readings), done, damaged, rejects)
                    readings, done, damaged, rows, rejects = [], [], [], 0, 0
        except (PayloadInvalid, KeyError):
            rejects += 1
            damaged.append(key)
        done.append(key)
    yield _Step(Readings.concat(readings), done, damaged, rejects)


def _damage(key: str) -> Reject:
    return Reject(source="raw", reason="damaged file", detail=f"{key}: restore it and rebuild")


def _refine_alerts(state: State, lake: Lake) -> int:
    """Bring GOLD's alerts up to the end of the alert log; return the partitions written."""
    partitions = 0
    log = state.alerts(after=state.offset(gold.ALERTS_REFINED))
    while entries := list(islice(log, _ALERTS_AT_ONCE)):
        partitions += merge_alerts(lake, [entry for _, entry in entries]).partitions
        state.commit(Commit(gold.ALERTS_REFINED, entries[-1][0]))
    return partitions


def _all_alerts(state: State, lake: Lake) -> Iterator[list[tuple[int, LogEntry]]]:
    """The whole alert log: from RAW, and from the log itself.

    The log has what was told since the last archive, and what a damaged part of RAW has not.
    """
    for key in lake.keys(raw.ALERTS):
        with suppress(PayloadInvalid):
            yield raw.read_alerts(lake.read(key))
    log = state.alerts()
    while entries := list(islice(log, _ALERTS_AT_ONCE)):
        yield entries


class _Beside:
    """The lake, with another GOLD in it: what is written as ``gold/…`` lies elsewhere."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def write(self, key: str, body: bytes) -> None:
        self._lake.write(_moved(key), body)

    def read(self, key: str) -> bytes:
        return self._lake.read(_moved(key))

    def keys(self, prefix: str) -> list[str]:
        return [_back(key) for key in self._lake.keys(_moved(prefix))]

    def delete(self, key: str) -> None:
        self._lake.delete(_moved(key))

    def path(self, key: str) -> Path | str:
        return self._lake.path(_moved(key))


def _moved(key: str) -> str:
    return _REBUILT + key.removeprefix("gold/")


def _back(key: str) -> str:
    return "gold/" + key.removeprefix(_REBUILT)


def _clear(lake: Lake) -> None:
    """Forget what a rebuild that was killed had made."""
    for key in lake.keys(_REBUILT):
        lake.delete(key)


def _swap(lake: Lake) -> None:
    rebuilt = lake.keys(_REBUILT)
    for key in rebuilt:
        lake.write(_back(key), lake.read(key))
    for key in set(lake.keys("gold/")) - set(map(_back, rebuilt)):
        lake.delete(key)
    _clear(lake)
