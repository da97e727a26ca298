"""How many calls a source still allows: its published limits, and what its answers say of them.

Pure but for its own count: `now` is an argument (Unix seconds, with fractions), and the count can
be kept over a restart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

import msgspec

LONGEST_BACKOFF_S = 900.0
_FIRST_BACKOFF_S = 15.0
_LONGEST_ORDER_S = 86_400.0
_MOST_DIGITS = 18
"""The longest wait that an answer may order: a provider's clock may be wrong by years."""


class CallWindow(msgspec.Struct, frozen=True):
    """At most `limit` calls in `length_s` seconds.

    is_aligned  it begins anew at every multiple of its length since 1970 (UTC): on the hour, at
                midnight. Otherwise it slides: any stretch of that length counts
    """

    name: str
    limit: int
    length_s: int
    is_aligned: bool = False


LIMITS: dict[str, tuple[CallWindow, ...]] = {
    # The free plan.
    "tomorrow-io": (
        CallWindow("second", 3, 1),
        CallWindow("hour", 25, 3600, is_aligned=True),
        CallWindow("day", 500, 86_400, is_aligned=True),
    ),
    # Non-commercial use without a key.
    "open-meteo": (
        CallWindow("minute", 600, 60),
        CallWindow("hour", 5_000, 3600),
        CallWindow("day", 10_000, 86_400),
    ),
    # aviationweather.gov: one a minute of a kind.
    "metar": (CallWindow("minute", 1, 60),),
}


def limits_of(source: str) -> tuple[CallWindow, ...]:
    """The published limits of a source, or of what stands before its colon; none: none known."""
    return LIMITS.get(source) or LIMITS.get(source.partition(":")[0], ())


class SpentCalls(msgspec.Struct):
    """Calls of one window: (when, how many), oldest first."""

    calls: list[tuple[float, int]] = []


class Count(msgspec.Struct):
    """What is kept over a restart: calls by window, and the rest that the source wants."""

    taken: dict[str, SpentCalls]
    blocked_until: float = 0.0
    failures: int = 0


class Budget:
    """The calls of one source."""

    def __init__(self, windows: tuple[CallWindow, ...]) -> None:
        self.windows = windows
        self._count = Count(taken={window.name: SpentCalls() for window in windows})

    @classmethod
    def of(
        cls,
        source: str,
        kept: Count | None = None,
        windows: tuple[CallWindow, ...] | None = None,
    ) -> Budget:
        """With these limits, or else the source's published ones, if it has any, and what was
        `kept` by `count`; full where nothing was."""
        budget = cls(limits_of(source) if windows is None else windows)
        if kept is not None:
            for window in budget.windows:
                budget._count.taken[window.name] = kept.taken.get(window.name, SpentCalls())
            budget._count.blocked_until = kept.blocked_until
            budget._count.failures = kept.failures
        return budget

    def count(self) -> Count:
        """As it is now, for `of` after a restart."""
        taken = {name: SpentCalls(list(each.calls)) for name, each in self._count.taken.items()}
        return Count(taken, self._count.blocked_until, self._count.failures)

    def take(self, n: int, now: float) -> float:
        """Take n calls: 0 if they may go now, else the seconds to wait, and nothing is taken.

        Infinite where a single window is smaller than n: such a request must be split.
        """
        wait = self.blocked_for(now)
        for window in self.windows:
            wait = max(wait, self._wait(window, n, now))
        if wait == 0:
            for window in self.windows:
                self._count.taken[window.name].calls.append((now, n))
        return wait

    def left(self, now: float) -> dict[str, int]:
        """Calls left by window name."""
        return {window.name: window.limit - self._used(window, now) for window in self.windows}

    def blocked_for(self, now: float) -> float:
        """Seconds during which the source wants, or is given, rest; 0: none."""
        if self._count.blocked_until > now + _LONGEST_ORDER_S:
            self._count.blocked_until = 0.0  # by a clock that was wrong: nobody orders so much
        return max(0.0, self._count.blocked_until - now)

    def observe(
        self, status: int | None, headers: Mapping[str, str], now: float, jitter: float = 1.0
    ) -> None:
        """Learn from an answer; `status` is None where none came.

        The answer's own figures count where they are stricter than ours: another program may use
        the same key. Refusals and failures make the next call wait, as long as the answer orders,
        or else `backoff_s`; `jitter` (0…1, drawn by the caller) keeps clients from moving in step.
        """
        said = {name.lower(): value for name, value in headers.items()}
        for window in self.windows:
            remaining = _count(said.get(f"x-ratelimit-remaining-{window.name}"))
            if remaining is not None:
                self._lower(window, remaining, now)
        if _count(said.get("ratelimit-remaining")) == 0:
            self._rest(_seconds(said.get("ratelimit-reset"), now) or 1.0, now)
        if status is not None and 200 <= status < 300:
            self._count.failures = 0
            return
        self._count.failures += 1
        order = _seconds(said.get("retry-after"), now)
        if order is None and status == 429:
            order = self._until_room(now) or _seconds(said.get("ratelimit-reset"), now)
        self._rest(backoff_s(self._count.failures, jitter) if order is None else order, now)

    def _rest(self, seconds: float, now: float) -> None:
        until = now + min(seconds, _LONGEST_ORDER_S)
        self._count.blocked_until = max(self._count.blocked_until, until)

    def _until_room(self, now: float) -> float | None:
        """Seconds until every window has room for one call; None if all have it now."""
        return max((self._wait(window, 1, now) for window in self.windows), default=0.0) or None

    def _used(self, window: CallWindow, now: float) -> int:
        taken = self._count.taken[window.name]
        start = now - now % window.length_s if window.is_aligned else now - window.length_s
        # A clock that was set back must not hand out a second budget: later calls stay counted, but
        # for one that was wrong by more than a window, they would be for as long as it was wrong.
        latest = now + window.length_s
        taken.calls = [
            (at if at <= latest else now, n)
            for at, n in taken.calls
            if (at >= start if window.is_aligned else at > start)
        ]
        return sum(n for _, n in taken.calls)

    def _wait(self, window: CallWindow, n: int, now: float) -> float:
        over = self._used(window, now) + n - window.limit
        if n > window.limit:
            return math.inf
        if over <= 0:
            return 0.0
        if window.is_aligned:
            return window.length_s - now % window.length_s
        for at, calls in self._count.taken[window.name].calls:
            over -= calls
            if over <= 0:
                return max(0.001, at + window.length_s - now)
        return float(window.length_s)

    def _lower(self, window: CallWindow, remaining: int, now: float) -> None:
        missing = self.left(now)[window.name] - remaining
        if missing > 0:
            self._count.taken[window.name].calls.append((now, missing))


def backoff_s(failures: int, jitter: float) -> float:
    """Seconds to rest after so many failures in a row: 15, 30, 60 … up to 15 minutes.

    `jitter` between 0 and 1 gives between half of that and all of it.
    """
    full = min(LONGEST_BACKOFF_S, _FIRST_BACKOFF_S * 2.0 ** min(failures - 1, 10))
    return full * (0.5 + 0.5 * jitter)


def _count(text: str | None) -> int | None:
    """More digits than Python reads, or a float holds, are a large number all the same."""
    if text is None or not (text.isascii() and text.isdigit()):
        return None
    return int(text[:_MOST_DIGITS])


def _seconds(text: str | None, now: float) -> float | None:
    """A header's wait: seconds, or an HTTP date; None if it has neither."""
    if text is None:
        return None
    seconds = _count(text.strip())
    if seconds is not None:
        return float(seconds)
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    # An HTTP date is always in GMT, also where a careless server leaves that out.
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, aware.timestamp() - now)
