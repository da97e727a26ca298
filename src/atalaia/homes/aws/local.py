"""The lake with files at hand: DuckDB opens a path, and what is asked for is fetched there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from atalaia.ports import Lake


class LocalLake(Lake):
    """Fills `ports.Lake` over another. Files lie in a folder of their own until it is closed."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._folder = tempfile.TemporaryDirectory(prefix="atalaia-lake-")

    def write(self, key: str, body: bytes) -> None:
        self._lake.write(key, body)
        self._file(key).unlink(missing_ok=True)

    def read(self, key: str) -> bytes:
        return self._lake.read(key)

    def keys(self, prefix: str) -> list[str]:
        return self._lake.keys(prefix)

    def delete(self, key: str) -> None:
        self.delete_all([key])

    def delete_all(self, keys: Iterable[str]) -> None:
        gone = list(keys)
        self._lake.delete_all(gone)
        for key in gone:
            self._file(key).unlink(missing_ok=True)

    def path(self, key: str) -> Path:
        """The file, fetched; one that is not there has an absent path."""
        file = self._file(key)
        if not file.exists():
            try:
                body = self._lake.read(key)
            except KeyError:
                return file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
        return file

    def close(self) -> None:
        """Remove the files."""
        self._folder.cleanup()

    def _file(self, key: str) -> Path:
        return Path(self._folder.name) / key
