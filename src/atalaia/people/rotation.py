"""Another look-up key in place of the one that addresses are found by, while people are told.

```
1  a new key is made                  it is no more than a file
2  it is the current one              one write: what is new is found by it; the old one finds, too
3  confirmed contacts are made anew   person by person; each moves from the old to the new
4  30 days                            the old key finds what could not be made anew
5  what is left of it goes, and then the key itself
```

Killed anywhere, all are found; doing it again, or the upkeep of people, goes on where it was. The
store refuses a new contact that was not made with the current key, or that another person has by
an older one: so nobody can be there twice, whatever a process believed when it began.

What cannot be made anew, as nothing is kept that it was made of: counts of codes, which live for 30
days; addresses that were stopped while their person goes on; requests that wait. That is what the
old key is kept for. Persons' own keys are found by their hash (`lookups.of_secret`), or were once
looked up like addresses: these are renamed when they are used, and end with the old key if not.
"""

from __future__ import annotations

from typing import NamedTuple

from atalaia.errors import StateConflict
from atalaia.logs import Logger
from atalaia.people.codes import lookup_for
from atalaia.people.registry import Entry, Held, PersonChange, Registry
from atalaia.people.rows import CONFIRMED, KEY, contact_row, open_contact
from atalaia.people.tally import MONTH_S
from atalaia.ports import ContactRow, Keys, LookupKeys, People

KEPT_S = MONTH_S
"""An old key is kept for so long, from when nothing was left to be made anew."""

log = Logger()


class LookupsRotated(NamedTuple):
    """How many contacts were made anew, whether this finished what was begun before, and until
    when (Unix seconds) the old key is kept."""

    contacts: int
    is_resumed: bool
    until: int


def rotate_lookups(registry: Registry, now: int) -> LookupsRotated:
    """Put a new look-up key in place and make with it what the old one made.

    Raises StateConflict where the store cannot be used or a person's row does not open: then the
    old key stays, and doing it again goes on.
    """
    is_resumed = _begin(registry.people, registry.keys)
    done = _move_all(registry)
    until = now + KEPT_S
    known = registry.people.lookup_keys()
    old = {number: kept or until for number, kept in known.old.items()}
    registry.people.set_lookup_keys(known, LookupKeys(known.current, old))
    return LookupsRotated(done, is_resumed, until)


def go_on(registry: Registry, now: int) -> int:
    """Finish what was begun, and let go of old keys whose time is over; return how many."""
    people, keys = registry.people, registry.keys
    if 0 in people.lookup_keys().old.values():
        rotate_lookups(registry, now)
    known = people.lookup_keys()
    kept = {number: until for number, until in known.old.items() if not until or until > now}
    if kept != known.old:
        people.drop_outdated({known.current, *kept})
        people.set_lookup_keys(known, LookupKeys(known.current, kept))
    if known.current > 1:  # also what a crash before this left
        keys.destroy_lookup_keys(min((known.current, *kept)))
    return len(known.old) - len(kept)


def _begin(people: People, keys: Keys) -> bool:
    """Have a new key in place; whether one was that is not done with."""
    known = people.lookup_keys()
    if 0 in known.old.values():
        return True
    keys.lookup_key(known.current)  # made, where nobody was looked up yet
    number = known.current + 1
    keys.make_lookup_key(number)
    if not people.set_lookup_keys(known, LookupKeys(number, {**known.old, known.current: 0})):
        raise StateConflict("another replaces the look-up key just now; see that, and try again")
    return False


def _move_all(registry: Registry) -> int:
    current = registry.people.lookup_keys().current
    done, left = 0, []
    for row in registry.people.outdated(current):
        if row.status != CONFIRMED:
            continue
        try:
            done += _move(registry, row.pseudonym, current)
        except StateConflict as error:  # one damaged row must not keep all others
            log.error("a contact was not renamed", person=row.pseudonym, reason=str(error))  # noqa: TRY400
            left.append(row.pseudonym)
    if left:
        raise StateConflict(
            f"contacts of {len(left)} people, of {left[0]} first, could not be looked up anew; the "
            "old key is kept: mend that, or erase these people, and rotate again"
        )
    return done


def _move(registry: Registry, pseudonym: str, current: int) -> int:
    """Find this person's confirmed contacts by the current key; return how many that changed."""

    def old(held: Held) -> list[Entry]:
        return [e for e in held.with_status(CONFIRMED) if e.row.key not in (0, current)]

    def edit(held: Held) -> PersonChange:
        moved = old(held)
        rows = [_made_anew(registry, entry) for entry in moved]
        return PersonChange(held.kept, rows, gone=[entry.row for entry in moved])

    held = registry.held(pseudonym)
    if held is None or not old(held):
        return 0
    _, change = registry.change(pseudonym, edit)
    return len(change.contacts)


def _made_anew(registry: Registry, entry: Entry) -> ContactRow:
    row, address = entry
    lookup = lookup_for(registry.lookups, row.pseudonym, row.channel, address)
    if lookup is None:
        raise StateConflict(f"a confirmed contact of {row.pseudonym} has no address")
    return contact_row(
        registry.vault, row.pseudonym, row.channel, lookup, address, row.status, row.since
    )


def lookup_again(registry: Registry, row: ContactRow) -> tuple[bytes, int] | None:
    """What a contact is found by in a copy of a home, which has no look-ups (and the number of the
    key that makes it): anew where its address is kept, else what it was; None where the person's
    key is gone."""
    address = open_contact(registry.vault, row)
    if address is None:
        return None
    lookup = None
    if row.status == CONFIRMED and row.channel != KEY:
        lookup = lookup_for(registry.lookups, row.pseudonym, row.channel, address)
    return (lookup.digest, lookup.key) if lookup else (address.lookup, row.key)
