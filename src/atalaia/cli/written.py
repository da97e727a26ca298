"""An answer of SQL to stdout, in the form that was asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from atalaia.cli.options import while_read

if TYPE_CHECKING:
    from atalaia.ports import Result

Form = Literal["table", "csv", "json", "parquet"]


def write(answer: Result, form: Form) -> None:
    """Write it. Parquet is written whole first: its end says what its beginning is."""
    from atalaia.report.table import render

    if form != "parquet":
        with while_read():
            render(answer, form, sys.stdout)
        return
    with whole() as file:
        from atalaia.report.parquet import write_parquet

        write_parquet(answer, file)


@contextmanager
def whole() -> Iterator[Path]:
    """A new file that is to be written, and goes to stdout once it is."""
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory(prefix="atalaia-sql-") as folder:
        file = Path(folder) / "answer.parquet"
        yield file
        with while_read(), file.open("rb") as written:
            shutil.copyfileobj(written, sys.stdout.buffer)
