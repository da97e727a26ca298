"""Half-done talks of the bot, in memory: one process hears all of them."""

from __future__ import annotations

from atalaia.ports import Talks

MOST = 10_000
"""Beyond so many the talk that rested longest is forgotten."""


class MemoryTalks(Talks):
    """Fills `ports.Talks`. Of very many at once those that rested longest begin anew."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._held: dict[str, tuple[bytes, int]] = {}

    def get(self, name: str) -> tuple[bytes, int] | None:
        return self._held.get(name)

    def put(self, name: str, sealed: bytes, until: int) -> None:
        self._held.pop(name, None)
        self._held[name] = (sealed, until)
        while len(self._held) > self._most:
            del self._held[next(iter(self._held))]

    def remove(self, name: str) -> None:
        self._held.pop(name, None)
