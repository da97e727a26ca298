"""The words of a report: each language has all of them, and numbers are written as people do."""

from __future__ import annotations

import io
import re
import string
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment, Segments

from atalaia.domain.hazard import Hazard, Level
from atalaia.domain.place import Place
from atalaia.domain.variable import CATALOGUE
from atalaia.domain.words import LANGUAGES
from atalaia.plurals import chosen
from atalaia.report import words
from atalaia.report.line import line_of
from atalaia.report.reported import Spot
from atalaia.report.words import SHOWN, Say
from telling import NOON, news

EVERY = [Say(language) for language in LANGUAGES]
IN = dict(zip(LANGUAGES, EVERY, strict=True))


def fields(text: str) -> set[str]:
    told = chosen(text, defaultdict(str))
    return {name for _, name, _, _ in string.Formatter().parse(told) if name}


@pytest.mark.parametrize("key", words._WORDS)
def test_each_word_is_said_in_every_language_of_the_same_parts(key: str) -> None:
    said = words._WORDS[key]
    assert all(one.strip() for one in said)
    assert len({frozenset(fields(one)) for one in said}) == 1
    parts = dict.fromkeys(fields(said[0]), "X")
    assert all("{" not in say(key, **parts) for say in EVERY)


def test_what_is_nobodys_key_is_said_as_it_is() -> None:
    assert [say("Jardim {Botânico}") for say in EVERY] == ["Jardim {Botânico}"] * 3


def test_every_hazard_level_and_variable_has_a_name() -> None:
    for say in EVERY:
        hazards = [say.hazard(hazard) for hazard in Hazard]
        levels = [say.level(level) for level in (Level.NONE, *SHOWN)]
        variables = [say.variable(name) for name in CATALOGUE]
        for names in (hazards, levels, variables):
            assert all(names)
            assert len(set(names)) == len(names), "two of them could not be told apart"
        assert not any("(" in level for level in levels)


@pytest.mark.parametrize(
    ("has_data", "level", "said"),
    [(True, 0, "none"), (False, 0, "no data"), (False, 4, "Red"), (True, 3, "Orange")],
)
def test_a_place_of_which_nothing_was_known_had_no_calm(
    has_data: bool, level: int, said: str
) -> None:
    place = Place(id="a", name="A", latitude=0, longitude=0)
    spot = Spot(place=place, level=level, has_data=has_data, incidents=0, counts=())
    assert IN["en"].spot(spot) == said


@pytest.mark.parametrize(
    ("measure", "window_s", "said"),
    [
        ("value", 0, ("temperatura", "temperature", "temperatura")),
        (
            "change",
            43_200,
            (
                "temperatura (mudança em 12 h)",
                "temperature (change in 12 h)",
                "temperatura (cambio en 12 h)",
            ),
        ),
    ],
)
def test_a_change_tells_over_how_long(measure: str, window_s: int, said: tuple[str, ...]) -> None:
    assert tuple(say.measured("temperature_c", measure, window_s) for say in EVERY) == said
    assert [say.measured(None, measure, window_s) for say in EVERY] == [""] * 3


@pytest.mark.parametrize(
    ("measure", "is_below", "said"),
    [
        ("value", False, ("máximo", "peak", "máximo")),
        ("sum", False, ("máximo", "peak", "máximo")),
        ("value", True, ("mínimo", "lowest", "mínimo")),
        ("mean", True, ("mínimo", "lowest", "mínimo")),
        ("change", True, ("maior mudança:", "largest change:", "mayor cambio:")),
        ("day_change", False, ("maior mudança:", "largest change:", "mayor cambio:")),
    ],
)
def test_the_worst_of_a_low_is_the_lowest(
    measure: str, is_below: bool, said: tuple[str, ...]
) -> None:
    assert tuple(say.worst(measure, is_below=is_below) for say in EVERY) == said


@pytest.mark.parametrize(
    ("value", "digits", "english", "others"),
    [
        (None, 1, "–", "–"),
        (0.0, 1, "0", "0"),
        (35.0, 1, "35", "35"),
        (35.25, 1, "35.3", "35,3"),  # half away from zero, as people round
        (-2.45, 1, "-2.5", "-2,5"),
        (0.8, 2, "0.80", "0,80"),
        (1.005, 2, "1.01", "1,01"),
        (1234.5, 1, "1234.5", "1234,5"),
    ],
)
def test_numbers_have_the_decimal_sign_of_the_language(
    value: float | None, digits: int, english: str, others: str
) -> None:
    said = [say.number(value, digits) for say in EVERY]
    assert said == [others, english, others]


@given(st.integers(0, 10**12))
def test_thousands_stand_apart_and_nothing_is_lost(value: int) -> None:
    said = IN["en"].count(value)
    assert int(re.sub(r"\s", "", said)) == value
    assert all(len(part) == 3 for part in said.split("\N{NARROW NO-BREAK SPACE}")[1:])


@pytest.mark.parametrize(
    ("zone", "day", "clock"),
    [
        ("UTC", "10 Jan 2026", "10 Jan 12:00"),
        ("America/Recife", "10 Jan 2026", "10 Jan 09:00"),
        ("Pacific/Auckland", "11 Jan 2026", "11 Jan 01:00"),
    ],
)
def test_times_are_those_of_the_place(zone: str, day: str, clock: str) -> None:
    assert (IN["en"].day(NOON, zone), IN["en"].clock(NOON, zone)) == (day, clock)
    assert IN["pt-BR"].day(NOON, zone) == day.replace("Jan", "jan")


def test_a_year_has_twelve_months_and_a_week_seven_days_in_every_language() -> None:
    for say in EVERY:
        months = [say.month(i) for i in range(1, 13)]
        assert len(set(months)) == 12
        assert {len(month) for month in months} == {3}
        assert len(say.weekdays) == 7
    assert [IN[x].weekdays[0] for x in LANGUAGES] == ["S", "M", "L"], "from Monday on"


# A line on a terminal


def written(line: list[Segment]) -> str:
    """As a file has it, where it is no terminal."""
    file = io.StringIO()
    Console(file=file, highlight=False, soft_wrap=True, width=20).print(Segments(line))
    return file.getvalue()


@settings(max_examples=25)
@given(st.text(max_size=40), st.sampled_from(("watch", "yellow", "orange", "red")))
def test_a_line_of_the_log_is_when_how_bad_and_the_text_as_it_stands(text: str, level: str) -> None:
    entry = news(level=level, text={"en": text, "pt-BR": "pt", "es": "es"})
    said = written(line_of(entry, "en"))
    assert said.startswith(f"12:00 alert  {level:6} ")
    assert written(line_of(entry, "es")).endswith("es\n")
    kept = re.sub(r"[\x07\x08\x0b\x0c\r]", "", text)  # what rich strips of a terminal's controls
    assert said.endswith(f"{kept}\n")


def test_an_end_is_green_whatever_its_level_was() -> None:
    over = line_of(news(version=2, type="end", level="red"), "en")
    open_ = line_of(news(level="red"), "en")
    assert "green" in {str(part.style) for part in over}
    assert "bold red" in {str(part.style) for part in open_}
