"""Behind API Gateway the application is asked, and answers, as from a socket."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.api.gateway import respond

FEW = settings(max_examples=40)


def event(
    path: str = "/echo",
    method: str = "POST",
    body: bytes | str | None = b"",
    query: str = "",
    headers: dict[str, str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A call as payload format 2.0 has it: bytes go as base64, text as it is."""
    asked: dict[str, Any] = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers or {},
        "requestContext": {
            "domainName": "x.execute-api.sa-east-1.amazonaws.com",
            "http": {"method": method, "path": path, "sourceIp": "203.0.113.7"},
        },
        "isBase64Encoded": isinstance(body, bytes),
        **more,
    }
    if body is not None:
        asked["body"] = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    return asked


def application() -> FastAPI:
    app = FastAPI()

    @app.api_route("/echo", methods=["GET", "POST", "PUT"])
    async def echo(request: Request) -> dict[str, Any]:
        """All that was asked, as the application sees it."""
        return {
            "method": request.method,
            "body": base64.b64encode(await request.body()).decode(),
            "query": sorted(request.query_params.multi_items()),
            "headers": sorted((n, v) for n, v in request.headers.items() if n.startswith("x-")),
            "cookies": dict(request.cookies),
            "client": request.client.host if request.client else "",
            "scheme": request.url.scheme,
        }

    @app.get("/raw")
    def raw(kind: str, body: str) -> Response:
        return Response(base64.b64decode(body), media_type=kind)

    return app


APP = application()


def asked(asked_: dict[str, Any], app: Any = APP, left_s: float = 20.0) -> dict[str, Any]:
    return asyncio.run(respond(app, asked_, left_s))


def body_of(answer: dict[str, Any]) -> bytes:
    body = answer["body"]
    return base64.b64decode(body) if answer["isBase64Encoded"] else body.encode()


# What is asked


@FEW
@given(st.binary(max_size=300), st.sampled_from(("POST", "PUT")))
def test_whatever_bytes_are_sent_arrive_as_they_were_sent(body: bytes, method: str) -> None:
    said = json.loads(body_of(asked(event(method=method, body=body))))
    assert (said["method"], base64.b64decode(said["body"])) == (method, body)


@FEW
@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=60))
def test_a_text_arrives_in_utf_8(body: str) -> None:
    said = json.loads(body_of(asked(event(body=body))))
    assert base64.b64decode(said["body"]) == body.encode()


def test_no_body_is_an_empty_one() -> None:
    for missing in (event(body=None), event(body=None, isBase64Encoded=False), event(body="")):
        assert json.loads(body_of(asked(missing)))["body"] == ""


def test_a_query_is_read_as_from_a_socket_also_twice_and_empty() -> None:
    query = "place=porto%20alegre&hazard=wind&hazard=heat&after="
    said = json.loads(body_of(asked(event(query=query))))
    assert said["query"] == [
        ["after", ""],
        ["hazard", "heat"],
        ["hazard", "wind"],
        ["place", "porto alegre"],
    ]


def test_headers_cookies_and_the_callers_address_come_through() -> None:
    headers = {"X-One": "1", "x-two": "a, b", "X-Acento": "São"}
    said = json.loads(body_of(asked(event(headers=headers, cookies=["a=1", "b=2"]))))
    assert said["headers"] == [["x-acento", "São"], ["x-one", "1"], ["x-two", "a, b"]]
    assert said["cookies"] == {"a": "1", "b": "2"}
    assert (said["client"], said["scheme"]) == ("203.0.113.7", "https")


def test_a_path_is_handed_on_as_it_came_and_an_unknown_one_is_not_found() -> None:
    seen = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    answer = asked(event("/v1/places/s%C3%A3o%2Fpaulo"), app)
    assert (seen["path"], seen["raw_path"]) == (
        "/v1/places/s%C3%A3o%2Fpaulo",
        b"/v1/places/s%C3%A3o%2Fpaulo",
    )
    assert seen["server"] == ("x.execute-api.sa-east-1.amazonaws.com", 443)
    assert answer == {"statusCode": 204, "headers": {}, "body": "", "isBase64Encoded": True}
    assert asked(event("/nowhere"))["statusCode"] == 404


# What is answered


@pytest.mark.parametrize(
    ("kind", "body", "is_text"),
    [
        ("application/json", b'{"a": 1}', True),
        ("application/problem+json", '{"detail": "não"}'.encode(), True),
        ("application/xml", b"<a/>", True),
        ("text/plain; charset=utf-8", "são".encode(), True),
        ("text/html", b"", True),
        ("text/plain", b"\xff\xfe", False),  # it says that it is text, and is none
        ("application/octet-stream", b"abc", False),
        ("application/geo+json", b"{}", False),
        ("image/png", b"\x89PNG\r\n", False),
    ],
)
def test_text_goes_as_text_and_all_else_as_base64_and_either_is_what_was_said(
    kind: str, body: bytes, is_text: bool
) -> None:
    answer = asked(
        event("/raw", "GET", query=urlencode({"kind": kind, "body": base64.b64encode(body)}))
    )
    assert answer["statusCode"] == 200
    assert answer["isBase64Encoded"] == (not is_text)
    assert body_of(answer) == body
    assert answer["headers"]["content-type"].startswith(kind.partition(";")[0])


def says(*headers: tuple[bytes, bytes], body: bytes = b"", status: int = 200) -> Any:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        for part in (body[:3], body[3:]):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})

    return app


def test_what_is_packed_is_never_read_as_text() -> None:
    packed = gzip.compress(b'{"a": 1}')
    answer = asked(
        event(), says((b"content-type", b"application/json"), (b"content-encoding", b"gzip"),
                      body=packed),
    )  # fmt: skip
    assert answer["isBase64Encoded"]
    assert gzip.decompress(body_of(answer)) == b'{"a": 1}'


def test_a_header_said_twice_is_one_line_and_cookies_stay_apart() -> None:
    answer = asked(
        event(),
        says((b"vary", b"Accept"), (b"vary", b"Origin"), (b"set-cookie", b"a=1; Path=/"),
             (b"Set-Cookie", b"b=2")),
    )  # fmt: skip
    assert answer["headers"] == {"vary": "Accept, Origin"}
    assert answer["cookies"] == ["a=1; Path=/", "b=2"]


def test_the_parts_of_an_answer_are_one_body() -> None:
    answer = asked(event(), says((b"content-type", b"text/plain"), body=b"abcdefgh", status=418))
    assert (answer["statusCode"], answer["body"]) == (418, "abcdefgh")


def let_time_pass() -> None:
    """More than any call has left, for the event loop that runs; nobody waits for it."""
    loop = asyncio.get_running_loop()
    real = loop.time
    loop.time = lambda: real() + 1000  # type: ignore[method-assign]


def endless(begins: bool) -> Any:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        if begins:
            headers = [(b"content-type", b"text/event-stream")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        let_time_pass()
        await asyncio.Event().wait()

    return app


@pytest.mark.parametrize("begins", [True, False])
def test_an_answer_that_does_not_end_in_time_is_a_503_whatever_it_had_said(begins: bool) -> None:
    answer = asked(event(), endless(begins))
    assert (answer["statusCode"], answer["headers"], body_of(answer)) == (503, {}, b"")


def test_who_has_said_all_is_waited_for_and_does_not_seem_gone() -> None:
    """A stream listens for its client to go; here nobody goes before the time is up."""
    heard = []

    async def app(_scope: Any, receive: Callable[[], Any], send: Any) -> None:
        heard.append(await receive())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        let_time_pass()
        heard.append(await receive())

    assert asked(event(body=b"x"), app)["statusCode"] == 503
    assert heard == [{"type": "http.request", "body": b"x", "more_body": False}]


def test_a_streaming_answer_that_ends_is_whole() -> None:
    app = FastAPI()

    @app.get("/lines")
    async def lines() -> StreamingResponse:
        async def told() -> Any:
            for i in range(5):
                yield f"line {i}\n".encode()

        return StreamingResponse(told(), media_type="text/plain")

    answer = asked(event("/lines", "GET"), app)
    assert answer["body"].splitlines() == [f"line {i}" for i in range(5)]
