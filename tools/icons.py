"""Draw the icons of the installed page, as PNG, from the shapes of `icon.svg`.

python tools/icons.py src/atalaia/page/files/icons
"""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.float64]

GROUND, TOWER, ROOF = (0x0E, 0x5A, 0x5D), (0xFF, 0xFF, 0xFF), (0xFF, 0xB4, 0x54)
SAMPLES = 4


def grid(size: int, scale: float) -> tuple[Mask, Mask]:
    """Points of the drawing's 32 by 32 units under `SAMPLES` samples a pixel and direction."""
    line = (np.arange(size * SAMPLES) + 0.5) / (size * SAMPLES) * 32
    line = (line - 16) / scale + 16
    x, y = np.meshgrid(line, line)
    return x, y


def polygon(x: Mask, y: Mask, *points: tuple[float, float]) -> Mask:
    """A convex one, its points clockwise on the screen."""
    inside = np.ones_like(x, bool)
    for (x1, y1), (x2, y2) in zip(points, (*points[1:], points[0]), strict=True):
        inside &= (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1) >= 0
    return inside.astype(float)


def rounded(x: Mask, y: Mask, radius: float) -> Mask:
    away = [np.maximum(np.abs(one - 16) - (16 - radius), 0) for one in (x, y)]
    return (np.hypot(*away) <= radius).astype(float)


def covered(mask: Mask) -> Mask:
    """How much of each pixel."""
    size = len(mask) // SAMPLES
    return mask.reshape(size, SAMPLES, size, SAMPLES).mean(axis=(1, 3))


def drawn(size: int, *, scale: float = 1.0, radius: float = 7.0, is_badge: bool = False) -> bytes:
    x, y = grid(size, scale)
    tower = polygon(x, y, (11.5, 14.5), (20.5, 14.5), (21.9, 27.5), (10.1, 27.5))
    roof = polygon(x, y, (7.5, 12.8), (16, 6), (24.5, 12.8))
    light = (np.hypot(x - 16, y - 20) <= 2.4).astype(float)
    image = np.zeros((size, size, 4))
    if is_badge:  # its shape alone counts, in whatever colour the phone has
        image[:] = 255
        image[..., 3] = 255 * covered(np.clip(tower + roof - light, 0, 1))
    else:
        image[..., :3] = GROUND
        ground = np.ones_like(x) if not radius else rounded(*grid(size, 1.0), radius)
        image[..., 3] = 255 * covered(ground)
        for mask, colour in ((tower, TOWER), (roof, ROOF), (light, GROUND)):
            part = covered(mask)[..., None]
            image[..., :3] = image[..., :3] * (1 - part) + np.array(colour) * part
    return png(np.rint(image).astype(np.uint8))


def png(image: NDArray[np.uint8]) -> bytes:
    height, width, _ = image.shape
    # Each row as its difference from the one above (filter 2): flat shapes then are mostly zeros.
    above = np.vstack([np.zeros_like(image[:1]), image[:-1]])
    rows = (image - above).reshape(height, -1)
    data = b"".join(b"\x02" + row.tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(data, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in (
        ("180", drawn(180, radius=0, scale=0.9)),  # Apple rounds it itself
        ("192", drawn(192)),
        ("512", drawn(512)),
        ("maskable", drawn(512, radius=0, scale=0.75)),
        ("badge", drawn(96, is_badge=True, scale=1.3)),
    ):
        (folder / f"{name}.png").write_bytes(body)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
