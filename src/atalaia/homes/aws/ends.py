"""What is let go of once it has lasted for long enough: found by the index `ends`, the oldest
first.

A row that nothing may come of says of which kind it is, and since when it lasts or until when it
is kept: an address that nobody confirmed, a person without one, a withdrawn consent, a tally, a
talk.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from atalaia.homes.aws.dynamo import DynamoTable, Item, number_text

PENDING, UNCONFIRMED, WITHDRAWN = "pending", "unconfirmed", "withdrawn"
TALLY, TALK = "tally", "talk"

_AT_ONCE = 100


def ends(kind: str, at: int) -> Item:
    """The index' keys of such a row (`at`: Unix seconds)."""
    return {"ends": kind, "ends_at": number_text(at)}


def ended(table: DynamoTable, kind: str, before: int) -> Iterator[list[Item]]:
    """Rows of a kind from before, some at a time, as the index shows them: a moment late, perhaps.
    What is removed goes by what it says under its own keys."""
    rows = table.query(
        kind,
        "ends_at < :before",
        {":before": number_text(before)},
        index="ends",
        hash="ends",
        is_consistent=False,
        page=_AT_ONCE,
    )
    while some := list(islice(rows, _AT_ONCE)):
        yield some
