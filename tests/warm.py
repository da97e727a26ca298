"""The command in processes of its own that begin at once: each is forked from one that has imported
all of it, which else costs every one of them half a second of a processor."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from forks import imported
from patience import LIMIT_S

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(imported())


class Begun:
    """A command that has begun in this folder, as a shell begins one: it hears Ctrl-C.

    What it says is appended to the file `said`.
    """

    def __init__(self, folder: Path, *words: str, said: Path, **environment: str) -> None:
        self.words = words
        self._said = said
        said.write_bytes(b"")
        given = (words, str(folder), str(said), {**os.environ, **environment})
        self._process = _CONTEXT.Process(target=_become, args=given, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def code(self) -> int | None:
        """None: it goes on."""
        return self._process.exitcode

    @property
    def said(self) -> str:
        return self._said.read_text("utf-8")

    def interrupt(self) -> None:
        """Ctrl-C, and wait for its end."""
        os.kill(self.pid, signal.SIGINT)
        self._process.join(LIMIT_S)

    def kill(self) -> None:
        self._process.kill()
        self._process.join(LIMIT_S)


def _become(words: tuple[str, ...], folder: str, said: str, environment: Mapping[str, str]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    log = os.open(said, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    from atalaia.__main__ import main

    sys.argv = ["atalaia", *words]
    main()
