"""What came of the chances that a home told, and its record of them: the batch layer's side.

    `chances_told` ─┐
                    ├─► pairs of chance and outcome ─► `ChanceRecord` ─► gold/chances/record.json
    GOLD, observed ─┘

Truth is what instruments measured, never a model's value: a home without any has no record, and
its chances stay as the runs have them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from atalaia.batch.chances import put_right
from atalaia.batch.chances_told import ToldChances, by_chance, told_chances
from atalaia.detect.detect import Detector
from atalaia.detect.measure import key_of
from atalaia.detect.series import SeriesTable
from atalaia.detect.values import Usual
from atalaia.domain import chance_record
from atalaia.domain.chance_record import BANDS, ChanceRecord, RecordStep, band_of
from atalaia.domain.hazard import Level
from atalaia.domain.place import Places
from atalaia.domain.reading import Bools, Floats, Ints, Kind, Readings
from atalaia.domain.rule import LEVELS, Rule, RuleSet
from atalaia.lake import gold
from atalaia.lake.history import rows_of
from atalaia.lake.norms import norms_of, read_record, write_record
from atalaia.ports import Lake

UNKNOWN, CALM, CAME = -1, 0, 1
"""What came of a chance: nothing that could be seen, not what was possible, or that."""

_HOUR_S, _DAY_S = 3600, 86_400
_ROWS_AT_ONCE = 500_000


def learn_chances(lake: Lake, rules: RuleSet, places: Places) -> bool:
    """Learn the home's record of its chances anew, and keep it; whether it is another than before.

    All of it comes from RAW and GOLD: learnt twice of the same it is the same. Where no rule names
    a chance nothing is learnt.
    """
    if not rules.by_chance:
        return False
    norms = norms_of(lake, rules, places)
    told = told_chances(lake, rules, places, norms, _by_lead)
    observed = _observed(lake, rules, places, told)
    record = fitted(told, came_true(told, observed, rules, places, norms), rules)
    if record == read_record(lake):
        return False
    write_record(lake, record)
    return True


def _by_lead(known_at: int, valid_at: Ints) -> Ints:
    return band_of(valid_at - known_at)


def fitted(told: ToldChances, came: Ints, rules: RuleSet) -> ChanceRecord:
    """The record that pairs of chance and outcome make; `told` has one row a place, answer and
    band of leads."""
    steps = {}
    known = came != UNKNOWN
    for number, rule in enumerate(by_chance(rules).rules):
        for level in np.unique(told.level[told.rule == number]).tolist():
            of_level = known & (told.rule == number) & (told.level == level)
            for band in range(BANDS):
                mine = of_level & (told.group == band)
                day = told.valid_at[mine] // _DAY_S
                found = _steps(told.chance[mine], came[mine] == CAME, day)
                if found:
                    steps[chance_record.key_of(rule, level, band)] = found
    return ChanceRecord(steps)


def _steps(chance: Floats, came: Bools, day: Ints) -> tuple[RecordStep, ...]:
    """Isotonic regression of chances that were told alike; none of too few pairs."""
    if len(chance) < chance_record.LEAST_PAIRS:
        return ()
    alike = _told_alike(chance, day)
    if not alike:
        return ()
    rows, number = np.concatenate(alike), np.repeat(np.arange(len(alike)), [*map(len, alike)])
    right = put_right(number.astype(float), came[rows])
    first = np.searchsorted(number, np.arange(len(alike)))
    return tuple(
        RecordStep(
            low=round(float(chance[mine].min()), 12),
            high=round(float(chance[mine].max()), 12),
            chance=round(float(chance[mine].mean()), 12),
            observed=round(observed, 12),
            pairs=len(mine),
        )
        for mine, observed in zip(alike, right[first].tolist(), strict=True)
    )


def _told_alike(chance: Floats, day: Ints) -> list[Ints]:
    """Rows of chances that were told alike, of ascending chances: from the largest down, as these
    warn, each as few as are no thin step. What remains thin is in none."""
    found: list[Ints] = []
    values = np.unique(chance)
    top = len(values) - 1
    for i in range(len(values) - 1, -1, -1):
        if values[top] - values[i] > chance_record.WIDEST_STEP:
            top = i  # what lies above is too little
        mine = np.flatnonzero((chance >= values[i]) & (chance <= values[top]))
        if (
            len(mine) >= chance_record.LEAST_OF_A_STEP
            and len(np.unique(day[mine])) >= chance_record.LEAST_DAYS_OF_A_STEP
        ):
            found.append(mine)
            top = i - 1
    return found[::-1]


def _observed(lake: Lake, rules: RuleSet, places: Places, told: ToldChances) -> Readings:
    """What instruments measured in the hours that were spoken of, and that windows reach back to,
    in the order in which it became known."""
    named = by_chance(rules)
    if not len(told):
        return Readings.empty()
    reach = max(rule.window_s for rule in named.rules) + _DAY_S
    since, until = int(told.valid_at.min()) - reach, int(told.valid_at.max())
    return Readings.concat(_rows(lake, named, places, since, until)).in_order()


def _rows(lake: Lake, rules: RuleSet, places: Places, since: int, until: int) -> Iterator[Readings]:
    """A file of GOLD at a time."""
    yield Readings.empty()
    for key in gold.partition_files(lake, ["readings"])["readings"]:
        for place_id, rows in rows_of(lake, key, sorted(rules.variables)):
            if (position := places.position.get(place_id)) is None:
                continue
            in_time = (rows.valid_at > since) & (rows.valid_at <= until)
            mine = rows.take(in_time & (rows.kind == Kind.OBSERVED))
            mine.place[:] = position
            yield mine


def came_true(
    told: ToldChances, observed: Readings, rules: RuleSet, places: Places, norms: Usual
) -> Ints:
    """CAME, CALM or UNKNOWN of each chance, by what instruments measured in the hour that ends when
    it speaks of: shape (n,). `observed` is in the order in which it became known.

    It came where anything that was measured then surely passes the limit, by the rule's own window;
    it did not where something surely does not, and nothing does.
    """
    named = by_chance(rules)
    out = np.full(len(told), UNKNOWN, np.int8)
    numbers = {rule.name: i for i, rule in enumerate(named.rules)}
    seen: dict[int, list[tuple[Ints, Floats, Floats]]] = defaultdict(list)
    detector = Detector(named, SeriesTable(places), norms)
    for part in observed.between_instants(_ROWS_AT_ONCE):
        for found in detector.detect(part):
            sure = np.ones(len(found.value), bool)
            if found.is_doubted is not None:
                sure = ~found.is_doubted
            norm = 0.0 if found.norm is None else found.norm
            seen[numbers[found.rule.name]].append(
                (
                    key_of(found.subject, found.valid_at)[sure],
                    (found.value - norm)[sure],
                    (found.ceiling - norm)[sure],
                )
            )
    for number, some in seen.items():
        at, value, ceiling = map(np.concatenate, zip(*some, strict=True))
        order = np.argsort(at, kind="stable")
        for level in LEVELS:
            mine = np.flatnonzero((told.rule == number) & (told.level == level))
            if len(mine):
                passes, fails = _judged(named.rules[number], level, value[order], ceiling[order])
                ends = key_of(told.place[mine], told.valid_at[mine])
                since, until = np.searchsorted(at[order], (ends - _HOUR_S, ends), "right")
                out[mine[_any(fails, since, until)]] = CALM
                out[mine[_any(passes, since, until)]] = CAME
    return out


def _judged(rule: Rule, level: Level, value: Floats, ceiling: Floats) -> tuple[Bools, Bools]:
    """Which values surely pass the limit, and which surely do not."""
    limit = rule.sign * (rule.limit(level) or 0.0)
    least, most = (value, ceiling) if rule.sign > 0 else (-ceiling, -value)
    return least >= limit, most < limit


def _any(flags: Bools, since: Ints, until: Ints) -> Bools:
    """Whether any of the flags from `since` to before `until` is set: shape of these."""
    so_far = np.concatenate(([0], np.cumsum(flags)))
    found: Bools = so_far[until] > so_far[since]
    return found
