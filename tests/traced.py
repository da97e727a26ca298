"""What something holds of memory while it is done."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable


def most_held(do: Callable[[], object]) -> int:
    """Bytes of Python's own that were held at most, of what was not there before."""
    tracemalloc.start()
    try:
        do()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
