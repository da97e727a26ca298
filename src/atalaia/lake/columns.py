"""An answer's columns by names that differ, as objects and files need them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def distinct(names: Sequence[str]) -> list[str]:
    """Names with a number after those that came before: an object's keys must differ."""
    made: list[str] = []
    for name in names:
        candidates: Iterator[str] = (f"{name}_{n}" if n > 1 else name for n in range(1, 10_000))
        made.append(next(c for c in candidates if c not in made))
    return made
