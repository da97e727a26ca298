"""Many made-up subscribers in a home, each sealed with a key of their own, as real ones are.

What a real one costs is an fsync for each; here what is written is synced once at the end.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from atalaia.domain.contact import Contact
from atalaia.domain.subscription import Circle, Person, Subscription
from atalaia.homes.embedded import open_home
from atalaia.people.codes import lookup_of
from atalaia.people.rows import CONFIRMED, Address, Kept, contact_row, seal_person
from atalaia.people.vault import Vault

_AT_ONCE = 5_000


def subscribe_many(home: Path, n: int, chance: random.Random) -> None:
    """`n` people, each with an e-mail address and a circle somewhere that is not at longitude 0."""
    now = int(time.time())
    with open_home(home) as opened, _unsynced():
        vault = Vault(opened.keys)
        for first in range(0, n, _AT_ONCE):
            people, contacts = [], []
            for i in range(first, min(n, first + _AT_ONCE)):
                name = f"p_load{i:010}"
                vault.make_key(name)
                where = Circle(
                    name="here",
                    latitude=round(chance.uniform(-33, 5), 4),
                    longitude=round(chance.uniform(-73, -35), 4),
                    radius_km=25.0,
                )
                person = Person(
                    pseudonym=name,
                    language="pt-BR",
                    channels=("email",),
                    since=now,
                    subscriptions=(
                        Subscription(
                            id="s1", where=(where,), hazards={"wind": "yellow"}, since=now
                        ),
                    ),
                )
                contact = Contact("email", f"load{i}@example.org")
                address = Address(lookup=lookup_of(vault, contact), contact=contact, how="load")
                row = contact_row(vault, name, "email", address, CONFIRMED, now)
                sealed = seal_person(vault, Kept(person=person, wanted=("email",)))
                people.append((name, 1 + i, sealed, now, now))
                contacts.append(
                    (row.channel, row.lookup, name, row.sealed, row.status, row.since, 0)
                )
            with opened._database.transaction() as cursor:
                cursor.executemany("INSERT INTO people VALUES (?, ?, ?, ?, ?)", people)
                cursor.executemany("INSERT INTO contacts VALUES (?, ?, ?, ?, ?, ?, ?)", contacts)
    os.sync()


@contextmanager
def _unsynced() -> Iterator[None]:
    sync, os.fsync = os.fsync, lambda _: None
    try:
        yield
    finally:
        os.fsync = sync
