"""The quick ways of a replay against the plain ones: the same alerts, byte for byte."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from unittest.mock import patch

from hypothesis import example, given, settings
from hypothesis import strategies as st

from atalaia import rules as rule_sets
from atalaia.batch import history
from atalaia.detect import incidents
from atalaia.domain.alert import entry_line
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Readings
from atalaia.domain.rule import RuleSet
from atalaia.sources import by_time, readings_csv
from atalaia.sources.by_time import RowsByTime
from oracles import cases

START = 1_420_070_400  # 2015-01-01T00:00:00Z
HEADER = "place_id,valid_at,period_s,kind,source,issued_at,rain_mm,wind_gust_m_s\n"
WHERE = Places(
    Place(
        id=f"g{i}",
        name=f"Gauge {i}",
        latitude=-22.8 - i / 50,
        longitude=-43.2 - i / 20,
        timezone="America/Sao_Paulo",
        area="Rio de Janeiro",
    )
    for i in range(4)
)
RULES = [rule_sets.load(name) for name in ("rio-flood-limits", "basic")]


def record(chance: random.Random) -> Iterator[str]:
    """A few days of gauges: dry, wet for some hours; late, twice, missing, at odd distances."""
    for source in chance.sample(["", "gauges", "others"], chance.randint(1, 2)):
        for place in WHERE:
            every_s = chance.choice([900, 900, 900, 3600, 300])
            at = START + chance.randint(0, 4) * 900
            storm_at = at + chance.randint(0, 40) * 3600
            while at < START + 60 * 3600:
                is_wet = storm_at <= at < storm_at + 5 * 3600
                rain = f"{chance.choice([0.2, 2, 9.4, 21]):.1f}" if is_wet else "0.0"
                rain = chance.choice([rain] * 30 + ["", "-1", "many", "9999"])
                gust = chance.choice([""] * 9 + [f"{chance.uniform(0, 40):.3f}"])
                period = chance.choice([every_s] * 40 + [3600, 0])
                ahead = chance.random() < 0.02
                kind, issued = ("forecast", at - 3600) if ahead else ("observed", None)
                line = f"{place.id},{iso(at)},{period},{kind},{source}"
                line += f",{iso(issued) if issued else ''},{rain},{gust}\n"
                yield line
                if chance.random() < 0.02:
                    yield line
                at += every_s * chance.choice([1] * 40 + [2, 30])


def iso(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def rows_of(lines: list[str], *, is_plain: bool) -> Readings:
    """The rows in order. One quoted cell, and all lines of a part are read one by one."""
    if is_plain:
        lines = [f'"{lines[0][:2]}"{lines[0][2:]}', *lines[1:]]
    body = (HEADER + "".join(lines)).encode()
    payload = Payload(
        source="csv", content="readings-csv", received_at=0, body=body, is_recorded=True
    )
    return readings_csv.decoder(WHERE)([payload], None).readings.in_order()


def told(rows: Readings, rules: RuleSet, at_once: int, instants: int) -> list[bytes]:
    """The alert log, lived in steps of so many rows, so many instants at a time."""
    with (
        patch.object(history, "ROWS_AT_ONCE", at_once),
        patch.object(incidents, "_INSTANTS", instants),
    ):
        return [entry_line(entry) for entry in history.watched(rows, rules, WHERE)]


@settings(max_examples=cases(5), deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 400), st.sampled_from([1, 7, 64]))
@example(517, 12, 64)  # of an area whose places tell at different distances, and one of them late
def test_alerts_are_the_same_in_small_steps_and_line_by_line(
    seed: int, at_once: int, instants: int
) -> None:
    chance = random.Random(seed)
    lines = list(record(chance))
    quick = rows_of(lines, is_plain=False)
    chance.shuffle(lines)
    plain = rows_of(lines, is_plain=True)
    for rules in RULES:
        whole = told(quick, rules, 1_000_000, 64)
        assert told(plain, rules, at_once, instants) == whole
        assert told(quick, rules, 1_000_000, 1_000_000) == whole


@settings(max_examples=cases(5), deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 400))
def test_alerts_are_the_same_of_rows_that_lie_on_disk(seed: int, size: int) -> None:
    chance = random.Random(seed)
    lines = list(record(chance))
    whole = rows_of(lines, is_plain=False)
    chance.shuffle(lines)
    files = [rows_of(lines[i::3], is_plain=False) for i in range(3)]
    with patch.object(by_time, "_AT_ONCE", 100), RowsByTime() as rows:
        rows.add_all(files)
        logs = history.lived(rows.parts(size), RULES, WHERE)
        for rules, entries in zip(RULES, logs, strict=True):
            assert [entry_line(entry) for entry in entries] == told(whole, rules, 1_000_000, 64)


def test_such_records_have_storms() -> None:
    """So that what is compared above is not nothing."""
    rows = rows_of(list(record(random.Random(3))), is_plain=False)
    assert all(told(rows, rules, 1_000_000, 64) for rules in RULES)
