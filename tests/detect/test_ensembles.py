"""Chances: against an oracle, and late, twice, half, cut, restarted, and of another lane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.detect import retold, run_parts
from atalaia.detect.ensembles import Ensembles
from atalaia.detect.retold import marks_of, news_of
from atalaia.detect.series import SeriesTable
from atalaia.detect.values import no_norms
from atalaia.detect.watch import Watch
from atalaia.detect.worst import worst_hours
from atalaia.domain.alert import LogEntry
from atalaia.domain.chance_record import BANDS, NO_RECORD, ChanceRecord, RecordStep, key_of
from atalaia.domain.decoded import Decoded
from atalaia.domain.ensemble import Ensemble
from atalaia.domain.lanes import Lane
from atalaia.domain.norm_tables import Norms
from atalaia.domain.payload import Payload
from atalaia.domain.rule import LEVELS, RuleSet
from atalaia.ports import Record
from oracles import cases
from oracles.runs import ToldHour, level_at, told_hour
from stories import HOUR, T0, Memory, lines, places, rule_set

SUM = {
    "name": "rain",
    "hazard": "heavy_rain",
    "variable": "rain_mm",
    "measure": "sum",
    "window": "24h",
    "limits": {"yellow": 30, "orange": 50, "red": 100},
    "chance": {"yellow": 0.3, "orange": 0.3, "red": 0.2},
}
GUST = {"name": "gust", "chance": 0.3}
DRY = {
    "name": "dry",
    "hazard": "dry_air",
    "variable": "relative_humidity_pct",
    "measure": "mean",
    "window": "6h",
    "when": "below",
    "limits": {"yellow": 30, "orange": 20},
    "chance": {"orange": 0.5},
}
RULES = rule_set(SUM, GUST, DRY)
NAMES = {"rain_mm": 60.0, "wind_gust_m_s": 40.0, "relative_humidity_pct": 60.0}


def told(
    seed: int,
    at: int = T0,
    *,
    where: Sequence[int] = (0, 1),
    runs: int = 12,
    missing: float = 0.0,
    horizon: bool = False,
    scale: float = 1.0,
) -> Ensemble:
    """Made up: 24 hours back and 72 ahead in steps of three hours, then two of six."""
    draw = np.random.default_rng(seed)
    ends = at // (6 * HOUR) * 6 * HOUR + 3 * HOUR * np.arange(-8, 25)
    ends = np.concatenate([ends, ends[-1] + 6 * HOUR * np.arange(1, 3)])
    lengths = np.diff(ends, prepend=ends[0] - 3 * HOUR)
    n = len(ends) * len(where)
    values = {}
    for name, most in NAMES.items():
        column = scale * most * draw.random((runs, n)) ** (4 if name == "rain_mm" else 1)
        column[draw.random(column.shape) < missing] = np.nan
        if horizon:
            column[runs // 2 :, np.tile(ends, len(where)) > at + 30 * HOUR] = np.nan
        values[name] = column
    return Ensemble(
        "ens",
        at,
        np.repeat(np.array(where, np.int32), len(ends)),
        np.tile(ends, len(where)),
        np.tile(lengths, len(where)).astype(np.int32),
        values,
    )


@pytest.mark.parametrize("half", [{}, {"missing": 0.1}, {"horizon": True}, {"runs": 9}])
def test_levels_are_those_of_one_run_one_hour_and_one_window_at_a_time(half: dict) -> None:
    for seed in range(3):
        answer = told(seed, **half)
        table = SeriesTable(places())
        judged = Ensembles(RULES, table, no_norms)
        (part,) = judged.parts(news_of(answer, table))
        for rule in RULES.rules:
            counted = judged.counted(rule, part)
            assert counted is not None
            both = np.stack((counted.entered, counted.holding), axis=1).tolist()
            seen = dict(zip(counted.rows.tolist(), both, strict=True))
            ahead = answer.valid_at > T0
            ahead &= answer.valid_at <= T0 + rule.forecast_within_s
            for row in np.flatnonzero(ahead).tolist():
                runs = steps_of(answer, rule.variable, int(answer.place[row]))
                expected = level_at(rule, runs, int(answer.valid_at[row]))
                assert tuple(seen.get(row, (0, 0))) == expected


def test_of_windows_that_are_shorter_than_the_models_step_no_chance_is_told() -> None:
    """Whatever fell in six hours says nothing of any three of them: not even that they were dry."""
    far = {"forecast_within": "96h"}
    three = SUM | far | {"window": "3h", "limits": {"yellow": 1}, "chance": 0.3}
    chosen = rule_set(three, DRY | far | {"window": "3h"}, GUST | far)
    answer = told(1)
    table = SeriesTable(places())
    judged = Ensembles(chosen, table, no_norms)
    (part,) = judged.parts(news_of(answer, table))
    steps = {}
    for rule in chosen.rules:
        counted = judged.counted(rule, part)
        assert counted is not None
        steps[rule.name] = set(answer.period_s[counted.rows].tolist())
    assert steps == {"rain": {3 * HOUR}, "dry": {3 * HOUR}, "gust": {3 * HOUR, 6 * HOUR}}


def steps_of(answer: Ensemble, name: str, place: int) -> list[list[tuple]]:
    """What each run says of a place, as the oracle takes it."""
    mine = np.flatnonzero(answer.place == place)
    return [
        [
            (int(answer.valid_at[i]), int(answer.period_s[i]),
             None if np.isnan(column[i]) else float(column[i]))
            for i in mine
        ]
        for column in answer.values[name]
    ]  # fmt: skip


@settings(max_examples=cases(30), deadline=None)
@given(
    seed=st.integers(0, 1 << 30),
    runs=st.integers(9, 26),
    missing=st.sampled_from([0.0, 0.0, 0.05, 0.4]),
    horizon=st.booleans(),
    silent=st.integers(0, 12),
    scale=st.sampled_from([0.1, 0.6, 1.0]),
    room=st.sampled_from([1, 700, run_parts.VALUES_OF_A_PART]),
)
def test_what_is_told_is_the_oracles_whatever_runs_say_nothing_and_however_places_are_cut(
    seed: int, runs: int, missing: float, horizon: bool, silent: int, scale: float, room: int
) -> None:
    answer = told(seed, where=(0, 1, 2), runs=runs, missing=missing, horizon=horizon, scale=scale)
    for name, column in answer.values.items():
        column[:silent] = np.nan
        if name == "rain_mm":
            column[:, answer.place == seed % 3] = np.nan
    with patch.object(run_parts, "VALUES_OF_A_PART", room):
        found = {
            (f.rule.name, int(f.subject[i])): ToldHour(
                int(f.entered[i]),
                int(f.holding[i]),
                int(f.valid_at[i]),
                pytest.approx(float(f.value[i]), abs=0.01),
                int(f.onset_at[i]),
                f.spans[i].tolist(),
                int(f.because[i, 0, 0]),
                int(f.because[i, 0, 2]),
                [
                    (pytest.approx(f.rule.sign * value, abs=0.01), -int(at))
                    for value, at in (() if f.reached is None else f.reached[i].tolist())
                    if not np.isnan(value)
                ],
            )
            for f in Ensembles(RULES, SeriesTable(places()), no_norms).judge([answer])
            for i in range(len(f.value))
        }
    expected = {}
    for rule in RULES.rules:
        ahead = (answer.valid_at > T0) & (answer.valid_at <= T0 + rule.forecast_within_s)
        for place in range(3):
            hours = answer.valid_at[ahead & (answer.place == place)].tolist()
            hour = told_hour(rule, steps_of(answer, rule.variable, place), hours)
            if hour:
                expected[rule.name, place] = hour
    assert expected == found


def test_a_mark_of_an_hour_is_the_same_whatever_stands_beside_it() -> None:
    """Else the same answer, told of other places with it, would be a revision."""
    answer = told(7, where=(0, 1, 2), runs=51, missing=0.01)
    whole, ranges = marks_of(answer)
    some = (slice(3, 4), slice(1, 90), np.arange(len(answer))[::-1], np.array([50, 7, 30]))
    for rows, at_once in product(some, (retold.ROWS_AT_ONCE, 500, 1)):
        with patch.object(retold, "ROWS_AT_ONCE", at_once):
            marks, spans = marks_of(answer.take(rows))
        assert marks.tolist() == whole[rows].tolist()
        for name, span in spans.items():
            np.testing.assert_array_equal(span, ranges[name][:, rows])
            np.testing.assert_array_equal(span[0], answer.values[name][:, rows].min(axis=0))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 4), st.integers(0, 9)),
        min_size=1,
        max_size=25,
    )
)
def test_the_worst_hour_is_the_first_of_the_highest_level(rows: list) -> None:
    rows.sort(key=lambda row: row[0])
    series, entered, holding, excess = (np.array(column) for column in zip(*rows, strict=True))
    valid_at = T0 + HOUR * np.arange(len(rows))
    found = worst_hours(series, valid_at, entered, holding, excess.astype(float))
    for k, number in enumerate(found.series.tolist()):
        mine = np.flatnonzero(series == number)
        top = entered[mine].max()
        shown = mine[entered[mine] == top] if top else mine[excess[mine] == excess[mine].max()]
        assert found.pick[k] == shown[0]
        assert found.holding[k] == holding[mine].max()
        assert found.keeper[k] == mine[np.argmax(holding[mine])]
        passing = mine[entered[mine] > 0]
        assert found.onset_at[k] == valid_at[passing[0] if len(passing) else shown[0]]
        for i, level in enumerate(LEVELS):
            keeps = valid_at[mine][holding[mine] >= level]
            assert found.spans[k, i].tolist() == ([keeps[0], keeps[-1]] if len(keeps) else [0, 0])


class Told:
    """A watch that answers of an ensemble come to, restarted where it is told to be."""

    def __init__(
        self, rules: RuleSet = RULES, lane: Lane | None = None, record: ChanceRecord = NO_RECORD
    ) -> None:
        self.rules, self.lane = rules, lane
        self.norms = Norms(places(), {}, record)
        self.memory, self.log, self.number = Memory(), [], 0  # type: ignore[var-annotated]
        self.answers: list[Ensemble] = []
        self.restart()

    def restart(self) -> None:
        self.watch = Watch(self.rules, places(), self._decode, self.norms, lane=self.lane)
        self.watch.load(self.memory, self.lane)  # type: ignore[arg-type]

    def _decode(self, payloads: Sequence[Payload], _wanted: frozenset[str] | None) -> Decoded:
        some = [self.answers[int(payload.body)] for payload in payloads]
        decoded = Decoded(ensembles=some)
        return self.lane.narrowed(decoded) if self.lane else decoded

    def live(self, *answers: Ensemble) -> list[LogEntry]:
        """In one batch."""
        records = []
        for one in answers:
            self.answers.append(one)
            self.number += 1
            body = str(len(self.answers) - 1).encode()
            payload = Payload(source="ens", content="e", received_at=one.known_at, body=body)
            records.append(Record(self.number, payload))
        step, commit = self.watch.step(records)
        self.memory.keep(commit)
        self.log += step.entries
        return step.entries


COURSE = [
    told(seed, T0 + 6 * HOUR * seed, missing=0.05, scale=scale)
    for seed, scale in enumerate((0.2, 1.0, 1.2, 0.1, 0.1, 0.1, 1.5, 0.2))
]


def test_any_cut_and_any_restart_tell_the_same() -> None:
    one = Told()
    one.live(*COURSE)
    assert len(one.log) > 5
    for cuts in ([1, 2, 5], [4], list(range(1, 8))):
        other = Told()
        for start, stop in zip([0, *cuts], [*cuts, len(COURSE)], strict=True):
            other.live(*COURSE[start:stop])
            other.restart()
        assert lines(other.log) == lines(one.log)


def test_an_answer_told_twice_changes_nothing() -> None:
    once, twice = Told(), Told()
    for answer in COURSE:
        once.live(answer)
        twice.live(answer)
        assert twice.live(answer) == []
    assert lines(twice.log) == lines(once.log)


def test_an_older_answer_that_comes_after_a_newer_one_says_nothing() -> None:
    watch = Told()
    watch.live(COURSE[3])
    assert watch.live(COURSE[2]) == []
    watch.restart()
    assert watch.live(COURSE[1]) == []
    assert watch.live(COURSE[6]), "a newer one does"


def test_the_order_of_an_answers_places_says_nothing() -> None:
    def shuffled(answer: Ensemble) -> Ensemble:
        return answer.take(np.random.default_rng(5).permutation(len(answer)))

    one, other = Told(), Told()
    one.live(*COURSE)
    other.live(*map(shuffled, COURSE))
    assert lines(other.log) == lines(one.log)


def test_half_of_an_answer_says_what_its_half_says() -> None:
    """Of one place nothing, of another fewer runs than a chance is told of."""
    answer = told(1)
    alone = Told()
    alone.live(answer.take(answer.place == 1))
    assert {e.alert.place_id for e in alone.log} == {"p1"}
    few = {name: column.copy() for name, column in answer.values.items()}
    for column in few.values():
        column[9:] = np.nan
    watch = Told()
    assert watch.live(replace(answer, values=few)) == []
    assert watch.live(replace(answer, values={}, known_at=T0 + 1)) == []
    nothing = answer.take(np.zeros(0, np.int64))
    assert watch.live(nothing) == []


def test_an_implausible_value_is_of_no_run() -> None:
    answer = told(1, scale=0.1)
    wild = answer.values["wind_gust_m_s"]
    wild[:6] = 500.0
    assert "wind" not in {e.alert.hazard for e in Told().live(answer)}
    wild[:6] = 40.0
    assert "wind" in {e.alert.hazard for e in Told().live(answer)}


def test_a_lane_tells_of_its_own_places_alone() -> None:
    where = places()
    whole = Told()
    whole.live(*COURSE)
    split: list[LogEntry] = []
    for number in range(2):
        part = Told(lane=Lane(where, number, 2))
        part.live(*COURSE)
        split += part.log
    assert sorted(lines(split)) == sorted(lines(whole.log))


def test_a_rule_without_a_chance_hears_no_ensemble() -> None:
    bare = {key: value for key, value in SUM.items() if key != "chance"}
    watch = Told(rule_set(bare))
    assert watch.live(*COURSE) == []


def test_a_rule_for_other_places_hears_none_of_these() -> None:
    assert Told(rule_set(SUM | {"places": ["p2"]})).live(*COURSE) == []
    some = Told(rule_set(SUM | {"places": ["p1"]})).live(*COURSE)
    assert {e.alert.place_id for e in some} == {"p1"}


(WIND,) = rule_set({"chance": 0.3, "keep_firing_for": "3h"}).rules


def gusts(passing: int, m_s: float = 12.0, at: int = T0) -> Ensemble:
    """Of 20 runs so many bring a gust a day and a half ahead, at the first place."""
    ends = at + 3 * HOUR * np.arange(1, 20)
    values = np.full((20, len(ends)), 3.0)
    values[:passing, 11] = m_s
    nothing = np.zeros(len(ends), np.int32)
    return Ensemble("ens", at, nothing, ends, nothing + 3 * HOUR, {"wind_gust_m_s": values})


def recorded(low: float, high: float, observed: float, band: int = 1) -> ChanceRecord:
    """That chances of yellow from `low` to `high` came true so often."""
    return ChanceRecord(
        {key_of(WIND, 2, band): (RecordStep(low, high, (low + high) / 2, observed, 300),)}
    )


def entries(answer: Ensemble, record: ChanceRecord) -> list[LogEntry]:
    return Told(RuleSet("story", (WIND,)), record=record).live(answer)


def test_a_record_lowers_and_raises_a_chance_and_is_told_beside_the_runs() -> None:
    raw = entries(gusts(8), NO_RECORD)
    assert [(e.alert.level, e.because[0].record) for e in raw] == [("yellow", None)]
    assert entries(gusts(8), recorded(0.2, 0.5, 0.12)) == [], "such chances come true too seldom"
    assert entries(gusts(4), NO_RECORD) == []
    (raised,) = entries(gusts(4), recorded(0.1, 0.5, 0.44))
    (term,) = raised.because
    assert (term.runs, term.of_runs, term.record) == (4, 20, 0.44)
    assert (raised.alert.value, raised.alert.limit) == (12.0, 10.0), "what these runs reach"
    told = raised.alert.text
    assert (
        "10 m/s or more in 2 of 10 model runs (forecast, 02 Jan 12:00); our record: 44 %"
        in told["en"]
    )
    assert (
        "em 2 de 10 rodadas dos modelos (previsto, 02/01 12:00); nosso histórico: 44 %"
        in told["pt-BR"]
    )
    assert (
        "en 2 de 10 corridas de los modelos (previsto, 02/01 12:00); nuestro historial: 44 %"
        in told["es"]
    )


def test_a_record_of_other_leads_and_chances_leaves_a_chance_raw() -> None:
    for record in (recorded(0.2, 0.5, 0.1, band=0), recorded(0.2, 0.3, 0.1)):
        (entry,) = entries(gusts(8), record)
        assert entry.because[0].record is None
        assert "a raw chance, which our record cannot correct yet" in entry.alert.text["en"]


def test_where_no_run_passes_a_record_raises_nothing() -> None:
    always = ChanceRecord(
        {key_of(WIND, 2, band): (RecordStep(0.0, 1.0, 0.5, 0.9, 300),) for band in range(BANDS)}
    )
    assert entries(gusts(0), always) == []
    assert entries(gusts(1), always) != []


def test_a_corrected_chance_is_told_the_same_whatever_the_cuts_and_restarts() -> None:
    record = recorded(0.1, 0.5, 0.35)
    answers = [gusts(n, at=T0 + 6 * HOUR * i) for i, n in enumerate((2, 4, 9, 1, 1, 1, 5))]
    one = Told(RuleSet("story", (WIND,)), record=record)
    one.live(*answers)
    other = Told(RuleSet("story", (WIND,)), record=record)
    for answer in answers:
        other.live(answer)
        other.restart()
    assert len(one.log) > 1
    assert lines(other.log) == lines(one.log)


def test_a_chance_of_ones_own_is_a_step_as_soon_as_so_many_runs_pass_ones_own_limit() -> None:
    def told_of(asked: dict[str, list[float]]) -> list[LogEntry]:
        watch = Told(RuleSet("story", (WIND,)))
        watch.watch.incidents.steps = {0: asked}
        for i, passing in enumerate((8, 13, 16, 9, 17)):
            watch.live(gusts(passing, 14.0, at=T0 + 6 * HOUR * i))
        return watch.log

    def moves(entry: LogEntry) -> list[tuple[int, float | None, float]]:
        return [(moved.chance, moved.low, moved.high) for moved in entry.moved]

    nobody = told_of({})
    assert [e.alert.reason for e in nobody] == ["onset"]
    began = [(0, None, 14.0), (30, None, 14.0), (40, None, 14.0)]
    assert moves(nobody[0]) == began, "8 of 20 runs; fewer nobody can ask for"
    first, step = told_of({f"{WIND.name} 60%": [12.0]})
    assert moves(first) == began
    assert moves(step) == [(50, None, 14.0), (60, None, 14.0)]
    assert (step.alert.reason, step.alert.value, step.alert.limit) == ("step", 14.0, 12.0)
    assert step.alert.sent_at == T0 + 6 * HOUR, "13 of 20 runs"
    assert step.alert.valid_at == T0 + 6 * HOUR + 36 * HOUR
    assert "12 m/s or more in 6 of 10 model runs" in step.alert.text["en"]
    assert "em 6 de 10 rodadas dos modelos" in step.alert.text["pt-BR"]
    assert "en 6 de 10 corridas de los modelos" in step.alert.text["es"]
    assert [e.alert.reason for e in told_of({f"{WIND.name} 90%": [12.0]})] == ["onset"]
