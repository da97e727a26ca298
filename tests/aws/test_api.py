"""The API behind API Gateway's HTTP API."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from atalaia.aws import api, deployment, handlers
from atalaia.aws.asgi import respond
from atalaia.homes.aws.config import Config
from atalaia.homes.ports import Commit
from aws import moto
from aws.mapper import Context
from telling import news

KEY = "k" * 40


def event(path: str, method: str = "GET", body: bytes = b"", **headers: str) -> dict[str, Any]:
    """As API Gateway sends it (payload format 2.0)."""
    raw, _, query = path.partition("?")
    return {
        "version": "2.0",
        "rawPath": raw,
        "rawQueryString": query,
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {
            "domainName": "x.execute-api.sa-east-1.amazonaws.com",
            "http": {"method": method, "path": raw, "sourceIp": "192.0.2.1"},
        },
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Config]:
    server, url = moto.start()
    for name, value in moto.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    moto.reset(url)
    config = moto.deploy(url)
    (tmp_path / "atalaia.toml").write_text('rules = "inmet"\n')
    for name, value in {
        "ATALAIA_ENV": config.env,
        "ATALAIA_ACCOUNT": config.account,
        "ATALAIA_SETTINGS": str(tmp_path / "atalaia.toml"),
        "ATALAIA_API_KEY": KEY,
    }.items():
        monkeypatch.setenv(name, value)
    for part in (deployment, api):
        part.forget()
    yield config
    server.stop()


def ask(*args: Any, **headers: str) -> dict[str, Any]:
    answer = handlers.api(event(*args, **headers), Context())
    json.dumps(answer)
    return answer


def test_it_is_alive_and_ready_and_what_is_pushed_is_in_the_stream(deployed: Config) -> None:
    assert ask("/healthz")["statusCode"] == 200
    assert json.loads(ask("/readyz")["body"])["ready"] is True
    row = {"place_id": deployment.places()[0].id, "valid_at": "2026-01-10T12:00:00Z", "rain_mm": 3}
    body = json.dumps([row]).encode()
    said = {"content_type": "application/json"}
    assert ask("/v1/readings", "POST", body, **said)["statusCode"] == 401
    answer = ask("/v1/readings", "POST", body, authorization=f"Bearer {KEY}", **said)
    assert answer["statusCode"] == 202, answer["body"]
    [record] = deployment.home().stream.read(0, 10)
    assert json.loads(record.payload.body) == [row]


def test_an_alert_that_was_told_since_is_in_the_next_answer(deployed: Config) -> None:
    before = json.loads(ask("/v1/incidents", authorization=f"Bearer {KEY}")["body"])
    deployment.home().state.commit(Commit("speed/lane-0", 1, entries=[news("i1")]))
    after = ask("/v1/incidents", authorization=f"Bearer {KEY}")
    assert after["statusCode"] == 200
    assert "i1" not in json.dumps(before)
    assert "i1" in after["body"]


def test_bytes_go_as_base64_cookies_apart_and_an_endless_answer_ends() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked = await receive()
        headers = [(b"content-type", b"image/png"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        said = scope["query_string"] + b"|" + asked["body"]
        await send({"type": "http.response.body", "body": said, "more_body": True})
        await asyncio.Event().wait()

    answer = asyncio.run(respond(app, event("/x?a=%20b", "POST", b"\xff"), 0.01))
    assert base64.b64decode(answer["body"]) == b"a=%20b|\xff"
    assert answer["cookies"] == ["a=1", "b"]
    assert answer["headers"] == {"content-type": "image/png"}
