"""GOLD that cannot be read: whoever asks is told to come again, and nothing of the machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from atalaia import rules
from atalaia.api.history import MemoryHistory
from atalaia.api.problem import Problem
from atalaia.homes.embedded import open_home
from atalaia.sources import decode_all
from telling import NOON, PLACES


def test_where_gold_is_damaged_the_answer_names_no_folder_and_the_log_does(tmp_path: Path) -> None:
    with open_home(tmp_path, exclusive=False) as home:
        home.lake.write("gold/readings/source=x/date=2026-01-10/part.parquet", b"PAR1, no more")
        history = MemoryHistory(PLACES, rules.load("inmet"), home, decode_all(PLACES), lambda: NOON)
        with capture_logs() as logs, pytest.raises(Problem) as told:
            asyncio.run(history.seen(NOON - 86_400, 24, {}))
    assert told.value.status == 503
    assert str(tmp_path) not in bytes(told.value.response().body).decode()
    assert any(str(tmp_path) in str(one.get("reason")) for one in logs)
