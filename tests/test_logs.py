"""What a process says of itself: a line an event, and no address in it."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
