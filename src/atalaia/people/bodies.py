"""Bodies that a person pushed, sealed with their key from the stream on: RAW holds nothing else.

What is read later goes through `unsealed`, which opens them on the way to the decoder. When the
person is erased, what they pushed can no longer be read, wherever copies of it are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import msgspec

from atalaia.domain.decoded import Decode, Decoded
from atalaia.domain.payload import Lines, Payload, Reject
from atalaia.domain.reading import Readings
from atalaia.errors import PayloadInvalid, StateConflict
from atalaia.lake import raw
from atalaia.people.vault import Vault
from atalaia.ports import Home, Record
from atalaia.sources.readings_csv import STATION

MAGIC = b"\x00atalaia sealed\x00"
"""How such a body begins: no text, JSON or CSV does."""

_PURPOSE = "body"
_AT_ONCE = 1_000

_AT = re.compile(r"(record|line) \d{1,9}\b")
_COUNTED = re.compile(r"[^a-z -]+")


def seal_body(vault: Vault, pseudonym: str, body: bytes) -> bytes:
    """The body as it goes into the stream: marked, with the pseudonym, sealed."""
    name = pseudonym.encode()
    return MAGIC + bytes([len(name)]) + name + vault.seal(pseudonym, _PURPOSE, body)


def own_source(pseudonym: str) -> str:
    """What the readings are called that somebody pushes under their own key; nobody else's are."""
    return "own-" + hashlib.sha256(pseudonym.encode()).hexdigest()[:16]


def is_sealed(body: bytes) -> bool:
    """Whether `seal_body` made this."""
    return body.startswith(MAGIC)


def owner_of(body: bytes) -> str:
    """Whose key opens a sealed body. Raises ValueError where it is cut short."""
    return _split(body)[0]


def open_body(vault: Vault, body: bytes) -> bytes | None:
    """A sealed body as it was pushed; None where its owner was erased.

    Raises StateConflict, or ValueError, for one that is damaged.
    """
    pseudonym, sealed = _split(body)
    return vault.open(pseudonym, _PURPOSE, sealed)


def pushed_by(home: Home, vault: Vault, pseudonym: str) -> tuple[list[Payload], int]:
    """What this person pushed, opened, in its order, and how many files of RAW cannot be read now.

    It is looked for in RAW's one folder of pushes, and in the stream, for what RAW lacks. Where
    shards are archived each for itself nothing says what that is: there the pushes of the last
    minutes are missing.
    """
    parts = sorted(home.lake.keys(f"{raw.PAYLOADS}source={STATION}/"), key=raw.first_of)
    after = home.state.offset(raw.ARCHIVED)
    found: dict[int, Payload] = {}
    unread = 0
    for key in parts:
        try:
            found.update(_of_person(raw.read_part(home.lake.read(key)), vault, pseudonym))
        except KeyError:  # its day was made one part meanwhile
            return pushed_by(home, vault, pseudonym)
        except (PayloadInvalid, StateConflict):
            unread += 1
    while (after or not parts) and (records := home.stream.read(after, _AT_ONCE)):
        found.update(_of_person(records, vault, pseudonym))
        after = records[-1].offset
    return [found[offset] for offset in sorted(found)], unread


def _of_person(
    records: Sequence[Record], vault: Vault, pseudonym: str
) -> Iterator[tuple[int, Payload]]:
    """What this person pushed of these, by its offset; not what is damaged."""
    for record in records:
        payload = record.payload
        if payload.source != STATION or not is_sealed(payload.body):
            continue
        with suppress(StateConflict, ValueError):
            if owner_of(payload.body) == pseudonym:
                body = open_body(vault, payload.body) or b""
                yield record.offset, msgspec.structs.replace(payload, body=body)


def opened(decode: Decode, home: Home) -> Decode:
    """The same decoder, for a home of which some payloads may be sealed by those who pushed them.

    Keys are asked for when such a payload comes, and not before.
    """
    return unsealed(decode, lambda: Vault(home.keys))


def unsealed(decode: Decode, vault: Callable[[], Vault]) -> Decode:
    """The same decoder, for payloads of which some are sealed. No vault is opened before that.

    One whose owner was erased gives the reject ``erased``, a damaged one ``damaged seal``.
    """

    def opening(payloads: Sequence[Payload], wanted: frozenset[str] | None) -> Decoded:
        decoded: Decoded | None = None
        if isinstance(payloads, Lines):
            decoded = decode(payloads, wanted)
            if payloads.received_at is not None:  # all were read as plain: none is sealed
                return decoded
        if not any(is_sealed(payload.body) for payload in payloads):
            return decode(payloads, wanted) if decoded is None else decoded
        sealed = [payload for payload in payloads if is_sealed(payload.body)]
        plain = [payload for payload in payloads if not is_sealed(payload.body)]
        rejects: list[Reject] = []
        opened = (_opened(vault(), payload, rejects) for payload in sealed)
        theirs = decode([payload for payload in opened if payload is not None], wanted)
        others = decode(plain, wanted) if plain else Decoded()
        rejects += [_without_quotes(reject) for reject in theirs.rejects]
        return replace(
            others,
            readings=Readings.concat([others.readings, theirs.readings]),
            rejects=[*rejects, *others.rejects],
            stations=[*others.stations, *theirs.stations],
            delays=[*others.delays, *theirs.delays],
        )

    return opening


def _without_quotes(reject: Reject) -> Reject:
    """The reject of what was sealed: where it is, and nothing of what stands there, as rejects are
    kept in the clear."""
    at = _AT.match(reject.detail)
    return msgspec.structs.replace(
        reject, reason=_COUNTED.sub("…", reject.reason)[:40], detail=at[0] if at else "sealed"
    )


def _opened(vault: Vault, payload: Payload, rejects: list[Reject]) -> Payload | None:
    if not is_sealed(payload.body):
        return payload
    try:
        body = open_body(vault, payload.body)
    except (StateConflict, ValueError):
        rejects.append(_reject(payload, "damaged seal", "it does not open with its owner's key"))
        return None
    if body is None:
        rejects.append(_reject(payload, "erased", "its owner was erased, and their key destroyed"))
        return None
    return msgspec.structs.replace(payload, body=body)


def _reject(payload: Payload, reason: str, detail: str) -> Reject:
    return Reject(source=payload.source, reason=reason, detail=detail)


def _split(body: bytes) -> tuple[str, bytes]:
    rest = body[len(MAGIC) :]
    if not is_sealed(body) or not rest or len(rest) < 1 + rest[0]:
        raise ValueError("this is no sealed body, or it was cut")
    end = 1 + rest[0]
    return rest[1:end].decode("ascii"), rest[end:]
