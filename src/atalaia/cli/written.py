"""An answer of SQL to stdout, in the form that was asked for."""

from __future__ import annotations

import sys
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
    import shutil
    import tempfile

    from atalaia.report.parquet import write_parquet

    with tempfile.TemporaryDirectory(prefix="atalaia-sql-") as folder:
        file = Path(folder) / "answer.parquet"
        write_parquet(answer, file)
        with while_read(), file.open("rb") as whole:
            shutil.copyfileobj(whole, sys.stdout.buffer)
