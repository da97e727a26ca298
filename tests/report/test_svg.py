"""Markup: nothing that was said can become markup, and pictures are whole."""

from __future__ import annotations

import math
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atalaia.domain.hazard import Level
from atalaia.report.svg import Markup, Numbers, join, line, mark, path, picture, tag, text, ticks

SAID = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufffe\uffff")
)


@given(SAID, SAID)
def test_whatever_is_said_is_read_back_as_it_was_said(child: str, attribute: str) -> None:
    element = ElementTree.fromstring(tag("p", child, title=attribute))
    assert (element.text or "") == child
    assert element.get("title") == attribute
    assert len(element) == 0


def test_a_script_is_a_text() -> None:
    assert tag("p", "<script>alert(1)</script>") == ("<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>")
    assert "onload" not in tag("p", title='" onload="x').split("title=")[0]
    assert tag("p", title='" onload="x') == '<p title="&quot; onload=&quot;x"></p>'


def test_markup_is_not_escaped_again_and_nothing_is_left_out() -> None:
    inner = tag("b", "Ana & Bia")
    assert tag("p", "<", inner, None) == "<p>&lt;<b>Ana &amp; Bia</b></p>"
    assert isinstance(join([inner, inner]), Markup)
    assert join([inner, inner]) == inner * 2


@pytest.mark.parametrize(
    ("made", "written"),
    [
        (tag("rect", x=1.0, y=2.25), '<rect x="1" y="2.25"/>'),
        (tag("rect", x=0.001), '<rect x="0"/>'),
        (tag("g", class_="a", text_anchor="end"), '<g class="a" text-anchor="end"></g>'),
        (tag("g", id=None), "<g></g>"),
        (tag("circle", tag("title", "x"), r=3), '<circle r="3"><title>x</title></circle>'),
        (tag("br"), "<br/>"),
        (text(1, 2, "a<b"), '<text x="1" y="2">a&lt;b</text>'),
        (line(0, 1, 2, 3, "axis"), '<line x1="0" y1="1" x2="2" y2="3" class="axis"/>'),
        (path([(0, 0), (1.25, 2)], "p"), '<path d="M0.0 0.0L1.2 2.0" class="p"/>'),
    ],
)  # fmt: skip
def test_elements_are_written_short(made: str, written: str) -> None:
    assert made == written


def test_a_picture_says_in_words_what_it_shows() -> None:
    numbers = Numbers()
    names = [numbers.new() for _ in range(3)]
    assert len(set(names)) == 3
    drawn = picture([line(0, 0, 1, 1, "x")], 100, 50.5, "Rain & wind", names[0])
    svg = ElementTree.fromstring(drawn)
    assert svg.get("viewBox") == "0 0 100 50.5"
    assert svg.get("role") == "img"
    title = svg.find("title")
    assert title is not None
    assert title.text == "Rain & wind"
    assert svg.get("aria-labelledby") == title.get("id")
    assert svg.get("class") is None


@pytest.mark.parametrize("title", [None, "Recife <3"])
def test_each_level_has_a_shape_of_its_own(title: str | None) -> None:
    shapes = {}
    for level in (Level.YELLOW, Level.ORANGE, Level.RED):
        element = ElementTree.fromstring(mark(10, 10, 4, level, title))
        shapes[level] = element.get("d", "").count("L") + 1  # corners
        assert element.get("class") == f"m l{int(level)}"
        inside = element.find("title")
        assert (inside is None) == (title is None)
        assert inside is None or inside.text == title
    assert shapes == {Level.YELLOW: 3, Level.ORANGE: 4, Level.RED: 8}


@given(
    st.floats(-1e6, 1e6),
    st.floats(1e-3, 1e6),
    st.integers(1, 20),
)
def test_ticks_are_round_lie_inside_and_are_about_as_many(
    low: float, span: float, about: int
) -> None:
    high = low + span
    found = ticks(low, high, about)
    assert len(found) <= about + 1
    for one in found:
        assert low - span * 1e-6 - 1e-6 <= one <= high + span * 1e-6 + 1e-6
    steps = {round(b - a, 6) for a, b in pairwise(found)}
    if len(found) > 2 and span > 1:
        step = max(steps)
        power = 10 ** math.floor(math.log10(step) + 1e-9)
        assert any(math.isclose(step / power, f, rel_tol=1e-3) for f in (1, 2, 5, 10))


@pytest.mark.parametrize(
    ("low", "high", "about", "expected"),
    [
        (0, 100, 5, [0, 20, 40, 60, 80, 100]),
        (0, 1, 4, [0, 0.5, 1]),
        (3, 17, 3, [5, 10, 15]),
        (-10, 10, 4, [-10, -5, 0, 5, 10]),
        (5, 5, 4, [5]),
        (0, 0.3, 3, [0, 0.1, 0.2, 0.3]),
    ],
)
def test_ticks_are_those_that_a_person_would_choose(
    low: float, high: float, about: int, expected: list[float]
) -> None:
    assert ticks(low, high, about) == expected
