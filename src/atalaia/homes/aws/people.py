"""People, contacts and consents in three tables: seals, HMACs and pseudonyms alone.

```
people     person     <pseudonym>             what they asked for, sealed; where contacts lie
           change     <number>                who changed then: the newest change of each
           #counter   change                  the newest number
           tally      <HMAC>                  what was counted under it, and until when it is kept
           lookup     -                       which look-up keys there are (absent: the first)
           snapshot   -                       the newest snapshot's name (absent: there is none)
contacts   <channel>/<HMAC>   -               one address, sealed
           person/<pseudonym> <channel>/<HMAC>    whose it is
consents   <pseudonym>        <purpose>/<channel>/<given_at>
           words      <SHA-256>              what was agreed to
```

What retention may let go of is in the index `ends`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

import msgspec

from atalaia.errors import StateConflict
from atalaia.homes.aws.clients import Clients
from atalaia.homes.aws.dynamo import (
    ABSENT,
    Action,
    DynamoTable,
    Item,
    Refused,
    number_text,
    transact,
    write,
)
from atalaia.homes.aws.ends import (
    PENDING,
    TALK,
    TALLY,
    UNCONFIRMED,
    WITHDRAWN,
    ended,
    ends,
)
from atalaia.ports import Consent, ContactRow, LookupKeys, People, PersonRow

_WORDS = "words"
_ENDS_OF_OWN = (TALLY, TALK)
"""Kinds that are partitions, too, of rows that say until when they are kept."""

_FREE = f"{ABSENT} OR pseudonym = :mine OR #status = :stopped"

_encode = msgspec.msgpack.Encoder().encode
_decode_person = msgspec.msgpack.Decoder(PersonRow).decode
_decode_contact = msgspec.msgpack.Decoder(ContactRow).decode
_decode_consent = msgspec.msgpack.Decoder(Consent).decode
_decode_lookup_keys = msgspec.msgpack.Decoder(LookupKeys).decode

_AGAIN_S, _AGAIN_MOST = 86_400, 200


class DynamoPeople(People):
    """Fills `ports.People`. `forget_messages` removes all messages to a person."""

    def __init__(
        self,
        clients: Clients,
        people: DynamoTable,
        contacts: DynamoTable,
        consents: DynamoTable,
        forget_messages: Callable[[str], None],
    ) -> None:
        self._clients = clients
        self._people = people
        self._contacts = contacts
        self._consents = consents
        self._forget_messages = forget_messages

    def changes(self, after: int, limit: int) -> list[PersonRow]:
        values = {":after": number_text(after)}
        rows = list(self._people.query("change", "sk > :after", values, limit=limit))
        found = self._people.many([("person", row["pseudonym"]) for row in rows])
        people = [_decode_person(one["row"]) for one in found.values()]
        # Who changed again meanwhile comes under the newer number.
        return sorted((p for p in people if p.changed > after), key=lambda p: p.changed)

    def newest_change(self) -> int:
        found = self._people.get("#counter", "change")
        return int(found["n"]) if found else 0

    def with_contacts(
        self, pseudonyms: Sequence[str]
    ) -> list[tuple[PersonRow, Sequence[ContactRow]]]:
        items = self._people.many([("person", pseudonym) for pseudonym in pseudonyms]).values()
        lie = {item["sk"]: _addresses(item) for item in items}
        found = self._contacts.many([(one, "-") for some in lie.values() for one in some])
        contacts = {key[0]: _decode_contact(item["row"]) for key, item in found.items()}
        people: list[tuple[PersonRow, Sequence[ContactRow]]] = []
        for item in items:
            row = _decode_person(item["row"])
            if row.sealed is not None:
                theirs = (contacts[one] for one in lie[row.pseudonym] if one in contacts)
                mine = [one for one in theirs if one.pseudonym == row.pseudonym]
                people.append((row, mine if "addresses" in item else self.contacts(row.pseudonym)))
        return people

    def person(self, pseudonym: str) -> PersonRow | None:
        row = self._person(pseudonym)
        return row if row is not None and row.sealed is not None else None

    def some(self, pseudonyms: Sequence[str]) -> list[PersonRow]:
        found = self._people.many([("person", pseudonym) for pseudonym in pseudonyms])
        rows = (_decode_person(item["row"]) for item in found.values())
        return [row for row in rows if row.sealed is not None]

    def snapshot(self) -> str:
        found = self._people.get("snapshot", "-")
        return str(found["name"]) if found else ""

    def set_snapshot(self, before: str, name: str) -> bool:
        where, values = ("#name = :before", {":before": before}) if before else (ABSENT, {})
        item = {"pk": "snapshot", "sk": "-", "name": name}
        return write(self._clients, self._people.put(item, where, values))

    def put(
        self,
        person: PersonRow,
        contacts: Sequence[ContactRow] = (),
        consents: Sequence[Consent] = (),
        gone: Sequence[ContactRow] = (),
    ) -> None:
        for _ in self._clients.tries():
            actions = self._change(person, contacts)
            actions += self._contacts_changed(contacts, gone)
            for consent in consents:
                actions.append(self._consent(consent))
            for digest, text in {c.text_hash: c.text for c in consents if c.text}.items():
                actions.append(self._consents.put({"pk": _WORDS, "sk": digest, "text": text}))
            try:
                transact(self._clients, actions)
            except Refused:
                self._check_person(person)
                self._check_contacts(contacts)
                continue  # the counter had gone on
            return
        raise StateConflict("others change people all the time; try again")

    def contacts(self, pseudonym: str) -> list[ContactRow]:
        keys = [(row["sk"], "-") for row in self._contacts.query(f"person/{pseudonym}")]
        rows = [_decode_contact(one["row"]) for one in self._contacts.many(keys).values()]
        mine = [row for row in rows if row.pseudonym == pseudonym]
        return sorted(mine, key=lambda row: (row.channel, row.since, row.lookup))

    def find(self, channel: str, lookup: bytes) -> ContactRow | None:
        found = self._contacts.get(_address(channel, lookup), "-")
        return _decode_contact(found["row"]) if found else None

    def consents(self, pseudonym: str) -> list[Consent]:
        rows = [_decode_consent(row["row"]) for row in self._consents.query(pseudonym)]
        digests = dict.fromkeys((_WORDS, row.text_hash) for row in rows)
        found = self._consents.many(list(digests))
        texts = {key[1]: item["text"] for key, item in found.items()}
        told = (msgspec.structs.replace(row, text=texts.get(row.text_hash, "")) for row in rows)
        return sorted(told, key=lambda row: (row.given_at, row.channel))

    def erase(self, pseudonym: str, at: int) -> None:
        """Killed in between, erasing again finishes it.

        Point-in-time backups still hold what was sealed, which nobody can open any more.
        """
        self._forget_messages(pseudonym)
        for contact in self.contacts(pseudonym):
            self._remove_contact(contact)
        for consent in self.consents(pseudonym):
            if not consent.withdrawn_at:
                withdrawn = msgspec.structs.replace(consent, withdrawn_at=at)
                write(self._clients, self._consent(withdrawn))
        for _ in self._clients.tries():
            row = self._person(pseudonym)
            if row is None or row.sealed is None:
                return
            try:
                gone = PersonRow(pseudonym=pseudonym, changed=row.changed)
                transact(self._clients, self._change(gone, ()))
            except Refused:
                continue
            self._forget_messages(pseudonym)  # written since the first look
            return
        raise StateConflict("others change people all the time; erase again")

    def tally(self, name: bytes) -> bytes | None:
        found = self._people.get("tally", name.hex())
        return bytes(found["value"]) if found else None

    def set_tally(
        self, name: bytes, before: bytes | None, value: bytes, until: int, key: int = 1
    ) -> bool:
        item: Item = {"pk": "tally", "sk": name.hex(), "value": value, "until": until}
        item |= ends(TALLY, until)
        where, values = (
            (ABSENT, {}) if before is None else ("#value = :before", {":before": before})
        )
        try:
            put = self._people.put(item, where, values)
            transact(self._clients, [put, self._is_current(key)])
        except Refused:
            return False
        return True

    def lookup_keys(self) -> LookupKeys:
        found = self._people.get("lookup", "-")
        return _decode_lookup_keys(found["row"]) if found else LookupKeys()

    def set_lookup_keys(self, before: LookupKeys, after: LookupKeys) -> bool:
        item = {"pk": "lookup", "sk": "-", "current": after.current, "row": _encode(after)}
        where = "#row = :before"
        if before == LookupKeys():
            where = f"{ABSENT} OR {where}"
        return write(self._clients, self._people.put(item, where, {":before": _encode(before)}))

    def outdated(self, current: int) -> Iterator[ContactRow]:
        for found in self._contacts.scan("attribute_exists(since)"):
            contact = _decode_contact(found["row"])
            if contact.key not in (0, current):
                yield contact

    def drop_outdated(self, kept: Collection[int]) -> int:
        left = [row for row in self.outdated(0) if row.key not in kept]
        for contact in left:
            self._remove_contact(contact)
        return len(left)

    def forget(self, pending_before: int, consents_before: int, now: int) -> Iterator[list[str]]:
        for some in ended(self._people, TALLY, now + 1):
            for one in some:
                kept = self._people.remove("tally", one["sk"], "#until <= :now", {":now": now})
                write(self._clients, kept)
            yield []
        for some in ended(self._contacts, PENDING, pending_before):
            for one in some:
                self._remove_contact(_decode_contact(one["row"]), as_read=one["row"])
            yield []
        for some in ended(self._consents, WITHDRAWN, consents_before):
            for one in some:
                as_read = ("#row = :row", {":row": one["row"]})
                write(self._clients, self._consents.remove(one["pk"], one["sk"], *as_read))
            yield []
        for some in ended(self._people, UNCONFIRMED, pending_before):
            found = self.with_contacts([one["sk"] for one in some])  # as they are now
            yield [
                person.pseudonym
                for person, contacts in found
                if person.confirmed_at == 0
                and all(contact.since < pending_before for contact in contacts)
            ]

    # Writes

    def _change(self, person: PersonRow, contacts: Sequence[ContactRow]) -> list[Action]:
        """The person as they are to be, with these contacts besides, under the next number."""
        number, counted = self._people.number("change")
        change = {"pk": "change", "sk": number_text(number), "pseudonym": person.pseudonym}
        row = msgspec.structs.replace(person, changed=number)
        item: Item = {"pk": "person", "sk": person.pseudonym, "changed": number}
        item |= {"row": _encode(row), "addresses": self._all_addresses(person, contacts)}
        item |= _person_ends(item["row"])
        read = {":read": person.changed}
        actions = [
            counted,
            self._people.put(change),
            self._people.put(
                item, *(("changed = :read", read) if person.changed else (ABSENT, {}))
            ),
        ]
        if person.changed:
            actions.append(self._people.remove("change", number_text(person.changed)))
        return actions

    def _all_addresses(self, person: PersonRow, contacts: Sequence[ContactRow]) -> str:
        """Where all of theirs lie. Whoever adds one meanwhile changes the person, too."""
        if person.sealed is None:
            return ""
        before = self._people.get("person", person.pseudonym) if person.changed else None
        known = _addresses(before) if before else []
        if before and "addresses" not in before:
            known = [row["sk"] for row in self._contacts.query(f"person/{person.pseudonym}")]
        new = [_address(one.channel, one.lookup) for one in contacts]
        return " ".join(dict.fromkeys([*known, *new]))

    def _contacts_changed(
        self, contacts: Sequence[ContactRow], gone: Sequence[ContactRow]
    ) -> list[Action]:
        """Contacts as they are to be: a new one is made with the current look-up key, and nobody
        else has it by an older one."""
        current = self.lookup_keys().current if contacts else 0
        actions: list[Action] = []
        for contact in contacts:
            actions += self._contact(contact, is_new=contact.key in (0, current))
        if any(contact.key == current for contact in contacts):
            actions.append(self._is_current(current))
        touched = {_address(row.channel, row.lookup) for row in (*contacts, *gone)}
        for row in gone:
            actions += self._gone(row)
        for contact in contacts:
            values = {":mine": contact.pseudonym, ":stopped": "stopped"}
            for address in {_address(contact.channel, other) for other in contact.others}:
                if address not in touched:  # which is this person's own
                    touched.add(address)
                    actions.append(self._contacts.check((address, "-"), _FREE, values))
        return actions

    def _is_current(self, key: int) -> Action:
        """Whether look-ups are made with this key, as a condition."""
        where = "#current = :key"
        return self._people.check(
            ("lookup", "-"), f"{ABSENT} OR {where}" if key == 1 else where, {":key": key}
        )

    def _contact(self, contact: ContactRow, *, is_new: bool) -> list[Action]:
        address = _address(contact.channel, contact.lookup)
        kept = _encode(msgspec.structs.replace(contact, others=()))
        item: Item = {
            "pk": address,
            "sk": "-",
            "pseudonym": contact.pseudonym,
            "status": contact.status,
            "since": contact.since,
            "row": kept,
        }
        item |= _contact_ends(kept)
        values = {":mine": contact.pseudonym}
        own = self._contacts.put(item, "pseudonym = :mine", values)
        free = self._contacts.put(item, _FREE, values | {":stopped": "stopped"})
        actions = [
            free if is_new else own,
            self._contacts.put({"pk": f"person/{contact.pseudonym}", "sk": address}),
        ]
        before = self.find(contact.channel, contact.lookup)
        if before is not None and before.pseudonym != contact.pseudonym:
            actions.append(self._contacts.remove(f"person/{before.pseudonym}", address))
        return actions

    def _gone(self, contact: ContactRow, as_read: bytes | None = None) -> list[Action]:
        address = _address(contact.channel, contact.lookup)
        where = f"{ABSENT} OR pseudonym = :p"
        values: Item = {":p": contact.pseudonym}
        if as_read is not None:
            where, values = f"{ABSENT} OR #row = :row", {":row": as_read}
        return [
            self._contacts.remove(address, "-", where, values),
            self._contacts.remove(f"person/{contact.pseudonym}", address),
        ]

    def _remove_contact(self, contact: ContactRow, as_read: bytes | None = None) -> None:
        """With `as_read` only if it is still that: who confirms meanwhile keeps it."""
        for action in self._gone(contact, as_read):
            if not write(self._clients, action):
                return

    def _consent(self, consent: Consent) -> Action:
        given = number_text(consent.given_at)
        row = msgspec.structs.replace(consent, text="")
        item: Item = {"pk": consent.pseudonym, "row": _encode(row)}
        item |= _consent_ends(item["row"])
        return self._consents.put(item | {"sk": f"{consent.purpose}/{consent.channel}/{given}"})

    def _person(self, pseudonym: str) -> PersonRow | None:
        found = self._people.get("person", pseudonym)
        return _decode_person(found["row"]) if found else None

    def _check_person(self, person: PersonRow) -> None:
        found = self._person(person.pseudonym)
        if (found.changed if found else 0) != person.changed:
            raise StateConflict(
                f"person {person.pseudonym} was changed or erased in between; try again"
            )

    def _check_contacts(self, contacts: Sequence[ContactRow]) -> None:
        current = self.lookup_keys().current
        for contact in contacts:
            found = self.find(contact.channel, contact.lookup)
            is_mine = found is not None and found.pseudonym == contact.pseudonym
            if contact.key not in (0, current) and not is_mine:
                raise StateConflict("look-ups are made with another key since; try again")
            for lookup in (contact.lookup, *contact.others):
                other = self.find(contact.channel, lookup)
                if other and other.pseudonym != contact.pseudonym and other.status != "stopped":
                    raise StateConflict(
                        f"this {contact.channel} contact of {contact.pseudonym} is another's"
                    )


def _addresses(item: Item) -> list[str]:
    """Where a person's contacts lie, and some that are theirs no more; empty as well where an
    older version wrote the item, which had no such list."""
    return str(item.get("addresses", "")).split()


def list_ends(clients: Clients, table: Callable[[str], DynamoTable]) -> int:
    """Have retention find also what an older version wrote; return how much that was."""
    n = 0
    ends_of = {"people": _person_ends, "contacts": _contact_ends, "consents": _consent_ends}
    known = "attribute_not_exists(ends) AND pk <> :lookup"
    for name, of in ends_of.items():
        for found in table(name).scan(known, {":lookup": "lookup"}):
            if found["pk"] in _ENDS_OF_OWN:
                keys = ends(found["pk"], found["until"])
                as_read: tuple[str, Item] = ("#until = :until", {":until": found["until"]})
            elif keys := of(found["row"]) if "row" in found else {}:
                as_read = ("#row = :row", {":row": found["row"]})
            else:
                continue
            n += write(clients, table(name).change((found["pk"], found["sk"]), keys, *as_read))
    return n


def erase_again(people: People, erased: Sequence[tuple[str, int]], now: int) -> None:
    """Look again at the newest who were erased within a day: a function that wrote to them just
    then may have been killed before it saw that. `erased`: pseudonyms and when, in order."""
    for pseudonym, at in erased[-_AGAIN_MOST:]:
        if at > now - _AGAIN_S:
            people.erase(pseudonym, at)


def erased_of(people: DynamoTable, pseudonyms: Collection[str]) -> set[str]:
    """Those of them who are erased."""
    found = people.many([("person", pseudonym) for pseudonym in pseudonyms])
    rows = (_decode_person(item["row"]) for item in found.values())
    return {row.pseudonym for row in rows if row.sealed is None}


def _person_ends(row: bytes) -> Item:
    person = _decode_person(row)
    is_waited_for = person.sealed is not None and person.confirmed_at == 0
    return ends(UNCONFIRMED, person.created_at) if is_waited_for else {}


def _contact_ends(row: bytes) -> Item:
    contact = _decode_contact(row)
    return ends(PENDING, contact.since) if contact.status == "pending" else {}


def _consent_ends(row: bytes) -> Item:
    withdrawn_at = _decode_consent(row).withdrawn_at
    return ends(WITHDRAWN, withdrawn_at) if withdrawn_at else {}


def _address(channel: str, lookup: bytes) -> str:
    return f"{channel}/{lookup.hex()}"
