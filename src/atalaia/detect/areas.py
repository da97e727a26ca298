"""Area rules: the value that k of the n places of an area reach becomes a value like any other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from atalaia.detect import measure
from atalaia.detect.findings import Findings, levels, only
from atalaia.detect.series import SeriesTable
from atalaia.domain.reading import NO_TIME, Bools
from atalaia.domain.rule import Rule


def area_findings(rule: Rule, found: Findings, table: SeriesTable) -> Iterator[Findings]:
    """The value that k of an area's places reach, at each instant that one of them reports."""
    for number, members in enumerate(table.places.areas.values()):
        for source in np.unique(found.source):
            mine = np.isin(found.subject, members) & (found.source == source)
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
    """One area and one source: the k-th largest of its places' newest values, at each instant."""
    source = int(found.source[0])
    numbers = [int(n) for n in table.numbers_of(members, source)]
    known = [table.area_value.get((rule.name, n), (np.nan, np.nan, NO_TIME)) for n in numbers]
    newest_at = np.array([at for _, _, at in known], np.int64)
    # A late value does not take the place of what its place has said since.
    column_of = np.searchsorted(np.array(members), found.subject)
    is_newest = found.valid_at >= newest_at[column_of]
    found, column_of = only(found, is_newest), column_of[is_newest]
    if not len(found.value):
        return found
    at, slot = np.unique(found.valid_at, return_inverse=True)
    shape = (len(at) + 1, len(members))
    value, top = np.full(shape, np.nan), np.full(shape, np.nan)
    told_at = np.full(shape, NO_TIME, np.int64)
    for column, remembered in enumerate(known):
        value[0, column], top[0, column], told_at[0, column] = remembered
    value[slot + 1, column_of] = found.value
    top[slot + 1, column_of] = found.ceiling
    told_at[slot + 1, column_of] = found.valid_at
    # Each place's newest word counts until it is `within` old.
    newest = np.maximum.accumulate(
        np.where(told_at > NO_TIME, np.arange(shape[0])[:, None], 0), axis=0
    )
    columns = np.arange(shape[1])[None, :]
    value, top, told_at = value[newest, columns], top[newest, columns], told_at[newest, columns]
    for column, number in enumerate(numbers):
        if told_at[-1, column] > NO_TIME:
            table.area_value[rule.name, number] = (
                float(value[-1, column]),
                float(top[-1, column]),
                int(told_at[-1, column]),
            )
    old = told_at[1:] < (at - rule.within_s)[:, None]
    near = _near(rule, members, table)
    sign = rule.sign
    reached, at_most = measure.kth_largest(
        sign * np.where(old, np.nan, value[1:])[:, near],
        sign * np.where(old, np.nan, top[1:])[:, near],
        rule.places,
    )
    known_at = np.full(len(at), NO_TIME, np.int64)
    np.maximum.at(known_at, slot, found.known_at)
    entered, holding, held = levels(rule, sign * reached, sign * at_most)
    if rule.given and found.given is not None:
        given = np.full(shape, np.nan)
        given[0] = [table.area_given.get((rule.name, n), np.nan) for n in numbers]
        given[slot + 1, column_of] = found.given
        given = given[newest, columns]
        for column, number in enumerate(numbers):
            table.area_given[rule.name, number] = float(given[-1, column])
        fallen = np.where(old, np.nan, given[1:]) >= rule.given.limit
        entered = np.where(fallen.sum(axis=1) >= rule.given.places, entered, 0)
    # Too few places reported to raise, and yet enough of them are calm to be sure of calm.
    value = sign * np.where(np.isnan(reached), at_most, reached)
    n = len(at)
    judged = Findings(
        rule=rule,
        subject=np.full(n, subject, np.int64),
        source=np.full(n, source, np.int16),
        kind=np.full(n, int(found.kind.max()), np.int8),
        known_at=known_at,
        at=at,
        valid_at=at,
        value=value,
        ceiling=sign * at_most,
        entered=entered,
        holding=holding,
        held=held,
        onset_at=at,
        until=at,
        expected_s=np.full(n, int(found.expected_s.max()), np.int64),
        is_late=found.is_late,
    )
    return only(judged, np.isfinite(value))


def _near(rule: Rule, members: tuple[int, ...], table: SeriesTable) -> Bools:
    """Which of an area's places the rule counts."""
    if rule.near is None:
        return np.ones(len(members), bool)
    places = (table.places[member] for member in members)
    return np.array([rule.near.has(place.latitude, place.longitude) for place in places], bool)
