"""Slow, plainly written versions of what Atalaia computes quickly, to hold it against.

`cases` says how many: a few in CI, as many as ``make oracles`` asks for there.
"""

import os


def cases(short: int) -> int:
    """How many cases a test tries: `short`, or so many times as ATALAIA_ORACLES says."""
    return short * int(os.environ.get("ATALAIA_ORACLES", "1"))


HISTORIES = cases(60)
"""Random histories that detection lives through."""
