"""The embedded home: one folder, one process, no account and no key.

```
HOME/                  0700: it holds what people are told
  lock                 held by the process that watches or replays; its number is inside
  atalaia.sqlite3      0600: stream, state, alert log, people, outbox
  lake/raw, lake/gold  files
  lake/recipients      who is told, sealed (`notify.snapshots`)
```
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from atalaia.errors import HeldByAnother, StateConflict
from atalaia.homes.embedded.database import FORMAT, Database, format_of
from atalaia.homes.embedded.lake import FolderLake
from atalaia.homes.embedded.outbox import SqliteOutbox
from atalaia.homes.embedded.people import SqlitePeople
from atalaia.homes.embedded.state import SqliteState
from atalaia.homes.embedded.stream import SqliteStream
from atalaia.homes.embedded.talks import MemoryTalks

if TYPE_CHECKING:
    from atalaia.domain.rate import Rate
    from atalaia.homes.embedded.keys import FolderKeys
    from atalaia.homes.embedded.meter import MemoryMeter
    from atalaia.homes.embedded.sql import DuckSql


_ROOM_BYTES = 1 << 20
"""A disk with less left is full."""

_LOOK_S = 0.25
"""A lock that is had for longer is somebody's: who looks at it has it for microseconds."""
_UPGRADE_S = 5.0
"""So long it is waited for who may just bring the home to this one's format."""
_AGAIN_S = 0.01

STORE = "atalaia.sqlite3"
"""The store's name in its home."""


@dataclass(frozen=True)
class KeyFiles:
    """Where people's keys lie, if not beside the home, and what wraps them, if not a file there."""

    folder: Path | None = None
    master_key_file: Path | None = None


@dataclass
class EmbeddedHome:
    """An open home. `close` it, or use it in a ``with`` block. Fills `ports.Home`.

    path      the folder
    stream, state, people, outbox   of the one SQLite file
    lake      RAW and GOLD
    talks     in memory: one process hears all of a talk
    """

    path: Path
    stream: SqliteStream
    state: SqliteState
    people: SqlitePeople
    outbox: SqliteOutbox
    lake: FolderLake
    _key_files: KeyFiles
    _database: Database
    _lock: int | None
    talks: MemoryTalks = field(default_factory=MemoryTalks)
    _wakes: dict[str, Callable[[], None]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.path)

    @cached_property
    def keys(self) -> FolderKeys:
        """People's keys, in a folder beside this one; made when they are first asked for, in a
        home without people. Raises StateConflict where those of its people are not there."""
        # With all that encrypts: only who tells people, or keeps who they are, needs it.
        from atalaia.homes.embedded.keys import ASKED_FOR, open_keys  # noqa: PLC0415

        folder, master = self._key_files.folder, self._key_files.master_key_file
        people, lookup = self.people.any_names(ASKED_FOR), self.people.lookup_keys().current
        return open_keys(self.path, folder, master, people=people, lookup=lookup)

    @property
    def sql(self) -> DuckSql:
        """DuckDB over GOLD, imported when asked for: the watch never does, and stays small."""
        from atalaia.homes.embedded.sql import DuckSql  # noqa: PLC0415

        return DuckSql()

    def meter(self, rate: Rate) -> MemoryMeter:
        """Of this process, which is the only one that is asked."""
        from atalaia.homes.embedded.meter import MemoryMeter  # noqa: PLC0415

        return MemoryMeter(rate)

    def check(self) -> str:
        """Read all of the store; what is wrong with it, empty if nothing is."""
        found = [str(row[0]) for row in self._database.rows("PRAGMA quick_check")]
        return "" if found == ["ok"] else "; ".join(found[:3])

    def probe(self, now: int) -> None:
        """See by keeping something small whether anything can be kept. Raises StateConflict: it
        cannot, or hardly for long. A full disk takes what is small as long as the store's log,
        which is written over and over, need not grow."""
        if shutil.disk_usage(self.path).free < _ROOM_BYTES:
            raise StateConflict(f"the disk of {self.path} is full; make room on it")
        self.state.set_note("ready", str(now))

    def close(self) -> None:
        """Close the store and let the next process in."""
        self._database.close()
        if self._lock is not None:
            os.close(self._lock)  # which also releases it

    def on_wake(self, what: str, call: Callable[[], None]) -> None:
        """From now on `wake` of this calls it, from any thread."""
        self._wakes[what] = call

    def wake(self, what: str) -> None:
        call = self._wakes.get(what)
        if call is not None:
            call()

    def __enter__(self) -> EmbeddedHome:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def hold(self, task: str) -> Iterator[Callable[[], bool]]:
        """It lasts until the process ends, and needs no prolonging."""
        lock = _take(self.path / f"{task}.lock", partial(_task_in_use, task, self.path))
        try:
            yield lambda: True
        finally:
            os.close(lock)


def open_home(path: Path, *, exclusive: bool = True, keys: KeyFiles | None = None) -> EmbeddedHome:
    """Open the home in this folder, making it if it is new.

    `exclusive` is for the one process that appends and watches. Those that query or refine beside
    it open with exclusive=False. Raises StateConflict if another process watches here, if the
    home is of a newer Atalaia, or if it cannot be used. A home of an older one is brought to this
    one's format, by whoever opens it first, but never under a watch of that older one.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _locked(path, exclusive=exclusive)
    except OSError as error:
        raise StateConflict(
            f"home {path} cannot be used: {error.strerror}; use another --home"
        ) from error
    try:
        database = Database(path / STORE)
        if lock is not None and not exclusive:
            os.close(lock)
            lock = None
        return EmbeddedHome(
            path=path,
            stream=SqliteStream(database),
            state=SqliteState(database),
            people=SqlitePeople(database),
            outbox=SqliteOutbox(database),
            lake=FolderLake(path / "lake"),
            _key_files=keys or KeyFiles(),
            _database=database,
            _lock=lock,
        )
    except BaseException:
        if lock is not None:
            os.close(lock)
        raise


def is_held(path: Path) -> str:
    """The number of the process that watches this home; empty: nobody does."""
    try:
        handle = os.open(path / "lock", os.O_RDWR)
    except FileNotFoundError:
        return ""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)  # beside others who look
    except BlockingIOError:
        return os.pread(handle, 20, 0).decode(errors="replace").strip() or "unknown"
    finally:
        os.close(handle)
    return ""


def _locked(path: Path, *, exclusive: bool) -> int | None:
    """The home's lock where it is needed: by who watches, and by who brings a home to another
    format; None where it is not, or not any more, as another has just done that."""
    until = time.monotonic() + _UPGRADE_S
    while True:
        is_older = (format_of(path / STORE) or FORMAT) < FORMAT
        if not (exclusive or is_older):
            return None
        try:
            return _take(path / "lock", partial(_older_in_use if is_older else _in_use, path))
        except HeldByAnother:
            if not is_older or time.monotonic() > until:
                raise


def _in_use(path: Path, holder: str) -> str:
    return f"home {path} is in use by process {holder}; stop it or use another --home"


def _older_in_use(path: Path, holder: str) -> str:
    return (
        f"home {path}, which an older Atalaia made, is in use by process {holder}; "
        "stop it or use another --home"
    )


def _task_in_use(task: str, path: Path, holder: str) -> str:
    return f"{task} of home {path} is in use by process {holder}; stop it or use another --home"


def _take(file: Path, says: Callable[[str], str]) -> int:
    """Lock the file for this process and write its number there; return the open handle. Raises
    HeldByAnother where another process has it, and not only for a look, with what is said of that
    one's number."""
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    until = time.monotonic() + _LOOK_S
    while not _has_locked(handle):
        if time.monotonic() > until:
            holder = os.pread(handle, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(handle)
            raise HeldByAnother(says(holder))
        time.sleep(_AGAIN_S)
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    return handle


def _has_locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
