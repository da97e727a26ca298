"""Collects what could not be decoded, so that the rest can go on."""

from __future__ import annotations

from atalaia.domain.payload import Reject
from atalaia.errors import PayloadInvalid

MOST_IN_FULL = 1000
"""Rejects a payload may list one by one. A file whose every cell is wrong would otherwise cost
more memory than its readings; what goes beyond is counted in one last reject."""

LONGEST_DETAIL = 200


class Unreadable(PayloadInvalid):
    """A whole payload that cannot be read. `reason` can be counted, `detail` says where."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Rejects:
    """The rejects of one payload, in the order in which they were found."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._found: list[Reject] = []
        self._more = 0

    def add(self, reason: str, detail: str = "") -> None:
        """Note one part that could not be read."""
        if len(self._found) < MOST_IN_FULL:
            cut = detail if len(detail) <= LONGEST_DETAIL else detail[: LONGEST_DETAIL - 1] + "…"
            self._found.append(Reject(source=self.source, reason=reason, detail=cut))
        else:
            self._more += 1

    def take(self, reject: Reject) -> None:
        """Note one that is made already."""
        self.add(reject.reason, reject.detail)

    def add_unreadable(self, error: Unreadable) -> None:
        """Note that nothing of the payload could be read."""
        self.add(error.reason, error.detail)

    def listed(self) -> list[Reject]:
        """All of them; beyond MOST_IN_FULL one last entry says how many more there were."""
        if not self._more:
            return self._found
        more = Reject(source=self.source, reason="too many faults", detail=f"{self._more} more")
        return [*self._found, more]


def shown(value: object) -> str:
    """A value as a detail shows it: short, and on one line."""
    text = value if isinstance(value, str) else type(value).__name__
    return repr(text if len(text) <= 40 else text[:39] + "…")
