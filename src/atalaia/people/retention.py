"""How long what is kept of people is kept, and the letting go of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import msgspec

from atalaia.people.erase import erase, finish_erasures
from atalaia.ports import Keys, Outbox, People
from atalaia.settings import Settings

DAY_S = 86_400


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds for which each table's rows are kept, from the moment named.

    pending_s    an address that nobody confirmed, from when it was asked about; a person without
                 a confirmed contact, from the last change of one
    messages_s   messages and deliveries, from when they were settled
    consents_s   consents, from their withdrawal: for so long the controller may have to prove them
    """

    pending_s: int = 7 * DAY_S
    messages_s: int = 90 * DAY_S
    consents_s: int = 5 * 365 * DAY_S


RETENTION = Retention()
"""What is kept for how long unless the settings say otherwise. (Backups of keys: 7 days, too.)"""


class Forgotten(msgspec.Struct, frozen=True):
    """How many were let go; `erased`: those of whom a crash had left rows without a key; `is_more`:
    time was up before all was, and the next call goes on."""

    people: int = 0
    messages: int = 0
    erased: int = 0
    is_more: bool = False


def retention_of(settings: Settings) -> Retention:
    """How long what is kept of people is kept, by the settings."""
    return msgspec.structs.replace(RETENTION, messages_s=settings.channels.keep_s)


def apply_retention(
    people: People,
    keys: Keys,
    outbox: Outbox,
    now: int,
    keep: Retention = RETENTION,
    goes_on: Callable[[], bool] = lambda: True,
) -> Forgotten:
    """Remove what has been kept long enough, some at a time and for as long as it `goes_on`; to be
    called at the start and once a day or so.

    What a crash left of an erasure goes first: nothing of it can be read any more, so that who
    opens a home to tell people need not look for it.

    Raises StateConflict where another process keeps the removed pages readable; the next call
    goes on with it.
    """
    gone: Counter[str] = Counter()
    is_more = False
    for what, n in _let_go(people, keys, outbox, now, keep):
        gone[what] += n
        is_more = not goes_on()
        if is_more:
            break
    return Forgotten(gone["people"], gone["messages"], gone["erased"], is_more)


def _let_go(
    people: People, keys: Keys, outbox: Outbox, now: int, keep: Retention
) -> Iterator[tuple[str, int]]:
    """What went, after each step."""
    for n in finish_erasures(people, keys):
        yield "erased", n
    for some in people.forget(now - keep.pending_s, now - keep.consents_s, now):
        for pseudonym in some:
            erase(people, keys, pseudonym, now)
        yield "people", len(some)
    for n in outbox.forget(now - keep.messages_s):
        yield "messages", n
