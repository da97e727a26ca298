"""The forks that `make chaos` breaks: a thousand of them are begun and ended in one run."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="pidfd is Linux's")


def test_a_fork_that_has_ended_holds_nothing_open(tmp_path: Path) -> None:
    from forks import Forked

    before = len(list(Path("/proc/self/fd").iterdir()))
    with subprocess.Popen(["sleep", "60"]) as process:
        fork = Forked(process.pid, tmp_path / "code")
        assert fork.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            fork.wait(0.01)
        fork.send_signal(signal.SIGKILL)
        fork.wait(60)
        assert fork.poll() == -9
        fork.send_signal(signal.SIGKILL)  # who is not there any more hears nothing
    assert len(list(Path("/proc/self/fd").iterdir())) == before
