"""What a running watch shows to people: in each language nothing of another one is left."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from atalaia.api import cap
from atalaia.domain import message, words
from atalaia.domain.words import LANGUAGES
from atalaia.page import glance_words
from atalaia.report import words as report_words

from .world import PUSH_KEY, World, watching

ENV = {
    "ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false",
    "ATALAIA_API_KEY": PUSH_KEY,
    "ATALAIA_PAGE_FRAME_ORIGINS": "https://town.example",
}
SHORTEST = 8
"""Letters: shorter words are the same in two languages, or a part of another one."""

SHOWN = (
    "/feeds/cap.atom?lang={language}",
    "/feeds/alerts.ics?lang={language}",
    "/widget?place=p0&lang={language}",
    "/place/p0",
)


def _tables(value: Any) -> Iterator[tuple[str, ...]]:
    """Texts by language, in the order of `LANGUAGES`, however deep in a table they stand."""
    if isinstance(value, dict):
        if set(value) == set(LANGUAGES) and all(isinstance(one, str) for one in value.values()):
            yield tuple(value[one] for one in LANGUAGES)
        for one in value.values():
            yield from _tables(one)
    elif isinstance(value, (tuple, list)):
        if len(value) == len(LANGUAGES) and all(isinstance(one, str) for one in value):
            yield tuple(value)
        for one in value:
            yield from _tables(one)


def vocabulary() -> dict[str, set[str]]:
    """What is said in each language and in no other: whole pieces between the values."""
    said: dict[str, set[str]] = {language: set() for language in LANGUAGES}
    for module in (words, message, glance_words, report_words, cap):
        for table in _tables(list(vars(module).values())):
            for language, text in zip(LANGUAGES, table, strict=True):
                pieces = (piece.strip(" .:;,()").lower() for piece in re.split(r"\{\w*\}", text))
                said[language] |= {piece for piece in pieces if len(piece) >= SHORTEST}
    return {
        language: {
            piece
            for piece in own
            if not any(
                piece in other for one in LANGUAGES if one != language for other in said[one]
            )
        }
        for language, own in said.items()
    }


async def _shown(world: World, language: str) -> dict[str, str]:
    found = {}
    for path in SHOWN:
        asked = world.url(path.format(language=language))
        async with world.http.get(asked, headers={"Accept-Language": language}) as response:
            assert response.status == 200, (path, await response.text())
            unfolded = (await response.text()).replace("\r\n ", "")
            found[path] = html.unescape(unfolded).replace("STATUS:CONFIRMED", "")
    wish = {"where": [{"latitude": -0.5, "longitude": 0.0}], "language": language}
    status, told, _ = await world.post("/v1/preview", json.dumps(wish))
    assert status == 200
    found["/v1/preview"] = "\n".join(one["text"] for one in told["messages"])
    return found


def test_each_page_feed_and_message_is_in_one_language(tmp_path: Path) -> None:
    said = vocabulary()
    assert min(map(len, said.values())) > 150
    left: dict[str, list[str]] = {}
    spoken: dict[str, set[str]] = {}

    async def story() -> None:
        async with watching(tmp_path, **ENV) as world:
            for minute, (gust, rain) in enumerate(((21.0, 40.0), (30.0, 0.0), (2.0, 0.0))):
                reading = {
                    "place_id": "p0",
                    "valid_at": f"2026-01-10T1{minute}:00:00Z",
                    "wind_gust_m_s": gust,
                    "rain_mm": rain,
                    "period_s": 3600,
                }
                status, told, _ = await world.post("/v1/readings", json.dumps(reading))
                assert status == 202, told
            await world.live.settled()
            for language in LANGUAGES:
                for path, text in (await _shown(world, language)).items():
                    lower = re.sub(r"\s+", " ", text).lower()
                    spoken.setdefault(path, set()).update(
                        one for one in said[language] if one in lower
                    )
                    for other in LANGUAGES:
                        strange = {
                            one
                            for one in said[other]
                            if other != language
                            and re.search(rf"(?<!\w){re.escape(one)}(?!\w)", lower)
                        }
                        if strange:
                            left[f"{path} in {language}"] = sorted(strange)

    asyncio.run(story())
    assert left == {}
    assert all(len(heard) >= len(LANGUAGES) for heard in spoken.values()), spoken


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_vocabulary_is_one_language_s_own(language: str) -> None:
    said = vocabulary()
    assert not said[language] & set().union(*(said[one] for one in LANGUAGES if one != language))
