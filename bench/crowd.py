"""Many made-up subscribers in a home, each sealed with a key of their own, as real ones are.

What a real one costs is an fsync or two; here what is written is synced once, at the end.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from atalaia.domain.contact import Contact
from atalaia.domain.subscription import Circle, Person, Subscription
from atalaia.homes.embedded import open_home
from atalaia.metrics import Metrics
from atalaia.notify.recipients import Recipients
from atalaia.notify.snapshots import Snapshots
from atalaia.people.codes import lookup_of
from atalaia.people.registry import Registry
from atalaia.people.rows import CONFIRMED, Address, Kept, contact_row, seal_person
from atalaia.ports import PersonRow

AGO_S = 30 * 86_400


def subscribe_many(home: Path, n: int, chance: random.Random) -> None:
    """`n` people, each with an e-mail address and a circle somewhere that is not at longitude 0,
    who came a month ago."""
    now = int(time.time()) - AGO_S
    names = (f"p_load{i:010}" for i in range(n))
    keep_many(
        home,
        (
            (_person(name, now, chance), Contact("email", f"load{i}@example.org"))
            for i, name in enumerate(names)
        ),
    )


def keep_many(home: Path, people: Iterable[tuple[Person, Contact]]) -> None:
    """People with their one address, since when they say they came."""
    with open_home(home) as opened, _unsynced():
        opened._database.rows("PRAGMA synchronous=OFF")
        registry = Registry(opened.people, opened.keys)
        vault = registry.vault
        for person, contact in people:
            name, channel, now = person.pseudonym, contact.channel, person.since
            vault.make_key(name)
            kept = Kept(person=person, wanted=(channel,))
            lookup = lookup_of(registry.lookups, contact)
            address = Address(contact=contact, how="load")
            opened.people.put(
                PersonRow(
                    pseudonym=name,
                    sealed=seal_person(vault, kept),
                    created_at=now,
                    confirmed_at=now,
                ),
                [contact_row(vault, name, channel, lookup, address, CONFIRMED, now)],
            )
    os.sync()


def keep_snapshot(home: Path) -> None:
    """What a watch leaves for the next one: everybody who is told, at once."""
    with open_home(home) as opened:
        registry = Registry(opened.people, opened.keys)
        snapshots = Snapshots(opened, Metrics(), least=1)
        recipients = Recipients(registry.load, (), read=registry.read, snapshots=snapshots)
        recipients.refresh()
        recipients.keep(int(time.time()))


def _person(name: str, now: int, chance: random.Random) -> Person:
    where = Circle(
        name="here",
        latitude=round(chance.uniform(-33, 5), 4),
        longitude=round(chance.uniform(-73, -35), 4),
        radius_km=25.0,
    )
    wish = Subscription(id="s1", where=(where,), hazards={"wind": "yellow"}, since=now)
    return Person(
        pseudonym=name,
        language="pt-BR",
        channels=("email",),
        since=now,
        subscriptions=(wish,),
    )


@contextmanager
def _unsynced() -> Iterator[None]:
    sync, os.fsync = os.fsync, lambda _: None
    try:
        yield
    finally:
        os.fsync = sync
