"""Processes of ours that begin in a tenth of a second: forked from one that has imported all of it.

    with Forks() as forks:
        watch = forks.start(["run"], env, folder, log)
        asked = forks.start(["doctor", "--home", …], env, folder, log)

A fork dies by kill -9 as any process does; only what starting costs the processor is left out.
What it finds in its environment breaks it:

    CHAOS_CONTROL  a file of two doubles, read whenever it matters: seconds by which the clock on
                   the wall is wrong; 1 where the store's disk cannot be written
    CHAOS_DISK     ``held``: what SQLite writes and does not sync is gone with the process
    CHAOS_SYNC     what SQLite's `synchronous` is set to in place of FULL
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import mmap
import os
import pkgutil
import select
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

_PR_SET_PDEATHSIG = 1

_wall = time.time
_control: bytearray | mmap.mmap = bytearray(16)


def _now() -> float:
    return _wall() + float(struct.unpack_from("d", _control)[0])


def _is_read_only() -> bool:
    return bool(struct.unpack_from("d", _control, 8)[0])


class Control:
    """The file by which a fork is broken. Nothing is broken at first."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.set()

    def set(self, clock_s: float = 0.0, *, is_read_only: bool = False) -> None:
        """From now on it is so."""
        packed = struct.pack("dd", clock_s, float(is_read_only))
        with os.fdopen(os.open(self.file, os.O_RDWR | os.O_CREAT), "r+b") as file:
            file.write(packed)


class Forked:
    """A running fork, asked for as a `subprocess.Popen` is.

    code  that it wrote when it ended; None: it runs, or was killed
    """

    def __init__(self, pid: int, code: Path) -> None:
        self.pid = pid
        self._code = code
        self._handle: int | None = os.pidfd_open(pid)

    @property
    def code(self) -> int | None:
        return int(self._code.read_text("ascii")) if self._code.exists() else None

    def poll(self) -> int | None:
        """None: it runs."""
        if not self._has_ended(0):
            return None
        return -9 if self.code is None else self.code

    def wait(self, timeout: float | None = None) -> None:
        """Raises subprocess.TimeoutExpired."""
        if not self._has_ended(timeout):
            raise subprocess.TimeoutExpired("atalaia", timeout or 0.0)

    def send_signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self._handle is not None:
                signal.pidfd_send_signal(self._handle, number)

    def _has_ended(self, timeout: float | None) -> bool:
        """Whether it has, within so many seconds. Then its handle is closed: a long run starts more
        than a process may have files open."""
        if self._handle is not None:
            watched = select.poll()
            watched.register(self._handle, select.POLLIN)
            if watched.poll(None if timeout is None else timeout * 1000):
                os.close(self._handle)
                self._handle = None
        return self._handle is None


class Forks:
    """The process that is forked. Use it in a with block; it ends with it, and its forks too."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._codes = tempfile.TemporaryDirectory()
        self._n = 0
        self._lock = threading.Lock()

    def start(
        self, words: Sequence[str], env: Mapping[str, str], folder: Path, log: IO[bytes]
    ) -> Forked:
        """Fork one that does this command of ours, and writes to this log."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._n += 1
            code = Path(self._codes.name, str(self._n))
            asked = {
                "words": list(words),
                "env": dict(env),
                "folder": str(folder),
                "log": log.name,
                "code": str(code),
            }
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            return Forked(int(self._process.stdout.readline()), code)

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._codes.cleanup()


def _serve() -> None:
    """Fork one for each line that is read."""
    # Before anything keeps it: what is imported below asks this one what time it is.
    time.time = _now
    for name in imported():
        with contextlib.suppress(ImportError):
            __import__(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody has to be buried
    for line in sys.stdin:
        if pid := os.fork():
            print(pid, flush=True)
        else:
            _become(json.loads(line))


def imported() -> list[str]:
    """The modules that some command or some running watch imports, sooner or later."""
    import atalaia  # noqa: PLC0415

    ours = [one.name for one in pkgutil.walk_packages(atalaia.__path__, "atalaia.")]
    theirs = ["anyio._backends._asyncio", "numpy.ma", "pydantic.v1", "rich.traceback", "structlog"]
    return [name for name in ours if ".aws" not in name and "__main__" not in name] + theirs


def _become(asked: dict[str, Any]) -> NoReturn:
    """The command, in this process, which has just been forked."""
    global _control  # noqa: PLW0603
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # none outlives who broke it
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["folder"])
    log = os.open(asked["log"], os.O_WRONLY | os.O_APPEND)
    for handle, of in ((os.open(os.devnull, os.O_RDONLY), 0), (log, 1), (log, 2)):
        os.dup2(handle, of)
    if control := os.environ.get("CHAOS_CONTROL"):
        with Path(control).open("rb") as file:
            _control = mmap.mmap(file.fileno(), 16, access=mmap.ACCESS_READ)
    if os.environ.get("CHAOS_DISK"):
        from held_disk import hold  # noqa: PLC0415

        hold(_is_read_only, os.environ.get("CHAOS_SYNC", ""))
    from atalaia.cli import main  # noqa: PLC0415

    sys.argv = ["atalaia", *asked["words"]]
    code = 1
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    Path(asked["code"]).write_text(str(code), "ascii")
    os._exit(code)


if __name__ == "__main__":
    _serve()
