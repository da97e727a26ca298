"""What the API does not do, it says in the language of who asks: all that it can be made to say."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from atalaia.translated import OTHERS, _Pattern, catalogue_of

from .world import PUSH_KEY, World, watching

Json = dict[str, Any]

ENV = {
    "ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false",
    "ATALAIA_API_KEY": PUSH_KEY,
    "ATALAIA_API_RATE_LIMIT": "0",
}
WRONG = (7, -1e9, "x", "y" * 200_000, True, None, [], ["x"] * 300, {}, {"z": 1}, "p_1", [{"q": 0}])
PARTS = {
    "person": "p_nobody",
    "message": "msg_none",
    "silence_id": "sil_none",
    "place": "nowhere",
    "place_id": "nowhere",
    "hazard": "wind",
}
HERE = {"where": [{"latitude": -0.5, "longitude": 0.0}]}
SAID: list[tuple[str, str, Any]] = [
    ("POST", "/v1/preview", {"where": [{}]}),
    ("POST", "/v1/preview", {"where": [{"place": "Nowhere at all"}]}),
    ("POST", "/v1/preview", {**HERE, "thresholds": ["rain"]}),
    ("POST", "/v1/preview", {**HERE, "thresholds": ["rain_mm over 1h >= 0.1"]}),
    ("POST", "/v1/preview", {**HERE, "thresholds": ["nothing over 1h >= 1"]}),
    ("POST", "/v1/preview", {**HERE, "hazards": {"dragons": "red"}}),
    ("POST", "/v1/preview", {**HERE, "quiet": "22:00-22:00"}),
    ("POST", "/v1/preview", {**HERE, "quiet": "22:00-07:00", "timezone": "Mars/Here"}),
    ("POST", "/v1/preview", {"where": [{"geojson": {"type": "Point"}}]}),
    ("POST", "/v1/subscribe", {**HERE, "contacts": ["webhook:https://a.example"]}),
    ("POST", "/v1/subscribe", {**HERE, "contacts": ["email:nobody"]}),
    ("POST", "/v1/subscribe", {**HERE, "contacts": ["pigeon:home"]}),
    (
        "POST",
        "/v1/subscribe",
        {"where": [{"latitude": 60, "longitude": 60}], "contacts": ["inbox"]},
    ),
    ("POST", "/v1/silences", {"seconds": 60, "reason": "mowing"}),
    ("POST", "/v1/silences", {"seconds": 10**7, "hazard": "wind", "reason": "mowing"}),
    ("POST", "/v1/drills", {"place": "nowhere", "hazard": "wind", "level": "red"}),
    ("GET", "/v1/deliveries?status=lost", None),
    ("GET", "/v1/places?bbox=1,2,3", None),
    ("GET", "/v1/alerts?cursor=none", None),
    ("GET", "/share/place/nowhere.png", None),
    ("GET", "/m/none", None),
    ("POST", "/leave/none", None),
    ("GET", "/nothing/here", None),
    ("PUT", "/v1/places", None),
]
"""What cannot be told from the description: sentences of the rooms behind."""

ENGLISH = re.compile(
    r"\b(the|is|are|of|should|must|have|been|give|send|with|this|there|such|not found|required)\b"
)


def _wrong(document: Json) -> Iterator[tuple[str, str, Any]]:
    """Each operation with each part of it wrong in each way."""
    for path, operations in document["paths"].items():
        if path in ("/v1/events", "/v1/stream"):
            continue
        for method, operation in operations.items():
            where = re.sub(r"\{(\w+)\}", lambda part: PARTS.get(part[1], "none"), path)
            yield method.upper(), where, None
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "query":
                    for value in ("x", "-1", "y" * 2_000, "1e9"):
                        yield method.upper(), f"{where}?{parameter['name']}={value}", None
            for body in _bodies(document, operation):
                yield method.upper(), where, body


def _bodies(document: Json, operation: Json) -> Iterator[Any]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = content.get("schema")
    if schema is None:
        return
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    yield from ([], "x", None, {}, {"zz": 1})
    for name, value in itertools.product(schema.get("properties", ()), WRONG):
        yield {**(HERE if name != "where" else {}), name: value}


async def _told(
    world: World, request: tuple[str, str, Any], key: str, language: str
) -> Json | None:
    method, path, body = request
    headers = {"Accept-Language": language} | ({"Authorization": f"Bearer {key}"} if key else {})
    asked = world.http.request(
        method, world.url(path), json=body, headers=headers, allow_redirects=False
    )
    async with asked as response:
        if response.content_type != "application/problem+json":
            return None
        first = language.partition(",")[0]
        said = first if first in OTHERS else "en"
        assert response.headers["Content-Language"] == said
        assert "Accept-Language" in response.headers["Vary"]
        return dict(json.loads(await response.read()))


def _texts(problem: Json) -> list[str]:
    return [
        problem["title"],
        problem["detail"],
        *(one["problem"] for one in problem.get("faults", ())),
    ]


def test_each_problem_is_said_in_the_language_of_who_asks(tmp_path: Path) -> None:
    left: dict[str, tuple[str, str]] = {}
    heard: set[str] = set()

    async def story() -> None:
        async with watching(tmp_path, **ENV) as world:
            _, text = await world.get("/openapi.json")
            asked = [*SAID, *_wrong(json.loads(text))]
            for request, key in itertools.product(asked, (PUSH_KEY, "")):
                english = await _told(world, request, key, "de, fr;q=0.5")
                if english is None:
                    continue
                texts = _texts(english)
                if heard.issuperset(texts):
                    continue
                heard.update(texts)
                for language in OTHERS:
                    other = await _told(world, request, key, f"{language},en;q=0.3")
                    assert other is not None
                    for plain, said in zip(texts, _texts(other), strict=True):
                        if said == plain or ENGLISH.search(said):
                            left[plain] = said, f"{request[0]} {request[1]}"[:200]
                    assert (english.keys(), english["status"]) == (other.keys(), other["status"])

    asyncio.run(story())
    assert left == {}, json.dumps(left, ensure_ascii=False, indent=1)
    assert len(heard) > 60


def test_a_sentence_with_values_is_found_by_one_look_at_its_words() -> None:
    """Where what stands between the values comes many times, each way to cut it would be one."""
    pattern = _Pattern("{a} of {b}, and {c} of {d} years", ("{d} {c} {b} {a}",), {})
    assert pattern.values("1 of 2 of 3, and 4 of 5 years") == {
        **{"a": "1", "b": "2 of 3"},
        **{"c": "4", "d": "5"},
    }
    assert pattern.values(" of ,, and " * 20_000 + "!") is None
    assert pattern.values("a of b, and c of years") is None


def test_what_can_be_read_in_very_many_ways_stays_as_it_is() -> None:
    text = ": ".join("a b" * i for i in range(1, 17))
    found = catalogue_of("es").said(text, 10)
    assert found == text
    with_limit = catalogue_of("es").said("too many calls; try again", 400)
    assert with_limit == catalogue_of("es").said("too many calls; try again")


def test_what_a_stranger_writes_costs_no_reading_when_it_is_long(tmp_path: Path) -> None:
    async def story() -> None:
        async with watching(tmp_path, **ENV) as world:
            for long in ("a: b; not c or " * 200, "x" * 5_000, "not a, " * 500):
                path = f"/feeds/place/{long}.atom".replace(" ", "%20")
                told = await _told(world, ("GET", path, None), "", "pt-BR")
                assert told is None or long[:200] in told["detail"] or len(told["detail"]) < 200

    asyncio.run(story())
