"""Lines of RAW that are read with their bodies at once, or made into payloads when one is wanted.

blocks of a part ──► `LinesOfPart` ──► a decoder that reads plain lines; for all others: payloads

What is read at once is what the line and the body would say one after the other, by the same
reader. Where one line is otherwise than nearly all are, the block is made into payloads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Literal, overload

import msgspec
import numpy as np

from atalaia.domain.alert import seconds_of
from atalaia.domain.payload import Lines, Payload, Plain

_UNREADABLE = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)
"""What msgspec raises for bytes that are no such lines."""


def _reader(source: str, content: str, body: type) -> Callable[[bytes], list[Any]]:
    """What reads the lines of live answers of one place each that have such a body. A line that
    says anything else is refused."""
    line = msgspec.defstruct(
        "PlainLine",
        [
            ("offset", int),
            ("source", Literal[source]),
            ("content", Literal[content]),
            ("places", tuple[str]),
            ("received_at", str),
            ("part", int | None, None),
            ("status", Literal[200], 200),
            ("failure", None, None),
            ("is_recorded", bool, False),
            ("body", body),
        ],
        kw_only=True,
        gc=False,
        forbid_unknown_fields=True,
    )
    return msgspec.json.Decoder(line).decode_lines


_reader_of = lru_cache(maxsize=64)(_reader)


class LinesOfPart(Lines):
    """Some blocks of whole lines of one part.

    `part` stands in each line of a day's part; None: in none. `make` makes the payloads of a block;
    what it raises for damage is kept, and the payloads are those of the blocks before.
    """

    def __init__(
        self,
        source: str,
        part: int | None,
        blocks: Sequence[bytes],
        make: Callable[[bytes], list[Payload]],
    ) -> None:
        self.source = source
        self._part = part
        self._blocks = blocks
        self._make = make
        self._payloads: list[Payload] | None = None
        self.damage: Exception | None = None

    def plain(self, content: str, body: type) -> Iterator[Plain | None]:
        """See `Lines.plain`: a block at a time, whose objects lie where the last one's lay."""
        read = _reader_of(self.source, content, body)
        times: list[str] = []
        for block in self._blocks:
            try:
                lines = read(block)
            except _UNREADABLE:
                lines = []
            if any(line.part != self._part or line.is_recorded for line in lines) or not lines:
                yield None
                return
            times += [line.received_at for line in lines]
            yield Plain([line.places for line in lines], [line.body for line in lines])
        try:
            seconds = {text: seconds_of(text) for text in set(times)}
        except ValueError:
            yield None
            return
        self.received_at = np.array([seconds[text] for text in times], np.int64)

    def _made(self) -> list[Payload]:
        if self._payloads is None:
            self._payloads = []
            try:
                for block in self._blocks:
                    self._payloads += self._make(block)
            except (msgspec.MsgspecError, ValueError) as error:
                self.damage = error
        return self._payloads

    def __len__(self) -> int:
        return len(self._made() if self.received_at is None else self.received_at)

    def __iter__(self) -> Iterator[Payload]:
        return iter(self._made())

    @overload
    def __getitem__(self, at: int) -> Payload: ...
    @overload
    def __getitem__(self, at: slice) -> list[Payload]: ...
    def __getitem__(self, at: int | slice) -> Payload | list[Payload]:
        return self._made()[at]
