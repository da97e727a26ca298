"""RAW and GOLD as files in a folder."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from atalaia.errors import StateConflict
from atalaia.ports import Lake

_UNFINISHED = ".unfinished-"
"""Ends the name of a file that is being written, so that no glob for ``*.parquet`` finds it."""


_MANY = 16
"""More than these are brought to disk by one call for all that their disk has yet to write."""

_LIBC = ctypes.CDLL(None, use_errno=True)


class FolderLake(Lake):
    """Fills `ports.Lake`.

    A file appears under its name when it is whole and on disk: it is written beside its place
    and renamed. What a killed process left unfinished is never listed, and is swept away when
    the key is written again.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(self, key: str, body: bytes) -> None:
        self.write_all({key: body})

    def write_all(self, files: Mapping[str, bytes]) -> None:
        written: dict[Path, Path] = {}
        folders: dict[Path, None] = {}
        target = self._root
        try:
            for key, body in files.items():
                target = self._file(key)
                folders |= dict.fromkeys(_make_folder(target.parent))
                _sweep(target)
                beside = target.with_name(f"{target.name}{_UNFINISHED}{os.getpid()}")
                written[target] = beside
                beside.write_bytes(body)
            _sync(self._root, list(written.values()))
            for target, beside in written.items():
                beside.replace(target)
            _sync(self._root, list(folders | dict.fromkeys(file.parent for file in written)))
        except OSError as error:
            for beside in written.values():  # they would take the room of a full disk
                with suppress(OSError):
                    beside.unlink(missing_ok=True)
            if error.errno in (errno.ENAMETOOLONG, errno.EILSEQ):
                raise ValueError(f"{target.name[:80]!r}… is no name for a file") from error
            raise StateConflict(
                f"{target} cannot be written: {error.strerror}; make room or use another --home"
            ) from error

    def read(self, key: str) -> bytes:
        try:
            return self._file(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            raise KeyError(key) from None

    def keys(self, prefix: str) -> list[str]:
        """A prefix may end within a name, as on S3."""
        folder = prefix.rpartition("/")[0]
        start = str(self._file(folder) if folder else self._root)
        # By letters: paths of hundreds of files were a twentieth of a question.
        found = (
            f"{folder}{parent[len(start) :]}/{name}".removeprefix("/")
            for parent, _, names in os.walk(start)
            for name in names
            if _UNFINISHED not in name
        )
        return sorted(key for key in found if key.startswith(prefix))

    def delete(self, key: str) -> None:
        """Folders that this leaves empty go too."""
        target = self._file(key)
        target.unlink(missing_ok=True)
        for folder in target.parents:
            if folder == self._root:
                return
            try:
                folder.rmdir()
            except OSError:  # not empty, or never there
                return

    def path(self, key: str) -> Path:
        return self._file(key)

    def _file(self, key: str) -> Path:
        parts = key.split("/")
        if any(part in ("", ".", "..") or "\0" in part or "\\" in part for part in parts):
            raise ValueError(f"{key!r} is not a key of the lake: no empty, '.' or '..' parts")
        return self._root.joinpath(*parts)


def _sweep(target: Path) -> None:
    """Remove what a killed writer of this file left behind.

    Were it still alive, against the rule of one writer a key, its rename would fail and say so.
    """
    for file in target.parent.iterdir():
        if file.name.startswith(target.name + _UNFINISHED):
            file.unlink(missing_ok=True)


def _make_folder(folder: Path) -> list[Path]:
    """Make the folder and what is missing above it; return those in which one was made, whose
    entries are yet to be synced to disk."""
    if folder.is_dir():
        return []
    above = _make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    return [*above, folder.parent]


def _sync(root: Path, some: Sequence[Path]) -> None:
    """Bring files or folders below a root to disk: many of them by one call for their disk."""
    is_many = len(some) > _MANY and hasattr(_LIBC, "syncfs")  # Linux has it
    for one in [root] if is_many else some:
        handle = os.open(one, os.O_RDONLY)
        try:
            if not is_many:
                os.fsync(handle)
            elif _LIBC.syncfs(handle):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        finally:
            os.close(handle)
