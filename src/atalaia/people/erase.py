"""Forgetting a person: first the key, without which nothing of theirs can be read, then the rows.

What stays is that somebody under this pseudonym once agreed, and that they were erased.
"""

from __future__ import annotations

from collections.abc import Iterator

from atalaia.ports import Keys, People

_AT_ONCE = 100


def erase(people: People, keys: Keys, pseudonym: str, now: int) -> None:
    """Forget this person. Again, or for somebody unknown: nothing more happens.

    A crash in between is made good by `finish_erasures`. Raises StateConflict where the rows are
    gone, but another process keeps the store's older pages readable for a while.
    """
    keys.destroy(pseudonym, now)
    people.erase(pseudonym, now)


def finish_erasures(people: People, keys: Keys) -> Iterator[int]:
    """Erase again whoever's key was destroyed and whose rows are still there; yield how many, some
    at a time.

    To be called by who lets go of what is old (`retention`), and after a restore.
    """
    destroyed = keys.erased()
    for i in range(0, len(destroyed), _AT_ONCE):
        at = dict(destroyed[i : i + _AT_ONCE])
        left = people.some(list(at))
        for person in left:
            people.erase(person.pseudonym, at[person.pseudonym])
        yield len(left)
