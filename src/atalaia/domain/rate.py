"""How often somebody may ask, and what became of it when they did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """So many tokens in a window, for each who asks.

    what       of what: buckets of several rates never mix
    limit      tokens, 1 or more; what costs more than all of them takes all
    window_s   seconds in which they come back
    is_exact   each asking is told to all processes; else one may let a few through unasked
    """

    what: str
    limit: int
    window_s: int
    is_exact: bool = False


@dataclass(frozen=True, slots=True)
class Allowance:
    """What became of a request: whether it may go, what is left, seconds until it is full again,
    and seconds until this request could go (0: it may)."""

    is_allowed: bool
    left: int
    full_in: int
    retry_in: int
