"""`make chaos` in its short form: a running watch is broken in many ways, and judged."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest

from chaos import chaos
from patience import slowness
from storm import table

KILLS = int(os.environ.get("ATALAIA_CHAOS_KILLS", "12"))
"""The other faults are done in proportion: about as many again."""


@pytest.mark.skipif(sys.platform != "linux", reason="pidfd, prlimit and tmpfs are Linux's")
def test_nothing_is_lost_altered_doubled_or_told_twice_whatever_breaks() -> None:
    rows = asyncio.run(chaos(KILLS, seed=os.getpid(), slow=slowness()))
    assert len(rows) >= 10
    assert all(row.is_good for row in rows), "\n" + table(rows)
