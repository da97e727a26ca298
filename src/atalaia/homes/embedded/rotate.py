"""Another master key in place of the one that wraps people's keys, while the home is in use.

```
1  master.key.old   the master key, copied: what opens with it still does
2  master.key       a new one in its place; what is made from now on is wrapped by it
3  each key         wrapped anew
4  master.key.old   overwritten and removed
```

Who reads a key tries the master key and then the old one (`wrap.MasterKey`), and so opens all
of them at any of these moments. Killed anywhere, doing it again goes on where it was. What changes
a file keeps all others from making, destroying or copying keys (`FolderKeys.alone`), each time for
a moment.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from atalaia.errors import StateConflict
from atalaia.homes.embedded import durable
from atalaia.homes.embedded.keys import FolderKeys
from atalaia.homes.embedded.wrap import MasterKey
from atalaia.wrap import KEY_BYTES


class Rotated(NamedTuple):
    """How many keys were wrapped anew, and whether this finished what was begun before."""

    keys: int
    is_resumed: bool


def rotate_master(keys: FolderKeys) -> Rotated:
    """Put a new master key in place, wrap all keys with it, and destroy the old one.

    To be done by one process at a time. Raises StateConflict where a file cannot be written, and
    where a key opens with neither master key: then the old one stays.
    """
    master = keys.master
    try:
        is_resumed = _begin(keys, master)
        files = keys.files()
        unopened: list[str] = []
        done = 0
        for file, name in files:
            with keys.alone():
                try:
                    again = master.wrapped_anew(file.read_bytes(), name)
                except FileNotFoundError:  # destroyed meanwhile
                    continue
                except StateConflict:
                    unopened.append(name)
                    continue
                if again is not None:
                    durable.replace(file, again)
                    done += 1
        if unopened:
            raise StateConflict(
                f"{len(unopened)} keys, of {unopened[0]} first, open with neither master key; "
                f"{master.old} is kept: put their files back from a backup, or erase these people, "
                "and rotate again"
            )
        with keys.alone():
            durable.destroy(master.old)
    except OSError as error:
        raise StateConflict(
            f"{error.filename or master.file} cannot be written: {error.strerror}; mend that and "
            "rotate again"
        ) from error
    return Rotated(done, is_resumed)


def _begin(keys: FolderKeys, master: MasterKey) -> bool:
    """Have a new master key in place; whether it was before."""
    with keys.alone():
        current = master.file.read_bytes()
        if master.old.exists():
            if master.old.read_bytes() != current:
                return True
            durable.destroy(master.old)  # killed before there was a new one
        durable.create(master.old, current)
        durable.replace(master.file, os.urandom(KEY_BYTES))
    return False
