from __future__ import annotations

import io
import sys

import pytest

from atalaia.cli import waiting
from patience import wait_until


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_can_be_counted_stands_in_the_line_of_who_waits_and_not_in_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(waiting, "SLOW_S", 0.0)
    monkeypatch.setattr(waiting, "_AGAIN_S", 0.01)

    @waiting.slow
    def counts() -> None:
        waiting.so_far(3, 30)
        wait_until(lambda: "0 s  3/30" in screen.getvalue())

    @waiting.slow
    def counts_nothing() -> None:
        wait_until(lambda: "… 0 s" in screen.getvalue())

    counts()
    assert screen.getvalue().endswith("\r\x1b[K")
    screen.truncate(0)
    counts_nothing()
    assert "/" not in screen.getvalue()
