"""The socket and the server of the API."""

from __future__ import annotations

import asyncio
import resource
import signal
import socket
from typing import Any

import pytest
from uvicorn.protocols.http.h11_impl import H11Protocol

from atalaia.api.server import allow_files, listen, serving
from atalaia.errors import SettingsInvalid


def test_a_socket_is_bound_before_there_is_a_server_and_holds_those_who_knock() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=60) as early:
            accepted, _ = listener.accept()
            accepted.sendall(b"x")
            accepted.close()
            assert early.recv(1) == b"x"


def test_the_server_bounds_its_connections_and_how_long_a_head_takes() -> None:
    config = serving(None).config
    config.load()
    kind = config.http_protocol_class
    assert issubclass(kind, H11Protocol)
    assert kind.__qualname__.startswith("bounded.")


@pytest.mark.parametrize(
    ("peer", "client"),
    [("127.0.0.1", "203.0.113.9"), ("203.0.113.7", "203.0.113.7"), ("10.0.0.7", "10.0.0.7")],
)
def test_this_machine_alone_says_for_whom_it_speaks(
    peer: str, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope["client"][0])

    config = serving(app).config
    config.load()
    headers = [(b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-proto", b"https")]
    scope: Any = {"type": "http", "client": (peer, 1), "headers": headers, "scheme": "http"}
    asyncio.run(config.loaded_app(scope, None, None))
    assert seen == [client]


def test_a_port_that_is_taken_is_told_with_the_next_step() -> None:
    with (
        listen("127.0.0.1", 0) as first,
        pytest.raises(SettingsInvalid, match=r"use another --port or api\.host"),
    ):
        listen("127.0.0.1", first.getsockname()[1])


def test_a_port_can_be_taken_again_at_once_after_a_stop() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=60):
            accepted, _ = first.accept()
            accepted.close()
    listen("127.0.0.1", port).close()


def test_a_host_that_is_not_this_machine_is_told() -> None:
    with pytest.raises(SettingsInvalid, match=r"192\.0\.2\.1:8420"):
        listen("192.0.2.1", 8420)


def test_more_files_are_allowed_and_never_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _what, limits: asked.append(limits))
    cases = [
        ((1024, 4096), [(4096, 4096)]),
        ((1024, 1_000_000), [(8192, 1_000_000)]),
        ((1024, resource.RLIM_INFINITY), [(8192, resource.RLIM_INFINITY)]),
        ((100_000, 1_000_000), []),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), []),
    ]
    for limits, wanted in cases:
        asked.clear()
        monkeypatch.setattr(resource, "getrlimit", lambda _what, limits=limits: limits)
        allow_files()
        assert asked == wanted, limits


def test_the_server_leaves_ctrl_c_to_the_watch() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with serving(lambda *_: None).capture_signals():
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
