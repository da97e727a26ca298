"""Area rules: the value that k of the n places of an area reach becomes a value like any other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from atalaia.detect import measure
from atalaia.detect.findings import Findings, levels, only
from atalaia.detect.series import DOUBTED, SeriesTable
from atalaia.domain.hazard import Level
from atalaia.domain.reading import NO_TIME, Bools, Floats, Ints
from atalaia.domain.rule import Rule
from atalaia.domain.track import BLIND_AFTER


def area_findings(rule: Rule, found: Findings, table: SeriesTable) -> Iterator[Findings]:
    """The value that k of an area's places reach, at each instant that one of them reports."""
    is_of_one = (found.source == found.source[:1]).all()  # as mostly
    sources = found.source[:1] if is_of_one else np.unique(found.source)
    for number, members in enumerate(table.places.areas.values()):
        is_member = np.zeros(len(table.places), bool)
        is_member[list(members)] = True
        is_ours = is_member[found.subject]
        for source in sources:
            mine = is_ours if len(sources) == 1 else is_ours & (found.source == source)
            if mine.any():
                subject = len(table.places) + number
                yield _of_one(rule, subject, members, only(found, mine), table)


def _of_one(
    rule: Rule,
    subject: int,
    members: tuple[int, ...],
    found: Findings,
    table: SeriesTable,
) -> Findings:
    """One area and one source: the k-th largest of its places' newest values, at each time at which
    one of them became known. `found` is in the order in which it became known."""
    source = int(found.source[0])
    numbers = [int(n) for n in table.numbers_of(members, source)]
    known = [table.area_value.get((rule.name, n), (np.nan, np.nan, NO_TIME)) for n in numbers]
    # A late value does not take the place of what its place has said since.
    column_of = np.searchsorted(np.array(members), found.subject)
    is_newest = _are_newest(found.valid_at, column_of, [newest_at for _, _, newest_at in known])
    if not is_newest.all():
        found, column_of = only(found, is_newest), column_of[is_newest]
    if not len(found.value):
        return found
    look = _look(rule, found, column_of, numbers, known, table)
    first, told_at, value, top, mark = look.first, look.told_at, look.value, look.top, look.mark
    at = np.maximum(told_at.max(axis=1)[1:], found.valid_at[first])
    old = told_at[1:] < (at - rule.within_s)[:, None]
    near = _near(rule, members, table)
    sign = rule.sign
    seen, most = value[1:], top[1:]
    if old.any():
        seen, most = np.where(old, np.nan, seen), np.where(old, np.nan, most)
    mark = mark[1:]
    if not near.all():
        seen, most, mark = seen[:, near], most[:, near], mark[:, near]
    if sign < 0:
        seen, most = -seen, -most
    is_doubted = mark >= DOUBTED
    has_doubts = bool(is_doubted.any())
    # What is doubted is not known: it can make no more than yellow of an area, and calms none.
    reached, at_most = measure.kth_largest(
        np.where(is_doubted, np.nan, seen) if has_doubts else seen,
        np.where(is_doubted, np.nan, most) if has_doubts else most,
        rule.places,
    )
    entered, holding, held = levels(rule, sign * reached, sign * at_most)
    if has_doubts:
        believed, _ = measure.kth_largest(seen, most, rule.places)
        doubtful, _, _ = levels(rule, sign * believed, sign * believed)
        doubtful = np.minimum(doubtful, rule.up_to(Level.YELLOW))
        reached = np.where(doubtful > entered, believed, reached)
        entered = np.maximum(entered, doubtful)
    if rule.given and found.given is not None:
        given = _given(rule, found.given, column_of, numbers, look, table)
        fallen = np.where(old, np.nan, given[1:]) >= rule.given.limit
        entered = np.where(fallen.sum(axis=1) >= rule.given.places, entered, 0)
    kind = _kind(seen, reached, mark % DOUBTED if has_doubts else mark, rule.places)
    # Too few places reported to raise, and yet enough of them are calm to be sure of calm.
    value = sign * np.where(np.isnan(reached), at_most, reached)
    # Of what is said together none comes first: which would, depends on how batches are cut.
    expected_s = np.maximum.reduceat(found.expected_s, first)
    before_at = np.concatenate((told_at.max(axis=1)[:1], at[:-1]))
    judged = Findings(
        rule=rule,
        subject=np.full(len(first), subject, np.int64),
        source=np.full(len(first), source, np.int32),
        kind=kind,
        known_at=found.known_at[first],
        at=at,
        valid_at=at,
        value=value,
        ceiling=sign * at_most,
        entered=entered,
        holding=holding,
        held=held,
        onset_at=at,
        until=at,
        expected_s=expected_s,
        is_late=np.logical_and.reduceat(found.is_late, first),
        is_after_gap=(before_at > NO_TIME) & (at - before_at >= BLIND_AFTER * expected_s),
    )
    return only(judged, np.isfinite(value))


def _are_newest(valid_at: Ints, column_of: Ints, known: list[int]) -> Bools:
    """Which values are of no earlier time than what their places had said, and say before them."""
    is_newest = np.ones(len(column_of), bool)
    if (valid_at[1:] >= valid_at[:-1]).all() and valid_at[0] >= max(known):
        return is_newest  # as nearly always
    for column, newest_at in enumerate(known):
        mine = np.flatnonzero(column_of == column)
        before = np.maximum.accumulate(np.concatenate(([newest_at], valid_at[mine])))[:-1]
        is_newest[mine] = valid_at[mine] >= before
    return is_newest


@dataclass(frozen=True, slots=True)
class _Look:
    """n looks at an area of m places; row 0 is what was remembered.

    first     position in the findings of the first that each look is for, shape (n,)
    slot      of each finding: its look
    newest    the look at which each place said its newest word, shape (n + 1, m)
    value, top, told_at, mark    of that word, shape (n + 1, m)
    """

    first: Ints
    slot: Ints
    newest: Ints
    value: Floats
    top: Floats
    told_at: Ints
    mark: Ints


def _look(
    rule: Rule,
    found: Findings,
    column_of: Ints,
    numbers: list[int],
    known: list[tuple[float, float, int]],
    table: SeriesTable,
) -> _Look:
    """What the places had said at each time at which one of them spoke; and remember it."""
    # One look at the area for all that became known together of one instant.
    is_new = np.ones(len(found.value), bool)
    is_new[1:] = (np.diff(found.known_at) != 0) | (np.diff(found.valid_at) != 0)
    slot, first = np.cumsum(is_new) - 1, np.flatnonzero(is_new)
    shape = (len(first) + 1, len(numbers))
    value, top = np.full(shape, np.nan), np.full(shape, np.nan)
    told_at = np.full(shape, NO_TIME, np.int64)
    mark = np.zeros(shape, np.int64)
    for column, remembered in enumerate(known):
        value[0, column], top[0, column], told_at[0, column] = remembered
        mark[0, column] = table.area_mark.get((rule.name, numbers[column]), 0)
    doubted = 0 if found.is_doubted is None else DOUBTED * found.is_doubted
    told = (value, found.value), (top, found.ceiling), (told_at, found.valid_at)
    is_grid = _is_grid(first, column_of, len(numbers))
    for table_of, said in (*told, (mark, found.kind + doubted)):
        if is_grid:
            table_of[1:] = said.reshape(-1, len(numbers))
        else:
            table_of[slot + 1, column_of] = said
    # Each place's newest word counts until it is `within` old.
    is_told = told_at > NO_TIME
    newest = np.broadcast_to(np.arange(shape[0])[:, None], shape)
    if not is_told[1:].all():  # else each look has a word of each place, as mostly
        newest = np.maximum.accumulate(np.where(is_told, newest, 0), axis=0)
        columns = np.arange(shape[1])[None, :]
        value, top, told_at = value[newest, columns], top[newest, columns], told_at[newest, columns]
        mark = mark[newest, columns]
    for column, number in enumerate(numbers):
        if told_at[-1, column] > NO_TIME:
            table.area_value[rule.name, number] = (
                float(value[-1, column]),
                float(top[-1, column]),
                int(told_at[-1, column]),
            )
            table.area_mark[rule.name, number] = int(mark[-1, column])
    return _Look(first, slot, newest, value, top, told_at, mark)


def _is_grid(first: Ints, column_of: Ints, m: int) -> bool:
    """Whether at each look each of m places has said one word, in their order: as mostly."""
    if len(column_of) != m * len(first):
        return False
    return bool(
        (first == np.arange(0, len(column_of), m)).all()
        and (column_of.reshape(-1, m) == np.arange(m)).all()
    )


def _given(
    rule: Rule,
    given: Floats,
    column_of: Ints,
    numbers: list[int],
    look: _Look,
    table: SeriesTable,
) -> Floats:
    """The second window of each place at each look, shape (n + 1, m); and remember it."""
    told = np.full(look.value.shape, np.nan)
    told[0] = [table.area_given.get((rule.name, n), np.nan) for n in numbers]
    told[look.slot + 1, column_of] = given
    told = told[look.newest, np.arange(len(numbers))[None, :]]
    for column, number in enumerate(numbers):
        table.area_given[rule.name, number] = float(told[-1, column])
    return told


def _kind(seen: Floats, reached: Floats, kind: Ints, k: int) -> Ints:
    """The certainty of an area's value is that of the surest k places that reach it."""
    if kind.size and (kind == kind[0, 0]).all():
        return np.full(len(kind), kind[0, 0], np.int8)  # as mostly
    least_sure = kind.max(axis=1, initial=0)
    if seen.shape[1] < k:
        sure: Ints = least_sure.astype(np.int8)
        return sure
    # Where too few reach anything, calm is as sure as the least sure of what was said.
    reaching = np.where(seen >= reached[:, None], kind, least_sure[:, None])
    surest: Ints = np.partition(reaching, k - 1, axis=1)[:, k - 1].astype(np.int8)
    return surest


def _near(rule: Rule, members: tuple[int, ...], table: SeriesTable) -> Bools:
    """Which of an area's places the rule counts."""
    places = [table.places[member] for member in members]
    counted = np.array([rule.judges_at(place) for place in places], bool)
    if rule.near is not None:
        counted &= [rule.near.has(place.latitude, place.longitude) for place in places]
    return counted
