"""The worst of an incident by each rule, and how far it came through what people asked for."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from atalaia.domain.alert import Moved
from atalaia.domain.rule import Rule
from atalaia.domain.subscription import can_step
from atalaia.domain.track import Evidence


class Peak(msgspec.Struct, gc=False, array_like=True):
    """The worst value by one rule in an incident's life, and as it was when last told.

    Doubted values do not count. `told` is None before the first entry that told it.
    """

    value: float
    told: float | None = None


def is_new_high(peaks: dict[str, Peak], said: Evidence, rule: Rule) -> bool:
    """Whether it is worse than all that the rule has seen of this incident; note it."""
    peak = peaks.get(rule.name)
    if peak is None:
        if not can_step(rule):
            return False
        peaks[rule.name] = Peak(said.value)
        return True
    if rule.sign * said.value <= rule.sign * peak.value:
        return False
    peak.value = said.value
    return True


def passed(asked: Sequence[float], peak: Peak, *, is_below: bool) -> float | None:
    """The most extreme of the ascending limits that the peak came through since it was told."""
    if is_below:
        i = bisect_left(asked, peak.value)
        is_new = i < len(asked) and (peak.told is None or asked[i] < peak.told)
    else:
        i = bisect_right(asked, peak.value) - 1
        is_new = i >= 0 and (peak.told is None or asked[i] > peak.told)
    return float(asked[i]) if is_new else None


def told_peaks(peaks: Mapping[str, Peak], rules: Mapping[str, Rule]) -> Iterator[Moved]:
    """How far each rule's peak came since it was last told; it is told now."""
    for name, rule in rules.items():
        peak = peaks.get(name)
        if peak is not None and peak.value != peak.told:
            yield Moved(rule.variable, rule.window_s, rule.is_below, peak.told, peak.value)
            peak.told = peak.value
