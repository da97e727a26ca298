"""Whose clock is wrong: a source's, or this machine's.

What a source says of the present bears a time, and comes a little later. How much later is usual
with it is learned. One that is ahead has a clock that is fast; where most are ahead at once, it is
this machine's that is slow, and no source is blamed. Nothing is judged by any of this: what is
ahead is taken as of its receipt (`decoding.without_future`), what is behind at its own time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from atalaia.domain.reading import Delay
from atalaia.logs import Logger
from atalaia.sources.decoding import TOLD_AHEAD_S

_REMEMBERED = 5
"""Words of a source by whose middle its clock is judged: two may be exceptions."""

_HEARD_S = 3 * 3600
"""A source that has been silent for longer says nothing of clocks."""

_MOST = 100
"""Sources that are remembered: those who push name their own."""

_FEWEST_AHEAD = 2
"""Where one source alone is ahead, it is its clock that is doubted."""

log = Logger()


class Clocks:
    """What the sources' own times say of their clocks, and of ours."""

    def __init__(self) -> None:
        self._recent: dict[str, deque[Delay]] = {}
        self.behind_s = 0
        """By how many seconds this machine's clock seems to be behind; 0: it is not."""

    def hear(self, delays: Iterable[Delay]) -> None:
        """Learn from what came; say on the log when this machine's clock turns out to be behind,
        and when it no longer is."""
        for delay in delays:
            known = self._recent.pop(delay.source, None) or deque(maxlen=_REMEMBERED)
            known.append(delay)
            self._recent[delay.source] = known  # the one that was heard last is the last
            if len(self._recent) > _MOST:
                del self._recent[next(iter(self._recent))]
        was_s, self.behind_s = self.behind_s, _behind_s(list(self.offsets().values()))
        if self.behind_s and not was_s:
            log.warning(
                "this machine's clock is behind: most sources are ahead of it; alerts go on",
                by_s=self.behind_s,
            )
        elif was_s and not self.behind_s:
            log.info("this machine's clock agrees with the sources again")

    def offsets(self) -> dict[str, int]:
        """By source: how many seconds after its own time what it says usually comes."""
        newest = max((told[-1].received_at for told in self._recent.values()), default=0)
        return {
            source: _middle([delay.delay_s for delay in told])
            for source, told in self._recent.items()
            if told[-1].received_at >= newest - _HEARD_S
        }

    def shown(self) -> dict[str, Any]:
        """As `/readyz` shows it: while our own clock is behind, no source's is named."""
        offsets = {} if self.behind_s else self.offsets()
        return {"behind_s": self.behind_s, "offset_s": dict(sorted(offsets.items()))}


def _behind_s(offsets: list[int]) -> int:
    ahead = [-offset for offset in offsets if offset < -TOLD_AHEAD_S]
    is_ours = len(ahead) >= _FEWEST_AHEAD and 2 * len(ahead) > len(offsets)
    return _middle(ahead) if is_ours else 0


def _middle(seconds: list[int]) -> int:
    return sorted(seconds)[(len(seconds) - 1) // 2]
