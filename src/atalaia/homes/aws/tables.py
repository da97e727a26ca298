"""The key schemas of the tables: what the definitions in ``infra/`` make, and tests make alike.

Every table has the same two keys, both text: ``pk`` (hash) and ``sk`` (range). Numbers in keys are
written with leading zeros, so that text sorts as they do. Which items lie under which keys is said
at the top of the file of each port.

An index is eventually consistent unless it is local; nothing is decided by a global one alone:
what it finds is written under a condition, and what it does not find yet is found a moment later.
"""

from __future__ import annotations

from dataclasses import dataclass

from atalaia.homes.aws.dynamo import EXPIRES_AT


@dataclass(frozen=True)
class Index:
    """A secondary index with all attributes. Items without its keys are not in it (it is sparse).

    hash, range    attributes, both text
    is_local       shares the table's hash key, and can be read consistently
    has_keys_only  of an item its keys and the index' own are in it: what else changes is free
    """

    name: str
    hash: str
    range: str
    is_local: bool = False
    has_keys_only: bool = False


@dataclass(frozen=True)
class TableDefinition:
    """One table; billing is on demand.

    holds     what is in it
    key       which KMS alias encrypts it: ``data`` or ``people``
    stream    kind of change stream that other functions are woken by; empty: none
    ttl       attribute by which rows go by themselves, Unix seconds; empty: none go
    backup    whether point-in-time recovery is on
    """

    holds: str
    key: str
    indexes: tuple[Index, ...] = ()
    stream: str = ""
    ttl: str = ""
    backup: bool = True


_ENDS = Index("ends", "ends", "ends_at")
"""What retention lets go of in its time (`ends`)."""

TABLES: dict[str, TableDefinition] = {
    "state": TableDefinition(
        "one item a place, an area and a source; offsets, notes, locks, how often was asked",
        "data",
        ttl=EXPIRES_AT,
    ),
    # fan-out is woken by it; it reads the log itself, so keys are enough
    "log": TableDefinition("the alert log and the rejects, by number", "data", stream="KEYS_ONLY"),
    "people": TableDefinition(
        "pseudonyms, each with what they asked for, sealed", "people", (_ENDS,)
    ),
    "contacts": TableDefinition("the one table with addresses, sealed", "people", (_ENDS,)),
    "consents": TableDefinition(
        "what people agreed to; it outlives an erasure", "people", (_ENDS,)
    ),
    # Erasing is destroying a key: a backup that brings it back must not outlive that for long.
    "keys": TableDefinition("people's keys, wrapped; whose were destroyed", "people", backup=False),
    "outbox": TableDefinition(
        "messages by order key, and where fan-out stands",
        "people",
        (
            Index("open", "pk", "open_at", is_local=True),  # unsent ones of an order key, in order
            Index("due", "due", "due_at"),  # unsent ones: whether there is anything to do
            Index("ready", "ready", "ready_at"),  # unsent ones by channel and rank, if many
            Index("person", "person", "person_at"),  # a person's, in order
            Index("turn", "turn", "turn_at"),  # dead, or waiting for an acknowledgement
            # all by what became of them, in order
            Index("standing", "standing", "person_at", has_keys_only=True),
        ),
    ),
    "deliveries": TableDefinition("deliveries by incident and person; what was settled", "people"),
}
"""By the name behind the environment's prefix: ``<env>-state`` and so on."""

READINGS = TableDefinition("the stream, where it is a table", "data", stream="NEW_IMAGE")
"""Made beside the others where it is; rows go by their `until`."""
