"""People's keys as files, apart from the data that they seal.

```
HOME.keys/             0700: beside the home, never in it, and not in its backups
  master.key           0600: 32 bytes that wrap all others (unless another file is named)
  master.key.old       0600: the one before it, while keys are wrapped anew (`rotate`)
  lookup.key           0600: what addresses are looked up with, wrapped
  lookup.2.key         0600: what came in its place, and so on (`people.rotation`)
  vapid.key            0600: by which push services know the home, wrapped
  people/3f/p_…        0600: one person's key, wrapped
  recipients/7         0600: that of a block of people (`domain.blocks`), wrapped
  erased               whose keys were destroyed, and when
  stopped              who asked to be told no more by which channel, and when
```
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from atalaia.domain.blocks import BLOCKS, block_of, key_name
from atalaia.errors import SettingsInvalid, StateConflict
from atalaia.homes.embedded.durable import append_line, create, destroy, make_folder
from atalaia.homes.embedded.wrap import MasterKey, make_master_key
from atalaia.ports import Keys
from atalaia.wrap import KEY_BYTES

ERASED = "erased"
STOPS = "stopped"
PEOPLE = "people"
RECIPIENTS = "recipients"
MASTER = "master.key"
ASKED_FOR = 20
"""Of so many people one at least has to have a key: others may just be erased."""
_LOOKUPS = "lookup*.key"
_LOOKUP_FILE = re.compile(r"lookup(?:\.([1-9]\d{0,5}))?\.key")
_VAPID, _VAPID_FILE = "vapid", "vapid.key"
_PSEUDONYM = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_OF_FILE = 4_096
"""A wrapped key has some dozens of bytes, and with a key of a service some hundreds."""
_ERASED_LINE = re.compile(r"([A-Za-z0-9_-]{1,64}) (\d{1,12})")
_STOP_LINE = re.compile(r"([A-Za-z0-9_-]{1,64}) ([a-z][a-z0-9_-]{0,31}) (\d{1,12})")


class FolderKeys(Keys):
    """Fills `ports.Keys`. Files alone are shared by processes, and nothing is cached."""

    def __init__(self, folder: Path, master: MasterKey) -> None:
        self._folder = folder
        self._people = str(folder / PEOPLE)
        self.master = master
        for pseudonym, _ in self.erased():
            if self._file(pseudonym).exists():  # a crash came before it went
                self._destroy_keys(pseudonym)

    def make(self, pseudonym: str) -> bytes:
        return self._made(self._file(pseudonym), pseudonym)

    def get(self, pseudonym: str) -> bytes | None:
        # A text: on the night when everybody is told, a `Path` costs more than its file.
        return self._read(f"{self._people}/{_place(pseudonym)}", pseudonym)

    def many(self, pseudonyms: Sequence[str]) -> dict[str, bytes]:
        found = {}
        for pseudonym in pseudonyms:
            with suppress(StateConflict):
                if (key := self.get(pseudonym)) is not None:
                    found[pseudonym] = key
        return found

    def destroy(self, pseudonym: str, at: int) -> None:
        """Killed in between, it is finished when next opened."""
        file = self._file(pseudonym)
        try:
            with self._beside_others():
                self._destroy(file, pseudonym, at)
        except OSError as error:
            raise self._unusable(error) from error

    def files(self) -> list[tuple[Path, str]]:
        """The files of wrapped keys, each with the name that its key was wrapped under."""
        people = [f for f in (self._folder / PEOPLE).glob("*/*") if not f.name.startswith(".")]
        numbers = lookup_numbers(self._folder)
        vapid = self._folder / _VAPID_FILE
        return [
            *((f, f.name) for f in people),
            *((f, key_name(int(f.name))) for f in (self._folder / RECIPIENTS).glob("[0-9]*")),
            *((self._folder / _lookup_file(n), _lookup_name(n)) for n in numbers),
            *([(vapid, _VAPID)] if vapid.exists() else []),
        ]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else makes, destroys or copies keys until the block ends."""
        with locked(self._folder, fcntl.LOCK_EX):
            yield

    @contextmanager
    def _beside_others(self) -> Iterator[None]:
        """Nobody changes what is wrapped by which master key until the block ends."""
        with locked(self._folder, fcntl.LOCK_SH):
            yield

    def _destroy(self, file: Path, pseudonym: str, at: int) -> None:
        if file.exists() or all(known != pseudonym for known, _ in self.erased()):
            append_line(self._folder / ERASED, f"{pseudonym} {at}")
            self._destroy_keys(pseudonym)

    def _destroy_keys(self, pseudonym: str) -> None:
        """The person's own is the last: while it is there, this is not done."""
        destroy(_block_file(self._folder, block_of(pseudonym)))
        destroy(self._file(pseudonym))

    def erased(self) -> list[tuple[str, int]]:
        found = (_ERASED_LINE.fullmatch(line) for line in _lines_of(self._folder / ERASED))
        return [(match[1], int(match[2])) for match in found if match]

    def note_stop(self, pseudonym: str, channel: str, at: int) -> None:
        try:
            append_line(self._folder / STOPS, f"{pseudonym} {channel} {at}")
        except OSError as error:
            raise self._unusable(error) from error

    def stops(self) -> list[tuple[str, str, int]]:
        found = (_STOP_LINE.fullmatch(line) for line in _lines_of(self._folder / STOPS))
        return [(match[1], match[2], int(match[3])) for match in found if match]

    def block_keys(self) -> dict[int, bytes]:
        found = {}
        for number in range(BLOCKS + 1):
            with suppress(StateConflict):
                key = self._read(_block_file(self._folder, number), key_name(number))
                if key is not None:
                    found[number] = key
        return found

    def make_block_keys(self) -> dict[int, bytes]:
        found = self.block_keys()
        for number in range(BLOCKS + 1):
            if number not in found:
                file = _block_file(self._folder, number)
                try:
                    destroy(file)  # one that does not open
                except OSError as error:
                    raise self._unusable(error) from error
                found[number] = self._made(file, key_name(number))
        return found

    def lookup_key(self, number: int) -> bytes:
        key = self._read(self._folder / _lookup_file(number), _lookup_name(number))
        if key is not None:
            return key
        # The first is made by who needs it first, which another may just have done.
        if number not in (lookup_numbers(self._folder) or [1]):
            raise StateConflict(
                f"keys {self._folder}: {_lookup_file(number)} is not there, and without it nobody "
                "is found; put the newest copy of the keys back"
            )
        return self._made(self._folder / _lookup_file(number), _lookup_name(number))

    def lookup_numbers(self) -> list[int]:
        """The numbers of the look-up keys that are there, the oldest first."""
        return lookup_numbers(self._folder)

    def make_lookup_key(self, number: int) -> None:
        self._made(self._folder / _lookup_file(number), _lookup_name(number))

    def destroy_lookup_keys(self, below: int) -> None:
        try:
            with self._beside_others():
                for number in lookup_numbers(self._folder):
                    if number < below:
                        destroy(self._folder / _lookup_file(number))
        except OSError as error:
            raise self._unusable(error) from error

    def vapid_key(self) -> bytes:
        return self._made(self._folder / _VAPID_FILE, _VAPID)

    def _made(self, file: Path, name: str) -> bytes:
        try:
            make_folder(file.parent)
            while (key := self._read(file, name)) is None:
                with self._beside_others():
                    create(file, self.master.wrap(os.urandom(KEY_BYTES), name))
        except OSError as error:
            raise self._unusable(error) from error
        return key

    def _read(self, file: Path | str, name: str) -> bytes | None:
        try:
            wrapped = _content(file)
            try:
                return self.master.unwrap(wrapped, name)
            except StateConflict:
                again = _content(file)
                if again == wrapped:
                    raise
                return self.master.unwrap(again, name)  # it was wrapped anew in between
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(error) from error

    def _file(self, pseudonym: str) -> Path:
        return Path(self._people, _place(pseudonym))

    def _unusable(self, error: OSError) -> StateConflict:
        return StateConflict(f"keys {self._folder} cannot be used: {error.strerror}; mend that")


def _place(pseudonym: str) -> str:
    """Where a person's key is among people's. Raises ValueError for what no pseudonym is."""
    if not _PSEUDONYM.fullmatch(pseudonym):
        raise ValueError("a pseudonym has letters, digits, - and _ alone, 64 at most")
    # By its hash: 256 folders that fill evenly, whatever pseudonyms look like.
    return f"{hashlib.sha256(pseudonym.encode()).hexdigest()[:2]}/{pseudonym}"


def _content(file: Path | str) -> bytes:
    handle = os.open(file, os.O_RDONLY)
    try:
        return os.read(handle, _MOST_OF_FILE)
    finally:
        os.close(handle)


@contextmanager
def locked(folder: Path, how: int) -> Iterator[None]:
    """Hold the folder's lock (`fcntl.LOCK_SH` or `LOCK_EX`); wait for it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, how)
        yield
    finally:
        os.close(handle)  # which also releases it


def lookup_numbers(folder: Path) -> list[int]:
    """The numbers of the look-up keys in a folder of keys, the oldest first."""
    found = (_LOOKUP_FILE.fullmatch(file.name) for file in folder.glob(_LOOKUPS))
    return sorted(int(match[1] or 1) for match in found if match)


def _lines_of(file: Path) -> list[str]:
    try:
        return file.read_text("ascii", "replace").splitlines()
    except FileNotFoundError:
        return []


def _block_file(folder: Path, number: int) -> Path:
    return folder / RECIPIENTS / str(number)


def _lookup_file(number: int) -> str:
    return f"{_lookup_name(number)}.key"


def _lookup_name(number: int) -> str:
    return "lookup" if number == 1 else f"lookup.{number}"


def default_folder(home: Path) -> Path:
    """Where a home's keys are unless said otherwise: beside it."""
    return home.with_name(home.name + ".keys")


def open_keys(
    home: Path,
    folder: Path | None = None,
    master: Path | None = None,
    *,
    people: Sequence[str] = (),
    lookup: int = 0,
) -> FolderKeys:
    """The keys of the home in this folder; made, with a master key, where there are none.

    `folder` is by default `default_folder(home)`; `master` names a file with the master key, which
    then is not in the folder. `people` are some whom the store holds (pseudonyms): beside these no
    keys are made, for new ones would open nothing and be in the way of the right ones. `lookup` is
    the number of the look-up key that the store goes by; 0: any.

    Raises SettingsInvalid for keys inside the home, for files that others may read, and where keys
    are there without their master key; StateConflict where they are not those of these people.
    """
    folder = (folder or default_folder(home)).absolute()
    if folder.is_relative_to(home.absolute()):
        raise SettingsInvalid(
            [f"keys {folder}: they lie in the home, and would be in its backups; name another"]
        )
    numbers = lookup_numbers(folder)
    if people and not (lookup in numbers if lookup else numbers):
        raise _lost(home, folder)
    try:
        make_folder(folder)
        mode = stat.S_IMODE(folder.stat().st_mode)
    except OSError as error:
        raise SettingsInvalid([f"keys {folder}: {error.strerror}; name another folder"]) from error
    if mode & 0o077:
        raise SettingsInvalid([f"keys {folder}: others may look into it; run chmod 700 on it"])
    keys = FolderKeys(folder, MasterKey(master or _own_master_key(folder)))
    if people:
        keys.lookup_key(lookup or numbers[-1])  # which another master key does not open
        missing = [pseudonym for pseudonym in people if keys.get(pseudonym) is None]
        gone = {pseudonym for pseudonym, _ in keys.erased()}  # after it: some may be just now
        left = [pseudonym for pseudonym in people if pseudonym not in gone]
        if left and set(left) <= set(missing):
            raise _lost(home, folder)
    return keys


def _lost(home: Path, folder: Path) -> StateConflict:
    return StateConflict(
        f"keys {folder}: home {home} holds people, and their keys are not there: nobody could be "
        "told anything. Put back the folder of keys (atalaia backup --keys made copies of it), or "
        "name it: people.keys in the settings"
    )


def _own_master_key(folder: Path) -> Path:
    file = folder / MASTER
    has_keys = bool(lookup_numbers(folder)) or (folder / PEOPLE).exists()  # before it: it is first
    if not file.exists():
        if has_keys:
            raise SettingsInvalid(
                [f"keys {folder}: their {MASTER} is missing; put it back, or name its file"]
            )
        make_master_key(file)
    return file
