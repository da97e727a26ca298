"""What a home offers: the stream, the state, and the lake. Both homes pass the same tests.

The code between the ports does not know where it lives. Methods are synchronous and may block;
callers on an event loop put them in a thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from atalaia.domain.alert import LogEntry
from atalaia.domain.payload import Payload, Reject


class Record(msgspec.Struct, frozen=True):
    """A payload with its place in the stream: `offset` grows by appending, and never repeats."""

    offset: int
    payload: Payload


class Stream(Protocol):
    """The append-only log of what sources answered: the one truth."""

    def append(self, payloads: Sequence[Payload]) -> int:
        """Keep the payloads, in order, all or none; return the offset of the last.

        When it returns they survive the end of the process and of the machine's power.
        """
        ...

    def read(self, after: int, limit: int) -> list[Record]:
        """At most `limit` records with an offset above `after`, in order."""
        ...

    def last_offset(self) -> int:
        """Of the newest record; 0 when the stream is empty."""
        ...

    def drop(self, up_to: int) -> int:
        """Forget records with an offset of `up_to` or less (archived long ago); return how many."""
        ...


class Commit(msgspec.Struct, frozen=True):
    """All that one batch changes. It takes effect as a whole or not at all.

    consumer   who consumed
    offset     the last offset consumed; a commit at or below the stored offset changes nothing
    items      state items by key (``place:…``, ``area:…``, ``source:…``); None deletes
    entries    new entries of the alert log
    rejects    what could not be decoded, with the offset of its payload
    """

    consumer: str
    offset: int
    items: Mapping[str, bytes | None] = {}
    entries: Sequence[LogEntry] = ()
    rejects: Sequence[tuple[int, Reject]] = ()


class State(Protocol):
    """State items, consumers' offsets, the alert log and the rejects."""

    def load(self, prefix: str = "") -> dict[str, bytes]:
        """All items whose key begins with `prefix`."""
        ...

    def offset(self, consumer: str) -> int:
        """The last offset that this consumer committed; 0 before its first commit."""
        ...

    def commit(self, commit: Commit) -> bool:
        """Write all of it in one transaction; False (and nothing written) if it was done before.

        Raises StateConflict where another process committed in between.
        """
        ...

    def alerts(self, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, LogEntry]]:
        """Entries of the alert log with their sequence number, from the one after `after`."""
        ...

    def rejects(
        self, after: int = 0, limit: int | None = None
    ) -> Iterator[tuple[int, int, Reject]]:
        """Rejects as (sequence number, offset of the payload, reject), after number `after`."""
        ...

    def note(self, key: str) -> str | None:
        """A small fact that outlives the process (a budget's count, a replay's fingerprint)."""
        ...

    def set_note(self, key: str, value: str) -> None:
        """Keep such a fact."""
        ...


class Lake(Protocol):
    """RAW and GOLD: files under keys. A key's file is replaced as a whole or not at all."""

    def write(self, key: str, body: bytes) -> None:
        """Keep `body` under `key`, durably, replacing what was there."""
        ...

    def read(self, key: str) -> bytes:
        """The file under `key`; KeyError if there is none."""
        ...

    def keys(self, prefix: str) -> list[str]:
        """The keys below `prefix`, sorted."""
        ...

    def delete(self, key: str) -> None:
        """Remove the file under `key`, if it is there."""
        ...

    def path(self, key: str) -> Path | str:
        """What DuckDB opens for this key (a path, or a URL); it may hold globs."""
        ...


@dataclass(frozen=True, slots=True)
class Result:
    """What a query answered: the columns' names, and rows that come as they are taken.

    Instants are aware datetimes in UTC; a missing value is None.
    """

    columns: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]


class Sql(Protocol):
    """Runs a person's SQL over GOLD's datasets. It can read those and nothing else."""

    def run(self, sql: str, files: Mapping[str, Sequence[Path | str]]) -> Result:
        """Answer one SELECT over the views `readings`, `alerts` and `incidents` (`homes.gold`).

        `files` has the Parquet files of each dataset of GOLD; a dataset without files is an empty
        view with the right columns. Raises QueryInvalid with the engine's own message.
        """
        ...
