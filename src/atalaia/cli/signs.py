"""What the doctor finds, one thing at a time."""

from __future__ import annotations

import msgspec


class Sign(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at. `do_next` is empty where there is nothing to do."""

    what: str
    is_well: bool
    says: str
    do_next: str = ""


def well(what: str, says: str) -> Sign:
    """Nothing is to be done about it."""
    return Sign(what=what, is_well=True, says=says)


def wrong(what: str, says: str, do_next: str) -> Sign:
    """It is told, with the next step."""
    return Sign(what=what, is_well=False, says=says, do_next=do_next)
