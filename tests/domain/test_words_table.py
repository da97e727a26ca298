"""What holds of every sentence, whatever is measured; `make wording` prints them to be read."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import atalaia.page
from atalaia.domain.hazard import Hazard
from atalaia.domain.rule import INDICES
from atalaia.domain.score import UNITS
from atalaia.domain.variable import CATALOGUE
from atalaia.domain.words import (
    LANGUAGES,
    SCORES,
    VARIABLES,
    Said,
    amount,
    change_text,
    digits_of,
    number,
    rounded,
)
from domain.wording import HAZARDS, REASONS, entries, measured
from oracles import cases
from patience import LIMIT_S

PAGE = Path(atalaia.page.__file__).parent / "files"

RAW_NAME = re.compile(r"\w_\w|\bNone\b|\{|\}|\bday_change\b|\bnan\b")
TWICE = re.compile(r"\b(\w+)\W+\1\b", re.IGNORECASE)
MINUS_ZERO = re.compile(r"[-−]0(?![.,]?\d)")
BARE_UNIT = re.compile(r"\d 1\b|\d d\b")


def test_every_variable_and_every_index_has_a_name_in_three_languages() -> None:
    assert VARIABLES.keys() == CATALOGUE.keys() | INDICES.keys()
    assert SCORES.keys() == UNITS.keys()
    for names in (VARIABLES | SCORES).values():
        assert len(names) == len(LANGUAGES)
        assert all(name and "_" not in name for name in names)


def of_hazard(hazard: Hazard) -> Iterator[Said]:
    """What is measured, each at one moment of an incident's life, which is another one for the next
    hazard: all pairs of hazard, what is measured and moment are among them. In the long form
    (`make oracles`) at every moment."""
    turn = HAZARDS.index(hazard)
    for i, said in enumerate(entries()):
        if cases(1) > 1 or (i // len(REASONS) + turn - i) % len(REASONS) == 0:
            yield msgspec.structs.replace(said, hazard=hazard)


@pytest.mark.parametrize("hazard", HAZARDS)
def test_no_sentence_has_a_raw_name_a_doubled_word_a_minus_zero_or_a_bare_unit(
    hazard: Hazard,
) -> None:
    for said in of_hazard(hazard):
        for text in change_text(said).values():
            assert not RAW_NAME.search(text), text
            assert not TWICE.search(text), text
            assert not MINUS_ZERO.search(text), text
            assert not BARE_UNIT.search(text), text


def test_what_counts_letters_has_no_raw_name_or_bare_unit_either() -> None:
    for said in entries():
        for i in range(len(LANGUAGES)):
            told = said.short(i)
            assert not any(e.search(told) for e in (RAW_NAME, TWICE, MINUS_ZERO, BARE_UNIT)), told


def test_mean_wind_that_stands_in_for_a_gust_is_called_mean_wind() -> None:
    (said,) = (one for one in measured() if one.stands_for)
    for i, mean in enumerate(("Vento médio", "Mean wind", "Viento medio")):
        told = said.measured(i)
        gust = VARIABLES["wind_gust_m_s"][i]
        assert told.startswith(f"{mean}: {amount(18.25, 'm/s', i)}")
        assert gust in told.rpartition(";")[2], "and it says that none was reported"
        assert gust not in said.short(i)


def test_value_and_limit_have_their_unit() -> None:
    for said in measured():
        if said.unit in ("1", "d", "class"):
            continue
        for i in range(len(LANGUAGES)):
            told = said.measured(i)
            least = 1 if said.runs else 2  # of runs the limit alone is told
            assert len(re.findall(rf"\d {re.escape(said.unit or '')}(?!\w)", told)) >= least or (
                said.measure in ("change", "day_change") and abs(said.value) < 0.05
            ), told


def test_a_change_says_which_way_and_by_how_much_and_has_no_sign() -> None:
    for said in entries():
        if said.measure not in ("change", "day_change"):
            continue
        for i in range(len(LANGUAGES)):
            told = said.measured(i)
            assert not re.search(r"[-−]\d", told), told
            size = rounded(said.value, digits_of(said.unit))
            way = 0 if size < 0 else 1 if size > 0 else 2
            verbs = ("caiu|fell by|bajó", "subiu|rose by|subió", "não mudou|did not|no cambió")
            assert re.search(verbs[way], told), told


def test_the_worst_of_what_is_dangerous_when_small_is_the_lowest() -> None:
    for said in entries():
        if said.is_below and said.measure == "value" and said.reason == "ended":
            for i, lowest in enumerate(("mínimo", "lowest", "mínimo")):
                told = said.measured(i)
                assert f"; {lowest} " in told, told
                assert not re.search("máximo|peak", told), told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        *((25.25, "25.3"), (25.35, "25.4"), (105.5, "105.5"), (-0.04, "0"), (-0.05, "-0.1")),
        *((0.25, "0.3"), (0.15, "0.2"), (1e-9, "0"), (2000.0, "2000"), (9.04, "9"), (1.05, "1.1")),
    ],
)
def test_numbers_are_rounded_half_up_of_the_decimals_as_written(value: float, told: str) -> None:
    assert number(value, LANGUAGES.index("en")) == told
    assert number(value, LANGUAGES.index("es")) == told.replace(".", ",")


def test_units_are_as_people_write_them() -> None:
    assert [amount(9.04, "1", i) for i in range(3)] == ["9", "9", "9"]
    assert [amount(2, "d", i) for i in range(3)] == ["2 dias", "2 days", "2 días"]
    assert [amount(1, "d", i) for i in range(3)] == ["1 dia", "1 day", "1 día"]
    assert [amount(3.456, "m", i) for i in range(3)] == ["3,46 m", "3.46 m", "3,46 m"]


@given(st.decimals(-2000, 2000, places=3))
def test_rounding_is_never_further_off_than_half_a_step(value: Decimal) -> None:
    told = rounded(float(value))
    assert abs(told - value) <= Decimal("0.05")
    assert not (told == 0 and told.is_signed())


_BROWSER = """
globalThis.localStorage = { getItem: () => null, setItem: () => {} };
globalThis.document = { documentElement: {} };
const [base, language, given] = process.argv.slice(1);
const { speak } = await import(base + "/words.js");
await speak(language);
const { amount, number, clock } = await import(base + "/format.js");
"""


def in_node(script: str, language: str, given: object) -> Any:
    """What a script prints as JSON, beside the page's own `amount`, `number` and `clock`."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not here: the page's numbers and times are not compared")
    done = subprocess.run(
        [
            *(node, "--input-type=module", "-e", _BROWSER + script),
            *(str(PAGE), language, json.dumps(given)),
        ],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_which_asks_cldr_writes_numbers_as_messages_do(language: str) -> None:
    values = [n / 20 for n in range(-500, 500)] + [25.25, 105.5, -0.04, 0.15, 1.05, 12345.67]
    script = "console.log(JSON.stringify(JSON.parse(given).map((v) => number(v))));"
    i = LANGUAGES.index(language)
    assert in_node(script, language, values) == [number(value, i) for value in values]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_writes_units_as_messages_do(language: str) -> None:
    units = sorted({one.unit for one in CATALOGUE.values()} - {"m/s"} | {"d"})
    given = [(value, unit) for unit in units for value in (1, 3.456, 105.5, 9000)]
    given = [(value, unit) for value, unit in given if unit != "d" or float(value).is_integer()]
    script = "console.log(JSON.stringify(JSON.parse(given).map(([v, unit]) => amount(v, unit))));"
    i = LANGUAGES.index(language)
    assert in_node(script, language, given) == [amount(value, unit, i) for value, unit in given]


@pytest.mark.parametrize(
    ("now", "at", "told"),
    [
        # New York's 3 November 2024 has 25 hours, and its 10 March 23.
        ("2024-11-03T04:30:00Z", "2024-11-04T17:00:00Z", "tomorrow 12:00"),
        ("2024-11-03T04:30:00Z", "2024-11-04T04:30:00Z", "23:30"),
        ("2024-03-10T03:30:00Z", "2024-03-10T16:00:00Z", "tomorrow 12:00"),
        ("2024-03-11T04:30:00Z", "2024-03-10T16:00:00Z", "yesterday 12:00"),
        ("2024-03-10T03:30:00Z", "2024-03-11T04:30:00Z", "Mon"),
    ],
)
def test_tomorrow_is_the_next_local_day_also_when_clocks_change(
    now: str, at: str, told: str
) -> None:
    script = """
const [now, at] = JSON.parse(given);
Date.now = () => Date.parse(now);
console.log(JSON.stringify(clock(at, "America/New_York")));
"""
    assert in_node(script, "en", [now, at]).startswith(told)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_has_a_name_for_every_variable(language: str) -> None:
    text = (PAGE / "words" / f"{language}.js").read_text("utf-8")
    assert [name for name in VARIABLES if f"{name}:" not in text] == []
