"""Copies of a home, of its keys apart from it, and a home made of a copy.

```
FOLDER/atalaia.sqlite3   the store as it was at one moment
FOLDER/lake/…            the files that belong to it
OTHER/keys-20260501T030000Z/…   people's keys, for a week
```

A copy of a home has no keys, no look-ups of contacts, and nothing of what was counted by address:
who has the copy and, later, the key that look-ups are made with could try phone numbers on those of
people long erased. `restore` makes each look-up anew with the newest key, of what is sealed in its
row with the person's key, for who still has one. Counts begin anew.

The alert log of a restored home goes on far beyond the numbers that its copy has: the home that was
lost gave the next ones to entries that programs have heard, and nothing is to bear theirs.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw

from atalaia.errors import StateConflict
from atalaia.homes.embedded import STORE, EmbeddedHome, open_home
from atalaia.homes.embedded.durable import destroy, make_folder, sync_folder
from atalaia.homes.embedded.keys import ASKED_FOR, RECIPIENTS, FolderKeys, locked
from atalaia.ports import ContactRow, LookupKeys

KEYS_KEPT = timedelta(days=6)
"""Older copies of keys go when a new one is made: with one a day none gets older than a week."""

LookupOf = Callable[[ContactRow], tuple[bytes, int] | None]
"""A contact without a look-up → its look-up, and the number of the key that made it (0: none);
None: the person's key is gone."""

LEAP, LEAP_A_SECOND = 1_000_000, 10
"""By how much a restored alert log leaps: more than a home tells in the life of a copy. It grows
with the time since, so that of a copy that is restored twice the second leap ends beyond what was
told after the first."""

_UNFINISHED = ".unfinished-backup"
_KEYS_NAME = re.compile(r"keys-\d{8}T\d{6}Z")
_WAIT_MS = 30_000
_REFINE_TRIES, _REFINE_WAIT_S = 240, 0.5


def backup(home: Path, target: Path) -> None:
    """Copy a home, which may be in use, to a folder of its own; done again, it is brought up to
    date. Needs room for a second store in the home for a while.

    Raises StateConflict where that cannot be done.
    """
    if target.absolute().is_relative_to(home.absolute()):
        raise StateConflict(f"{target} lies in the home that is copied; name a folder elsewhere")
    with _told(target), open_home(home, exclusive=False) as opened, _unrefined(opened):
        make_folder(target)
        beside = home / f"{STORE}{_UNFINISHED}"
        beside.unlink(missing_ok=True)
        try:
            names = _copy_store(opened, beside)
            _write_without_lookups(beside, target / STORE)
        finally:
            beside.unlink(missing_ok=True)
        _copy_files(home / "lake", target / "lake", names)


def backup_keys(keys: Path, target: Path, now: int) -> Path:
    """Copy a folder of keys under a name with the time, and remove copies that are too old.

    `now` in Unix seconds. Return the copy. It belongs where copies of the home are not.
    """
    if target.absolute().is_relative_to(keys.absolute()):
        raise StateConflict(f"{target} lies in the keys that are copied; name a folder elsewhere")
    at = datetime.fromtimestamp(now, UTC)
    copy = target / _keys_name(at)
    # Meanwhile no key is wrapped anew: the copy has the master key of what is in it.
    with _told(target), locked(keys, fcntl.LOCK_SH):
        make_folder(target)
        # No keys of blocks: none that was destroyed comes back, and a restored home makes its own.
        files = (f.relative_to(keys) for f in keys.rglob("*") if _is_kept(f))
        names = [f.as_posix() for f in files if f.parts[0] != RECIPIENTS]
        beside = copy.with_name(copy.name + _UNFINISHED)
        _remove_keys(beside)
        _copy_files(keys, beside, names)
        beside.rename(copy)
        sync_folder(target)
        oldest = _keys_name(at - KEYS_KEPT)
        for old in target.iterdir():
            if _KEYS_NAME.fullmatch(old.name) and old.name < oldest:  # names sort by time
                _remove_keys(old)
    return copy


def restore(
    source: Path,
    home: Path,
    keys: FolderKeys,
    lookup_in: Callable[[EmbeddedHome], LookupOf],
    now: int,
    amend: Callable[[EmbeddedHome], object] = lambda _: None,
) -> int:
    """Make a home of a copy; return how many people were erased in it, because their keys are
    destroyed: those who were erased since the copy was made.

    lookup_in    says what contacts of the home that is being made are found by
    amend        what else is done in it before it appears

    The home appears when all that is done. Raises StateConflict where there is a home already,
    where the copy is none, or where the keys are not those of its people.
    """
    if not (source / STORE).is_file():
        raise StateConflict(f"{source} holds no copy of a home: there is no {STORE} in it")
    if home.exists() and any(home.iterdir()):
        raise StateConflict(f"{home} is there already; move it away, or name another --home")
    beside = home.with_name(home.name + ".restoring")
    shutil.rmtree(beside, ignore_errors=True)
    with _told(home):
        try:
            _copy_files(source, beside, [STORE, *_lake_files(source)])
            with open_home(beside) as opened:
                erased = _erase_again(opened, keys, lookup_in, now)
                amend(opened)
            _leap(beside / STORE, now)
            (beside / "lock").unlink()
            if home.exists():
                home.rmdir()
            beside.rename(home)
            sync_folder(home.parent)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return erased


def people_in(source: Path) -> list[str]:
    """Pseudonyms of some of the people in a copy: whose keys have to be there to restore it."""
    if not (source / STORE).is_file():
        return []  # which `restore` refuses
    with _told(source):
        # A copy may lie where nothing can be written; it is not being changed.
        name = f"{(source / STORE).absolute().as_uri()}?immutable=1"
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        connection = apsw.Connection(name, flags=flags)
        try:
            rows = connection.execute(
                "SELECT pseudonym FROM people WHERE sealed IS NOT NULL LIMIT ?", (ASKED_FOR,)
            ).fetchall()
        finally:
            connection.close()
    return [str(row[0]) for row in rows]


# The store


def _leap(store: Path, now: int) -> None:
    """Let the alert log of a restored store go on by numbers that none of its entries ever had."""
    connection = apsw.Connection(str(store))
    try:
        with connection:
            connection.execute(
                "INSERT INTO sqlite_sequence (name, seq) SELECT 'alerts', 0"
                " WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'alerts')"
            )
            connection.execute(
                "UPDATE sqlite_sequence SET seq = seq + ? + ? * max(0, ? - ("
                " SELECT coalesce(unixepoch(max(sent_at)), 0) FROM alerts"
                ")) WHERE name = 'alerts'",
                (LEAP, LEAP_A_SECOND, now),
            )
    finally:
        connection.close()


def _copy_store(opened: EmbeddedHome, beside: Path) -> list[str]:
    """Copy the store as it is now; return the files of the lake that belong to it.

    Their names are taken while nobody can commit, so that RAW ends where the store says it does.
    """
    file = str(opened.path / STORE)
    writer, reader = apsw.Connection(file), apsw.Connection(file)
    try:
        writer.set_busy_timeout(_WAIT_MS)
        writer.execute("BEGIN IMMEDIATE")
        # Who is told is sealed with keys that no copy has.
        names = [key for key in opened.lake.keys("") if not key.startswith(f"{RECIPIENTS}/")]
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM notes").fetchall()  # it sees this moment from now on
        writer.execute("ROLLBACK")
        beside.touch(mode=0o600)
        copy = apsw.Connection(str(beside))
        try:
            with copy.backup("main", reader, "main") as pages:
                pages.step(-1)
        finally:
            copy.close()
    finally:
        reader.close()
        writer.close()
    return names


def _write_without_lookups(store: Path, target: Path) -> None:
    """Write this copy of a store to where copies are kept, with noise for every look-up and without
    what was counted by address.

    The second file is written anew as a whole: it has no gaps that could hold older rows.
    """
    connection = apsw.Connection(str(store))
    unfinished = target.with_name(target.name + _UNFINISHED)
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    try:
        connection.execute("PRAGMA journal_mode=MEMORY").fetchall()
        connection.execute("PRAGMA temp_store=MEMORY").fetchall()
        with connection:
            connection.execute("CREATE TEMP TABLE kept AS SELECT * FROM contacts")
            connection.execute("UPDATE temp.kept SET lookup = randomblob(32)")
            connection.execute("DELETE FROM contacts")
            connection.execute("INSERT INTO contacts SELECT * FROM temp.kept")
            connection.execute("DROP TABLE temp.kept")
            connection.execute("DELETE FROM tallies")
        connection.execute("VACUUM INTO ?", (str(unfinished),))
    finally:
        connection.close()
    _sync(unfinished)
    unfinished.replace(target)
    sync_folder(target.parent)


def _erase_again(
    opened: EmbeddedHome,
    keys: FolderKeys,
    lookup_in: Callable[[EmbeddedHome], LookupOf],
    now: int,
) -> int:
    gone = {pseudonym: at for pseudonym, at in keys.erased() if opened.people.person(pseudonym)}
    for pseudonym, at in gone.items():
        opened.people.erase(pseudonym, at)
    *older, current = keys.lookup_numbers() or [1]
    known = LookupKeys(current, dict.fromkeys(older, 0))
    opened.people.set_lookup_keys(opened.people.lookup_keys(), known)
    lookup_of = lookup_in(opened)
    lookups: list[tuple[bytes, int, str, bytes]] = []
    lost: dict[str, None] = {}
    for row in opened.people.every_contact():
        found = lookup_of(row)
        if found is None:
            lost[row.pseudonym] = None
        else:
            lookups.append((*found, row.channel, row.lookup))
    if lost and not lookups:
        raise StateConflict(
            f"none of the keys of the {len(lost)} people in this copy is there; put back the keys "
            "that belong to it, or name their folder in the settings"
        )
    for pseudonym in lost:
        opened.people.erase(pseudonym, now)
    with opened._database.transaction() as cursor:
        cursor.executemany(
            "UPDATE contacts SET lookup = ?, key = ? WHERE channel = ? AND lookup = ?", lookups
        )
    opened.people.drop_outdated({current, *older})  # whose key is no more: stopped or waiting ones
    return len(gone) + len(lost)


# Files


def _lake_files(source: Path) -> list[str]:
    files = (file for file in (source / "lake").rglob("*") if file.is_file())
    return [file.relative_to(source).as_posix() for file in files]


def _copy_files(source: Path, target: Path, names: Sequence[str]) -> None:
    """Bring the files of these names up to date in another folder, and remove others there."""
    make_folder(target)
    wanted = set(names)
    for file in list(target.rglob("*")):
        if file.is_file() and file.relative_to(target).as_posix() not in wanted:
            file.unlink()
    for name in names:
        _copy_file(source / name, target / name)
    for folder in {(target / name).parent for name in names}:
        sync_folder(folder)


def _copy_file(source: Path, target: Path) -> None:
    """Copy a file, unless the same is there; nothing where it has gone in the meantime."""
    try:
        found = source.stat()
        if target.exists():
            known = target.stat()
            if (known.st_size, known.st_mtime_ns) == (found.st_size, found.st_mtime_ns):
                return
        make_folder(target.parent)
        unfinished = target.with_name(target.name + _UNFINISHED)
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)
        shutil.copyfile(source, unfinished)
    except FileNotFoundError:
        return
    os.utime(unfinished, ns=(found.st_atime_ns, found.st_mtime_ns))
    _sync(unfinished)
    unfinished.replace(target)


def _keys_name(at: datetime) -> str:
    return f"keys-{at:%Y%m%dT%H%M%SZ}"


def _remove_keys(folder: Path) -> None:
    if folder.is_dir():
        for file in list(folder.rglob("*")):
            if file.is_file():
                destroy(file)
        shutil.rmtree(folder)


def _is_kept(file: Path) -> bool:
    """Whether it is a file of keys, and not one that is being made."""
    return not file.name.startswith(".") and stat.S_ISREG(file.lstat().st_mode)


def _sync(file: Path) -> None:
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _unrefined(opened: EmbeddedHome) -> Iterator[None]:
    """Keep GOLD as it is until the block ends; wait two minutes for who refines just now."""
    with ExitStack() as held:
        for tries_left in range(_REFINE_TRIES, -1, -1):
            try:
                held.enter_context(opened.hold("refine"))
                break
            except StateConflict:
                if not tries_left:
                    raise
                time.sleep(_REFINE_WAIT_S)
        yield


@contextmanager
def _told(where: Path) -> Iterator[None]:
    try:
        yield
    except (apsw.Error, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise StateConflict(
            f"{where} cannot be written: {reason}; make room, or mend it"
        ) from error
