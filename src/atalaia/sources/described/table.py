"""An answer of a described source → columns, one a path, of JSON or of CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from atalaia.sources.body import read_json, value_at
from atalaia.sources.described.description import Description
from atalaia.sources.rejects import Rejects, Unreadable, shown

_LONGEST_CELL = 200_000


class DescribedRows(NamedTuple):
    """The n rows of an answer.

    column   a path → what stands there in each row, shape (n,); None where nothing does
    numbers  of each row, from 1: as the answer has them
    """

    column: Callable[[str], list[Any]]
    numbers: Sequence[int]


def rows_of(description: Description, answer: bytes, rejects: Rejects) -> DescribedRows:
    """The rows of an answer. Raises Unreadable."""
    if description.format == "csv":
        return _of_csv(description, answer, rejects)
    body = read_json(answer, rejects)
    found = value_at(body, description.rows)
    if found is None:
        raise Unreadable("no rows", f"nothing stands at {description.rows!r}")
    if isinstance(found, dict) and isinstance(value_at(found, description.time), list):
        return _side_by_side(found, len(value_at(found, description.time)), rejects)
    rows = found if isinstance(found, list) else [found]
    good = [(number, row) for number, row in enumerate(rows, 1) if isinstance(row, dict | list)]
    if len(good) < len(rows):
        rejects.add("not a row", f"{len(rows) - len(good)} of {len(rows)} hold no values by name")
    kept = [row for _, row in good]
    return DescribedRows(lambda path: [value_at(row, path) for row in kept], [n for n, _ in good])


def _side_by_side(found: dict[str, Any], n: int, rejects: Rejects) -> DescribedRows:
    """Lists that belong together: the first of each is the first row."""

    def column(path: str) -> list[Any]:
        values = value_at(found, path)
        if not isinstance(values, list):
            return [values] * n  # said once, of all
        if len(values) != n:
            rejects.add("lists of several lengths", f"{path}: {len(values)}, and {n} times")
            return [None] * n
        return values

    return DescribedRows(column, range(1, n + 1))


def _of_csv(description: Description, answer: bytes, rejects: Rejects) -> DescribedRows:
    if not answer.strip():
        raise Unreadable("empty body")
    if answer.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise Unreadable("HTML instead of CSV")
    try:
        text = answer.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        rejects.add("not UTF-8", f"{error.reason}; such letters are replaced")
        text = answer.decode("utf-8-sig", "replace")
    # No cell runs over a line's end: one lost quote costs one line.
    lines = [_cells(line, description.delimiter) for line in io.StringIO(text)]
    header = next((number for number, cells in enumerate(lines) if cells), None)
    if header is None:
        raise Unreadable("no header", "no line has cells")
    names = [name.strip() for name in lines[header]]
    if len(set(names)) < len(names):
        raise Unreadable("column twice", shown(", ".join(names)))
    kept: list[list[str]] = []
    numbers: list[int] = []
    for number, cells in enumerate(lines[header + 1 :], header + 2):
        if len(cells) == len(names):
            kept.append(cells)
            numbers.append(number)
        elif cells:
            rejects.add("another width", f"line {number}: {len(cells)} cells, not {len(names)}")
    columns = dict(zip(names, zip(*kept, strict=True), strict=True)) if kept else {}

    def column(path: str) -> list[Any]:
        if path not in names:
            rejects.add("no such column", f"{shown(path)}: there are {', '.join(names)}")
        cells = columns.get(path, ())
        return [cell.strip() or None for cell in cells] or [None] * len(kept)

    return DescribedRows(column, numbers)


def _cells(line: str, delimiter: str) -> list[str]:
    if not line.strip():
        return []
    try:
        return next(csv.reader([line[:_LONGEST_CELL].rstrip("\r\n")], delimiter=delimiter), [])
    except csv.Error:
        return ["\0"]
