"""Everybody who is told, sealed in the lake: who starts reads that, and of people what is newer.

```
recipients/<time>-<random>    64 blocks of people, each sealed with a key of its own, and a head,
                              sealed with one more, that names who is in which
```

**Erased stays erased.** `Keys.destroy` takes the key of a person's block along: no snapshot that
has them, here or in a backup, opens there any more. Keys are had before people are looked at: who
was erased before is left out by name, and who is erased later takes a key that was there. Who
starts reads the people of a block that does not open one by one.

**Nobody is missed.** The store names its newest snapshot. One of another name is not read: it may
be of a time that a restored store never saw. Whom nobody could read when it was made, it names.
All that cannot be read is told, and read from the store.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from typing import NamedTuple

import msgspec
import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from atalaia.domain.blocks import BLOCKS, HEAD, block_of
from atalaia.errors import StateConflict
from atalaia.logs import Logger
from atalaia.metrics import Metrics
from atalaia.notify.crowd import SHAPE, Crowd, joined, packed, parted, unpacked
from atalaia.ports import Home
from atalaia.wrap import unwrapped, wrapped

FOLDER = "recipients"

LEAST = 1_000
"""Fewer people are as quickly read one by one."""

_MAGIC = f"atalaia recipients 1 {SHAPE}\n".encode()
_SIZES = 8 * (BLOCKS + 1)

log = Logger()


class _Head(msgspec.Struct, frozen=True):
    """changed   up to which change of people all is in it
    unread    who could not be read when it was made
    names     by block: pseudonyms, `width` bytes each
    """

    changed: int
    at: int
    unread: list[str]
    width: int
    names: list[bytes]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Head).decode


class FoundCrowd(NamedTuple):
    """What was found.

    changed, at    see `_Head`; `at` in Unix seconds
    unread         who is to be read from the store, whatever has changed since
    is_whole       all blocks opened
    """

    changed: int
    at: int
    crowd: Crowd
    unread: list[str]
    is_whole: bool


class Captured(NamedTuple):
    """What is to be kept: `changed` and `unread` as in `_Head`."""

    changed: int
    crowd: Crowd
    unread: Collection[str]


class Snapshots:
    """Those of a home. What cannot be read or written stops nobody."""

    def __init__(self, home: Home, metrics: Metrics, least: int = LEAST) -> None:
        self._home = home
        self._metrics = metrics
        self.least = least
        self.has_one = False
        """Whether the store named one when it was last asked."""

    def read(self) -> FoundCrowd | None:
        """The newest one; None: there is none that can be used."""
        try:
            name = self._home.people.snapshot()
            self.has_one = bool(name)
            found = self._opened(name) if name else None
        except (StateConflict, KeyError, ValueError, OSError, msgspec.MsgspecError) as error:
            said = "it is not there" if isinstance(error, KeyError) else str(error)
            self._metrics.snapshots.labels("ignored").inc()
            log.warning("a snapshot of who is told is passed over: all are read", reason=said)
            return None
        if found is not None:
            self._metrics.snapshots.labels("read" if found.is_whole else "read in part").inc()
        return found

    def write(self, take: Callable[[Collection[str]], Captured], at: int) -> Captured | None:
        """Keep what `take` gives, which leaves out those who are erased; None: it was not kept.

        at    Unix seconds
        """
        try:
            taken = self._written(take, at)
        except (StateConflict, ValueError, OSError) as error:
            log.warning("no snapshot of who is told is made", reason=str(error))
            taken = None
        self._metrics.snapshots.labels("written" if taken else "not written").inc()
        return taken

    def _opened(self, name: str) -> FoundCrowd:
        body = memoryview(self._home.lake.read(f"{FOLDER}/{name}"))
        keys = self._home.keys.block_keys()
        sealed = _parts(body)
        if HEAD not in keys:
            raise ValueError("the key of its head is gone")
        head = _decode(unwrapped(AESGCM(keys[HEAD]), sealed[HEAD], _context(name, HEAD)))
        if head.changed > self._home.people.newest_change():
            raise ValueError("it is newer than the store")
        parts: list[Crowd] = []
        unread = list(head.unread)
        is_whole = True
        for number, some in enumerate(head.names):
            names = np.frombuffer(some, f"S{head.width}")
            try:
                plain = unwrapped(AESGCM(keys[number]), sealed[number], _context(name, number))
                parts.append(unpacked(names, plain))
            except (KeyError, ValueError):
                is_whole = is_whole and not len(names)
                unread += [text.decode() for text in names.tolist()]
        return FoundCrowd(head.changed, head.at, joined(parts), unread, is_whole)

    def _written(self, take: Callable[[Collection[str]], Captured], at: int) -> Captured | None:
        home = self._home
        before = home.people.snapshot()
        keys = home.keys.make_block_keys()  # before people are looked at
        taken = take({pseudonym for pseudonym, _ in home.keys.erased()})
        name = f"{at:012}-{secrets.token_hex(8)}"
        home.lake.write(f"{FOLDER}/{name}", _sealed(name, taken, keys, at))
        if not home.people.set_snapshot(before, name):
            home.lake.delete(f"{FOLDER}/{name}")
            raise StateConflict("another process made one meanwhile")
        self.has_one = True
        older = (key for key in home.lake.keys(f"{FOLDER}/") if key < f"{FOLDER}/{name}")
        home.lake.delete_all(older)
        return taken


def _sealed(name: str, taken: Captured, keys: dict[int, bytes], at: int) -> bytes:
    crowd = taken.crowd
    blocks = (block_of(bytes(name).decode()) for name in crowd.names)
    part = np.fromiter(blocks, np.int32, len(crowd))
    parts = parted(crowd, part, BLOCKS)
    width = max(1, crowd.names.dtype.itemsize)
    names = [one.names.astype(f"S{width}").tobytes() for one in parts]
    head = _Head(taken.changed, at, sorted(taken.unread), width, names)
    sealed = [
        wrapped(AESGCM(keys[number]), plain, _context(name, number))
        for number, plain in enumerate([*map(packed, parts), _encode(head)])
    ]
    sizes = np.array([len(one) for one in sealed], "<u8").tobytes()
    return b"".join([_MAGIC, sizes, *sealed])


def _parts(body: memoryview) -> list[memoryview]:
    """The sealed blocks, and the head behind them. Raises ValueError for what is cut short, or of
    another version."""
    begin = len(_MAGIC) + _SIZES
    if bytes(body[: len(_MAGIC)]) != _MAGIC:
        raise ValueError("another version of Atalaia made it")
    if len(body) < begin:
        raise ValueError("it is cut short")
    sizes = np.frombuffer(body[len(_MAGIC) : begin], "<u8")
    ends = np.cumsum(sizes)
    if begin + int(ends[-1]) != len(body):
        raise ValueError("it is not as long as it says")
    return [
        body[begin + end - size : begin + end]
        for end, size in zip(ends.tolist(), sizes.tolist(), strict=True)
    ]


def _context(name: str, number: int) -> str:
    """A part opens as what it is alone, and in its own snapshot."""
    return f"{FOLDER}/{name} {number}"
