"""`make load` in its short form: how soon, and in how much memory, the long one says."""

from __future__ import annotations

import asyncio
import sys

import pytest

from load import load
from storm import table

SECONDS, PEOPLE, A_SECOND = 3, 200, 200


@pytest.mark.skipif(sys.platform != "linux", reason="memory and CPU are read from /proc")
def test_under_load_nothing_is_lost_altered_doubled_or_told_twice() -> None:
    measured, row = asyncio.run(load(SECONDS, PEOPLE, A_SECOND))
    assert row.is_good, "\n" + table([row])
    assert measured.pushed == SECONDS * A_SECOND + 3 * 10 * A_SECOND
    assert measured.told_p50_s > 0
    assert len(measured.lines()) == 6
