"""People, contacts and consents in the same SQLite file: seals, HMACs and pseudonyms alone.

What is erased is overwritten in its pages (`secure_delete`), and the write-ahead log, which has
older copies of pages, is cut to nothing. Where rows are moved between pages SQLite leaves copies
in the gaps; so contacts are written anew when some are erased. (That matters for look-ups alone:
what is sealed cannot be opened without the key.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import apsw
import msgspec

from atalaia.errors import StateConflict
from atalaia.homes.embedded.database import Database
from atalaia.ports import Consent, ContactRow, LookupKeys, People, PersonRow

_PERSON = "SELECT pseudonym, changed, sealed, created_at, confirmed_at FROM people"
_CONTACT = "SELECT pseudonym, channel, lookup, sealed, status, since, tries, key FROM contacts"
_LOOKUP_KEYS = "SELECT number, until FROM lookup_keys ORDER BY number"
_SNAPSHOT = "SELECT value FROM notes WHERE key = 'snapshot of people'"
_AMONG = "(SELECT value FROM json_each(?))"
_PAGE = 1_000


class SqlitePeople(People):
    """Fills `ports.People`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def changes(self, after: int, limit: int) -> list[PersonRow]:
        rows = self._database.rows(
            f"{_PERSON} WHERE changed > ? ORDER BY changed LIMIT ?", (after, limit)
        )
        return [_person(row) for row in rows]

    def newest_change(self) -> int:
        return int(self._database.rows("SELECT coalesce(max(changed), 0) FROM people")[0][0])

    def with_contacts(
        self, pseudonyms: Sequence[str]
    ) -> list[tuple[PersonRow, Sequence[ContactRow]]]:
        people = self.some(pseudonyms)
        rows = self._database.rows(
            f"{_CONTACT} WHERE pseudonym IN {_AMONG} ORDER BY channel, since", (_names(pseudonyms),)
        )
        found: dict[str, list[ContactRow]] = defaultdict(list)
        for contact in map(_contact, rows):
            found[contact.pseudonym].append(contact)
        return [(person, found[person.pseudonym]) for person in people]

    def person(self, pseudonym: str) -> PersonRow | None:
        rows = self._database.rows(
            f"{_PERSON} WHERE pseudonym = ? AND sealed IS NOT NULL", (pseudonym,)
        )
        return _person(rows[0]) if rows else None

    def some(self, pseudonyms: Sequence[str]) -> list[PersonRow]:
        rows = self._database.rows(
            f"{_PERSON} WHERE pseudonym IN {_AMONG} AND sealed IS NOT NULL", (_names(pseudonyms),)
        )
        return [_person(row) for row in rows]

    def snapshot(self) -> str:
        return _snapshot(self._database.rows(_SNAPSHOT))

    def set_snapshot(self, before: str, name: str) -> bool:
        with self._database.transaction() as cursor:
            if _snapshot(cursor.execute(_SNAPSHOT).fetchall()) != before:
                return False
            cursor.execute("INSERT OR REPLACE INTO notes VALUES ('snapshot of people', ?)", (name,))
        return True

    def any_names(self, limit: int) -> list[str]:
        """Pseudonyms of some of those who are not erased."""
        rows = self._database.rows(
            "SELECT pseudonym FROM people WHERE sealed IS NOT NULL LIMIT ?", (limit,)
        )
        return [str(row[0]) for row in rows]

    def put(
        self,
        person: PersonRow,
        contacts: Sequence[ContactRow] = (),
        consents: Sequence[Consent] = (),
        gone: Sequence[ContactRow] = (),
    ) -> None:
        with self._database.transaction() as cursor:
            _put_person(cursor, person)
            current = _lookup_keys(cursor).current if contacts else 0
            for contact in contacts:
                _put_contact(cursor, contact, current)
            cursor.executemany(
                "DELETE FROM contacts WHERE channel = ? AND lookup = ? AND pseudonym = ?",
                [(row.channel, row.lookup, row.pseudonym) for row in gone],
            )
            cursor.executemany(
                "INSERT OR REPLACE INTO consents (pseudonym, purpose, channel, text_hash, version,"
                " how, given_at, withdrawn_at, language) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        consent.pseudonym,
                        consent.purpose,
                        consent.channel,
                        consent.text_hash,
                        consent.version,
                        consent.how,
                        consent.given_at,
                        consent.withdrawn_at,
                        consent.language,
                    )
                    for consent in consents
                ],
            )
            cursor.executemany(
                "INSERT OR IGNORE INTO words (text_hash, text) VALUES (?, ?)",
                [(consent.text_hash, consent.text) for consent in consents if consent.text],
            )

    def contacts(self, pseudonym: str) -> list[ContactRow]:
        rows = self._database.rows(
            f"{_CONTACT} WHERE pseudonym = ? ORDER BY channel, since", (pseudonym,)
        )
        return [_contact(row) for row in rows]

    def find(self, channel: str, lookup: bytes) -> ContactRow | None:
        rows = self._database.rows(
            f"{_CONTACT} WHERE channel = ? AND lookup = ?", (channel, lookup)
        )
        return _contact(rows[0]) if rows else None

    def consents(self, pseudonym: str) -> list[Consent]:
        rows = self._database.rows(
            "SELECT pseudonym, purpose, channel, text_hash, version, how, given_at, withdrawn_at,"
            " language, coalesce(text, '') FROM consents LEFT JOIN words USING (text_hash)"
            " WHERE pseudonym = ? ORDER BY given_at, channel",
            (pseudonym,),
        )
        return [_consent(row) for row in rows]

    def erase(self, pseudonym: str, at: int) -> None:
        """Raises StateConflict where it is erased, but another process would not let go of the log
        for seconds; erasing again, or the next `forget`, finishes that.
        """
        with self._database.transaction() as cursor:
            _delete_contacts(cursor, [pseudonym])
            cursor.execute("DELETE FROM deliveries WHERE person = ?", (pseudonym,))
            cursor.execute("DELETE FROM messages WHERE person = ?", (pseudonym,))
            cursor.execute(
                "UPDATE consents SET withdrawn_at = ? WHERE pseudonym = ? AND withdrawn_at = 0",
                (at, pseudonym),
            )
            cursor.execute(
                "UPDATE people SET sealed = NULL, changed = ?, created_at = 0, confirmed_at = 0"
                " WHERE pseudonym = ? AND sealed IS NOT NULL",
                (_next_change(cursor), pseudonym),
            )
        self._leave_no_trace()

    def tally(self, name: bytes) -> bytes | None:
        rows = self._database.rows("SELECT value FROM tallies WHERE name = ?", (name,))
        return bytes(rows[0][0]) if rows else None

    def set_tally(
        self, name: bytes, before: bytes | None, value: bytes, until: int, key: int = 1
    ) -> bool:
        with self._database.transaction() as cursor:
            if key != _lookup_keys(cursor).current:
                return False
            found = cursor.execute("SELECT value FROM tallies WHERE name = ?", (name,)).fetchone()
            if (bytes(found[0]) if found else None) != before:
                return False
            cursor.execute("INSERT OR REPLACE INTO tallies VALUES (?, ?, ?)", (name, value, until))
        return True

    def lookup_keys(self) -> LookupKeys:
        return _read_lookup_keys(self._database.rows(_LOOKUP_KEYS))

    def set_lookup_keys(self, before: LookupKeys, after: LookupKeys) -> bool:
        with self._database.transaction() as cursor:
            if _lookup_keys(cursor) != before:
                return False
            cursor.execute("DELETE FROM lookup_keys")
            cursor.executemany(
                "INSERT INTO lookup_keys VALUES (?, ?)", [*after.old.items(), (after.current, 0)]
            )
        return True

    def every_contact(self) -> Iterator[ContactRow]:
        """All contacts of all people."""
        return map(_contact, self._database.rows(_CONTACT))

    def outdated(self, current: int) -> Iterator[ContactRow]:
        last: tuple[str, bytes] = ("", b"")
        while rows := self._database.rows(
            f"{_CONTACT} WHERE (channel, lookup) > (?, ?) AND key NOT IN (0, ?)"
            " ORDER BY channel, lookup LIMIT ?",
            (*last, current, _PAGE),
        ):
            for row in rows:
                yield _contact(row)
            last = (str(rows[-1][1]), bytes(rows[-1][2]))

    def drop_outdated(self, kept: Collection[int]) -> int:
        """Raises StateConflict as `erase` does."""
        with self._database.transaction() as cursor:
            deleted = cursor.execute(
                "DELETE FROM contacts WHERE key NOT IN (SELECT value FROM json_each(?))"
                " RETURNING 1",
                (msgspec.json.encode([0, *kept]).decode(),),
            ).fetchall()
            _write_anew(cursor)  # also those that were moved from there left copies in gaps
        self._leave_no_trace()
        return len(deleted)

    def forget(self, pending_before: int, consents_before: int, now: int) -> Iterator[list[str]]:
        """All at once. Raises StateConflict as `erase` does."""
        with self._database.transaction() as cursor:
            found = cursor.execute(
                "SELECT pseudonym FROM people p WHERE confirmed_at = 0 AND sealed IS NOT NULL"
                " AND created_at < ?1 AND NOT EXISTS (SELECT 1 FROM contacts c"
                " WHERE c.pseudonym = p.pseudonym AND c.since >= ?1)",
                (pending_before,),
            ).fetchall()
            unconfirmed = [str(pseudonym) for (pseudonym,) in found]
            # Also theirs, at once: so that erasing them one by one finds nothing to write anew.
            _delete_contacts(cursor, unconfirmed, pending_before)
            cursor.execute(
                "DELETE FROM consents WHERE withdrawn_at > 0 AND withdrawn_at < ?",
                (consents_before,),
            )
            cursor.execute("DELETE FROM tallies WHERE until <= ?", (now,))
        self._leave_no_trace()
        yield unconfirmed

    def _leave_no_trace(self) -> None:
        if not self._database.empty_log():
            raise StateConflict(
                "it is removed, but a process that reads this home keeps older pages in the log; "
                "stop that process and do it again"
            )


def _names(pseudonyms: Sequence[str]) -> str:
    return msgspec.json.encode(pseudonyms).decode()


def _put_person(cursor: apsw.Cursor, person: PersonRow) -> None:
    """Insert a new person (`changed` 0), or update one that is as the caller read them."""
    found = cursor.execute(
        "SELECT changed FROM people WHERE pseudonym = ?", (person.pseudonym,)
    ).fetchone()
    if (found[0] if found else 0) != person.changed:
        raise StateConflict(
            f"person {person.pseudonym} was changed or erased in between; try again"
        )
    cursor.execute(
        "INSERT OR REPLACE INTO people (pseudonym, changed, sealed, created_at, confirmed_at)"
        " VALUES (?, ?, ?, ?, ?)",
        (
            person.pseudonym,
            _next_change(cursor),
            person.sealed,
            person.created_at,
            person.confirmed_at,
        ),
    )


def _next_change(cursor: apsw.Cursor) -> int:
    rows = cursor.execute("SELECT coalesce(max(changed), 0) + 1 FROM people").fetchall()
    return int(str(rows[0][0]))


def _put_contact(cursor: apsw.Cursor, contact: ContactRow, current: int) -> None:
    """Insert a contact, or update this person's own. Raises StateConflict for another's, also where
    they have it by an older look-up key, and for a new one that was not made by the current key:
    else two that know of different keys could both have one address."""
    if (
        contact.key not in (0, current)
        and not cursor.execute(
            "SELECT 1 FROM contacts WHERE channel = ? AND lookup = ? AND pseudonym = ?",
            (contact.channel, contact.lookup, contact.pseudonym),
        ).fetchall()
    ):
        raise StateConflict("look-ups are made with another key since; try again")
    taken = [
        cursor.execute(
            "SELECT 1 FROM contacts WHERE channel = ? AND lookup = ? AND pseudonym <> ?"
            " AND status <> 'stopped'",
            (contact.channel, other, contact.pseudonym),
        ).fetchall()
        for other in contact.others
    ]
    written = (
        not any(taken)
        and cursor.execute(
            "INSERT INTO contacts (pseudonym, channel, lookup, sealed, status, since, tries, key)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (channel, lookup) DO UPDATE SET"
            " pseudonym = excluded.pseudonym, sealed = excluded.sealed, status = excluded.status,"
            " since = excluded.since, tries = excluded.tries, key = excluded.key"
            " WHERE pseudonym = excluded.pseudonym OR status = 'stopped' RETURNING 1",
            (
                contact.pseudonym,
                contact.channel,
                contact.lookup,
                contact.sealed,
                contact.status,
                contact.since,
                contact.tries,
                contact.key,
            ),
        ).fetchall()
    )
    if not written:
        raise StateConflict(f"this {contact.channel} contact of {contact.pseudonym} is another's")


def _delete_contacts(
    cursor: apsw.Cursor, pseudonyms: Sequence[str], pending_before: int = 0
) -> None:
    """Delete all contacts of these people, and of all people those that wait since before.

    The others are written anew, which frees, and so overwrites, all pages of the table.
    """
    deleted = cursor.execute(
        "DELETE FROM contacts WHERE pseudonym IN (SELECT value FROM json_each(?))"
        " OR (status = 'pending' AND since < ?) RETURNING 1",
        (msgspec.json.encode(pseudonyms).decode(), pending_before),
    ).fetchall()
    if deleted:
        _write_anew(cursor)


def _write_anew(cursor: apsw.Cursor) -> None:
    cursor.execute("CREATE TEMP TABLE kept AS SELECT * FROM contacts")
    cursor.execute("DELETE FROM contacts")
    cursor.execute("INSERT INTO contacts SELECT * FROM temp.kept")
    cursor.execute("DROP TABLE temp.kept")


def _lookup_keys(cursor: apsw.Cursor) -> LookupKeys:
    return _read_lookup_keys(cursor.execute(_LOOKUP_KEYS).fetchall())


def _read_lookup_keys(rows: Sequence[Any]) -> LookupKeys:
    if not rows:
        return LookupKeys()
    *old, (current, _) = rows
    return LookupKeys(int(current), {int(number): int(until) for number, until in old})


def _person(row: tuple[Any, ...]) -> PersonRow:
    pseudonym, changed, sealed, created_at, confirmed_at = row
    return PersonRow(
        pseudonym=pseudonym,
        changed=changed,
        sealed=sealed,
        created_at=created_at,
        confirmed_at=confirmed_at,
    )


def _snapshot(rows: Sequence[Any]) -> str:
    return str(rows[0][0]) if rows else ""


def _contact(row: tuple[Any, ...]) -> ContactRow:
    pseudonym, channel, lookup, sealed, status, since, tries, key = row
    return ContactRow(
        pseudonym=pseudonym,
        channel=channel,
        lookup=lookup,
        sealed=sealed,
        status=status,
        since=since,
        tries=tries,
        key=key,
    )


def _consent(row: tuple[Any, ...]) -> Consent:
    pseudonym, purpose, channel, text_hash, version, how, given_at, withdrawn_at, *words = row
    language, text = words
    return Consent(
        pseudonym=pseudonym,
        purpose=purpose,
        channel=channel,
        text_hash=text_hash,
        version=version,
        how=how,
        given_at=given_at,
        withdrawn_at=withdrawn_at,
        text=text,
        language=language,
    )
