"""Looks at an installation from outside: settings, home, keys, store, lake, messages.

Nothing is changed by it. It may run beside the watch; where that cannot even start, it says why.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw

from atalaia.batch.mend import MENDED
from atalaia.batch.upkeep import refined
from atalaia.cli.running import of_nobody, of_port, of_watch
from atalaia.cli.signs import Sign, well, wrong
from atalaia.detect.watch import CONSUMER
from atalaia.errors import AtalaiaError
from atalaia.homes.embedded import STORE, EmbeddedHome, is_held
from atalaia.homes.embedded.database import FORMAT, format_of
from atalaia.lake import gold, raw
from atalaia.run.opened import home_of
from atalaia.settings import Settings
from atalaia.settings.strength import refusals, weaknesses
from atalaia.sources.mqtt.standing import standing_of

_LEAST_FREE = 1_000_000_000
_SILENT_S = 600
_UNHEARD_S = 2 * 3600
_FUTURE_S = 60
_LOCKED_MS = 3_000

_AS_THE_WATCH = "do this as the user that the watch runs as"
_RESTORE = "stop the watch and restore a backup: atalaia restore"


def examine(settings: Settings, now: int, *, is_quick: bool) -> Iterator[Sign]:
    """Everything, in the order in which it should be mended."""
    yield from _settings(settings)
    yield _duckdb()
    file = settings.home / STORE
    try:
        file.stat()
    except FileNotFoundError:
        yield well("home", f"there is none at {settings.home} yet; `atalaia run` makes it")
        yield from of_port(settings)
        return
    except OSError as error:
        yield wrong("home", f"{settings.home}: {error.strerror}", _AS_THE_WATCH)
        return
    yield _disk(settings)
    if faults := [*_closed(settings.home, file)]:
        yield from faults
        return
    try:
        with home_of(settings, exclusive=False) as opened:
            yield from _home(opened, settings, now, is_quick=is_quick)
            yield from _listening(opened, settings, now)
    except AtalaiaError as error:
        yield _unusable(file, error.__cause__ or error)


def _closed(home: Path, file: Path) -> Iterator[Sign]:
    """Why the store is not opened: opening it would wait long, or bring it to another format."""
    found = format_of(file) or FORMAT
    if found < FORMAT:
        holder = is_held(home)
        yield wrong(
            "home",
            f"an older Atalaia made it: its format is {found}, this one's is {FORMAT}",
            f"process {holder} of that Atalaia watches: back up with that one, then start this one"
            if holder
            else "back it up with that Atalaia, then start this one: atalaia run",
        )
        return
    if found > FORMAT:
        says = f"a newer Atalaia made it: its format is {found}, this one's is {FORMAT}"
        yield wrong("home", says, "put that Atalaia in place, or restore a backup of before")
        return
    try:
        connection = apsw.Connection(str(file))
        try:
            connection.set_busy_timeout(_LOCKED_MS)
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        finally:
            connection.close()
    except apsw.Error as error:
        yield _unusable(file, error)


def _unusable(file: Path, error: BaseException) -> Sign:
    """By what is wrong with the store: what has to be done differs."""
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        says, do_next = "another process holds it", f"end that, or wait: fuser -v {file}"
    elif isinstance(error, apsw.FullError):
        says, do_next = "its disk is full", "make room: GOLD can be made again from RAW"
    elif isinstance(error, apsw.CantOpenError | apsw.ReadOnlyError | apsw.PermissionsError):
        says, do_next = f"it cannot be opened and written: {error}", _AS_THE_WATCH
    else:
        says, _, _ = str(error).partition("; ")
        do_next = _RESTORE
    return wrong("store", f"{file}: {says}", do_next)


def _settings(settings: Settings) -> Iterator[Sign]:
    problems = [
        *refusals(settings),
        *weaknesses(settings),
        *(f"{name} is no variable of ours" for name in settings.ignored),
    ]
    for line in problems:
        says, _, do_next = line.partition("; ")
        yield wrong("settings", says, do_next or "look it up in docs/settings.md")
    if not problems:
        yield well("settings", str(settings.file or "the defaults, and the environment"))
    says, _, do_next = settings.people.described.partition("; ")
    yield Sign(what="people", is_well=True, says=says, do_next=do_next)


def _duckdb() -> Sign:
    """In a process of its own, as the watch does: it is never loaded there."""
    done = subprocess.run(
        [sys.executable, "-c", "import duckdb"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        return wrong("DuckDB", last[0], "install it again; where memory is limited, allow 300 MB")
    return well("DuckDB", "it can be loaded")


def _disk(settings: Settings) -> Sign:
    free = shutil.disk_usage(settings.home).free
    says = f"{free / 1e9:.1f} GB are free for {settings.home}"
    if free < _LEAST_FREE:
        return wrong("disk", says, "make room: GOLD can be made again from RAW")
    return well("disk", says)


def _home(opened: EmbeddedHome, settings: Settings, now: int, *, is_quick: bool) -> Iterator[Sign]:
    holder = is_held(opened.path)
    if holder:
        yield from of_watch(settings, holder)
    else:
        yield from of_nobody(settings, opened.state)
    yield _keys(opened)
    if not is_quick:
        yield _store(opened)
    yield from _stream(opened, now, is_watched=bool(holder))
    yield from _lake(opened)
    if not is_quick:
        yield _gold(opened)
    yield from _messages(opened)


def _keys(opened: EmbeddedHome) -> Sign:
    if not opened.people.any_names(1):
        return well("keys", "nobody is kept here")
    try:
        _ = opened.keys
    except AtalaiaError as error:
        says, _, do_next = str(error).partition("; ")
        return wrong("keys", says, do_next or "put it back, or name it: people.keys")
    return well("keys", "they open what they sealed")


def _store(opened: EmbeddedHome) -> Sign:
    faults = opened.check()
    if faults:
        return wrong("store", faults, _RESTORE)
    return well("store", "every page can be read")


def _stream(opened: EmbeddedHome, now: int, *, is_watched: bool) -> Iterator[Sign]:
    state, stream = opened.state, opened.stream
    newest = stream.last_offset()
    behind = newest - state.offset(CONSUMER)
    last = stream.read(newest - 1, 1)
    age_s = now - last[0].payload.received_at if last else None
    if age_s is not None and age_s < -_FUTURE_S:
        yield wrong("clock", f"the newest record is {-age_s} s in the future", "set the clock")
    if is_watched and age_s is not None and age_s > _SILENT_S:
        yield wrong("stream", f"nothing came for {age_s} s", "restart the watch; look at its log")
    elif is_watched and behind > 0 and age_s is not None and age_s > _SILENT_S // 5:
        yield wrong("detector", f"{behind} records were not judged", "restart the watch")
    else:
        yield well("stream", f"{newest} records, {behind} not judged yet")


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
            yield well(name, "; ".join(lines))
        else:
            do_next = "look at the watch's log; what is lost is missing in sums (docs/sources.md)"
            yield wrong(name, "; ".join(lines), do_next)


def _lake(opened: EmbeddedHome) -> Iterator[Sign]:
    state = opened.state
    waiting = state.offset(raw.ARCHIVED) - refined(state)
    parts = len(state.load(gold.UNREFINED))
    if parts > 1000:
        yield wrong("lake", f"{parts} parts of RAW wait for GOLD", "run: atalaia refine")
    else:
        yield well("lake", f"{waiting} archived records are not in GOLD yet")
    if damaged := state.offset(MENDED):
        yield wrong(
            "damage",
            f"{damaged} files were damaged and made again",
            "look at the disk, and at lake/damaged, which may go then",
        )


def _gold(opened: EmbeddedHome) -> Sign:
    from atalaia.lake.damage import unreadable  # it loads DuckDB, which may not load

    keys = [key for key in opened.lake.keys("gold/") if key.endswith(".parquet")]
    if damaged := unreadable(opened.lake, keys):
        says = f"{len(damaged)} of {len(keys)} files cannot be read: {damaged[0]}"
        is_climate = damaged[0].startswith((gold.CLIMATE, gold.RETURN_LEVELS))
        again = "atalaia climate" if is_climate else "atalaia refine --rebuild"
        return wrong("GOLD", says, f"make it again: {again}")
    return well("GOLD", f"all of {len(keys)} files can be read")


def _messages(opened: EmbeddedHome) -> Iterator[Sign]:
    counts = opened.outbox.counts()
    for status in ("dead", "late"):
        n = sum(each for (_, of), each in counts.items() if of == status)
        if n:
            do_next = f"look at them: atalaia deliveries --status {status}"
            yield wrong("messages", f"{n} are {status}", do_next)
    yield well("messages", f"{sum(counts.values())} are kept")
