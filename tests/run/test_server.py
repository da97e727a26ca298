"""The socket, the logs, the threads and the channels of a watch, each alone."""

from __future__ import annotations

import asyncio
import resource
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from atalaia.run.channels import open_channels
from atalaia.run.server import allow_files, listen, serving

from atalaia.errors import SettingsInvalid
from atalaia.run.threads import DaemonThreads
from atalaia.settings import load

# The socket


def test_a_socket_is_bound_before_there_is_a_server_and_holds_those_who_knock() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=60) as early:
            accepted, _ = listener.accept()
            accepted.sendall(b"x")
            accepted.close()
            assert early.recv(1) == b"x"


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


# Logs

_SETUP = """
import logging, structlog
from atalaia.run.logs import configure_logs
configure_logs()
ours, theirs = structlog.get_logger(), logging.getLogger("smtp")
def fails():
    api_key = "SECRET-local"
    raise ValueError("550 maria.canary@example.org unknown, token=SECRETVALUE" + api_key[:0])
"""


def logged(program: str) -> str:
    """What a process of its own says on stderr; on stdout it says nothing."""
    done = subprocess.run(
        [sys.executable, "-c", _SETUP + program], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    return done.stderr


def test_an_event_is_one_line_on_stderr_that_programs_can_read() -> None:
    (line,) = logged("ours.info('watching', places=3, home='/var/lib/a b')").splitlines()
    assert line.startswith("timestamp=")
    assert ' level=info event=watching places=3 home="/var/lib/a b"' in line


def test_what_is_for_nobody_is_not_said() -> None:
    program = """
ours.debug("details")
theirs.info("details")
logging.getLogger("uvicorn.error").error("told by the API already")
"""
    assert logged(program) == ""


@pytest.mark.parametrize("logger", ["ours", "theirs"])
def test_an_address_in_a_traceback_is_masked_whoever_logs_it(logger: str) -> None:
    said = logged(f"""
try:
    fails()
except ValueError:
    {logger}.exception("to maria.canary@example.org")
""")
    assert "ValueError" in said
    assert "in fails" in said
    for secret in ("canary", "SECRETVALUE", "SECRET-local"):
        assert secret not in said.replace('api_key = "SECRET-local"', ""), secret


# Threads


def test_calls_run_beside_each_other_and_their_results_and_errors_come_back() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(DaemonThreads())
        both = threading.Barrier(20)
        waits = [asyncio.to_thread(both.wait, 60) for _ in range(20)]
        assert sorted(await asyncio.gather(*waits)) == list(range(20)), "each has a thread"

        def fails() -> None:
            raise LookupError("no row")

        with pytest.raises(LookupError, match="no row"):
            await asyncio.to_thread(fails)

    asyncio.run(run())


def test_a_call_that_hangs_holds_up_neither_the_loop_nor_the_end_of_the_process() -> None:
    program = """
import asyncio, threading
from atalaia.run.threads import DaemonThreads
async def run():
    asyncio.get_running_loop().set_default_executor(DaemonThreads())
    asyncio.ensure_future(asyncio.to_thread(threading.Event().wait))
    await asyncio.sleep(0)
asyncio.run(run())
print("ended")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == "ended\n"


def test_a_call_that_was_cancelled_before_it_began_does_not_run() -> None:
    ran = threading.Event()
    started: list[Any] = []

    class Late(threading.Thread):
        def start(self) -> None:
            started.append(self)

    original = threading.Thread
    threading.Thread = Late  # type: ignore[misc]
    try:
        future = DaemonThreads().submit(ran.set)
    finally:
        threading.Thread = original  # type: ignore[misc]
    assert future.cancel()
    started[0].run()
    assert not ran.is_set()


# Channels


def opened(folder: Path, text: str, **env: str) -> set[str]:
    file = folder / "atalaia.toml"
    file.write_text(text)

    async def run() -> set[str]:
        async with aiohttp.ClientSession() as session:
            found = open_channels(load(file, env), session)
            assert all(name == channel.name for name, channel in found.items())
            return set(found)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {"inbox", "webhook"}),
        ("[channels.webhook]\nenabled = false", {"inbox"}),
        ("[channels.telegram]\ntoken_file = 'token'", {"inbox", "webhook", "telegram"}),
        ("[channels.email]\nhost = '127.0.0.1'\nsender = 'a@example.org'\nsecurity = 'none'",
         {"inbox", "webhook", "email"}),
        ("[channels.whatsapp]\ntoken_file = 'token'\nphone_number_id = '1'",
         {"inbox", "webhook", "whatsapp"}),
    ],
)  # fmt: skip
def test_a_channel_is_open_when_the_settings_have_what_it_needs(
    tmp_path: Path, text: str, expected: set[str]
) -> None:
    token = tmp_path / "token"
    token.write_text("123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1")
    token.chmod(0o600)
    assert opened(tmp_path, text) == expected
