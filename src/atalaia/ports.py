"""What a home offers: the stream, the state, the people, the outbox, and the lake.

Both homes pass the same tests.

The code between the ports does not know where it lives. Methods are synchronous and may block;
callers on an event loop put them in a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from atalaia.domain.alert import LogEntry
from atalaia.domain.delivery import UNSENT, Delivery, Message, Status
from atalaia.domain.payload import Payload, Reject
from atalaia.domain.rate import Allowance, Rate


class Record(msgspec.Struct, frozen=True):
    """A payload with its place in the stream: `offset` grows by appending, and never repeats."""

    offset: int
    payload: Payload


class Stream(Protocol):
    """The append-only log of what sources answered: the one truth.

    is_indexed  whether `read` goes straight to an offset; else it looks through all there is, which
                is for people and replays, and no part of the work
    """

    is_indexed: bool

    def append(self, payloads: Sequence[Payload]) -> int:
        """Keep the payloads, in order, all or none; return the offset of the last.

        When it returns they survive the end of the process and of the machine's power.
        """
        ...

    def read(self, after: int, limit: int) -> list[Record]:
        """At most `limit` records with an offset above `after`, in order."""
        ...

    def last_offset(self) -> int:
        """Of the newest record; 0 when the stream is empty."""
        ...

    def drop(self, up_to: int) -> int:
        """Forget records with an offset of `up_to` or less (archived long ago); return how many."""
        ...


class Commit(msgspec.Struct, frozen=True):
    """All that one batch changes. It takes effect as a whole or not at all.

    consumer   who consumed
    offset     the last offset consumed; a commit at or below the stored offset changes nothing
    items      state items by key (``place:…``, ``area:…``, ``source:…``); None deletes
    entries    new entries of the alert log
    rejects    what could not be decoded, with the offset of its payload
    """

    consumer: str
    offset: int
    items: Mapping[str, bytes | None] = {}
    entries: Sequence[LogEntry] = ()
    rejects: Sequence[tuple[int, Reject]] = ()


class Notes(Protocol):
    """Small facts that outlive the process, each a text under a key; `notes.Note` gives types."""

    def note(self, key: str) -> str | None:
        """What is kept under the key; None: nothing."""
        ...

    def set_note(self, key: str, value: str) -> None:
        """Keep it, in place of what was there."""
        ...

    def swap_note(self, key: str, before: str | None, value: str) -> bool:
        """Keep it where `before` is what is kept (None: nothing is), else change nothing; return
        whether it was. Of writers that go on from the same text one comes through."""
        ...


class State(Notes, Protocol):
    """State items, consumers' offsets, the alert log, the rejects, and notes."""

    def load(self, prefix: str = "") -> dict[str, bytes]:
        """All items whose key begins with `prefix`."""
        ...

    def offset(self, consumer: str) -> int:
        """The last offset that this consumer committed; 0 before its first commit."""
        ...

    def commit(self, commit: Commit) -> bool:
        """Write all of it in one transaction; False (and nothing written) if it was done before.

        Raises StateConflict where another process committed in between.
        """
        ...

    def alerts(self, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, LogEntry]]:
        """Entries of the alert log with their sequence number, from the one after `after`."""
        ...

    def latest(self, limit: int) -> list[tuple[int, LogEntry]]:
        """The newest entries of the alert log, at most `limit`, in the order of their numbers."""
        ...

    def entries(self, numbers: Collection[int]) -> dict[int, LogEntry]:
        """Those of these sequence numbers that are in the alert log."""
        ...

    def life(self, incident: str) -> list[tuple[int, LogEntry]]:
        """All entries of one incident with their sequence number, by version."""
        ...

    def rejects(
        self, after: int = 0, limit: int | None = None
    ) -> Iterator[tuple[int, int, Reject]]:
        """Rejects as (sequence number, offset of the payload, reject), after number `after`."""
        ...


class PersonRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A person as the store has them: all that they asked for, sealed with their own key.

    changed    grows with every change of any person; who has read up to it asks for what is newer
    sealed     None: this person was erased
    created_at, confirmed_at    Unix seconds; 0: no contact is confirmed yet
    """

    pseudonym: str
    changed: int = 0
    sealed: bytes | None = None
    created_at: int = 0
    confirmed_at: int = 0


class ContactRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One address of a person, in the one table that holds addresses.

    lookup     HMAC of channel and address: finds the person without knowing the address; of a key
               of theirs, which is random, its SHA-256
    sealed     the address, sealed with the person's key; empty for a key of theirs, of which
               only the hash is kept
    status     pending, confirmed, or stopped (by its owner, or because it is of no more use)
    tries      wrong codes given so far
    key        number of the look-up key that `lookup` was made with; 0: none is needed for it
    others     what older look-up keys make of the same: the row is refused where another person
               has one of these. Not kept
    """

    pseudonym: str
    channel: str
    lookup: bytes
    sealed: bytes
    status: str
    since: int
    tries: int = 0
    key: int = 1
    others: tuple[bytes, ...] = ()


class LookupKeys(msgspec.Struct, frozen=True):
    """Which keys look-ups are made with, by their numbers.

    current    what a new look-up is made with
    old        what may still be found by: until when it is kept (Unix seconds; 0: look-ups that it
               made are being made anew)
    """

    current: int = 1
    old: dict[int, int] = {}


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """What a person agreed to, for the controller to prove. It outlives an erasure.

    purpose     what for; `channel` by which way
    text, language, version    of the words that they agreed to; `text_hash` is the text's SHA-256.
                The text is kept once, however many agreed to it ('': kept before texts were)
    how         cli, api, import, telegram, …; or, for paper, what proves it
    given_at, withdrawn_at    Unix seconds; 0: it stands
    """

    pseudonym: str
    purpose: str
    channel: str
    text_hash: str
    version: str
    how: str
    given_at: int
    withdrawn_at: int = 0
    text: str = ""
    language: str = ""


class People(Protocol):
    """Who asked to be told. Only pseudonyms, seals and HMACs: nothing here can be read alone."""

    def changes(self, after: int, limit: int) -> list[PersonRow]:
        """People changed since, in the order of `changed`; erased ones with nothing sealed."""
        ...

    def newest_change(self) -> int:
        """The number of the newest change of any person; 0: there was none."""
        ...

    def person(self, pseudonym: str) -> PersonRow | None:
        """One person; None if there is none, or no more."""
        ...

    def some(self, pseudonyms: Sequence[str]) -> list[PersonRow]:
        """Those of these people that there are, in no order."""
        ...

    def snapshot(self) -> str:
        """The name of the newest snapshot of them; empty: there is none."""
        ...

    def set_snapshot(self, before: str, name: str) -> bool:
        """Have it so, if `before` is what it was; return whether it was."""
        ...

    def with_contacts(
        self, pseudonyms: Sequence[str]
    ) -> list[tuple[PersonRow, Sequence[ContactRow]]]:
        """Those of these people that there are, in no order, each with all their contacts, which
        are as new as the person or newer."""
        ...

    def put(
        self,
        person: PersonRow,
        contacts: Sequence[ContactRow] = (),
        consents: Sequence[Consent] = (),
        gone: Sequence[ContactRow] = (),
    ) -> None:
        """Keep a person with what is new of contacts (by channel and lookup) and consents, and
        without contacts that are `gone`.

        All of it or nothing; `changed` is given anew. Raises StateConflict where a contact is
        another person's, and where a new one's look-up was not made with the current key.
        """
        ...

    def contacts(self, pseudonym: str) -> list[ContactRow]:
        """All contacts of a person."""
        ...

    def find(self, channel: str, lookup: bytes) -> ContactRow | None:
        """Whose contact this is."""
        ...

    def consents(self, pseudonym: str) -> list[Consent]:
        """What a person agreed to, also after their erasure."""
        ...

    def erase(self, pseudonym: str, at: int) -> None:
        """Remove the person, contacts, messages and deliveries; consents stay, withdrawn at `at`.

        When it returns no page or log of the store holds them any more.
        """
        ...

    def tally(self, name: bytes) -> bytes | None:
        """What was counted under this name, an HMAC; None: nothing."""
        ...

    def set_tally(
        self, name: bytes, before: bytes | None, value: bytes, until: int, key: int = 1
    ) -> bool:
        """Keep it until then (Unix seconds), if `before` is what is kept (None: nothing) and the
        look-up key of this number, which made the name, is the current one; return whether it was.
        It belongs to no person: erasures leave it, and `forget` lets it go."""
        ...

    def lookup_keys(self) -> LookupKeys:
        """Which keys look-ups are made with now."""
        ...

    def set_lookup_keys(self, before: LookupKeys, after: LookupKeys) -> bool:
        """Have it so, if it is as `before`; return whether it was."""
        ...

    def outdated(self, current: int) -> Iterator[ContactRow]:
        """Contacts whose look-ups are of older keys, a page at a time."""
        ...

    def drop_outdated(self, kept: Collection[int]) -> int:
        """Remove contacts whose look-ups are of none of these keys; return how many."""
        ...

    def forget(self, pending_before: int, consents_before: int, now: int) -> Iterator[list[str]]:
        """Apply retention: yield the pseudonyms of those who never confirmed and were created
        before `pending_before` (the caller erases them); remove consents withdrawn before
        `consents_before`, and tallies that were to be kept until `now`.

        Some at a time, the oldest first: who stops in between goes on by asking anew."""
        ...


class Keys(Protocol):
    """Each person's key, kept apart from the data: without it what it sealed is gone."""

    def make(self, pseudonym: str) -> bytes:
        """A new key of 32 bytes, kept durably before it is given; the old one if there is one."""
        ...

    def get(self, pseudonym: str) -> bytes | None:
        """The person's key; None if it was destroyed, or never was."""
        ...

    def many(self, pseudonyms: Sequence[str]) -> dict[str, bytes]:
        """The keys of these people, but for those that are not there or do not open: `get` says
        which it is."""
        ...

    def destroy(self, pseudonym: str, at: int) -> None:
        """Note the pseudonym among the erased, and destroy the keys of their block and, last, of
        the person; again: nothing."""
        ...

    def erased(self) -> list[tuple[str, int]]:
        """Pseudonyms of the erased with the time: applied again after a restore."""
        ...

    def note_stop(self, pseudonym: str, channel: str, at: int) -> None:
        """Note that somebody asked to be told no more by this channel: a home that is restored may
        not know it yet."""
        ...

    def stops(self) -> list[tuple[str, str, int]]:
        """Who stopped which channel, and when (Unix seconds): applied again after a restore. Of one
        who stopped the same several times at least the last."""
        ...

    def block_keys(self) -> dict[int, bytes]:
        """The keys of blocks of people, by number (`domain.blocks`), but for those that are not
        there or do not open."""
        ...

    def make_block_keys(self) -> dict[int, bytes]:
        """Have all of them, new ones in place of those that `block_keys` does not give, durably."""
        ...

    def lookup_key(self, number: int) -> bytes:
        """The key of 32 bytes that addresses are looked up with. The first one is made where there
        is none. Raises StateConflict for one that is not there."""
        ...

    def make_lookup_key(self, number: int) -> None:
        """Have one of this number, durably; again: nothing."""
        ...

    def destroy_lookup_keys(self, below: int) -> None:
        """Destroy those of smaller numbers; again: nothing."""
        ...

    def vapid_key(self) -> bytes:
        """The key of 32 bytes by which push services know this home; made where there is none. It
        is never replaced: browsers that subscribed by it take messages from no other."""
        ...


class FanOut(msgspec.Struct, frozen=True, kw_only=True):
    """One bounded step from the alert log to the outbox. All of it is kept, or nothing.

    before, position    where fan-out stood, and where it goes on, in its own words
    messages, deliveries    those known by their keys stay as they are
    dropped     messages that were not sent yet and need not go any more, with the reason
    joins_from  number of the first alert of the messages' own instant, where a part of it was
                fanned out before: a new message is `joined` to one of its order key from there on,
                where that still can be; 0: none was
    """

    before: str
    position: str
    now: int
    messages: Sequence[Message] = ()
    deliveries: Sequence[Delivery] = ()
    dropped: Mapping[str, str] = {}
    joins_from: int = 0


class Notice(msgspec.Struct, frozen=True, gc=False):
    """That somebody was told, or is about to be told, of an incident's version.

    status    of the message; DROPPED where its letter left this out
    size      how many alerts the message carries
    unknowns  how often it may have gone without an answer; 0 where its letters left this out
    letter    the id that it went by (`domain.delivery.letter_of`)
    """

    person: str
    incident: str
    version: int
    channel: str
    message: str
    status: Status
    attempts: int
    size: int
    provider_id: str
    unknowns: int = 0
    letter: str = ""

    @property
    def is_heard(self) -> bool:
        """Whether the person knows of it, or may know."""
        return self.status in (Status.SENT, Status.UNKNOWN) or self.unknowns > 0

    @property
    def is_coming(self) -> bool:
        """Whether it is still to be sent."""
        return self.status in UNSENT


class Outbox(Protocol):
    """Messages and deliveries: what is to go, what went, and what became of it."""

    def position(self) -> str:
        """Where fan-out stands; empty at the very beginning."""
        ...

    def fan_out(self, step: FanOut) -> int:
        """Keep a step; return how many messages are new. Raises HeldByAnother where the position
        is not `before` (another process fans out too), and Overtaken where what is to be dropped
        is under way."""
        ...

    def told(self, incidents: Sequence[str], people: Sequence[str] | None = None) -> list[Notice]:
        """Deliveries of these incidents (to these people), in the order of versions."""
        ...

    def put(self, message: Message, deliveries: Sequence[Delivery] = ()) -> bool:
        """Keep one message beside the fan-out; False if it is known. What it carries is its own
        from then on, whichever message carried it before."""
        ...

    def claim(
        self,
        now: int,
        lease_until: int,
        room: Mapping[str, int],
        least_rank: int = 0,
        *,
        together: Collection[str] = (),
    ) -> list[Message]:
        """Lease what is due and at least so grave, the gravest first, about so many by channel;
        each order key in its order. By the channels `together` what else of its key is due goes
        with a message, as far as one letter carries it (`TOGETHER_MOST`), however grave it is.

        A message is not given while an older one of its key is another's, or due within a
        minute. One whose lease ran out is leased again: nobody knows whether it went, which counts
        among its `unknowns`. What has expired is settled as late, and not given, and takes no room
        from what is: nothing is given only where nothing may be taken, or others take it.
        """
        ...

    def take_back(self, held: Collection[str], now: int) -> None:
        """A claim failed, and nobody knows what it had leased. Where the caller alone sends, what
        is leased and is none of these messages never went, and is due; where others send too, it
        waits until its lease ends."""
        ...

    def oldest_due(self, now: int) -> int | None:
        """Since when the oldest message that may be taken may be taken; None: there is none."""
        ...

    def settle(self, pairs: Sequence[tuple[Message, Message]]) -> int:
        """Write what became of leased messages, each as it was and as it is now; one whose lease
        is no longer the caller's stays as it is. Return how many were written. One that is leased
        as before is bound to a letter: its lease goes on."""
        ...

    def messages(
        self,
        *,
        status: Status | None = None,
        person: str | None = None,
        channel: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> list[Message]:
        """Messages, the newest first; `after`: those that follow the one with this id."""
        ...

    def message(self, message: str) -> Message | None:
        """One message by its id."""
        ...

    def retry(self, messages: Sequence[str], now: int, expires_at: int) -> int:
        """Make dead, late or unknown ones due again, as if never tried; return how many."""
        ...

    def acknowledge(self, person: str, message: str, at: int) -> bool:
        """Note that the person read it, and with it all that went before; False if it is not
        theirs."""
        ...

    def unanswered(self, now: int, limit: int) -> list[Message]:
        """Dead and late ones, and those that nobody acknowledged in time, sent or not: a next
        channel's turn."""
        ...

    def fail(self, message: str, reason: str, now: int) -> bool:
        """Note that a message that a provider took did not arrive after all; False: no such."""
        ...

    def hand_on(
        self, message: str, to: Message | None = None, deliveries: Sequence[Delivery] = ()
    ) -> bool:
        """Note that it had its turn, and keep in the same step what goes by the next channel, if
        anything does. False, and nothing kept, where it had its turn before."""
        ...

    def rouse(self, person: str, now: int) -> int:
        """Make due what waits for the end of a person's quiet hours, which have changed; return
        how many."""
        ...

    def counts(self, statuses: Collection[Status] = tuple(Status)) -> dict[tuple[str, str], int]:
        """How many messages of these statuses there are, by channel and status."""
        ...

    def settled(self, after: int, limit: int) -> list[tuple[int, Message, list[Delivery]]]:
        """Messages that reached a last status, with what they carry, in the order in which they
        did, under a number that grows: what the archive reads. A retried one comes again."""
        ...

    def forget(self, settled_before: int) -> Iterator[int]:
        """Remove messages settled before (Unix seconds) and their deliveries; yield how many.

        Some at a time, the oldest first: who stops in between goes on by asking anew."""
        ...


class Lake(Protocol):
    """RAW and GOLD: files under keys. A key's file is replaced as a whole or not at all."""

    def write(self, key: str, body: bytes) -> None:
        """Keep `body` under `key`, durably, replacing what was there.

        Raises ValueError for a key that no file can have here.
        """
        ...

    def write_all(self, files: Mapping[str, bytes]) -> None:
        """Keep all of them as `write` does; each is whole or not there, and all are durable when
        this returns. Many at once cost much less than one by one."""
        for key, body in files.items():
            self.write(key, body)

    def read(self, key: str) -> bytes:
        """The file under `key`; KeyError if there is none."""
        ...

    def keys(self, prefix: str) -> list[str]:
        """The keys below `prefix`, sorted."""
        ...

    def delete(self, key: str) -> None:
        """Remove the file under `key`, if it is there."""
        ...

    def delete_all(self, keys: Iterable[str]) -> None:
        """Remove all of them as `delete` does. Many at once may cost much less than one by one."""
        for key in keys:
            self.delete(key)

    def path(self, key: str) -> Path | str:
        """What DuckDB opens for this key (a path, or a URL); it may hold globs."""
        ...


@dataclass(frozen=True, slots=True)
class Result:
    """What a query answered: the columns' names, and rows that come as they are taken.

    Instants are aware datetimes in UTC; a missing value is None.

    types   of the columns, as DuckDB calls them; none: they are not known
    """

    columns: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]
    types: tuple[str, ...] = ()


class Sql(Protocol):
    """Runs a person's SQL over GOLD's datasets. It can read those and nothing else."""

    def run(self, sql: str, files: Mapping[str, Sequence[Path | str]]) -> Result:
        """Answer one SELECT over GOLD's datasets (`lake.gold`) and `lake.views.VIEWS`.

        `files` has the Parquet files of each dataset of GOLD, and as ``days`` those that
        `lake.days` has kept; a dataset without files is an empty view with the right columns.
        Raises QueryInvalid with the engine's own message.
        """
        ...


class Talks(Protocol):
    """What half-done talks of the bot have come to: sealed bytes by name, each until a time."""

    def get(self, name: str) -> tuple[bytes, int] | None:
        """What is kept under the name, and until when (Unix seconds); None: nothing."""
        ...

    def put(self, name: str, sealed: bytes, until: int) -> None:
        """Keep it, in place of what was there."""
        ...

    def remove(self, name: str) -> None:
        """Keep it no longer."""
        ...


class Meter(Protocol):
    """How often who asks, at one `Rate`: tokens by name, which all processes of a home take from.

    slack    so many tokens more than the limit each process may let through in a window
    """

    slack: int

    def at_hand(self, name: str, cost: int) -> Allowance | None:
        """As `take`, where nobody has to be asked: it never blocks. None: it takes `take`."""
        ...

    def take(self, name: str, cost: int) -> Allowance:
        """Take tokens, or none where there are too few."""
        ...


class Home(Protocol):
    """Where the program lives: all that it keeps, and who else works there.

    What is not asked for is not opened: a part may cost an import or a call.
    """

    @property
    def name(self) -> str:
        """As messages call it: a folder, or a deployment."""
        ...

    @property
    def stream(self) -> Stream:
        """What came."""
        ...

    @property
    def state(self) -> State:
        """What the speed layer holds, the alert log, notes."""
        ...

    @property
    def people(self) -> People:
        """Who asked to be told."""
        ...

    @property
    def keys(self) -> Keys:
        """People's keys. Raises SettingsInvalid where they cannot be used."""
        ...

    @property
    def outbox(self) -> Outbox:
        """Messages, and what became of them."""
        ...

    @property
    def lake(self) -> Lake:
        """RAW and GOLD."""
        ...

    @property
    def sql(self) -> Sql:
        """What asks GOLD."""
        ...

    @property
    def talks(self) -> Talks:
        """Half-done talks of the bot."""
        ...

    def meter(self, rate: Rate) -> Meter:
        """How often one may ask. Nothing of a name is kept that it could be read from."""
        ...

    def wake(self, what: str) -> None:
        """Tell who sends (``urgent``, ``normal``) that there is something new, wherever it runs.

        It may come to nothing: who sends also looks by the clock.
        """
        ...

    def hold(self, task: str) -> AbstractContextManager[Callable[[], bool]]:
        """Keep other processes from doing `task` (``refine``, say) here until the block ends.

        Yields what prolongs the hold and says whether it could; who has lost it must stop. Raises
        HeldByAnother if another holds the task.
        """
        ...
