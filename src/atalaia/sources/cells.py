"""Cells of text files as columns, of which each different cell is read once.

    a part of the file ──► where its cells begin and end ──► `Cells`, one a column ──► readings_csv

A long record has millions of cells and few different ones: gauges share their instants, and an
instrument tells few numbers. Cells are compared eight letters at a time, as integers, where they
lie in the file; only those that differ become texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from atalaia.domain.reading import Bools, Ints

Column = TypeVar("Column", bound=NDArray[Any])

_LONGEST = 64
"""Letters of a cell; a column with a longer one is read cell by cell."""

_ODD = np.uint64(0x9E3779B97F4A7C15)
"""Times this, what differs anywhere differs in the highest bits (Knuth's multiplicative hash)."""

_FIRST_LETTERS = np.array([(1 << 8 * n) - 1 for n in range(9)], np.uint64)
"""By number of letters: what is left of eight."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """A column of n cells.

    told   cells, some of which may be the same
    which  of each row its place in `told`, shape (n,); None: `told` has one a row, in order
    """

    told: Sequence[Any]
    which: Ints | None = None

    def __getitem__(self, row: int) -> Any:
        return self.told[row if self.which is None else self.which[row]]

    def spread(self, read: Column) -> Column:
        """What was read of `told`, row by row."""
        return read if self.which is None else read[self.which]  # type: ignore[return-value]

    def in_order(self) -> list[Any]:
        """The cells of `told` in the order in which rows first have them."""
        if self.which is None or len(self.told) == 1:
            return list(self.told)
        first = np.full(len(self.told), len(self.which))
        # Of several assignments to one place numpy keeps the last: the first row's.
        first[self.which[::-1]] = np.arange(len(self.which))[::-1]
        return [self.told[i] for i in np.argsort(first).tolist()]

    def faults(self, found: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
        """(row, reason), by row, of what was found at places of `told`."""
        if self.which is None or not found:
            yield from found
            return
        reasons = dict(found)
        for row in np.flatnonzero(np.isin(self.which, list(reasons))).tolist():
            yield row, reasons[int(self.which[row])]


def columns_of(text: str, width: int) -> tuple[list[Cells], int] | None:
    """Columns of whole lines with commas, and how many lines these are; None where not each has so
    many cells, or a cell may be quoted."""
    if '"' in text or "\0" in text:
        return None
    body = text.encode() + (b"" if text.endswith("\n") else b"\n")
    letters = np.frombuffer(body, np.uint8)
    marks = np.flatnonzero((letters == ord(",")) | (letters == ord("\n")))
    lines = body.count(b"\n")
    if len(marks) != lines * width:
        return None
    ends = marks.reshape(lines, width)
    if not (letters[ends[:, -1]] == ord("\n")).all():
        return None
    begins = np.concatenate(([0], marks[:-1] + 1)).reshape(lines, width)
    padded = body + bytes(8)
    eight = np.ndarray((len(body) + 1,), "<u8", padded, strides=(1,))
    plain = text if text.isascii() else body
    columns = [
        _column(plain, eight, np.ascontiguousarray(begins[:, i]), ends[:, i] - begins[:, i])
        for i in range(width)
    ]
    return columns, lines


def _column(plain: str | bytes, eight: NDArray[np.uint64], begin: Ints, size: Ints) -> Cells:
    """The column whose cells begin there and have so many letters. `eight` has the letters from
    each place on."""
    n, longest = len(begin), int(size.max())
    if longest == 0:
        return Cells([""], np.zeros(n, np.int64))
    if longest <= _LONGEST:
        words = _words(eight, begin, size, longest)
        is_new = np.ones(n, bool)
        is_new[1:] = _differ(words, slice(1, None), slice(None, -1))
        heads = np.flatnonzero(is_new)
        if 2 * len(heads) <= n:
            return Cells(_texts(plain, begin[heads], size[heads]), np.cumsum(is_new) - 1)
        which = _which(words)
        if which is not None:
            # Of each different cell some row that has it.
            row = np.zeros(int(which.max()) + 1, np.int64)
            row[which] = np.arange(n)
            if len(words) == 1 or not _differ(words, slice(None), row[which]).any():
                return Cells(_texts(plain, begin[row], size[row]), which)
        if int(size.min()) == longest:
            letters = np.stack(words, axis=1).view(np.uint8)[:, :longest]
            return Cells(EvenTexts(letters, plain, begin))
    return Cells(_texts(plain, begin, size))


class EvenTexts(Sequence[str]):
    """Cells of equally many bytes, which become texts when one is asked for: instants are read as
    they lie.

    letters  shape (n, bytes), uint8
    """

    def __init__(self, letters: NDArray[np.uint8], plain: str | bytes, begin: Ints) -> None:
        self.letters = letters
        self._plain, self._begin = plain, begin

    @cached_property
    def _told(self) -> list[str]:
        width = np.full(len(self), self.letters.shape[1])
        return _texts(self._plain, self._begin, width)

    def __len__(self) -> int:
        return len(self.letters)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        return self._told[row]


def _words(
    eight: NDArray[np.uint64], begin: Ints, size: Ints, longest: int
) -> list[NDArray[np.uint64]]:
    """The cells, eight letters in an integer; what lies behind a cell is 0, as no letter is."""
    words = []
    are_even = int(size.min()) == longest
    for start in range(0, longest, 8):
        word = eight[np.minimum(begin + start, len(eight) - 1) if start else begin]
        if not are_even:
            word &= _FIRST_LETTERS[np.minimum(np.maximum(size - start, 0), 8)]
        elif longest < start + 8:
            word &= _FIRST_LETTERS[longest - start]
        words.append(word)
    return words


def _differ(words: Sequence[NDArray[np.uint64]], some: Any, others: Any) -> Bools:
    differ: Bools = words[0][some] != words[0][others]
    for word in words[1:]:
        differ |= word[some] != word[others]
    return differ


def _which(words: Sequence[NDArray[np.uint64]]) -> Ints | None:
    """A number of each different cell, row by row; None where most rows have one of their own. Of
    long cells two may get one number.

    Each cell goes to one of some slots, and what is there last is the slot's: so nothing is sorted
    but the few that meet another there.
    """
    mixed = words[0]
    for word in words[1:]:
        mixed = mixed * _ODD + word
    n = len(mixed)
    bits = n.bit_length()
    slot = ((mixed * _ODD) >> np.uint64(64 - bits)).astype(np.int64)
    owner = np.full(1 << bits, -1)
    owner[slot] = np.arange(n)
    is_owned = owner >= 0
    owned = np.count_nonzero(is_owned)
    if 2 * owned > n:
        return None
    which: Ints = (np.cumsum(is_owned) - 1)[slot]
    others = np.flatnonzero(mixed[owner[slot]] != mixed)
    if len(others):
        different, of_others = np.unique(mixed[others], return_inverse=True)
        which[others] = owned + of_others
        owned += len(different)
    return which if 2 * owned <= n else None


def _texts(plain: str | bytes, begin: Ints, size: Ints) -> list[str]:
    """Those cells as texts. `plain` is the file's text, or its bytes where these are not ASCII."""
    spans = zip(begin.tolist(), (begin + size).tolist(), strict=True)
    if isinstance(plain, str):
        return [plain[start:end] for start, end in spans]
    return [plain[start:end].decode() for start, end in spans]
