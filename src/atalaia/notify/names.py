"""Pseudonyms by number, some tens of bytes each: a million people are not a million strings.

Most lie as bytes in one sorted array; those that came lately beside it, as strings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from atalaia.domain.reading import Bools, Ints

Texts = NDArray[np.bytes_]

_YOUNG_LEAST = 4_096
_YOUNG_SHARE = 2
"""As strings lie so many, or this part of all; what is more is sorted in."""


class _Held(NamedTuple):
    """Replaced as a whole, so that who reads needs no lock.

    texts      sorted; `number` has whose number each is, and `at` where each number's is
    young      whose numbers follow those, in their order; `numbers` has the same by name
    """

    texts: Texts
    number: Ints
    at: Ints
    young: list[str]
    numbers: dict[str, int]


class Names:
    """A number is one person's, and nobody else's ever after. One thread changes, any may read."""

    def __init__(self, names: Sequence[str] | Texts = ()) -> None:
        self._held = _sorted(np.asarray(names, np.bytes_) if len(names) else np.zeros(0, "S1"))
        self._is_gone = bytearray(len(names))
        self.n_gone = 0

    def __len__(self) -> int:
        """How many numbers there are."""
        return len(self._is_gone)

    def __getitem__(self, number: int) -> str:
        """Whose number it is; empty where they are known no more, or have another one since."""
        if self._is_gone[number]:
            return ""
        held = self._held
        if number < len(held.at):
            return bytes(held.texts[held.at[number]]).decode()
        return held.young[number - len(held.at)]

    def of(self, numbers: Ints) -> list[str]:
        """Whose numbers these are, as one by one."""
        held = self._held
        if len(numbers) and int(numbers.max()) >= len(held.at):
            return [self[number] for number in numbers.tolist()]
        found = [text.decode() for text in held.texts[held.at[numbers]].tolist()]
        if self.n_gone:
            is_gone = self._is_gone
            return [
                "" if is_gone[number] else name
                for number, name in zip(numbers.tolist(), found, strict=True)
            ]
        return found

    def number(self, name: str) -> int | None:
        """Their number; None: nobody who is known has this name."""
        held = self._held
        number = held.numbers.get(name)
        if number is not None or not len(held.texts):
            return number
        sought = name.encode()
        at = int(held.texts.searchsorted(np.array(sought, held.texts.dtype)))
        if at == len(held.texts) or held.texts[at] != sought:
            return None
        found = int(held.number[at])
        return None if self._is_gone[found] else found

    def add(self, name: str) -> int:
        """Give somebody a number, in place of the one that they had."""
        self.remove(name)
        held, number = self._held, len(self._is_gone)
        held.young.append(name)
        self._is_gone.append(0)
        held.numbers[name] = number
        if len(held.young) > max(_YOUNG_LEAST, len(held.texts) // _YOUNG_SHARE):
            self._sort_in()
        return number

    def remove(self, name: str) -> None:
        """Know somebody no more; nothing happens where nobody has this name."""
        number = self.number(name)
        if number is not None:
            self._is_gone[number] = 1
            self._held.numbers.pop(name, None)
            self.n_gone += 1

    def gone(self) -> Bools:
        """By number: whether it is nobody's any more."""
        return np.array(self._is_gone, bool)

    def all(self) -> tuple[Ints, Texts]:
        """Everybody who is known: their numbers, ascending, and their names."""
        self._sort_in()
        numbers, held = np.flatnonzero(~self.gone()), self._held
        return numbers, held.texts[held.at[numbers]]

    def _sort_in(self) -> None:
        held = self._held
        if held.young:
            texts = np.concatenate([held.texts[held.at], np.asarray(held.young, np.bytes_)])
            texts[self.gone()] = b""  # so that a name is found once
            self._held = _sorted(texts)


def _sorted(texts: Texts) -> _Held:
    """By number → as it is held."""
    number = np.argsort(texts, kind="stable").astype(np.int32)
    at = np.empty_like(number)
    at[number] = np.arange(len(number), dtype=np.int32)
    return _Held(texts[number], number, at, [], {})
