"""Tables that come with the package: a line that says what they are and by whom, and zstd."""

from __future__ import annotations

from importlib.resources import files

import zstandard


def shipped(name: str) -> bytes:
    """What a file of the package's data holds after its first line, unpacked."""
    body = (files("atalaia") / "data" / name).read_bytes()
    return zstandard.ZstdDecompressor().decompress(body[body.index(b"\n") + 1 :])
