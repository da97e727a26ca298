"""A function's container: AWS's runtime client in a process whose strings a test holds.

``python -m aws.container HANDLER``; the variable `STRINGS` names the file of them. The handler, the
client and all that they import are what Lambda runs; the clock alone is set, and the process may
die at a call to AWS: by SIGKILL, with no word to anybody.
"""

from __future__ import annotations

import mmap
import os
import signal
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any

STRINGS = "TEST_STRINGS"


class Strings:
    """Three numbers that a test and a container share.

    ahead_s    by how much the container's clock is ahead of the machine's
    fuse       n: it dies before its nth call to AWS from now; -n: right behind it; 0: it lives
    calls      how many calls to AWS it has made
    """

    _SHAPE = struct.Struct("<dqq")

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(self._SHAPE.size))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), self._SHAPE.size)

    @property
    def ahead_s(self) -> float:
        return float(self._read()[0])

    @ahead_s.setter
    def ahead_s(self, value: float) -> None:
        struct.pack_into("<d", self._shared, 0, value)

    @property
    def fuse(self) -> int:
        return int(self._read()[1])

    @fuse.setter
    def fuse(self, value: int) -> None:
        struct.pack_into("<q", self._shared, 8, value)

    @property
    def calls(self) -> int:
        return int(self._read()[2])

    @calls.setter
    def calls(self, value: int) -> None:
        struct.pack_into("<q", self._shared, 16, value)

    def _read(self) -> tuple[Any, ...]:
        return self._SHAPE.unpack_from(self._shared)


def set_clock(strings: Strings) -> None:
    real = time.time
    time.time = lambda: real() + strings.ahead_s


def make_mortal(strings: Strings) -> None:
    from botocore.client import BaseClient

    call = BaseClient._make_api_call
    counting = threading.Lock()

    def mortal(client: Any, operation: str, arguments: Any) -> Any:
        with counting:
            strings.calls += 1
            fuse = strings.fuse
            if fuse:
                strings.fuse = fuse - 1 if fuse > 0 else fuse + 1
        if fuse == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = call(client, operation, arguments)
        if fuse == -1:  # AWS has done it, and nobody heard
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    BaseClient._make_api_call = mortal


if __name__ == "__main__":
    from awslambdaric.__main__ import main

    held = Strings(Path(os.environ.pop(STRINGS)))
    set_clock(held)
    make_mortal(held)
    main(sys.argv)
