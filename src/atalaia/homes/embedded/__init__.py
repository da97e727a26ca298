"""The embedded home: one folder, one process, no account and no key.

```
HOME/                  0700: it holds what people are told
  lock                 held by the process that watches or replays; its number is inside
  atalaia.sqlite3      0600: stream, state, alert log, people, outbox
  lake/raw, lake/gold  files
```
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from atalaia.errors import StateConflict
from atalaia.homes.embedded.database import Database
from atalaia.homes.embedded.lake import FolderLake
from atalaia.homes.embedded.outbox import SqliteOutbox
from atalaia.homes.embedded.people import SqlitePeople
from atalaia.homes.embedded.state import SqliteState
from atalaia.homes.embedded.stream import SqliteStream

if TYPE_CHECKING:
    from atalaia.homes.embedded.sql import DuckSql


@dataclass(frozen=True)
class Home:
    """An open home. `close` it, or use it in a ``with`` block.

    path      the folder
    stream, state, people, outbox   of the one SQLite file
    lake      RAW and GOLD
    """

    path: Path
    stream: SqliteStream
    state: SqliteState
    people: SqlitePeople
    outbox: SqliteOutbox
    lake: FolderLake
    _database: Database
    _lock: int | None

    @property
    def sql(self) -> DuckSql:
        """DuckDB over GOLD, imported when asked for: the watch never does, and stays small."""
        from atalaia.homes.embedded.sql import DuckSql  # noqa: PLC0415

        return DuckSql()

    def close(self) -> None:
        """Close the store and let the next process in."""
        self._database.close()
        if self._lock is not None:
            os.close(self._lock)  # which also releases it

    def __enter__(self) -> Home:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def hold(self, task: str) -> Iterator[None]:
        """Keep other processes from doing `task` (``refine``, say) here until the block ends.

        GOLD is read, merged and rewritten: two at once could lose each other's rows. Raises
        StateConflict if another process holds it; that it died lets it go.
        """
        lock = _take(self.path / f"{task}.lock", f"{task} of home {self.path}")
        try:
            yield
        finally:
            os.close(lock)


def open_home(path: Path, *, exclusive: bool = True) -> Home:
    """Open the home in this folder, making it if it is new.

    `exclusive` is for the one process that appends and watches. Those that query or refine beside
    it open with exclusive=False. Raises StateConflict if another process watches here, if the
    home is of a newer Atalaia, or if it cannot be used.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _take(path / "lock", f"home {path}") if exclusive else None
    except OSError as error:
        raise StateConflict(
            f"home {path} cannot be used: {error.strerror}; use another --home"
        ) from error
    try:
        database = Database(path / "atalaia.sqlite3")
        return Home(
            path=path,
            stream=SqliteStream(database),
            state=SqliteState(database),
            people=SqlitePeople(database),
            outbox=SqliteOutbox(database),
            lake=FolderLake(path / "lake"),
            _database=database,
            _lock=lock,
        )
    except BaseException:
        if lock is not None:
            os.close(lock)
        raise


def _take(file: Path, what: str) -> int:
    """Lock the file for this process and write its number there; return the open handle."""
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(handle, 20, 0).decode(errors="replace").strip() or "unknown"
        os.close(handle)
        raise StateConflict(
            f"{what} is in use by process {holder}; stop it or use another --home"
        ) from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    return handle
