from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from atalaia.sources import ingest as appender

from .world import NOON, PUSH_KEY, World, watching

QUIET = {"ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false"}
PUSH = {**QUIET, "ATALAIA_API_KEY": PUSH_KEY}
READING = {"place_id": "p1", "valid_at": "2026-01-10T12:00:00Z", "wind_gust_m_s": 21.0}


def story(folder: Path, tell: Callable[[World], Awaitable[None]], **env: str) -> None:
    async def run() -> None:
        async with watching(folder, **(env or PUSH)) as world:
            await tell(world)

    asyncio.run(run())


def test_push_is_off_unless_a_key_is_set(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        for path in ("/v1/readings", "/v1/payloads"):
            status, problem, response = await world.post(path, json.dumps([READING]))
            assert status == 404
            assert problem["detail"] == "push is off; set api.key_file"
            assert response.content_type == "application/problem+json"
        assert world.home.stream.last_offset() == 0

    story(tmp_path, tell, **QUIET)


def test_a_push_needs_the_key(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        status, problem, response = await world.post("/v1/readings", "[]", key=None)
        assert (status, response.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert problem["status"] == 401
        status, problem, _ = await world.post("/v1/readings", "[]", key=PUSH_KEY + "x")
        assert status == 403
        assert PUSH_KEY not in str(problem)
        assert world.home.stream.last_offset() == 0

    story(tmp_path, tell)


def test_a_pushed_reading_is_durable_when_it_is_accepted_and_raises_an_alert(
    tmp_path: Path,
) -> None:
    async def tell(world: World) -> None:
        status, told, _ = await world.post("/v1/readings", json.dumps([READING]))
        assert (status, told) == (202, {"accepted": 1, "readings": 1, "offset": 1, "rejected": []})
        kept = world.home.stream.read(0, 9)[0].payload
        assert (kept.source, kept.content) == ("station", "readings-json")
        assert json.loads(kept.body) == [READING]
        await world.live.settled()
        assert [(a.place_id, a.level, a.evidence) for a in world.alerts()] == [
            ("p1", "orange", "observed")
        ]

    story(tmp_path, tell)


def test_what_cannot_be_read_is_named_by_its_place_in_the_push_and_kept(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        bad = [READING, {**READING, "valid_at": "soon"}, {**READING, "place_id": "nowhere"}]
        status, told, _ = await world.post("/v1/readings", json.dumps(bad))
        assert (status, told["accepted"]) == (202, 1)
        assert [(r["index"], r["reason"]) for r in told["rejected"]] == [
            (1, "not a time"),
            (2, "unknown place"),
        ]
        lines = "\n".join(json.dumps(one) for one in bad[:2])
        status, told, _ = await world.post(
            "/v1/readings", lines, Content_Type="application/x-ndjson"
        )
        assert (status, [r["line"] for r in told["rejected"]]) == (202, [2])
        assert len(world.home.stream.read(0, 9)) == 2

    story(tmp_path, tell)


def test_a_push_of_which_nothing_can_be_read_says_so_and_is_kept_as_it_came(
    tmp_path: Path,
) -> None:
    async def tell(world: World) -> None:
        status, problem, _ = await world.post("/v1/readings", "<html>")
        assert status == 422
        assert problem["rejected"][0]["reason"] == "HTML instead of JSON"
        assert world.home.stream.read(problem["offset"] - 1, 1)[0].payload.body == b"<html>"

    story(tmp_path, tell)


def test_what_is_too_large_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        status, problem, _ = await world.post("/v1/readings", b" " * 2001)
        assert (status, problem["detail"][:20]) == (413, "more than 2000 bytes")
        status, *_ = await world.post("/v1/readings", "a", Content_Type="image/png")
        assert status == 415
        status, *_ = await world.post("/v1/readings", "a", Content_Encoding="gzip")
        assert status == 415
        status, *_ = await world.post("/v1/payloads", "a", Content_Type="text/html")
        assert status == 415
        assert world.home.stream.last_offset() == 0

    story(tmp_path, tell, **PUSH, ATALAIA_LIMITS_MAX_BODY="2000")


def test_providers_answers_can_be_pushed_in_envelopes_or_raw(tmp_path: Path) -> None:
    answer = (
        b'{"data": {"time": "2026-01-10T11:59:00Z",  "values": {"windGust": 19.5}},'
        b' "location": {"lat": null, "lon": null}}'
    )

    async def tell(world: World) -> None:
        envelope = b'{"source": "tomorrow-io", "content": "realtime", "places": ["p1"], "body": '
        coded = base64.b64encode(answer).decode()
        other = {"source": "tomorrow-io", "content": "realtime", "places": ["p2"]}
        for body in (
            envelope + answer + b"}",
            json.dumps([{**other, "body": answer.decode()}, {**other, "body_base64": coded}]),
        ):
            status, told, _ = await world.post("/v1/payloads", body)
            assert (status, told["rejected"]) == (202, [])
        assert told["accepted"] == 2
        query = "?source=tomorrow-io&content=realtime&places=p1"
        status, told, _ = await world.post(
            "/v1/payloads" + query, answer, Content_Type="text/plain"
        )
        assert (status, told["accepted"], told["readings"]) == (202, 1, 1)
        bodies = [r.payload.body for r in world.home.stream.read(0, 9)]
        assert bodies == [answer] * 4  # byte by byte, its spaces too
        await world.live.settled()
        assert {a.place_id for a in world.alerts("wind")} == {"p1", "p2"}

    story(tmp_path, tell)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("{", "not an envelope"),
        ("[]", "an empty list"),
        ('{"source": "clock", "content": "tick", "body": 1}', "unknown source 'clock'"),
        ('{"source": "inmet", "content": "x"}', "envelope 0: give either body or body_base64"),
        ('{"source": "inmet", "content": "x", "body_base64": "?"}', "body_base64 is not base64"),
        ('{"source": "inmet", "content": "x", "body": 1, "status": 2}', "unknown field"),
    ],
)
def test_an_envelope_that_is_none_is_refused(tmp_path: Path, body: str, detail: str) -> None:
    async def tell(world: World) -> None:
        status, problem, _ = await world.post("/v1/payloads", body)
        assert status == 422
        assert detail in problem["detail"]
        assert world.home.stream.last_offset() == 0

    story(tmp_path, tell)


def test_when_more_comes_than_can_be_kept_the_pusher_is_asked_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appender, "MOST_BYTES", 1000)

    async def tell(world: World) -> None:
        body = json.dumps([READING] * 30)
        status, problem, response = await world.post("/v1/readings", body)
        assert (status, response.headers["Retry-After"]) == (503, "5")
        assert "nothing of this was taken" in problem["detail"]
        assert world.home.stream.last_offset() == 0
        assert (await world.post("/v1/readings", json.dumps(READING)))[0] == 202

    story(tmp_path, tell)


def test_pushes_that_wait_together_become_one_commit_and_each_learns_its_offset(
    tmp_path: Path,
) -> None:
    async def tell(world: World) -> None:
        appends = []
        stream = world.live.ingest._stream
        append = stream.append
        stream.append = lambda some: appends.append(len(some)) or append(some)  # type: ignore[method-assign, func-returns-value, assignment]
        answers = await asyncio.gather(
            *(world.post("/v1/readings", json.dumps(READING)) for _ in range(40))
        )
        assert sorted(told["offset"] for _, told, _ in answers) == list(range(1, 41))
        assert sum(appends) == 40
        assert len(appends) < 40

    story(tmp_path, tell)


def test_unknown_paths_and_methods_are_problems_too(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        status, body = await world.get("/v1/nothing")
        assert (status, msgspec.json.decode(body)["status"]) == (404, 404)
        assert (await world.get("/v1/readings"))[0] == 405
        assert (await world.get("/docs"))[0] == 404  # it would load scripts from elsewhere

    story(tmp_path, tell)


def test_a_reading_from_the_future_is_not_believed(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        assert world.clock.now() == NOON
        late = {**READING, "valid_at": "2026-01-13T12:00:00Z"}
        status, problem, _ = await world.post("/v1/readings", json.dumps(late))
        assert status == 422
        assert problem["rejected"][0]["reason"] == "from the future"

    story(tmp_path, tell)
