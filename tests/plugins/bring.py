"""Packages that bring plug-ins, written into a folder as pip would install them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from atalaia.plugins import found


def forget() -> None:
    """Look for packages anew."""
    for known in (found._names, found.source, found.channel):
        known.cache_clear()


def package(folder: Path, name: str, code: str, *, sources: str = "", channels: str = "") -> None:
    """A package with one module; `sources` and `channels` are its entry points, a line each."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(code, "utf-8")
    about = folder / f"{name}-1.2.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    points = f"[atalaia.sources]\n{sources}\n[atalaia.channels]\n{channels}\n"
    (about / "entry_points.txt").write_text(points)


@contextmanager
def installed(folder: Path) -> Iterator[None]:
    """What was written into this folder is installed."""
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    forget()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            origin = getattr(sys.modules[name], "__file__", None) or ""
            if origin.startswith(str(folder)):
                del sys.modules[name]
        forget()
