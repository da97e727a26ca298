"""A rule as a line in words: nothing that it says is left out in any language."""

from __future__ import annotations

import re
from collections import defaultdict
from string import Formatter
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atalaia import rules as shipped
from atalaia.domain import rule_words
from atalaia.domain.rule import LEVELS, Given, Measure, Near, Region, Rule
from atalaia.domain.rule_words import CLOCKS, LEVEL_WORDS, MEASURES, UNITS, by_language, in_words
from atalaia.domain.score import AddedUp, Amount, Clock, Term
from atalaia.domain.variable import CATALOGUE
from atalaia.domain.words import LANGUAGES
from atalaia.plurals import chosen
from stories import rule

TABLES = {
    f"{name} {key}".strip(): words
    for name, value in vars(rule_words).items()
    if name.lstrip("_").isupper() and name not in ("LANGUAGES", "LEVELS", "_TH")
    for key, words in (value.items() if isinstance(value, dict) else [("", value)])
}


def test_every_measure_level_and_clock_has_words() -> None:
    assert set(MEASURES) == set(get_args(Measure))
    assert set(LEVEL_WORDS) == set(LEVELS)
    assert set(CLOCKS) == set(get_args(Clock))
    named = {one.unit for one in CATALOGUE.values() if one.unit.isalpha() and len(one.unit) > 3}
    assert {*named, "1"} == set(UNITS)


@pytest.mark.parametrize("words", TABLES.values(), ids=TABLES)
def test_the_three_languages_are_told_the_same(words: tuple[str, ...]) -> None:
    assert len(words) == len(LANGUAGES)
    told = [chosen(one, defaultdict(str)) for one in words]
    parts = [{name for _, name, _, _ in Formatter().parse(one) if name} for one in told]
    assert parts[0] == parts[1] - {"th"} == parts[2], "how a number is counted is of English"


numbers = st.floats(-500, 500).map(lambda value: round(value, 2))
names = st.lists(st.from_regex(r"[0-9A-Z]{2,7}\*?", fullmatch=True), max_size=3).map(tuple)
by_level = st.tuples(*[st.none() | numbers] * 4).filter(any)
shares = st.tuples(*[st.none() | st.floats(0.01, 1).map(lambda one: round(one, 2))] * 4)
amounts = st.builds(
    Amount,
    variable=st.sampled_from(["rain_mm", "dew_point_c"]),
    measure=st.sampled_from(["value", "sum", "mean", "change"]),
    window_s=st.sampled_from([0, 900, 3600, 259_200]),
)
terms = st.builds(
    Term,
    weight=numbers,
    amount=st.sampled_from([0, 1]),
    shape=st.sampled_from(["identity", "log1p", "hinge"]),
    knot=numbers,
    unknown=st.none() | numbers,
    of=st.integers(0, 30),
    places=names,
    clock=st.none() | st.sampled_from(get_args(Clock)),
    first=st.integers(1, 12),
    last=st.integers(1, 12),
)
scores = st.builds(
    lambda amounts, terms: msgspec.structs.replace(ADDED, amounts=amounts, terms=terms),
    st.tuples(amounts, amounts),
    st.lists(terms, min_size=1, max_size=3).map(tuple),
)
ADDED: AddedUp = next(
    one.score for name in shipped.SHIPPED for one in shipped.load(name).rules if one.score
)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Whatever a rule may say, also what no file would be read as."""
    score = draw(st.none() | scores)
    keys: dict[str, Any] = {
        "variable": draw(st.sampled_from(["rain_mm", "river_level_m", "thunderstorm_class"])),
        "measure": draw(st.sampled_from(get_args(Measure))),
        "window_s": draw(st.sampled_from([0, 90, 900, 3600, 86_400, 259_200])),
        "is_below": draw(st.booleans()),
        "enter": draw(by_level),
        "places": draw(st.integers(0, 5)),
        "only": draw(names),
        "without": draw(names),
        "day_limit": draw(st.none() | numbers),
        "norm": draw(st.sampled_from([None, "percentile(1)", "monthly_mean"])),
        "near": draw(st.none() | st.builds(Near, numbers, numbers, numbers)),
        "given": draw(st.none() | st.builds(Given, st.just(3600), numbers, st.integers(0, 3))),
        "region": draw(st.none() | st.just(Region("Serra", 0, 0, 1, 1))),
        "station": draw(st.sampled_from(["", "ana:87450004"])),
        "chance": draw(st.none() | shares),
    }
    if score:
        keys |= {"score": score, "measure": "score", "variable": "score"}
    return msgspec.structs.replace(rule(), **keys)


NAME = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)+(?:\(\d+\))?|[0-9A-Z]{2,7}\*?|ana:\d+|Serra|log1p")


@given(rules())
def test_no_language_leaves_out_a_number_or_a_name(one: Rule) -> None:
    said = by_language(one)
    assert list(said) == list(LANGUAGES)
    english = in_words(one, "en")
    assert said["en"] == english
    for language in ("pt-BR", "es"):
        figures = re.findall(r"-?\d+(?:,\d+)?(?:e[+-]\d+)?", said[language])
        assert [figure.replace(",", ".") for figure in figures] == re.findall(
            r"-?\d+(?:\.\d+)?(?:e[+-]\d+)?", english
        )
        assert re.findall(NAME, said[language]) == re.findall(NAME, english)


@pytest.mark.parametrize("name", shipped.SHIPPED)
def test_a_shipped_rule_reads_in_each_language_as_itself(name: str) -> None:
    for one in shipped.load(name).rules:
        portuguese, english, spanish = by_language(one).values()
        assert len({portuguese, english, spanish}) == len(LANGUAGES)
        for foreign in ("yellow", "orange", "red ", " over ", " at ", "places of", "made of"):
            assert foreign not in portuguese + spanish


def test_a_sum_with_a_chance_is_told_in_words() -> None:
    keys: dict[str, Any] = {"variable": "rain_mm", "measure": "sum", "window": "24h"}
    one = rule(**keys, limits={"yellow": 30.5, "red": 100}, places=["26*"])
    one = msgspec.structs.replace(one, chance=(None, 0.3, None, 0.2))
    assert by_language(one) == {
        "pt-BR": "soma de rain_mm em 24 h ≥ 30,5 amarelo, 100 vermelho mm; ou em 30 % amarelo, "
        "20 % vermelho das rodadas dos modelos, só em 26*",
        "en": "sum of rain_mm over 24 h ≥ 30.5 yellow, 100 red mm; or in 30 % yellow, 20 % red of "
        "model runs, only at 26*",
        "es": "suma de rain_mm en 24 h ≥ 30,5 amarillo, 100 rojo mm; o en 30 % amarillo, 20 % rojo "
        "de las corridas de los modelos, solo en 26*",
    }
