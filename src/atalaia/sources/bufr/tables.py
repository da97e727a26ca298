"""BUFR's tables B and D: what an element's bits mean, and what a sequence stands for.

From the file that `tools/bufr_tables.py` makes. WMO's newest version serves for all: elements are
added and deprecated from version to version, but neither moved nor rescaled. Above X = 47 or
Y = 191 stand the originating centre's own.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, TypeAlias

import msgspec

from atalaia.sources.shipped import shipped

Kind: TypeAlias = Literal["number", "code", "text"]


class Element(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One row of table B: value = (bits + reference) / 10 ** scale; a text has width / 8 letters.

    `code` is a number of a code table or flag table, which operators leave as it is.
    """

    kind: Kind
    scale: int
    reference: int
    width: int


class Table(msgspec.Struct, frozen=True):
    """Tables B and D, by descriptor written as a decimal number: 012101, 307091."""

    elements: dict[int, Element]
    sequences: dict[int, list[int]]


class StoredTables(msgspec.Struct, frozen=True):
    """What the file holds. `local` by ``centre/office`` within ``version/``: ``8/78/0``."""

    version: int
    wmo: Table
    local: dict[str, Table]


_decode_stored_tables = msgspec.msgpack.Decoder(StoredTables).decode


@lru_cache(1)
def stored() -> StoredTables:
    """The whole file, read once."""
    return _decode_stored_tables(shipped("bufr_tables.zst"))


@lru_cache(64)
def tables(centre: int, office: int, local_version: int) -> Table:
    """What a message of this centre is read with. Where there is no such local table: WMO's."""
    all_of_them = stored()
    local = all_of_them.local.get(f"{local_version}/{centre}/{office}")
    local = local or all_of_them.local.get(f"{local_version}/{centre}/0")
    if local is None or local_version == 0:
        return all_of_them.wmo
    return Table(
        {**all_of_them.wmo.elements, **local.elements},
        {**all_of_them.wmo.sequences, **local.sequences},
    )
