"""Half-done talks of the bot, in memory: one process hears all of them."""

from __future__ import annotations

from atalaia.ports import Talks

_MOST = 10_000


class MemoryTalks(Talks):
    """Fills `ports.Talks`. Of very many at once the oldest begin anew."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[bytes, int]] = {}

    def get(self, name: str) -> tuple[bytes, int] | None:
        return self._held.get(name)

    def put(self, name: str, sealed: bytes, until: int) -> None:
        self._held.pop(name, None)
        self._held[name] = (sealed, until)
        while len(self._held) > _MOST:
            del self._held[next(iter(self._held))]

    def remove(self, name: str) -> None:
        self._held.pop(name, None)
