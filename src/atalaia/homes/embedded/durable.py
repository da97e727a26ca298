"""Small secret files that are on disk when they are there, and gone when they are gone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import BinaryIO


def create(file: Path, body: bytes) -> bool:
    """Make a file that only its owner can read; False, and nothing changed, if there is one.

    It appears whole and synced to disk, whoever else makes it at the same time.
    """
    beside = file.with_name(f".{file.name}.{secrets.token_hex(8)}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(body)
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(beside, file)  # unlike a rename it never replaces
        except FileExistsError:
            return False
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(file.parent)
    return True


def replace(file: Path, body: bytes) -> None:
    """Put another body in a file's place, for its owner alone, whole and synced to disk; then
    overwrite the old one with noise, as `destroy` does."""
    beside = file.with_name(f".{file.name}.{secrets.token_hex(8)}.new")
    with file.open("r+b") as old:
        try:
            create(beside, body)
            beside.replace(file)
        finally:
            beside.unlink(missing_ok=True)
        sync_folder(file.parent)
        _overwrite(old)


def destroy(file: Path) -> None:
    """Overwrite a file with noise and remove it, each synced to disk; nothing if there is none.

    A file system that copies on write, and a flash disk, may keep the old blocks for a while.
    """
    try:
        with file.open("r+b") as out:
            _overwrite(out)
        file.unlink()
    except FileNotFoundError:
        return
    sync_folder(file.parent)


def _overwrite(out: BinaryIO) -> None:
    out.write(os.urandom(os.fstat(out.fileno()).st_size))
    out.flush()
    os.fsync(out.fileno())


def append_line(file: Path, line: str) -> None:
    """Add a line at the end, synced to disk; what a crash left half-written stays a line apart."""
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(handle).st_size
        is_torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        os.write(handle, (("\n" if is_torn else "") + line + "\n").encode())
        os.fsync(handle)
    finally:
        os.close(handle)
    sync_folder(file.parent)


def make_folder(folder: Path) -> None:
    """Make a folder for its owner alone, and what is missing above it, synced to disk."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """See that the folder's entries are on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
