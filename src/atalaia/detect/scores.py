"""Rules that add up: the amounts of a place, or of an area's places, become a score and its chance,
and that a value like any other.

Findings of the amounts (`Rule.parts`), each as a rule of its own would have measured it → here →
findings of the rule. A score is made anew whenever one of its amounts became known, of the newest
word of each. What is not known counts as little as it can for what raises, and as much as it can
for what ends: of a sum nothing at least, and anything at most; of all else what is plausible. A
term may say what it is taken for instead (`Term.unknown`), for what raises and for what ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from atalaia.detect import measure
from atalaia.detect.findings import Findings, in_order, levels, only, together
from atalaia.detect.series import DOUBTED, Recalled, SeriesTable
from atalaia.domain.hazard import Level
from atalaia.domain.local import local_month_and_hour
from atalaia.domain.reading import NO_TIME, Bools, Floats, Ints
from atalaia.domain.rule import Rule, matches
from atalaia.domain.score import AddedUp, Amount, Term
from atalaia.domain.track import BLIND_AFTER
from atalaia.domain.variable import CATALOGUE

TOLD = 2
"""So many terms are named to people: those that weighed most."""

_ANYTHING = 1e12
"""More than any amount; a number, so that it can be added to its opposite."""

_SPAN = 1 << 40  # wider than any Unix time: (column, time) as one sortable integer


def score_findings(
    rule: Rule, parts: Mapping[str, Sequence[Findings]], table: SeriesTable
) -> Iterator[Findings]:
    """The score at each instant at which one of its amounts became known."""
    told = [
        (number, replace(one, rule=rule))
        for number, part in enumerate(rule.parts)
        for one in parts.get(part.name, ())
        if len(one.value)
    ]
    if not told:
        return
    pieces = [one for _, one in told]
    amount = np.concatenate([np.full(len(one.value), number) for number, one in told])
    found, amount = together(pieces), amount[in_order(pieces)]
    if not rule.places:
        series = table.numbers(found.subject, found.source)
        yield _of_group(
            rule, found, amount, series, _Members.alone(rule, series, found, table), table
        )
        return
    for number, places in enumerate(table.places.areas.values()):
        mine = np.isin(found.subject, places)
        if mine.any():
            members = _Members.of(rule, number, places, only(found, mine), table)
            yield _of_group(
                rule,
                only(found, mine),
                amount[mine],
                found.source[mine].astype(np.int64),
                members,
                table,
            )


@dataclass(frozen=True, slots=True)
class _Members:
    """Whose amounts add up: groups are looked at apart (an area's sources; or series, each alone).

    groups    ascending: what the findings' groups are, shape (g,)
    series    of each group's n members, shape (g, n); -1: never heard
    subject   of each group, shape (g,)
    position  of each finding: which member's it is
    counts    which members count for each term, shape (terms, n)
    zone      time zone of each group: the clock of the area's first place
    """

    groups: Ints
    series: Ints
    subject: Ints
    position: Ints
    counts: Bools
    zone: list[str]

    @staticmethod
    def alone(rule: Rule, series: Ints, found: Findings, table: SeriesTable) -> _Members:
        assert rule.score is not None  # noqa: S101 - scores alone come here
        groups = np.unique(series).astype(np.int64)
        place = table.place[groups].astype(np.int64)
        return _Members(
            groups,
            groups[:, None],
            place,
            np.zeros(len(found.value), np.int64),
            np.ones((len(rule.score.terms), 1), bool),
            [table.places[int(i)].timezone for i in place],
        )

    @staticmethod
    def of(
        rule: Rule, number: int, members: tuple[int, ...], found: Findings, table: SeriesTable
    ) -> _Members:
        assert rule.score is not None  # noqa: S101 - scores alone come here
        groups = np.unique(found.source).astype(np.int64)
        places = [table.places[i] for i in members]
        counted = [
            rule.judges_at(one)
            and (rule.near is None or rule.near.has(one.latitude, one.longitude))
            for one in places
        ]
        return _Members(
            groups,
            np.array([table.numbers_of(members, int(source)) for source in groups], np.int64),
            np.full(len(groups), len(table.places) + number, np.int64),
            np.searchsorted(np.array(members), found.subject),
            np.array(
                [
                    [
                        has and (not term.places or matches(one.id, term.places))
                        for has, one in zip(counted, places, strict=True)
                    ]
                    for term in rule.score.terms
                ],
                bool,
            ),
            [places[0].timezone] * len(groups),
        )


@dataclass(frozen=True, slots=True)
class _Looks:
    """l looks at what was known, in the order of groups: the newest word of a amounts at n members.

    found     the findings that are the newest of their member and amount
    first     of each look the first of these
    group     of each look its group's position
    value, top, mark    as in `SeriesTable.amounts`, shape (l, a, n); NaN: too old to count
    at        the newest valid time, shape (l,)
    before_at the same as it was before the look
    """

    found: Findings
    first: Ints
    group: Ints
    value: Floats
    top: Floats
    mark: Ints
    at: Ints
    before_at: Ints


def _of_group(
    rule: Rule, found: Findings, amount: Ints, group: Ints, members: _Members, table: SeriesTable
) -> Findings:
    looks = _looks(rule, found, amount, np.searchsorted(members.groups, group), members, table)
    found, first, score = looks.found, looks.first, rule.score
    assert score is not None  # noqa: S101 - scores alone come here
    is_doubted = looks.mark >= DOUBTED
    sure = replace(
        looks,
        value=np.where(is_doubted, np.nan, looks.value),
        top=np.where(is_doubted, np.nan, looks.top),
    )
    low, high, weighed = _added_up(rule, sure, members)
    value, ceiling = score.judged(low), score.judged(high)
    entered, holding, held = levels(rule, value, ceiling)
    if is_doubted.any():
        # What is doubted is not known: it can make no more than yellow, and calms nothing.
        believed, _, of_believed = _added_up(rule, looks, members)
        doubtful = np.minimum(levels(rule, judged := score.judged(believed), judged)[0],
                              rule.up_to(Level.YELLOW))  # fmt: skip
        is_more = doubtful > entered
        value = np.where(is_more, judged, value)
        weighed = np.where(is_more[:, None], of_believed, weighed)
        entered = np.maximum(entered, doubtful)
    kind = np.where(np.isnan(looks.value), 0, looks.mark % DOUBTED).max(axis=(1, 2)).astype(np.int8)
    # As of areas: of what is said together none comes first.
    expected_s = np.maximum.reduceat(found.expected_s, first)
    known = looks.before_at > NO_TIME
    return Findings(
        rule=rule,
        subject=members.subject[looks.group],
        source=found.source[first],
        kind=kind,
        known_at=found.known_at[first],
        at=looks.at,
        valid_at=looks.at,
        value=value,
        ceiling=ceiling,
        entered=entered,
        holding=holding,
        held=held,
        onset_at=looks.at,
        until=looks.at,
        expected_s=expected_s,
        is_late=np.logical_and.reduceat(found.is_late, first),
        is_after_gap=known & (looks.at - looks.before_at >= BLIND_AFTER * expected_s),
        because=_told(rule, looks, members, weighed),
    )


def _looks(
    rule: Rule, found: Findings, amount: Ints, group: Ints, members: _Members, table: SeriesTable
) -> _Looks:
    """What had been said at each time at which one of the amounts became known; and remember it.
    `found` is in the order in which it became known."""
    names = [part.name for part in rule.parts]
    groups, n = members.series.shape
    size = len(names) * n
    order = np.argsort(group, kind="stable")
    found, group = only(found, order), group[order]
    column = amount[order] * n + members.position[order]
    before = table.recalled(names, members.series)
    mine = _newest(found.valid_at, group * size + column, before.told_at.ravel())
    found, group, column = only(found, mine), group[mine], column[mine]
    is_new = np.ones(len(group), bool)
    is_new[1:] = (
        (np.diff(group) != 0) | (np.diff(found.known_at) != 0) | (np.diff(found.valid_at) != 0)
    )
    slot, first = np.cumsum(is_new) - 1, np.flatnonzero(is_new)
    of_look = group[first]
    # Each group's looks stand behind what is remembered of it: what is carried on ends there.
    row = np.arange(len(first)) + of_look + 1
    begins = np.searchsorted(of_look, np.arange(groups)) + np.arange(groups)
    is_told = np.zeros((len(first) + groups, size), bool)
    is_told[begins] = is_told[row[slot], column] = True
    carried = np.maximum.accumulate(np.where(is_told, np.arange(len(is_told))[:, None], 0), axis=0)
    doubted = 0 if found.is_doubted is None else DOUBTED * found.is_doubted

    def filled(remembered: Floats | Ints, told: Floats | Ints) -> Any:
        whole = np.empty(is_told.shape, remembered.dtype)
        whole[begins] = remembered.reshape(groups, size)
        whole[row[slot], column] = told
        return whole[carried, np.arange(size)]

    value, top = filled(before.value, found.value), filled(before.top, found.ceiling)
    told_at = filled(before.told_at, found.valid_at)
    mark = filled(before.mark, found.kind + doubted)
    ends = np.append(begins[1:], len(is_told)) - 1
    shape = (groups, len(names), n)
    newest = Recalled(*(one[ends].reshape(shape) for one in (value, top, told_at, mark)))
    table.remember(names, members.series, newest)
    at = np.maximum(told_at.max(axis=1)[row], found.valid_at[first])
    is_old = told_at[row] < (at - rule.within_s)[:, None]
    shape = (len(first), len(names), n)
    return _Looks(
        found,
        first,
        of_look,
        np.where(is_old, np.nan, value[row]).reshape(shape),
        np.where(is_old, np.nan, top[row]).reshape(shape),
        mark[row].reshape(shape),
        at,
        told_at.max(axis=1)[row - 1],
    )


def _newest(valid_at: Ints, column: Ints, newest_at: Ints) -> Bools:
    """Which words are no older than what was said before in their column (`newest_at`: of each):
    a late value does not take the place of what was said since."""
    order = np.argsort(column, kind="stable")
    begins = column[order] * _SPAN
    at = begins + valid_at[order]
    before = begins + np.maximum(newest_at[column[order]], 0)
    before[1:] = np.maximum(before[1:], np.maximum.accumulate(at)[:-1])
    out = np.empty(len(order), bool)
    out[order] = at >= before
    return out


# Adding up


def _added_up(rule: Rule, looks: _Looks, members: _Members) -> tuple[Floats, Floats, Floats]:
    """(score at least, score at most, what each term adds to it at least: shape (l, terms))."""
    score = rule.score
    assert score is not None  # noqa: S101 - scores alone come here
    low = np.full(len(looks.at), score.intercept)
    high = low.copy()
    weighed = np.zeros((len(low), len(score.terms)))
    clock = _clock(looks, members) if any(term.clock for term in score.terms) else None
    for number, term in enumerate(score.terms):
        if term.clock is not None and clock is not None:
            least = most = term.is_time(*clock)
        else:
            amount = _amount(rule, term, members.counts[number], looks)
            least, most = map(term.shaped, _or_taken_for(amount, score, term))
        if term.weight < 0:
            least, most = most, least
        weighed[:, number] = term.weight * least
        low += term.weight * least
        high += term.weight * most
    return low, high, weighed


def _amount(rule: Rule, term: Term, counts: Bools, looks: _Looks) -> tuple[Floats, Floats]:
    """A term's amount at least, and at most; NaN: not known."""
    value, top = looks.value[:, term.amount, counts], looks.top[:, term.amount, counts]
    if term.of:
        least, most = measure.kth_largest(value, top, term.of)
    else:
        heard = ~np.isnan(value)
        is_known = heard.sum(axis=1) >= max(rule.places, 1)
        count = np.maximum(heard.sum(axis=1), 1)
        least = np.where(is_known, np.where(heard, value, 0.0).sum(axis=1) / count, np.nan)
        most = np.where(is_known, np.where(heard, top, 0.0).sum(axis=1) / count, np.nan)
    return least, np.where(np.isinf(most), np.nan, most)


def _or_taken_for(
    amount: tuple[Floats, Floats], score: AddedUp, term: Term
) -> tuple[Floats, Floats]:
    """The same, and what the term is taken for where it is not known."""
    least, most = amount
    lowest, highest = _plausible(score.amounts[term.amount])
    if term.unknown is not None:
        lowest = highest = term.unknown
    return np.where(np.isnan(least), lowest, least), np.where(np.isnan(most), highest, most)


def _plausible(amount: Amount) -> tuple[float, float]:
    """What an amount that is not known is at least, and at most."""
    if amount.measure == "sum":
        return 0.0, _ANYTHING
    of = CATALOGUE.get(amount.variable)
    lowest, highest = (of.lowest, of.highest) if of else (-_ANYTHING, _ANYTHING)
    width = highest - lowest
    return (-width, width) if amount.measure == "change" else (lowest, highest)


def _clock(looks: _Looks, members: _Members) -> tuple[Floats, Floats]:
    """Month and hour of each look by the local clock."""
    month, hour = np.zeros(len(looks.at)), np.zeros(len(looks.at))
    zones = np.array(members.zone, object)[looks.group]
    for zone in dict.fromkeys(members.zone):
        mine = zones == zone
        months, hours = local_month_and_hour(looks.at[mine], zone)
        month[mine], hour[mine] = months + 1, hours
    return month, hour


def _told(rule: Rule, looks: _Looks, members: _Members, weighed: Floats) -> Floats:
    """The terms that added most, the most first: shape (l, TOLD, 3) of term, amount, and the member
    whose it is (-1: of several, or of the one that there is). A term of -1: there is none."""
    score = rule.score
    assert score is not None  # noqa: S101 - scores alone come here
    out = np.full((len(looks.at), TOLD, 3), -1.0)
    most = np.argsort(-weighed, axis=1, kind="stable")[:, :TOLD]
    for number, term in enumerate(score.terms):
        amount, member = np.full(len(looks.at), np.nan), np.full(len(looks.at), -1)
        if not term.clock:
            counts = members.counts[number]
            # What a term was taken for, or is at least, nobody measured: it is no reason.
            amount, _ = _amount(rule, term, counts, looks)
            if term.of == 1 and len(counts) > 1:
                value = np.where(counts, looks.value[:, term.amount], np.nan)
                member = np.argmax(np.where(np.isnan(value), -np.inf, value), axis=1)
        for place in range(most.shape[1]):
            mine = (most[:, place] == number) & (weighed[:, number] > 0)
            mine &= ~np.isnan(amount) | bool(term.clock)
            out[mine, place] = np.column_stack((np.full(len(amount), number), amount, member))[mine]
    return out
