"""Chances that a home's ensemble told, as the rules would count them now.

    RAW's answers ─► each counted, rule by rule ─► the worst hour of a group ─► `ToldChances`

Answers of one day say nearly the same: of each place and UTC day the first counts. Hours that
follow each other share their weather, too: of each group of them (hours as far ahead, or of one
day) there is one row, the hour with the highest chance, which is the one that people would be told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

import numpy as np

from atalaia.detect.ensembles import Ensembles
from atalaia.detect.series import SeriesTable
from atalaia.detect.values import Usual
from atalaia.domain.ensemble import Ensemble
from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.domain.reading import Bools, Floats, Ints
from atalaia.domain.rule import LEVELS, RuleSet
from atalaia.errors import PayloadInvalid
from atalaia.lake import raw
from atalaia.logs import Logger
from atalaia.ports import Lake
from atalaia.sources import decode_all
from atalaia.sources.open_meteo_apis import OF_RUNS

MOST_ANSWERS = 50_000
"""Of so many places and days the record is: the newest. Models change, too."""

_DAY_S = 86_400

Group = Callable[[int, Ints], Ints]
"""(when an answer came, hours that it speaks of) → the number of each hour's group."""

log = Logger()


@dataclass(frozen=True, slots=True)
class ToldChances:
    """n chances that were told. Every column has shape (n,).

    rule      position among the rules that name a chance
    level     whose limit it is the chance of
    place     position in `Places`
    group     the number of the hours of which this one had the highest chance
    known_at, valid_at   when it was told, and of which hour; Unix seconds
    chance    share of the runs, 0 … 1
    """

    rule: Ints
    level: Ints
    place: Ints
    group: Ints
    known_at: Ints
    valid_at: Ints
    chance: Floats

    def __len__(self) -> int:
        return len(self.rule)

    @staticmethod
    def none() -> ToldChances:
        """No row."""
        nothing = np.zeros(0, np.int64)
        return ToldChances(*(nothing,) * 6, np.zeros(0))

    def take(self, rows: Bools) -> ToldChances:
        """The chosen ones."""
        return ToldChances(*(getattr(self, field.name)[rows] for field in fields(self)))


def by_chance(rules: RuleSet) -> RuleSet:
    """The rules that name a chance, in their order."""
    return RuleSet(rules.name, tuple(rule for rule in rules.rules if rule.chance))


def told_chances(
    lake: Lake,
    rules: RuleSet,
    places: Places,
    norms: Usual,
    group: Group,
    most: int = MOST_ANSWERS,
) -> ToldChances:
    """What the answers in RAW said, of the newest days first, as far as `most` answers of a place
    reach."""
    named = by_chance(rules)
    numbers = {rule.name: i for i, rule in enumerate(named.rules)}
    parts = [ToldChances.none()]
    read = 0
    for answer in _answers(lake, named, places):
        judged = Ensembles(named, SeriesTable(places), norms)
        for rule, told, counted in judged.counts(answer):
            place, valid_at = told.place[counted.rows], told.valid_at[counted.rows]
            number = group(told.known_at, valid_at)
            for i, level in enumerate(LEVELS):
                if (rule.chance or ())[i] is None:
                    continue
                chance = counted.passing[i] / counted.known
                rows = _highest(place, number, chance)
                n = len(rows)
                parts.append(
                    ToldChances(
                        np.full(n, numbers[rule.name]),
                        np.full(n, int(level)),
                        place[rows].astype(np.int64),
                        number[rows],
                        np.full(n, told.known_at),
                        valid_at[rows],
                        chance[rows],
                    )
                )
        read += len(np.unique(answer.place))
        if read >= most:
            break
    columns = (field.name for field in fields(ToldChances))
    return ToldChances(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in columns)
    )


def _highest(place: Ints, group: Ints, chance: Floats) -> Ints:
    """The first row with the highest chance of each place and group; rows are in order of time."""
    order = np.lexsort((np.arange(len(place)), -chance, group, place))
    is_first = np.ones(len(order), bool)
    is_first[1:] = (np.diff(place[order]) != 0) | (np.diff(group[order]) != 0)
    return order[is_first]


def _answers(lake: Lake, rules: RuleSet, places: Places) -> Iterator[Ensemble]:
    """Of each source, place and UTC day the first answer, the newest day first."""
    if not rules.rules:
        return
    days: dict[tuple[int, str], list[str]] = defaultdict(list)
    for source in OF_RUNS:
        for key in lake.keys(f"{raw.PAYLOADS}source={raw.folder_name(source)}/"):
            days[raw.hour_of(key) // _DAY_S, source].append(key)
    decode = decode_all(places)
    for _, keys in sorted(days.items(), reverse=True):
        heard: set[str] = set()
        for payload in _payloads(lake, keys):
            if heard.issuperset(payload.places):
                continue
            for answer in decode([payload], rules.by_chance).ensembles:
                ids = [places[place].id for place in answer.place.tolist()]
                yield answer.take(np.array([one not in heard for one in ids], bool))
                heard.update(ids)


def _payloads(lake: Lake, keys: list[str]) -> Iterator[Payload]:
    """Of some parts of RAW, in the order in which they came. A damaged one ends where it does."""
    for key in sorted(keys, key=lambda key: (raw.hour_of(key), raw.first_of(key))):
        try:
            for block in raw.payload_blocks(lake.read(key)):
                yield from block
        except PayloadInvalid as error:
            log.warning("a part of RAW is passed over", part=key, reason=str(error))
