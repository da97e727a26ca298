"""What a process says of itself: a line an event, and no address in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from atalaia.logs import Logger

_SETUP = """
import logging, structlog
from atalaia.logs import configure_logs
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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_what_cannot_be_written_stops_nobody_and_is_counted() -> None:
    """A log that goes to a full disk: whoever says something in an except clause goes on."""
    program = """
import os
from atalaia.logs import Logger
log, theirs = Logger(), logging.getLogger("asyncio")
stderr, full = os.dup(2), os.open("/dev/full", os.O_WRONLY)
os.dup2(full, 2)
try:
    fails()
except ValueError:
    log.exception("broke")
log.warning("late")
theirs.error("a library says it, too")
os.dup2(stderr, 2)
log.info("room again")
"""
    said = logged(program).splitlines()
    assert "level=info" in said[-1]
    assert 'event="room again"' in said[-1]
    assert 'level=warning event="lines came late, or not at all" lines=2' in said[-2]


def test_want_of_memory_stops_nobody_who_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Logger()
    said: list[object] = []

    class Starved:
        def warning(self, event: str, **values: object) -> None:
            if not said:
                said.append("nothing")
                raise MemoryError
            said.append((event, values))

    monkeypatch.setitem(log.__dict__, "_log", Starved())
    monkeypatch.setattr(Logger, "_unsaid", 0)
    log.warning("first")
    log.warning("second", n=2)
    late = ("lines came late, or not at all", {"lines": 1})
    assert said == ["nothing", late, ("second", {"n": 2})]


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", ""),
        ("pt-BR", "says='a fonte não responde; tenta-se de novo para sempre'"),
        ("es", "says='la fuente no responde; se intenta otra vez para siempre'"),
    ],
)
def test_on_a_terminal_a_warning_is_said_in_the_language_beside_its_name(
    language: str, says: str
) -> None:
    program = f"""
import io, os, sys
from atalaia.translated import speak
class Screen(io.StringIO):
    def isatty(self):
        return True
speak("{language}")
os.environ["NO_COLOR"] = "1"
screen, terminal = Screen(), sys.stderr
for sys.stderr in (screen, terminal):
    configure_logs()
    log = structlog.get_logger()
    log.info("source does not answer; it is tried again for ever", source="a")
    log.warning("source does not answer; it is tried again for ever", source="b")
print(screen.getvalue(), file=terminal)
"""
    *lines, quiet, loud = (line for line in logged(program).splitlines() if "source" in line)
    of_programs, of_people = lines, (quiet, loud)
    assert all('event="source does not answer; it' in line for line in of_programs)
    assert not any("says=" in line for line in (*of_programs, quiet))
    assert "source does not answer; it is tried again for ever" in of_people[1]
    assert says in loud
    assert ("says=" in loud) == bool(says)
