"""One table of signs (`domain/signs.py`): the page, reports, mail and messages look as it says."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest

from atalaia.channels import mail_html
from atalaia.domain.hazard import Level
from atalaia.domain.message import ICONS
from atalaia.domain.signs import COLOURS, SIGNS, VERSIONS, css
from atalaia.report.svg import mark

from .conftest import Browser
from .stage import Stage
from .test_looks import AFTERNOON, on_stage

RGB = tuple[float, float, float]


def test_the_page_draws_the_tables_shapes(browser: Browser) -> None:
    async def tell(url: str) -> None:
        page, _ = await browser.page()
        await page.goto(url)
        told = await page.evaluate(
            """async () => {
              const { static: at } = document.documentElement.dataset;
              const { CORNERS, shape } = await import(`${at}/levels.js`);
              const radius = shape("watch").querySelector("circle").getAttribute("r");
              return { corners: CORNERS, radius: Number(radius) };
            }"""
        )
        assert told["radius"] == SIGNS[Level.WATCH].radius
        for level, sign in SIGNS.items():
            corners = told["corners"][level.word]
            if not sign.corners:
                assert corners is None
                continue
            for (x, y), (to_x, to_y) in zip(corners, sign.corners, strict=True):
                assert (x, y) == pytest.approx((to_x, to_y))

    on_stage(browser, Stage(calm=True), tell)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_page_has_the_tables_colours_on_each_ground_and_on_paper(
    browser: Browser, version: str
) -> None:
    async def tell(url: str) -> None:
        page, seen = await browser.page(color_scheme="light")
        await page.goto(url)
        button = page.get_by_role("button", name="Cores para daltônicos")
        if version == "colour-blind":
            await button.focus()
            await page.keyboard.press("Enter")
            assert await button.get_attribute("aria-pressed") == "true"
            await page.reload()  # the choice stays
            await button.wait_for()
        light, dark, paper = VERSIONS[version]
        assert await page.evaluate(SEEN) == COLOURS[light]
        await page.emulate_media(color_scheme="dark")
        assert await page.evaluate(SEEN) == COLOURS[dark]
        await page.emulate_media(media="print")
        assert await page.evaluate(SEEN) == COLOURS[paper]
        await page.emulate_media(media="screen", color_scheme="light")
        await page.evaluate("document.documentElement.dataset.theme = 'dark'")
        assert await page.evaluate(SEEN) == COLOURS[dark]
        assert seen.problems == []

    on_stage(browser, Stage(now=AFTERNOON), tell)


SEEN = """() => {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(["watch", "yellow", "orange", "red"].map((level) =>
    [level, style.getPropertyValue(`--${level}`).trim()]));
}"""


def test_reports_draw_the_same_shapes_and_have_no_colours_of_their_own() -> None:
    for level, sign in SIGNS.items():
        drawn = mark(0, 0, 10, level)
        corners = re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", drawn)
        assert len(corners) == len(sign.corners)
        for (x, y), (to_x, to_y) in zip(corners, sign.corners, strict=True):
            assert (float(x) / 11, float(y) / 11) == pytest.approx((to_x, to_y), abs=0.02)
    sheet = (Path(mail_html.__file__).parents[1] / "report/report.css").read_text("utf-8")
    assert not re.search(r"--(watch|yellow|orange|red):", sheet)
    for version, (light, dark, paper) in VERSIONS.items():
        for one in (light, dark, paper):
            assert all(f"{colour};" in css(version) for colour in COLOURS[one].values())


def test_messages_and_mail_have_the_same_signs() -> None:
    assert [ICONS[level.word] for level in SIGNS] == ["🔵", "⚠️", "🔶", "🛑"]
    assert COLOURS["light"] == mail_html._BARS


def test_no_two_signs_have_one_shape() -> None:
    assert len({sign.shape for sign in SIGNS.values()}) == len(SIGNS)
    assert set(SIGNS) == set(Level) - {Level.NONE}


# What eyes see that lack one kind of cone: Machado, Oliveira and Fernandes 2009, severity 1.
CONES = {
    "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritan": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


@pytest.mark.parametrize("version", ["safe", "safe-dark"])
@pytest.mark.parametrize("cones", CONES)
def test_the_colours_for_the_colour_blind_differ_for_every_eye(version: str, cones: str) -> None:
    seen = {level: lab(as_seen(colour, cones)) for level, colour in COLOURS[version].items()}
    for (a, first), (b, second) in combinations(seen.items(), 2):
        assert apart(first, second) > 28, (a, b)


def test_on_paper_a_graver_level_is_darker_also_in_grey() -> None:
    light = [lab(linear(COLOURS["print"][level]))[0] for level in ("yellow", "orange", "red")]
    assert light[0] - light[1] > 25
    assert light[1] - light[2] > 25


def linear(colour: str) -> RGB:
    def one(part: str) -> float:
        value = int(part, 16) / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    return one(colour[1:3]), one(colour[3:5]), one(colour[5:7])


def as_seen(colour: str, cones: str) -> RGB:
    given = linear(colour)
    r, g, b = (
        min(1.0, max(0.0, sum(k * v for k, v in zip(row, given, strict=True))))
        for row in CONES[cones]
    )
    return r, g, b


def lab(rgb: RGB) -> RGB:
    """CIE L*a*b* (D65) of linear sRGB."""
    r, g, b = rgb

    def f(t: float) -> float:
        return t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116

    x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047)
    y = f(0.2126 * r + 0.7152 * g + 0.0722 * b)
    z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def apart(a: RGB, b: RGB) -> float:
    return sum((p - q) ** 2 for p, q in zip(a, b, strict=True)) ** 0.5
