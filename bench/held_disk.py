"""A disk that forgets: what SQLite writes and does not sync is gone when the process is killed.

`hold` makes it SQLite's own in this process (`apsw.VFS`). Writes are kept in memory and go to the
file when it is synced, as a drive's cache does; but each sector may also go at once, by lot, so
that after a power cut some of what was not synced is there and some is not, in no order. In WAL
mode the log is synced with each commit at `synchronous=FULL`, and at NORMAL it is not.

The file of `CHAOS_CONTROL` says, besides the clock, whether writes fail (`READ_ONLY`).
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable
from typing import Any

import apsw

from atalaia.homes.embedded import database

SECTOR = 512
AT_ONCE = 0.3
"""So many of the sectors that are written are on the disk though nothing was synced."""


class _Cache:
    """What of one file is written and not synced. All connections of the process share it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.sectors: dict[int, bytes] = {}
        self.size: int | None = None  # None: as on the disk


_caches: dict[str, _Cache] = {}


class HeldFile(apsw.VFSFile):
    def __init__(self, name: Any, flags: Any, is_read_only: Callable[[], bool]) -> None:
        super().__init__("unix", name, flags)
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._cache = _caches.setdefault(os.path.realpath(path), _Cache()) if path else _Cache()
        self._is_read_only = is_read_only
        self._chance = random.Random(os.getpid())

    def xFileSize(self) -> int:  # noqa: N802
        with self._cache.lock:
            return super().xFileSize() if self._cache.size is None else self._cache.size

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        cache = self._cache
        with cache.lock:
            first, last = offset // SECTOR, (offset + amount - 1) // SECTOR
            whole = b"".join(self._sector(n) for n in range(first, last + 1))
            found = whole[offset - first * SECTOR :][:amount]
            return found[: max(0, self.xFileSize() - offset)]

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        if self._is_read_only():
            raise apsw.IOError("read-only")
        cache = self._cache
        with cache.lock:
            size = max(self.xFileSize(), offset + len(data))
            first, last = offset // SECTOR, (offset + len(data) - 1) // SECTOR
            whole = bytearray(b"".join(self._sector(n) for n in range(first, last + 1)))
            begin = offset - first * SECTOR
            whole[begin : begin + len(data)] = data
            for n in range(first, last + 1):
                one = bytes(whole[(n - first) * SECTOR :][:SECTOR])
                cache.sectors[n] = one
                if self._chance.random() < AT_ONCE:
                    super().xWrite(one, n * SECTOR)
            cache.size = size

    def xTruncate(self, size: int) -> None:  # noqa: N802
        cache = self._cache
        with cache.lock:
            cache.size = size
            cache.sectors = {n: one for n, one in cache.sectors.items() if n * SECTOR < size}

    def xSync(self, flags: int) -> None:  # noqa: N802
        cache = self._cache
        with cache.lock:
            for n, one in sorted(cache.sectors.items()):
                super().xWrite(one, n * SECTOR)
            if cache.size is not None:
                super().xTruncate(cache.size)
            super().xSync(flags)
            cache.sectors, cache.size = {}, None

    def _sector(self, n: int) -> bytes:
        """As the process sees it."""
        held = self._cache.sectors.get(n)
        if held is None:
            there = super().xFileSize() - n * SECTOR
            held = super().xRead(min(SECTOR, there), n * SECTOR) if there > 0 else b""
        return held.ljust(SECTOR, b"\0")


class Held(apsw.VFS):
    def __init__(self, is_read_only: Callable[[], bool]) -> None:
        super().__init__("held", "unix", makedefault=True)
        self._is_read_only = is_read_only

    def xOpen(self, name: Any, flags: Any) -> HeldFile:  # noqa: N802
        return HeldFile(name, flags, self._is_read_only)


_held: list[Held] = []


def hold(is_read_only: Callable[[], bool], synchronous: str = "") -> None:
    """From now on, for all that SQLite opens in this process.

    synchronous  what is set in place of FULL
    """
    _held.append(Held(is_read_only))
    if synchronous:
        database._PRAGMAS = tuple(
            f"synchronous={synchronous}" if p.startswith("synchronous") else p
            for p in database._PRAGMAS
        )
