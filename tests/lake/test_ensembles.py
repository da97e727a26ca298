"""What rules make of ensembles, in GOLD: against an oracle that counts one run at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

import numpy as np
import pytest

from atalaia.batch import refine_steps
from atalaia.batch.archive import archive
from atalaia.batch.counted import counting
from atalaia.batch.refine import rebuild, refine
from atalaia.domain.decoded import Decode, Decoded
from atalaia.domain.ensemble import FEWEST_RUNS, Ensemble
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.domain.rule import Rule, RuleSet
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.homes.embedded.lake import FolderLake
from atalaia.lake import gold
from atalaia.lake.ensembles import merge_ensembles
from atalaia.lake.query import query
from atalaia.sources import decode_all
from batch.helpers import files
from ensembles import DAY, HOUR, answer, payload, storm
from oracles.runs import value_at
from stories import came, here, rule_set, rule_text

AT = 1_789_387_200  # 2026-09-14T12:00:00Z
PLACES = Places(
    [
        Place(id="mao", name="Manaus", latitude=-3.1, longitude=-60.0, timezone="America/Manaus"),
        Place(id="d'água", name="Água", latitude=-8.1, longitude=-35.0, timezone="America/Recife"),
    ]
)
WHERE = [(-3.2, -60.0), (-8.2, -35.0)]
SUM = {
    "name": "rain",
    "hazard": "heavy_rain",
    "variable": "rain_mm",
    "measure": "sum",
    "window": "24h",
    "limits": {"yellow": 30, "orange": 50, "red": 100},
    "chance": {"yellow": 0.3, "orange": 0.3, "red": 0.2},
}
GUST = {"name": "gust", "limits": {"orange": 20, "red": 30}, "chance": 0.3}
DRY = {
    "name": "dry",
    "hazard": "dry_air",
    "variable": "relative_humidity_pct",
    "measure": "mean",
    "window": "6h",
    "when": "below",
    "limits": {"yellow": 40, "orange": 30},
    "chance": {"orange": 0.5},
}
PLAIN = {"name": "no-chance", "limits": {"yellow": 10}}
RULES = rule_set(SUM, GUST, DRY, PLAIN)
FIELDS = {
    "precipitation": ("mm", 12.0),
    "wind_gusts_10m": ("m/s", 40.0),
    "relative_humidity_2m": ("%", 90.0),
}

Row = tuple[Any, ...]
ROWS = (
    "SELECT place_id, source, rule, epoch(valid_at)::BIGINT, epoch(received_at)::BIGINT, variable,"
    " window_s, runs, q10, q25, q50, q75, q90, chance_yellow, chance_orange, chance_red, rule_hash"
    " FROM ensembles ORDER BY place_id, rule, received_at, valid_at"
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[EmbeddedHome]:
    with open_home(tmp_path / "home") as home:
        yield home


def told(seed: int, at: int = AT, *, runs: int = 12, silent: Sequence[int] = ()) -> Payload:
    """Made up for both places; runs that are silent say nothing of some hours, or of none."""
    bodies = []
    for place, where in enumerate(WHERE):
        body: dict[str, Any] = {}
        for number, (field, (unit, most)) in enumerate(FIELDS.items()):
            draw = np.random.default_rng([seed, place, number])
            made = most * draw.random((runs, 200)) ** (6 if unit == "mm" else 1)
            first = at - 24 * HOUR

            def said(run: int, when: int, made: Any = made, first: int = first) -> float | None:
                hour = (when - first) // HOUR
                is_silent = run in silent and (run % 2 or hour > 60)
                return None if is_silent else round(float(made[run, hour]), 1)

            one = answer(at, said, runs=runs, field=field, unit=unit, ahead=72, where=where)
            body = _merged(body, one)
        bodies.append(body)
    return payload(at, bodies, ("mao", "d'água"))


def _merged(body: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    parts = ("hourly", "hourly_units")
    return body | more | {name: body.get(name, {}) | more[name] for name in parts}


def decoder(home: EmbeddedHome, rules: RuleSet = RULES) -> Decode:
    return counting(home.lake, home, rules, PLACES)


def put(home: EmbeddedHome, *payloads: Payload) -> None:
    home.stream.append(payloads)
    archive(home.stream, home.state, home.lake)


def refined(home: EmbeddedHome, *payloads: Payload, rules: RuleSet = RULES) -> int:
    """How many files were written."""
    put(home, *payloads)
    return refine(home.state, home.lake, decoder(home, rules), PLACES).partitions


def rebuilt(home: EmbeddedHome, rules: RuleSet = RULES) -> dict[str, bytes]:
    rebuild(home.state, home.lake, decoder(home, rules), PLACES)
    return files(home, gold.ENSEMBLES)


def ask(home: EmbeddedHome, sql: str = ROWS, rules: RuleSet = RULES) -> list[Row]:
    return list(query(home, decoder(home, rules), PLACES, sql).rows)


def expected(payloads: Sequence[Payload], rules: RuleSet = RULES) -> list[Row]:
    """The rows of an oracle; of two answers of one second the later one's."""
    rows: dict[Row, Row] = {}
    for one in payloads:
        for told_of in decode_all(PLACES)([one], None).ensembles:
            for rule in rules.rules:
                if rule.chance:
                    rows |= {row[:5]: row for row in _of_rule(rule, told_of)}
    return sorted(rows.values(), key=lambda row: (row[0], row[2], row[4], row[3]))


def _of_rule(rule: Rule, told_of: Ensemble) -> Iterator[Row]:
    if rule.variable not in told_of.values:
        return
    for place in np.unique(told_of.place).tolist():
        mine = np.flatnonzero(told_of.place == place)
        runs = [
            [
                (int(told_of.valid_at[i]), int(told_of.period_s[i]),
                 None if np.isnan(column[i]) else float(column[i]))
                for i in mine
            ]
            for column in told_of.values[rule.variable]
        ]  # fmt: skip
        for at in told_of.valid_at[mine].tolist():
            if not 0 < at - told_of.known_at <= rule.forecast_within_s:
                continue
            values = [v for run in runs if (v := value_at(rule, run, at)) is not None]
            if len(values) < FEWEST_RUNS:
                continue
            cut = quantiles(values, n=100, method="inclusive")
            passing = [
                None if limit is None
                else sum(rule.sign * v >= rule.sign * limit for v in values) / len(values)
                for limit in rule.enter[1:]
            ]  # fmt: skip
            yield (
                PLACES[place].id, told_of.source, rule.name, at, told_of.known_at, rule.variable,
                rule.window_s, len(values), *(cut[i - 1] for i in (10, 25, 50, 75, 90)), *passing,
                rule.digest,
            )  # fmt: skip


def assert_same(found: Sequence[Row], wanted: Sequence[Row]) -> None:
    assert [row[:8] for row in found] == [row[:8] for row in wanted]
    assert len(found) > 10
    for one, other in zip(found, wanted, strict=True):
        assert one[8:13] == pytest.approx(other[8:13], abs=1e-9)
        assert one[13:] == other[13:]


@pytest.mark.parametrize(("runs", "silent"), [(12, ()), (51, ()), (14, (1, 2, 3)), (9, ())])
def test_rows_are_those_of_one_run_one_hour_and_one_window_at_a_time(
    home: EmbeddedHome, runs: int, silent: Sequence[int]
) -> None:
    some = [told(seed, AT + seed * 6 * HOUR, runs=runs, silent=silent) for seed in range(2)]
    refined(home, *some)
    wanted = expected(some)
    if runs < FEWEST_RUNS:
        assert ask(home) == wanted == []
        return
    assert_same(ask(home), wanted)
    assert {row[2] for row in wanted} == {"rain", "gust", "dry"}
    chances = [chance for row in wanted for chance in row[13:16]]
    assert None in chances, "a level without a limit"
    assert {0.0, 1.0} & set(chances)
    assert any(0 < chance < 1 for chance in chances if chance is not None)


def test_a_window_is_made_run_by_run(home: EmbeddedHome) -> None:
    """Six runs bring 60 mm early, six late: no hour's sum passes in more than half of them, and
    each run's day does."""

    def said(run: int, at: int) -> float:
        begins = AT + (6 * HOUR if run < 6 else 18 * HOUR)
        return storm(begins, lambda _: 60.0)(run, at) or 0.0

    one = payload(AT, answer(AT, said, runs=12, ahead=30))
    refined(home, one)
    day = ask(
        home,
        "SELECT chance_orange, chance_red, q10, q90 FROM ensembles"
        f" WHERE rule = 'rain' AND epoch(valid_at) = {AT + 24 * HOUR}",
    )
    assert day == [(1.0, 0.0, 60.0, 60.0)]


def test_a_run_that_is_withdrawn_counts_no_more_and_the_earlier_answer_stays(
    home: EmbeddedHome,
) -> None:
    before, after = told(3, runs=12), told(3, AT + 6 * HOUR, runs=12, silent=(1,))
    refined(home, before)
    first = ask(home)
    refined(home, after)
    assert_same(ask(home), expected([before, after]))
    assert set(first) < set(ask(home))
    runs = dict(ask(home, "SELECT epoch(received_at)::BIGINT, max(runs) FROM ensembles GROUP BY 1"))
    assert runs == {AT: 12, AT + 6 * HOUR: 11}


def test_late_and_doubled_answers_give_the_bytes_of_those_that_came_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = (told(seed, AT + seed * 6 * HOUR) for seed in range(3))
    with open_home(tmp_path / "in-time") as home:
        refined(home, one, two, three)
        in_time = files(home, gold.ENSEMBLES)
        assert [key.split("/")[2:4] for key in in_time] == [
            ["source=open-meteo%3Aensemble", "date=2026-09-14"],
            ["source=open-meteo%3Aensemble", "date=2026-09-15"],
        ]
        assert rebuilt(home) == in_time
    with open_home(tmp_path / "late") as home:
        assert refined(home, three, one) > 0
        refined(home, two, one)
        assert files(home, gold.ENSEMBLES) == in_time
        assert refined(home, three, two) == 0
        assert files(home, gold.ENSEMBLES) == in_time
        monkeypatch.setattr(refine_steps, "STEP_ROWS", 20)
        assert rebuilt(home) == in_time
        assert refined(home) == 0


def test_of_two_answers_of_one_second_the_later_one_counts_however_they_are_refined(
    tmp_path: Path,
) -> None:
    one, other = told(1), told(2)
    for name, parts in (("at-once", [[one, other]]), ("apart", [[one], [other]])):
        with open_home(tmp_path / name) as home:
            for part in parts:
                refined(home, *part)
            assert_same(ask(home), expected([one, other]))
            before = files(home, gold.ENSEMBLES)
            assert rebuilt(home) == before


def test_rows_say_by_which_rule_they_were_counted_until_all_are_counted_anew(
    home: EmbeddedHome,
) -> None:
    changed = rule_set(SUM | {"limits": {"yellow": 10, "orange": 50, "red": 100}}, DRY, PLAIN)
    one, two = told(0), told(1, AT + 6 * HOUR)
    refined(home, one)
    refined(home, two, rules=changed)
    mixed = sorted(
        [*expected([one]), *expected([two], changed)],
        key=lambda row: (row[0], row[2], row[4], row[3]),
    )
    assert_same(ask(home, rules=changed), mixed)
    hashes = ask(home, "SELECT count(DISTINCT rule_hash) FROM ensembles WHERE rule = 'rain'")
    assert hashes == [(2,)]
    refined(home, one, rules=changed)  # told again: counted by the rules of now, what is gone stays
    gust = [row for row in expected([one]) if row[2] == "gust"]
    again = sorted(
        [*expected([one, two], changed), *gust], key=lambda row: (row[0], row[2], row[4], row[3])
    )
    assert_same(ask(home, rules=changed), again)
    rebuilt(home, changed)
    assert_same(ask(home, rules=changed), expected([one, two], changed))


def test_a_question_sees_what_is_newer_than_gold(home: EmbeddedHome) -> None:
    one, two = told(0), told(1, AT + 6 * HOUR)
    refined(home, one)
    home.stream.append([two])
    newest = ask(home)
    assert len(newest) == 2 * len(expected([one]))
    archive(home.stream, home.state, home.lake)
    assert ask(home) == newest
    assert not any("15" in key for key in files(home, gold.ENSEMBLES))
    refined(home)
    assert ask(home) == newest
    assert_same(newest, expected([one, two]))


def test_rules_without_a_chance_make_nothing_of_an_ensemble(home: EmbeddedHome) -> None:
    rules = rule_set(PLAIN)
    refined(home, told(0), rules=rules)
    assert ask(home, rules=rules) == []
    assert files(home, gold.ENSEMBLES) == {}


def test_a_damaged_file_is_made_again_from_raw(home: EmbeddedHome) -> None:
    refined(home, told(0))
    whole = files(home, gold.ENSEMBLES)
    (key,) = whole
    home.lake.write(key, b"PAR1 torn")
    refined(home, told(1, AT + HOUR))
    assert_same(ask(home), expected([told(0), told(1, AT + HOUR)]))
    assert home.lake.keys(f"damaged/{key}")


def test_a_row_that_cannot_be_written_is_told_and_stops_no_other(home: EmbeddedHome) -> None:
    decode = decoder(home)

    def mistaken(payloads: Sequence[Payload], wanted: frozenset[str] | None) -> Decoded:
        """With a time that no calendar has."""
        decoded = decode(payloads, wanted)
        first, *others = decoded.counts
        valid_at = first.valid_at.copy()
        valid_at[3] = 2**62
        return Decoded(counts=[replace(first, valid_at=valid_at), *others])

    put(home, told(0))
    report = refine(home.state, home.lake, mistaken, PLACES)
    wanted = expected([told(0)])
    assert (report.rejects, gold.refused_rows(home.state)) == (1, 1)
    assert len(ask(home)) == len(wanted) - 1
    assert {row[:5] for row in ask(home)} < {row[:5] for row in wanted}
    [(_, _, reject)] = home.state.rejects()
    assert (reject.reason, reject.source) == ("cannot be written", "open-meteo:ensemble")
    assert reject.detail == f"rain, valid at {2**62}: ValueError"
    assert refine(home.state, home.lake, mistaken, PLACES)[:2] == (0, 0)


def test_merging_the_same_twice_writes_nothing(home: EmbeddedHome, tmp_path: Path) -> None:
    counts = decoder(home)([told(0), told(1, AT + DAY)], None).counts
    lake = FolderLake(tmp_path / "lake")
    done, refused = merge_ensembles(lake, counts, PLACES)
    assert (done.partitions, refused) == (2, [])
    assert done.rows == sum(map(len, counts))
    assert merge_ensembles(lake, counts, PLACES)[0] == (0, 0)


def test_a_recorded_answer_is_replayed_refined_and_asked(
    tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the commands; of the recorded answer three runs are kept, fewer than a chance is told
    of otherwise."""
    monkeypatch.setattr("atalaia.detect.ensembles.FEWEST_RUNS", 3)
    said = json.loads((shared / "live/open_meteo/ensemble_ecmwf_slice.json").read_bytes())
    at = 1_787_558_400  # 2026-08-24T08:00:00Z
    line = came(at, "nj", "open-meteo:ensemble", "ensemble", said)
    (tmp_path / "payloads.ndjson").write_text(json.dumps(line) + "\n")
    (tmp_path / "places.csv").write_text(
        "place_id,name,latitude,longitude,timezone\nnj,New Jersey,40.3,-74.2,America/New_York\n"
    )
    rule = SUM | {"limits": {"yellow": 15, "red": 100}, "chance": 0.3, "forecast_within": "5d"}
    (tmp_path / "rules.toml").write_text(rule_text(rule))
    (tmp_path / "atalaia.toml").write_text('rules = "rules.toml"\n')
    home = tmp_path / "home"
    asked = ("--home", home, "--settings", tmp_path / "atalaia.toml")
    lived = here(
        "replay", "--payloads", tmp_path / "payloads.ndjson", "--places", tmp_path / "places.csv",
        "--rules", tmp_path / "rules.toml", "--home", home,
    )  # fmt: skip
    assert lived.returncode == 0, lived.stderr
    sql = "SELECT * FROM ensembles WHERE place_id = 'nj' ORDER BY valid_at"
    found = here("sql", sql, "--json", *asked)
    assert found.returncode == 0, found.stderr
    anew = here("refine", "--rebuild", *asked)
    assert anew.returncode == 0, anew.stderr
    assert here("sql", sql, "--json", *asked).stdout == found.stdout
    rows = [json.loads(text) for text in found.stdout.splitlines()]
    by_hour = said["hourly"]
    names = [name for name in by_hour if name != "time"]
    assert len(names) == 3
    offset = timedelta(seconds=said["utc_offset_seconds"])
    for row in rows:
        end = datetime.fromisoformat(row["valid_at"]) + offset  # its times are local
        hour = by_hour["time"].index(end.strftime("%Y-%m-%dT%H:%M"))
        day = slice(max(hour - 23, 0), hour + 1)
        sums = sorted(sum(value or 0.0 for value in by_hour[name][day]) for name in names)
        assert row["q50"] == pytest.approx(sums[1], abs=0.1)
        assert row["runs"] == 3
        assert row["chance_orange"] is None
        if min(abs(one - 15) for one in sums) > 0.1:
            assert row["chance_yellow"] == sum(one >= 15 for one in sums) / 3
    assert len(rows) > 20
    assert max(row["chance_yellow"] for row in rows) == 2 / 3
