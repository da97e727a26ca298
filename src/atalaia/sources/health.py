"""How a source of readings or of warnings is doing."""

from __future__ import annotations

from typing import Any

import msgspec

from atalaia.domain.alert import instant


class Health(msgspec.Struct):
    """How a source is doing. `reason` is why it does not answer; None: it does. `unused` are the
    official warnings of its newest answer that could not be used."""

    reason: str | None = None
    last_success_at: int | None = None
    next_try_at: int | None = None
    unused: int = 0

    def shown(self, expected_s: int, now: int) -> dict[str, Any]:
        """As `/readyz` shows it: fresh while its last answer is younger than three intervals."""
        at, next_try_at = self.last_success_at, self.next_try_at
        return {
            "fresh": at is not None and now - at < 3 * expected_s,
            "last_success_at": None if at is None else instant(at),
            "age_s": None if at is None else max(0, now - at),
            "fault": self.reason,
            "next_try_at": None if next_try_at is None else instant(next_try_at),
            "unused": self.unused,
        }
