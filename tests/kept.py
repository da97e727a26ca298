"""Notes and a stream that nobody but a test keeps."""

from __future__ import annotations

from collections.abc import Sequence

from atalaia.domain.payload import Payload


class Kept:
    """Texts in a dict, as `ports.Notes` has them."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def note(self, key: str) -> str | None:
        return self.texts.get(key)

    def set_note(self, key: str, value: str) -> None:
        self.texts[key] = value

    def swap_note(self, key: str, before: str | None, value: str) -> bool:
        if self.texts.get(key) != before:
            return False
        self.texts[key] = value
        return True


class Log:
    """A stream in a list."""

    def __init__(self) -> None:
        self.kept: list[Payload] = []

    def append(self, payloads: Sequence[Payload]) -> int:
        self.kept += payloads
        return len(self.kept)
