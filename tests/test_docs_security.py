"""docs/security.md: every requirement has a row, every row a test that is there or a reason."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parent
PAGE = (TESTS.parent / "docs/security.md").read_text("utf-8")

REQUIRED = """
1.2.1-5 1.3.1-2 1.5.1 2.1.1 2.2.1-2 2.3.1 3.2.1-2 3.3.1 3.4.1-2 3.5.1-3 4.1.1-3 4.2.1 4.3.1-2
4.4.1-4 5.2.1-2 5.3.1-2 6.1.1-3 6.2.1-12 6.3.1-4 6.4.1-4 6.5.1-5 6.6.1-3 6.8.1-4 7.2.1-4 7.4.1-2
8.1.1 8.2.1-2 8.3.1 9.1.1-3 9.2.1-4 10.4.1-5 11.3.1-2 11.4.1 12.1.1 12.2.1-2 13.1.1 13.2.1-5
13.3.1-2 13.4.1-5 14.1.1-2 14.2.1-4 14.3.1-3 15.1.1 15.2.1 15.3.1 16.1.1 16.2.1-5 16.3.1-4 16.4.1-3
16.5.1-3
"""
"""Level 1, and level 2 of chapters 4, 6, 9, 13, 14 and 16, of ASVS 5.0.0: of its 345 requirements
these, by the tables below ``5.0/en`` at its tag ``v5.0.0_release``."""

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| v5.0.0-")
]


def required() -> list[str]:
    found = []
    for text in REQUIRED.split():
        section, _, numbers = text.rpartition(".")
        first, _, last = numbers.partition("-")
        found += [f"v5.0.0-{section}.{n}" for n in range(int(first), int(last or first) + 1)]
    return found


def test_every_requirement_that_is_promised_has_a_row() -> None:
    told = [one for row in ROWS for one in row[0].split(", ")]
    assert sorted(told) == sorted(required())
    assert len(told) == 138


def test_every_row_has_a_test_that_is_there_or_a_reason() -> None:
    faults = []
    for row in ROWS:
        what, why = row[0], row[3]
        named = re.findall(r"([\w/]+\.py)::(\w+)", why)
        is_excused = re.match(r"not (met|applicable): \w.{15}", why) is not None
        if not named and not is_excused:
            faults.append(what)
        for file, test in named:
            path = TESTS / file
            if not path.is_file() or f"def {test}(" not in path.read_text("utf-8"):
                faults.append(f"{what}: {file}::{test}")
    assert faults == []
