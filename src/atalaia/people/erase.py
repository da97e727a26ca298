"""Forgetting a person: first the key, without which nothing of theirs can be read, then the rows.

What stays is that somebody under this pseudonym once agreed, and that they were erased.
"""

from __future__ import annotations

from atalaia.ports import Keys, People


def erase(people: People, keys: Keys, pseudonym: str, now: int) -> None:
    """Forget this person. Again, or for somebody unknown: nothing more happens.

    A crash in between is made good by `finish_erasures`. Raises StateConflict where the rows are
    gone, but another process keeps the store's older pages readable for a while.
    """
    keys.destroy(pseudonym, now)
    people.erase(pseudonym, now)


def finish_erasures(people: People, keys: Keys) -> int:
    """Erase again whoever's key was destroyed and whose rows are still there; return how many.

    To be called by who lets go of what is old (`retention`), and after a restore.
    """
    left = [(p, at) for p, at in keys.erased() if people.person(p) is not None]
    for pseudonym, at in left:
        people.erase(pseudonym, at)
    return len(left)
