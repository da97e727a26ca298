"""What stands before all routes, layer by layer: keys in addresses, hosts, lengths, the log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Query
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from atalaia.api import problem, shield
from atalaia.api.access import OPERATOR, Caller, Gate, Role, Scope
from atalaia.api.access import SCOPES as SCOPES_OF
from atalaia.api.consoles import ECOWITT, WUNDERGROUND, ConsoleKeys
from atalaia.api.limits import BodyLimit, _cost, is_loopback
from atalaia.api.problem import Problem
from atalaia.api.shield import Shield
from atalaia.people.manage import Signed

FEW = settings(max_examples=50)

App = Callable[..., Any]


class Seen:
    """An application that notes what reaches it, and answers 200 to a body that it has read."""

    def __init__(self, status: int = 200, error: Exception | None = None) -> None:
        self.status, self.error = status, error
        self.scopes: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if message["type"] != "http.request" or not message.get("more_body"):
                break
        self.bodies.append(bytes(body))
        if self.error is not None:
            raise self.error
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})


def asked(
    app: App,
    path: str = "/v1/x",
    method: str = "POST",
    query: bytes = b"",
    headers: dict[str, str] | None = None,
    parts: Iterable[bytes] = (b"",),
    client: tuple[str, int] | None = ("203.0.113.7", 5),
    is_gone: bool = False,
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer; 0 where there was none."""
    every = list(parts)
    messages = [
        {"type": "http.request", "body": part, "more_body": is_gone or i < len(every) - 1}
        for i, part in enumerate(every)
    ]
    messages += [{"type": "http.disconnect"}]
    coming = iter(messages)
    said: list[dict[str, Any]] = []

    async def receive() -> Any:
        return next(coming)

    async def send(message: Any) -> None:
        said.append(message)

    given_headers = [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()]
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": query, "headers": given_headers, "client": client,
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    if not said:
        return 0, {}, b""
    told = {name.decode(): value.decode() for name, value in said[0]["headers"]}
    return said[0]["status"], told, b"".join(one.get("body", b"") for one in said)


def detail(body: bytes) -> str:
    return str(json.loads(body)["detail"])


# Keys of consoles, which stand in an address


def passed_on(**request: Any) -> dict[str, Any]:
    seen = Seen()
    asked(ConsoleKeys(seen), **request)
    (scope,) = seen.scopes
    return scope


def key_in(scope: dict[str, Any]) -> list[str]:
    return [value.decode() for name, value in scope["headers"] if name == b"authorization"]


KEY = "atp_abcDEF-123_xyz"


@pytest.mark.parametrize(
    "path",
    [
        WUNDERGROUND,
        WUNDERGROUND.removeprefix("/"),  # as some consoles send what was typed
        WUNDERGROUND + "/",
        "/" + WUNDERGROUND,
    ],
)
def test_a_password_in_a_query_becomes_a_key_like_all_others(path: str) -> None:
    scope = passed_on(path=path, method="GET", query=f"ID=me&PASSWORD={KEY}&tempf=70".encode())
    assert scope["path"] == WUNDERGROUND
    assert key_in(scope) == [f"Bearer {KEY}"]
    assert b"tempf=70" in scope["query_string"]
    assert KEY.encode() not in scope["query_string"] + scope["raw_path"]


@pytest.mark.parametrize(
    "path",
    [
        ECOWITT + KEY,
        (ECOWITT + KEY).removeprefix("/"),
        ECOWITT + KEY + "/",
        ECOWITT + KEY.replace("_", "%5F"),  # as a gateway hands it on
    ],
)
def test_the_end_of_a_path_becomes_a_key_and_its_query_goes(path: str) -> None:
    scope = passed_on(path=path, query=b"PASSKEY=abc", headers={"X-Other": "1"})
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (
        ECOWITT,
        ECOWITT.encode(),
        b"",
    )
    assert key_in(scope) == [f"Bearer {KEY}"]
    assert (b"x-other", b"1") in scope["headers"]


def test_a_key_in_the_header_stays_where_the_address_has_none_and_goes_where_it_has_one() -> None:
    header = {"Authorization": "Bearer other"}
    assert key_in(passed_on(path=ECOWITT, headers=header)) == ["Bearer other"]
    assert key_in(passed_on(path=ECOWITT + KEY, headers=header)) == [f"Bearer {KEY}"]
    assert key_in(passed_on(path=WUNDERGROUND, query=b"tempf=1", headers=header)) == [
        "Bearer other"
    ]


@pytest.mark.parametrize("path", ["/v1/readings", "/data/other/x", "/weatherstation/", "/"])
def test_any_other_address_is_passed_on_untouched(path: str) -> None:
    scope = passed_on(path=path, query=b"PASSWORD=x")
    assert (scope["path"], scope["query_string"], key_in(scope)) == (path, b"PASSWORD=x", [])


@FEW
@given(st.text("abcXYZ09-_.~%/ é", min_size=1, max_size=20))
def test_nothing_typed_at_the_end_of_the_path_is_left_in_the_address(end: str) -> None:
    scope = passed_on(path=ECOWITT + end)
    assert scope["path"] == ECOWITT
    assert scope["raw_path"] == ECOWITT.encode()
    assert len(key_in(scope)) <= 1


# Hosts and numbers that are none


def gate(*known: tuple[str, Caller]) -> Gate:
    found = Gate(dict(known).get, is_public=False)
    for key, caller in known:
        found._note(key, caller)
    return found


def shielded(
    app: App, *hosts: str, now: Callable[[], float] = lambda: 0.0, known: Any = ()
) -> Shield:
    return Shield(app, gate(*known), hosts, now)


@pytest.mark.parametrize(
    ("host", "is_served"),
    [
        ("atalaia.example", True),
        ("ATALAIA.example:8443", True),
        ("[::1]", True),
        ("[::1]:8080", True),
        ("evil.example", False),
        ("atalaia.example.evil.example", False),
        ("evil.example:atalaia.example", False),
        ("[::2]:8080", False),
        ("", False),
    ],
)
def test_a_host_is_served_by_its_name_whatever_the_port(host: str, is_served: bool) -> None:
    seen = Seen()
    app = shielded(seen, "Atalaia.Example", "[::1]")
    status, headers, body = asked(app, headers={"Host": host})
    assert headers["x-content-type-options"] == "nosniff"
    assert (status, len(seen.scopes)) == ((200, 1) if is_served else (400, 0))
    assert is_served or detail(body) == (
        "this host is not served here; see api.hosts in the settings"
    )


def test_where_no_hosts_are_named_any_is_served() -> None:
    assert asked(shielded(Seen()), headers={"Host": "anything"})[0] == 200
    assert asked(shielded(Seen()))[0] == 200


@pytest.mark.parametrize("said", ["", "-1", "1e3", "0x10", " 5", "٥", "9" * 16, "5, 5"])
def test_a_length_that_is_no_number_is_refused(said: str) -> None:
    seen = Seen()
    status, _, body = asked(shielded(seen), headers={"Content-Length": said})
    assert (status, seen.scopes) == (400, [])
    assert detail(body) == "Content-Length is no number that a body can have"


def test_a_problem_after_the_answer_began_is_not_answered_twice() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise Problem(500, "too late")

    with pytest.raises(Problem, match="too late"):
        asked(shielded(app))


# What is logged


def station(name: str = "k_1") -> Caller:
    return Caller(name, SCOPES_OF[Role.STATION])


@pytest.mark.parametrize(
    ("status", "is_told"),
    [(200, False), (400, True), (401, True), (403, True), (404, False), (408, True), (413, True),
     (422, False), (429, True), (500, False), (503, False)],
)  # fmt: skip
def test_who_was_refused_is_logged_and_who_was_not_is_not(status: int, is_told: bool) -> None:
    with capture_logs() as logs:
        asked(shielded(Seen(status)), "/v1/readings")
    assert [one["event"] for one in logs] == (["refused"] if is_told else [])
    assert all(one["about"] == "security" for one in logs)


@pytest.mark.parametrize(
    "path", ["/v1/people/p_x", "/v1/deliveries/msg_1/retry", "/v1/m/x", "/v1/leave/x"]
)
def test_what_is_somebody_elses_or_a_link_that_is_none_is_a_refusal(path: str) -> None:
    with capture_logs() as logs:
        asked(shielded(Seen(404)), path, "POST")
    assert [one["event"] for one in logs] == ["refused"]


@pytest.mark.parametrize(
    ("client", "class_"),
    [
        (("127.0.0.1", 1), "loopback"),
        (("::1", 1), "loopback"),
        (("10.1.2.3", 1), "private"),
        (("fe80::1%eth0", 1), "private"),
        (("8.8.8.8", 1), "public"),
        (("2606:4700::1111", 1), "public"),
        (("unix", 1), "unknown"),
        (None, "unknown"),
    ],
)
def test_of_an_address_only_its_kind_is_logged(client: Any, class_: str) -> None:
    with capture_logs() as logs:
        asked(shielded(Seen(403)), client=client)
    assert logs[0]["from_"] == class_
    assert client is None or client[0] not in json.dumps(logs) or client[0] == "unix"


def test_no_pseudonym_and_no_key_is_logged_whatever_the_route() -> None:
    known = (("secret-key", Caller("p_ana", frozenset({Scope.READ}), person="p_ana")),)
    header = {"Authorization": "Bearer secret-key"}
    with capture_logs() as logs:
        for path in (
            "/v1/people/p_ana",
            "/v1/people/p_ana/subscriptions/x",
            "/p_ana",
            "/v1/msg_7/a",
            "/v1/people/email:ana@example.org",
            "/v1/people/telegram:77123456/stop",
        ):
            asked(shielded(Seen(403), known=known), path, headers=header)
    text = json.dumps(logs)
    assert len(logs) == 6
    assert not any(word in text for word in ("p_ana", "secret", "msg_7", "@", "77123"))
    assert {one["key"] for one in logs} == {"a person's"}
    assert logs[-1]["route"] == "/v1/people/…/stop"


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v1/readings", "/v1/readings"),
        ("/weatherstation/updateweatherstation.php", "/weatherstation/updateweatherstation.php"),
        ("/v1/m/AbCdEf0123456789abcdefghijklmnop/stop", "/v1/m/…/stop"),
        ("/v1/leave/p_0123456789abcdef.c2VhbGVk", "/v1/leave/…"),
        ("/v1/people/ana@example.org", "/v1/people/…"),
        ("/v1/people/+5581977123402/stop", "/v1/people/…/stop"),
        ("/a/" * 99, ("/a/" * 99)[:60]),
        ("/", "/"),
    ],
)
def test_of_a_path_plain_words_alone_are_logged(path: str, route: str) -> None:
    assert problem.route_of(path) == route


@pytest.mark.parametrize("path", ["/v1/m/{}", "/v1/m/{}/stop", "/v1/leave/{}"])
@pytest.mark.parametrize("status", [200, 400, 404])
def test_no_token_of_a_link_is_logged_whatever_becomes_of_it(path: str, status: int) -> None:
    token = "AbCdEf0123456789abcdefghijklmnopqrstuvwxyz"
    with capture_logs() as logs:
        asked(shielded(Seen(status)), path.format(token), "POST")
    assert [one["key"] for one in logs] == ["a link"]
    assert token[:10] not in json.dumps(logs)


@pytest.mark.parametrize(
    ("caller", "key"),
    [
        (None, "unknown"),
        (Caller(OPERATOR, SCOPES_OF[Role.OPERATOR]), "operator"),
        (station("k_12ab"), "k_12ab"),
        (Caller("p_x", frozenset({Scope.READ}), "p_x"), "a person's"),
        (Caller("p_x", frozenset({Scope.READ}), "p_x", Signed("p_x", ("email",), 1)), "a link"),
    ],
)
def test_which_key_it_was_is_told_in_words_that_name_nobody(caller: Any, key: str) -> None:
    known = (("secret-key", caller),) if caller else ()
    with capture_logs() as logs:
        asked(shielded(Seen(403), known=known), headers={"Authorization": "Bearer secret-key"})
    assert logs[0]["key"] == key
    with capture_logs() as logs:
        asked(shielded(Seen(403), known=known))
    assert logs[0]["key"] == "none"


@pytest.mark.parametrize(
    ("method", "path", "status", "told"),
    [
        ("DELETE", "/v1/people/p_x", 200, "changed"),
        ("POST", "/v1/silences", 201, "changed"),
        ("POST", "/v1/subscribe", 201, "changed"),
        ("POST", "/v1/people/p_x/confirm", 200, "changed"),
        ("POST", "/v1/leave/x", 200, "changed"),
        ("POST", "/v1/m/x/stop", 200, "changed"),
        ("POST", "/v1/m/x/change", 303, "changed"),
        ("POST", "/v1/m/x/received", 200, None),
        ("GET", "/v1/m/x", 200, None),
        ("GET", "/v1/people/p_x", 200, "read"),
        ("GET", "/v1/deliveries", 200, None),
        ("POST", "/v1/readings", 202, None),
        ("POST", "/v1/silences", 422, None),
    ],
)
@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer op"}])
def test_what_was_changed_of_people_or_the_watch_is_logged_and_what_was_read_of_somebody(
    method: str, path: str, status: int, told: str | None, header: dict[str, str]
) -> None:
    known = (("op", Caller(OPERATOR, SCOPES_OF[Role.OPERATOR])),)
    with capture_logs() as logs:
        asked(shielded(Seen(status), known=known), path, method, headers=header)
    assert [one["event"] for one in logs] == ([told] if told else [])


def test_refusals_beyond_sixty_a_minute_are_counted_in_one_line() -> None:
    now = [0.0]
    app = shielded(Seen(401), now=lambda: now[0])
    with capture_logs() as logs:
        for _ in range(shield.LINES_A_MINUTE + 25):
            asked(app)
        now[0] = 61.0
        asked(app)
        now[0] = 200.0
        asked(app)
    events = [one["event"] for one in logs]
    assert events.count("refused") == shield.LINES_A_MINUTE + 2
    (more,) = [one for one in logs if one["event"] == "more were refused"]
    assert more["number"] == 25


# How much


def limited(app: App, most: int = 10, free: tuple[str, ...] = ("/v1/readings",)) -> BodyLimit:
    return BodyLimit(app, most, free)


@FEW
@given(st.lists(st.binary(max_size=6), min_size=1, max_size=5), st.booleans())
def test_a_body_arrives_whole_or_is_refused_by_its_length_however_it_is_cut(
    parts: list[bytes], is_stated: bool
) -> None:
    seen = Seen()
    length = sum(map(len, parts))
    headers = {"Content-Length": str(length)} if is_stated else {}
    status, _, body = asked(limited(seen), parts=parts, headers=headers)
    if length > 10:
        assert (status, seen.bodies) == (413, [])
        assert detail(body) == "more than 10 bytes; send less"
    else:
        assert (status, seen.bodies) == (200, [b"".join(parts)])


def test_a_body_that_says_less_than_it_is_is_found_out() -> None:
    seen = Seen()
    assert asked(limited(seen), parts=[b"x" * 11], headers={"Content-Length": "1"})[0] == 413
    assert asked(limited(seen), parts=[b"x"], headers={"Content-Length": "11"})[0] == 413
    assert seen.bodies == []


def test_pushes_and_questions_are_not_read_here() -> None:
    seen = Seen()
    assert asked(limited(seen), "/v1/readings", parts=[b"x" * 99])[0] == 200
    assert asked(limited(seen), "/v1/x", "GET", parts=[b"x" * 99])[0] == 200
    assert [len(body) for body in seen.bodies] == [99, 99]


def test_a_client_that_goes_away_in_between_costs_nothing() -> None:
    seen = Seen()
    assert asked(limited(seen), parts=[b"ab"], is_gone=True)[0] == 200
    assert seen.bodies == [b"ab"]


@pytest.mark.parametrize(
    ("clients", "most"),
    [
        (["192.0.2.1"] * 9, 40),  # one address has its share
        (["2001:db8::1", "2001:db8::2"] * 5, 40),  # as has one network
        ([f"192.0.2.{i}" for i in range(30)], 160),  # and all together have what there is
        (["127.0.0.1"] * 30, 160),  # a proxy speaks for all its clients
    ],
)
def test_bodies_that_are_nearly_there_hold_so_much_memory_and_no_more(
    clients: list[str], most: int
) -> None:
    seen = Seen()
    limited_ = BodyLimit(seen, 10, (), held=160)
    statuses: list[int] = []

    async def one(address: str, rest: asyncio.Event) -> None:
        parts = iter([b"x" * 8, b"yy"])

        async def receive() -> Any:
            part = next(parts)
            if part == b"yy":
                await rest.wait()
            return {"type": "http.request", "body": part, "more_body": part != b"yy"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        scope = {"type": "http", "method": "POST", "path": "/", "headers": [],
                 "client": (address, 5)}  # fmt: skip
        await limited_(scope, receive, send)

    async def all_at_once() -> None:
        rest = asyncio.Event()
        waiting = [asyncio.create_task(one(each, rest)) for each in clients]
        await asyncio.sleep(0)
        assert statuses == [503] * (len(clients) - most // 8)
        rest.set()
        await asyncio.gather(*waiting)

    asyncio.run(all_at_once())
    assert seen.bodies, "some came through"
    assert len(seen.bodies) + statuses.count(503) == len(clients)
    assert asked(limited_, parts=[b"x" * 8])[0] == 200, "what was held is free again"


@pytest.mark.parametrize(
    ("method", "path", "query", "cost"),
    [
        ("GET", "/v1/places", b"", 1),
        ("GET", "/v1/towns", b"q=x", 2),
        ("POST", "/v1/preview", b"", 20),
        ("POST", "/v1/preview", b"days=30", 20),
        ("POST", "/v1/preview", b"days=31", 40),
        ("POST", "/v1/preview", b"days=3650", 20 * 122),
        ("POST", "/v1/preview", b"days=-5", 20),
        ("POST", "/v1/preview", b"days=many", 20),
        ("POST", "/v1/preview", b"days=999999999", 20),
        ("POST", "/v1/preview", b"days=1&days=60", 40),  # the last counts, as for the route
        ("POST", "/v1/preview", b"\xff=\xfe", 20),
        ("GET", "/v1/preview", b"days=3650", 1),
    ],
)
def test_what_is_dear_costs_more(method: str, path: str, query: bytes, cost: int) -> None:
    assert _cost(method, path, query) == cost


@pytest.mark.parametrize(
    ("address", "is_so"),
    [("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("::1%lo", True), ("", True),
     ("/run/atalaia.sock", True), ("10.0.0.1", False), ("192.0.2.1", False),
     ("fe80::1%eth0", False)],
)  # fmt: skip
def test_this_machines_own_addresses_are_not_counted(address: str, is_so: bool) -> None:
    assert is_loopback(address) is is_so


# Problems


def wish() -> None:
    raise ValueError("give a day that is to come")


def answering() -> FastAPI:
    app = FastAPI()
    problem.install(app)

    @app.get("/problem")
    def tell() -> None:
        raise Problem(429, "come again", headers={"Retry-After": "5"}, left=0)

    @app.get("/http")
    def http() -> None:
        raise HTTPException(405, "no such method", headers={"Allow": "GET"})

    @app.get("/number")
    def number(secret: int = Query(ge=0)) -> int:
        return secret

    @app.get("/wished")
    def wished() -> None:
        problem.wished(wish)

    return app


@pytest.mark.parametrize(
    ("path", "query", "status", "title", "said"),
    [
        ("/problem", b"", 429, "Too Many Requests", "come again"),
        ("/http", b"", 405, "Method Not Allowed", "no such method"),
        ("/nowhere", b"", 404, "Not Found", "Not Found"),
        ("/number", b"secret=geheim", 422, "Unprocessable Entity", "the request cannot be read"),
        ("/wished", b"", 422, "Unprocessable Entity", "give a day that is to come"),
    ],
)
def test_every_error_is_a_problem_with_its_title(
    path: str, query: bytes, status: int, title: str, said: str
) -> None:
    found, headers, body = asked(answering(), path, "GET", query)
    told = json.loads(body)
    assert (found, told["status"], told["title"]) == (status, status, title)
    assert headers["content-type"] == "application/problem+json"
    assert said in told["detail"]
    if path == "/problem":
        assert (headers["retry-after"], told["left"]) == ("5", 0)
    if path == "/http":
        assert headers["allow"] == "GET"
    if path == "/number":
        assert told["faults"][0]["where"] == "query/secret"
        assert "geheim" not in body.decode(), "what was given may be an address"
