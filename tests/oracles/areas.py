"""Area rules, plainly: after each message the newest word of each place, one by one."""

from __future__ import annotations

from collections.abc import Sequence

Said = tuple[int, int, int, float]
"""(known_at, place, valid_at, value)."""


def reached(told: Sequence[Said], now: int, k: int, within_s: int) -> float | None:
    """The value that at least `k` places have reached by `now`, by the newest word of each that is
    no older than `within_s` before the newest of all; None: too few have said anything."""
    newest: dict[int, tuple[int, float]] = {}
    for known_at, place, valid_at, value in told:
        if known_at <= now and (place not in newest or valid_at >= newest[place][0]):
            newest[place] = (valid_at, value)
    at = max(valid_at for valid_at, _ in newest.values())
    fresh = sorted(
        (v for valid_at, v in newest.values() if at - valid_at <= within_s), reverse=True
    )
    return fresh[k - 1] if len(fresh) >= k else None
