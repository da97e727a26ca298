"""People in blocks: what holds many of them together has a key a block, so that destroying one
person's takes no more than a block with it."""

from __future__ import annotations

import zlib

BLOCKS = 64

HEAD = BLOCKS
"""The number of one more: for what says who is in which block, and nothing of what they wish."""


def block_of(pseudonym: str) -> int:
    """Whose block, from 0 on: always the same."""
    return zlib.crc32(pseudonym.encode()) % BLOCKS


def key_name(block: int) -> str:
    """What its key is wrapped under, in every home."""
    return f"recipients.{block}"
