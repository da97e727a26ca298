"""People's keys in a table of their own, wrapped by a data key that KMS alone can open.

```
key       <pseudonym>   a person's key, wrapped (``lookup``: what addresses are looked up with;
                        ``lookup.2`` what came in its place, and so on; ``vapid``: by which push
                        services know the home)
block     <number>      that of a block of people (`domain.blocks`), wrapped
erased    <pseudonym>   whose key was destroyed, and when
master    -             the data key, wrapped by KMS
```

KMS is asked once a process, and not once a person. Backups of this table hold keys that were
destroyed since: keep none for longer than an erasure may take.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from atalaia.domain.blocks import BLOCKS, block_of, key_name
from atalaia.errors import StateConflict
from atalaia.homes.aws.clients import Clients, translated
from atalaia.homes.aws.dynamo import ABSENT, DynamoTable, Refused, put_all, transact, write
from atalaia.ports import Keys
from atalaia.wrap import KEY_BYTES, Wrap, unwrapped, wrapped

_LOOKUP, _VAPID = "lookup", "vapid"
_PSEUDONYM = re.compile(r"[A-Za-z0-9_-]{1,64}")


class KmsWrap:
    """Fills `Wrap` by AES-256-GCM under a data key of KMS, which lies wrapped in the table."""

    def __init__(self, clients: Clients, table: DynamoTable, key: str) -> None:
        self._clients = clients
        self._table = table
        self._key = key
        self._made: AESGCM | None = None

    def wrap(self, secret: bytes, name: str) -> bytes:
        return wrapped(self._cipher(), secret, name)

    def unwrap(self, wrapped: bytes, name: str) -> bytes:
        cipher = self._cipher()
        try:
            return unwrapped(cipher, wrapped, name)
        except ValueError as error:
            raise StateConflict(
                f"the data key of table {self._table.name} does not open the key of {name}: they "
                "are of different backups; restore the table as a whole"
            ) from error

    def _cipher(self) -> AESGCM:
        if self._made is None:
            context = {"table": self._table.name}
            kms = self._clients.get("kms")
            found = self._table.get("master", "-")
            with translated(f"KMS key {self._key}"):
                if found is None:
                    made = kms.generate_data_key(
                        KeyId=self._key, KeySpec="AES_256", EncryptionContext=context
                    )
                    item = {"pk": "master", "sk": "-", "wrapped": made["CiphertextBlob"]}
                    write(self._clients, self._table.put(item, ABSENT))  # who was first, was first
                    found = self._table.get("master", "-") or item
                said = kms.decrypt(
                    KeyId=self._key, CiphertextBlob=found["wrapped"], EncryptionContext=context
                )
            self._made = AESGCM(said["Plaintext"])
        return self._made


class DynamoKeys(Keys):
    """Fills `ports.Keys`. Nothing but the data key is held."""

    def __init__(self, clients: Clients, table: DynamoTable, wrap: Wrap) -> None:
        self._clients = clients
        self._table = table
        self._wrap = wrap

    def make(self, pseudonym: str) -> bytes:
        return self._made(_checked(pseudonym))

    def get(self, pseudonym: str) -> bytes | None:
        found = self._table.get("key", _checked(pseudonym))
        return self._wrap.unwrap(found["wrapped"], pseudonym) if found else None

    def many(self, pseudonyms: Sequence[str]) -> dict[str, bytes]:
        found = {}
        rows = self._table.many([("key", _checked(pseudonym)) for pseudonym in pseudonyms])
        for (_, pseudonym), row in rows.items():
            with suppress(StateConflict):
                found[pseudonym] = self._wrap.unwrap(row["wrapped"], pseudonym)
        return found

    def destroy(self, pseudonym: str, at: int) -> None:
        note = {"pk": "erased", "sk": _checked(pseudonym), "at": at}
        block = self._table.remove("block", str(block_of(pseudonym)))
        gone = self._table.remove("key", pseudonym)
        try:
            transact(self._clients, [self._table.put(note, ABSENT), block, gone])
        except Refused:  # noted before; a key that was made since goes too
            transact(self._clients, [block, gone])

    def erased(self) -> list[tuple[str, int]]:
        found = [(row["sk"], row["at"]) for row in self._table.query("erased")]
        return sorted(found, key=lambda one: (one[1], one[0]))

    def note_stop(self, pseudonym: str, channel: str, at: int) -> None:
        row = {"pk": "stopped", "sk": f"{_checked(pseudonym)} {channel}", "at": at}
        write(self._clients, self._table.put(row))

    def stops(self) -> list[tuple[str, str, int]]:
        found = ((*row["sk"].split(" ", 1), row["at"]) for row in self._table.query("stopped"))
        return sorted(found, key=lambda one: (one[2], one))

    def block_keys(self) -> dict[int, bytes]:
        found = {}
        for row in self._table.query("block"):
            with suppress(StateConflict):
                number = int(row["sk"])
                found[number] = self._wrap.unwrap(row["wrapped"], key_name(number))
        return found

    def make_block_keys(self) -> dict[int, bytes]:
        found = self.block_keys()
        new = {n: os.urandom(KEY_BYTES) for n in range(BLOCKS + 1) if n not in found}
        put_all(
            self._clients,
            [
                self._table.put(
                    {"pk": "block", "sk": str(n), "wrapped": self._wrap.wrap(key, key_name(n))}
                )
                for n, key in new.items()
            ],
        )
        return found | new

    def lookup_key(self, number: int) -> bytes:
        name = _lookup_name(number)
        found = self._table.get("key", name)
        if found is not None:
            return self._wrap.unwrap(found["wrapped"], name)
        if number != 1:
            raise StateConflict(
                f"table {self._table.name} has no {name}, and without it nobody is found; "
                "restore the table as a whole"
            )
        return self._made(name)

    def make_lookup_key(self, number: int) -> None:
        self._made(_lookup_name(number))

    def destroy_lookup_keys(self, below: int) -> None:
        for number in range(1, below):
            write(self._clients, self._table.remove("key", _lookup_name(number)))

    def vapid_key(self) -> bytes:
        return self._made(_VAPID)

    def _made(self, name: str) -> bytes:
        while (found := self._table.get("key", name)) is None:
            wrapped = self._wrap.wrap(os.urandom(KEY_BYTES), name)
            write(
                self._clients,
                self._table.put({"pk": "key", "sk": name, "wrapped": wrapped}, ABSENT),
            )
        return self._wrap.unwrap(found["wrapped"], name)


def _lookup_name(number: int) -> str:
    return _LOOKUP if number == 1 else f"{_LOOKUP}.{number}"


def _checked(pseudonym: str) -> str:
    if not _PSEUDONYM.fullmatch(pseudonym) or pseudonym in (_LOOKUP, _VAPID):
        raise ValueError("a pseudonym has letters, digits, - and _ alone, 64 at most")
    return pseudonym
