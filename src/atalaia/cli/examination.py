"""Looks at an installation from outside: settings, home, keys, store, lake, messages.

Nothing is changed by it. It may run beside the watch; where that cannot even start, it says why.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator

import msgspec

from atalaia.batch.mend import MENDED
from atalaia.batch.upkeep import refined
from atalaia.detect.watch import CONSUMER
from atalaia.errors import AtalaiaError, StateConflict
from atalaia.homes.embedded import EmbeddedHome, is_held
from atalaia.lake import gold, raw
from atalaia.run.opened import home_of
from atalaia.settings import Settings
from atalaia.settings.strength import refusals, weaknesses
from atalaia.sources.mqtt.standing import standing_of

_LEAST_FREE = 1_000_000_000
_SILENT_S = 600
_UNHEARD_S = 2 * 3600
_FUTURE_S = 60


class Sign(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at. `do_next` is empty where there is nothing to do."""

    what: str
    is_well: bool
    says: str
    do_next: str = ""


def examine(settings: Settings, now: int, *, is_quick: bool) -> Iterator[Sign]:
    """Everything, in the order in which it should be mended."""
    yield from _settings(settings)
    yield _duckdb()
    if not (settings.home / "atalaia.sqlite3").exists():
        yield _well("home", f"there is none at {settings.home} yet; `atalaia run` makes it")
        return
    yield _disk(settings)
    try:
        opened = home_of(settings, exclusive=False)
    except AtalaiaError as error:
        yield _wrong("store", str(error), "put it back from a backup: atalaia restore")
        return
    with opened:
        try:
            yield from _home(opened, now, is_quick=is_quick)
            yield from _listening(opened, settings, now)
        except StateConflict as error:
            yield _wrong("store", str(error), "put it back from a backup: atalaia restore")


def _settings(settings: Settings) -> Iterator[Sign]:
    problems = [
        *refusals(settings),
        *weaknesses(settings),
        *(f"{name} is no variable of ours" for name in settings.ignored),
    ]
    for line in problems:
        says, _, do_next = line.partition("; ")
        yield _wrong("settings", says, do_next or "look it up in docs/settings.md")
    if not problems:
        yield _well("settings", str(settings.file or "the defaults, and the environment"))


def _duckdb() -> Sign:
    """In a process of its own, as the watch does: it is never loaded there."""
    done = subprocess.run(
        [sys.executable, "-c", "import duckdb"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        return _wrong("DuckDB", last[0], "install it again; where memory is limited, allow 300 MB")
    return _well("DuckDB", "it can be loaded")


def _disk(settings: Settings) -> Sign:
    free = shutil.disk_usage(settings.home).free
    says = f"{free / 1e9:.1f} GB are free for {settings.home}"
    if free < _LEAST_FREE:
        return _wrong("disk", says, "make room: GOLD can be made again from RAW")
    return _well("disk", says)


def _home(opened: EmbeddedHome, now: int, *, is_quick: bool) -> Iterator[Sign]:
    holder = is_held(opened.path)
    says = f"process {holder} watches" if holder else "nobody watches"
    yield _well("watch", says) if holder else _wrong("watch", says, "start it: atalaia run")
    yield _keys(opened)
    if not is_quick:
        yield _store(opened)
    yield from _stream(opened, now, is_watched=bool(holder))
    yield from _lake(opened)
    yield from _messages(opened)


def _keys(opened: EmbeddedHome) -> Sign:
    if not opened.people.some(1):
        return _well("keys", "nobody is kept here")
    try:
        _ = opened.keys
    except AtalaiaError as error:
        return _wrong("keys", str(error), "put back the folder of keys, or name it: people.keys")
    return _well("keys", "they open what they sealed")


def _store(opened: EmbeddedHome) -> Sign:
    faults = opened.check()
    if faults:
        return _wrong("store", faults, "stop the watch and restore a backup: atalaia restore")
    return _well("store", "every page can be read")


def _stream(opened: EmbeddedHome, now: int, *, is_watched: bool) -> Iterator[Sign]:
    state, stream = opened.state, opened.stream
    newest = stream.last_offset()
    behind = newest - state.offset(CONSUMER)
    last = stream.read(newest - 1, 1)
    age_s = now - last[0].payload.received_at if last else None
    if age_s is not None and age_s < -_FUTURE_S:
        yield _wrong("clock", f"the newest record is {-age_s} s in the future", "set the clock")
    if is_watched and age_s is not None and age_s > _SILENT_S:
        yield _wrong("stream", f"nothing came for {age_s} s", "restart the watch; look at its log")
    elif is_watched and behind > 0 and age_s is not None and age_s > _SILENT_S // 5:
        yield _wrong("detector", f"{behind} records were not judged", "restart the watch")
    else:
        yield _well("stream", f"{newest} records, {behind} not judged yet")


def _listening(opened: EmbeddedHome, settings: Settings, now: int) -> Iterator[Sign]:
    """What listens to brokers, as it stood a minute ago at most."""
    wis2, mqtt = settings.wis2, settings.mqtt
    for name, is_on in (("wis2", wis2.enabled), ("mqtt", bool(mqtt.stations))):
        standing = standing_of(opened.state, name).get()
        if not is_on or standing is None:
            continue
        newest_at = max((one.heard_at for one in standing.sessions.values()), default=0)
        lines = list(standing.in_words(now))
        if any(one.fault is None for one in standing.sessions.values()) and (
            newest_at > now - _UNHEARD_S and len(lines) == len(standing.sessions)
        ):
            yield _well(name, "; ".join(lines))
        else:
            do_next = "look at the watch's log; what is lost is missing in sums (docs/sources.md)"
            yield _wrong(name, "; ".join(lines), do_next)


def _lake(opened: EmbeddedHome) -> Iterator[Sign]:
    state = opened.state
    waiting = state.offset(raw.ARCHIVED) - refined(state)
    parts = len(state.load(gold.UNREFINED))
    if parts > 1000:
        yield _wrong("lake", f"{parts} parts of RAW wait for GOLD", "run: atalaia refine")
    else:
        yield _well("lake", f"{waiting} archived records are not in GOLD yet")
    if damaged := state.offset(MENDED):
        yield _wrong(
            "damage",
            f"{damaged} files were damaged and made again",
            "look at the disk, and at lake/damaged, which may go then",
        )


def _messages(opened: EmbeddedHome) -> Iterator[Sign]:
    counts = opened.outbox.counts()
    for status in ("dead", "late"):
        n = sum(each for (_, of), each in counts.items() if of == status)
        if n:
            do_next = f"look at them: atalaia deliveries --status {status}"
            yield _wrong("messages", f"{n} are {status}", do_next)
    yield _well("messages", f"{sum(counts.values())} are kept")


def _well(what: str, says: str) -> Sign:
    return Sign(what=what, is_well=True, says=says)


def _wrong(what: str, says: str, do_next: str) -> Sign:
    return Sign(what=what, is_well=False, says=says, do_next=do_next)
