"""The state as refining needs it where shards are archived each for itself.

Their parts are done in no order that their numbers could follow: each step is one further; and all
that is in RAW has been archived.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec

from atalaia.homes.aws.state import DynamoState
from atalaia.lake import gold, raw
from atalaia.ports import Commit

if TYPE_CHECKING:
    from atalaia.homes.aws import AwsHome


class RefiningState(DynamoState):
    """Fills `ports.State` for `batch.refine`."""

    def offset(self, consumer: str) -> int:
        """See `ports.State.offset`."""
        return sys.maxsize if consumer == raw.ARCHIVED else super().offset(consumer)

    def commit(self, commit: Commit) -> bool:
        """See `ports.State.commit`."""
        if commit.consumer == gold.REFINED:
            further = super().offset(gold.REFINED) + 1
            commit = msgspec.structs.replace(commit, offset=further)
        return super().commit(commit)


def refining(home: AwsHome) -> RefiningState:
    """That of a home."""
    return RefiningState(home.clients, home.table("state"), home.table("log"))
