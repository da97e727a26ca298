"""BUFR's tables B and D, made from the package eccodes (its library carries them).

    pip install eccodes
    python tools/bufr_tables.py [src/atalaia/data/bufr_tables.zst]

writes what `atalaia.sources.bufr.tables` reads: of each element how its bits become a value, of
each sequence what it stands for; the newest of WMO's versions, and the local ones that the package
has. The tables are WMO's (No. 306, Manual on Codes, volume I.2) and, the local ones, their
centres'; in this form ECMWF's, Apache-2.0, and the first line of the file says so. The same
package makes the same bytes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import msgspec
import zstandard

from atalaia.sources.bufr.tables import Element, StoredTables, Table

TARGET = Path(__file__).resolve().parents[1] / "src/atalaia/data/bufr_tables.zst"
ROOT = "bufr/tables/0"
KINDS = {"string": "text", "table": "code", "flag": "code", "long": "number", "double": "number"}


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    library = _Library()
    newest = max(int(path.split("/")[1]) for path in library.folders if path.startswith("wmo/"))
    stored = StoredTables(
        version=newest,
        wmo=library.table(f"wmo/{newest}"),
        local={
            "/".join(path.split("/")[1:]): library.table(path)
            for path in sorted(library.folders)
            if re.fullmatch(r"local/\d+/\d+/\d+", path)
            # A centre's offices mostly share its tables: what is told of office 0 is not repeated.
            and (path.endswith("/0") or library.differs(path, path.rpartition("/")[0] + "/0"))
        },
    )
    header = (
        f"Atalaia BUFR tables, format 1. Tables B and D of WMO-No. 306, Manual on Codes, volume "
        f"I.2, version {newest}, and local ones, as ecCodes {version('eccodes')} has them "
        f"(https://github.com/ecmwf/eccodes, ECMWF, Apache-2.0); rearranged.\n"
    )
    squeeze = zstandard.ZstdCompressor(level=19, write_content_size=True)
    body = header.encode() + squeeze.compress(msgspec.msgpack.encode(stored))
    target.write_bytes(body)
    print(f"{target}: {len(body)} bytes, {len(stored.wmo.elements)} elements")


class _Library:
    """The files that the package's library holds within itself."""

    def __init__(self) -> None:
        spec = find_spec("eccodeslib")
        if spec is None or spec.origin is None:
            raise SystemExit("the package eccodes is not here: pip install eccodes")
        self._package = Path(spec.origin).parent
        held = (self._package / "lib64/libeccodes_memfs.so").read_bytes()
        found = re.findall(rf"{ROOT}/((?:wmo|local)/[0-9/]+)/element\.table".encode(), held)
        self.folders = {path.decode() for path in found}
        self._texts: dict[str, str] = {}

    def text(self, path: str) -> str:
        if path not in self._texts:
            self._texts[path] = self._exported(path)
        return self._texts[path]

    def _exported(self, path: str) -> str:
        libraries = [str(each) for each in self._package.parent.glob("*/lib64")]
        with tempfile.NamedTemporaryFile() as out:
            done = subprocess.run(
                [self._package / "bin/codes_export_resource", "-d", f"{ROOT}/{path}", out.name],
                env={**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)},
                capture_output=True,
                check=False,
            )
            return Path(out.name).read_text("utf-8") if done.returncode == 0 else ""

    def differs(self, path: str, other: str) -> bool:
        return other not in self.folders or any(
            self.text(f"{path}/{name}") != self.text(f"{other}/{name}")
            for name in ("element.table", "sequence.def")
        )

    def table(self, path: str) -> Table:
        elements = {}
        for line in self.text(f"{path}/element.table").splitlines():
            if line.startswith("#") or not line.strip():
                continue
            code, _, kind, _, _, scale, reference, width = line.split("|")[:8]
            elements[int(code)] = Element(KINDS[kind], int(scale), int(reference), int(width))
        sequences = {
            int(code): [int(each) for each in re.findall(r"\d+", members)]
            for code, members in re.findall(
                r'"(\d{6})"\s*=\s*\[([^\]]*)\]', self.text(f"{path}/sequence.def")
            )
        }
        return Table(elements, sequences)


if __name__ == "__main__":
    main()
