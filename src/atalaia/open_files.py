"""Whether others on this machine may use a file that holds a secret."""

from __future__ import annotations

import stat
from pathlib import Path

_OTHERS = stat.S_IRWXO | stat.S_IWGRP
"""A group may read: so some hand secrets to services."""


def is_open_to_others(file: Path) -> bool:
    """Whether others may read or change it, or its group may change it. Raises OSError."""
    return bool(stat.S_IMODE(file.stat().st_mode) & _OTHERS)
