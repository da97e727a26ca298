"""docs/growth.md has what tools/growth.py prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def printed(*arguments: str) -> str:
    command = [sys.executable, ROOT / "tools" / "growth.py", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def without_sms(text: str) -> list[float]:
    row = next(line for line in text.splitlines() if "without SMS" in line)
    return [float(cell.strip(" *").replace(",", "")) for cell in row.split("|")[2:-1]]


def test_the_page_has_what_the_tool_prints() -> None:
    page = (ROOT / "docs" / "growth.md").read_text("utf-8")
    assert printed().strip() in page


def test_asking_more_often_and_dearer_prices_cost_more() -> None:
    usual = without_sms(printed())
    assert all(a < b for a, b in zip(usual, without_sms(printed("--interval", "300")), strict=True))
    dear = without_sms(printed("--prices-times", "2"))
    assert all(abs(b - 2 * a) <= 2 for a, b in zip(usual, dear, strict=True))
