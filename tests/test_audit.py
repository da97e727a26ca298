"""An audit that could not be made says so, and never that nothing is known."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from tools.audit import asked, told_of_npm, told_of_python

CLEAN = {"name": "numpy", "version": "2.0", "vulns": []}
SKIPPED = {"name": "duckdb", "skip_reason": "Dependency not found on PyPI and could not be audited"}
HIT = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-1"}, {"id": "GHSA-2"}]}


def said(*packages: object) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


@pytest.mark.parametrize(
    "answer", [None, "", "No known vulnerabilities found", "{}", said(), said(SKIPPED, CLEAN)]
)
def test_without_a_database_it_is_told_as_not_audited_and_is_no_failure(
    answer: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told_of_python(answer) == 0
    out, err = capsys.readouterr()
    assert "NOT AUDITED" in err
    assert "no advisory" not in out


def test_advisories_are_named_and_fail(capsys: pytest.CaptureFixture[str]) -> None:
    assert told_of_python(said(CLEAN, HIT)) == 1
    assert "old 1.0: PYSEC-1, GHSA-2" in capsys.readouterr().out
    assert told_of_python(said(SKIPPED, HIT)) == 1, "also where others have no answer"
    assert told_of_python(said(CLEAN)) == 0


def test_npms_answer_is_passed_on(capsys: pytest.CaptureFixture[str]) -> None:
    none = "page: 0 info, 0 low, 0 moderate, 0 high, 0 critical, 0 total\n"
    assert [told_of_npm(one) for one in (none, none.replace("0 high", "1 high"), "", None)] == [
        0, 1, 0, 0,
    ]  # fmt: skip
    assert "NOT AUDITED" in capsys.readouterr().err


def test_who_does_not_answer_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.audit.LIMIT_S", 0.2)
    assert asked([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path / "x") is None
    assert asked(["/no/such/program"], tmp_path / "x") is None
