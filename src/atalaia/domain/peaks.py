"""The worst of an incident by each rule, and how far it came through what people asked for."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from atalaia.domain.alert import Moved
from atalaia.domain.ensemble import TENTHS
from atalaia.domain.rule import Rule
from atalaia.domain.subscription import can_step, least_chance
from atalaia.domain.track import Evidence, Terms


class Peak(msgspec.Struct, gc=False, array_like=True):
    """The worst value by one rule in an incident's life, and as it was when last told.

    Doubted values do not count. `told` is None before the first entry that told it.
    """

    value: float
    told: float | None = None


def named(rule: str, chance: int) -> str:
    """What a peak is called: by its rule, or of what so many of 100 runs reach (``rain 30%``)."""
    return f"{rule} {chance}%" if chance else rule


def rule_of(name: str, rules: Mapping[str, Rule]) -> tuple[str, int]:
    """The rule and the chance that a peak is called by."""
    head, _, tail = name.rpartition(" ")
    is_chance = name not in rules and tail.endswith("%") and tail[:-1].isdigit()
    return (head, int(tail[:-1])) if is_chance else (name, 0)


def may_be_high(peaks: Mapping[str, Peak], said: Evidence, rule: Rule) -> bool:
    """Whether there may be anything in `new_highs`: of an hour of rain hardly ever."""
    peak = peaks.get(said.rule)
    return peak is None or rule.sign * said.value > rule.sign * peak.value or bool(said.reached)


def new_highs(peaks: dict[str, Peak], said: Evidence, rule: Rule) -> Iterator[tuple[str, Evidence]]:
    """The peaks than which it is worse, or that it is the first of, with what it says of each; they
    are noted. Of chances those that somebody could have asked for: as large as the rule asks for,
    and beyond its limit."""
    if _is_new_high(peaks, rule.name, said.value, rule):
        yield rule.name, said
    if not said.reached:
        return
    level, least = least_chance(rule)
    limit = rule.sign * (rule.limit(level) or 0.0)
    for tenth, (value, valid_at) in zip(TENTHS, said.reached, strict=True):
        # What no run's word is of use for is NaN, and passes nothing.
        if tenth >= least and rule.sign * value >= limit:
            name = named(rule.name, tenth)
            if _is_new_high(peaks, name, value, rule):
                yield name, msgspec.structs.replace(said, value=value, valid_at=int(valid_at))


def _is_new_high(peaks: dict[str, Peak], name: str, value: float, rule: Rule) -> bool:
    peak = peaks.get(name)
    if peak is None:
        if not can_step(rule):
            return False
        peaks[name] = Peak(value)
        return True
    if rule.sign * value <= rule.sign * peak.value:
        return False
    peak.value = value
    return True


def runs_reaching(said: Evidence, limit: float, rule: Rule) -> Terms:
    """How many runs of an ensemble reach a limit in some hour, in tenths of those with a value: as
    `Evidence.because` has it."""
    tenths = [
        tenth
        for tenth, (value, _) in zip(TENTHS, said.reached, strict=False)
        if rule.sign * value >= rule.sign * limit
    ]
    if not (tenths and said.because):
        return said.because
    known = said.because[0][2]
    return ((max(tenths) * known / 100, limit, known),)


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
    order = {name: i for i, name in enumerate(rules)}
    known = [(*rule_of(name, rules), peak) for name, peak in peaks.items()]
    known = sorted(
        (one for one in known if one[0] in rules), key=lambda one: (order[one[0]], one[1])
    )
    for name, chance, peak in known:
        if peak.value != peak.told:
            rule = rules[name]
            yield Moved(rule.variable, rule.window_s, rule.is_below, peak.told, peak.value, chance)
            peak.told = peak.value
