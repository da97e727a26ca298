"""A figure: what took how long, beside whom, and whether that reaches its aim.

Each bench tells its figures by `tell`, in words; `tools/bench_table.py` gathers them from the file
that ``ATALAIA_BENCH_FIGURES`` names.
"""

from __future__ import annotations

import json
import os
import platform
import resource
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple


class Figure(NamedTuple):
    """One figure.

    what      was measured
    ours      median of the turns, in `unit`: of a rate (``rows/s``) more is better, of all else
              (``s``, ``ms``, ``MB``) less is
    aim       with a peer: how many times as quick; without one: `ours` itself, in its unit; None:
              it is told as it is
    theirs    the peer's median of the same turns; None: there is no peer
    peer      its name and version
    """

    what: str
    ours: float
    unit: str
    aim: float | None
    theirs: float | None = None
    peer: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times as quick as the peer."""
        if self.theirs is None:
            return None
        return self.ours / self.theirs if self.is_rate else self.theirs / self.ours

    @property
    def is_rate(self) -> bool:
        return self.unit.endswith("/s")

    @property
    def reaches(self) -> bool | None:
        """None: there is no aim."""
        if self.aim is None:
            return None
        if self.ratio is not None:
            return self.ratio >= self.aim
        return self.ours >= self.aim if self.is_rate else self.ours <= self.aim

    def cells(self) -> list[str]:
        """What, ours, the peer, its figure, the ratio, the aim, and whether it is reached."""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        theirs = "" if self.theirs is None else _said(self.theirs, self.unit)
        word = {True: "ok", False: "short", None: ""}[self.reaches]
        return [
            self.what, _said(self.ours, self.unit), self.peer, theirs, ratio, self._aim(), word
        ]  # fmt: skip

    def _aim(self) -> str:
        if self.aim is None:
            return ""
        bound = "at least" if self.ratio is not None or self.is_rate else "at most"
        aim = f"{self.aim:g}" if self.ratio is not None else _said(self.aim, self.unit)
        return f"{bound} {aim}"


def on_one_core() -> None:
    """From now on this process, and what it starts, is on one core, as a peer of one thread is.
    Where a system knows no such thing nothing happens."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def tell(figures: Sequence[Figure], memory_mb: float | None = None) -> None:
    """Print the figures, with the memory that this process had at most (or that is given), and
    hand them on."""
    if memory_mb is None:
        memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    for each in figures:
        what, ours, peer, theirs, ratio, aim, word = each.cells()
        beside = f"{peer} {theirs}, ratio {ratio}" if peer else ""
        print(f"{what:<48} {ours:>16}  {beside:<48} {aim:<20} {word}")
    print(f"memory of both, at most {memory_mb:.0f} MB")
    if file := os.environ.get("ATALAIA_BENCH_FIGURES"):
        with Path(file).open("a", encoding="utf-8") as lines:
            for each in figures:
                cells = [*each.cells(), f"{memory_mb:.0f} MB"]
                lines.write(json.dumps(cells, ensure_ascii=False) + "\n")


def named(package: str) -> str:
    """A package with its version."""
    return f"{package} {version(package)}"


PYTHON = f"Python {platform.python_version()}"


def _said(number: float, unit: str) -> str:
    digits = 0 if abs(number) >= 100 else 2 if abs(number) < 10 else 1
    return f"{number:,.{digits}f} {unit}"
