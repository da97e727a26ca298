"""GOLD as a function, called every few minutes: RAW's logs, then all that is new in RAW; and the
norms, where the climate or the rules are new."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import structlog

from atalaia.batch.archive import archive
from atalaia.batch.refine import refine
from atalaia.errors import StateConflict
from atalaia.homes.aws.local import LocalLake
from atalaia.lake import gold, raw
from atalaia.ports import Commit, Record, State
from atalaia.run.aws import deployment, norms
from atalaia.run.aws.opened import opened

log = structlog.get_logger()


class _NoStream:
    """Payloads are archived as they come; only the logs are left."""

    def read(self, after: int, limit: int) -> list[Record]:
        """None."""
        del after, limit
        return []

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


class Counting:
    """A state as refining needs it here, where shards are archived each for itself: their parts
    are done in no order that their numbers could follow, so each step is one further; and all
    that is in RAW has been archived."""

    def __init__(self, state: State) -> None:
        self._state = state

    def offset(self, consumer: str) -> int:
        """See `ports.State.offset`."""
        return sys.maxsize if consumer == raw.ARCHIVED else self._state.offset(consumer)

    def commit(self, commit: Commit) -> bool:
        """See `ports.State.commit`."""
        if commit.consumer == gold.REFINED:
            further = self._state.offset(gold.REFINED) + 1
            commit = msgspec.structs.replace(commit, offset=further)
        return self._state.commit(commit)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._state, name)


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """Called by the clock. One at a time: another that comes meanwhile leaves it to the first."""
    del event
    home, places = deployment.home(), deployment.places()
    lake = LocalLake(home.lake)
    state: Any = Counting(home.state)
    stream: Any = _NoStream()
    try:
        with home.hold("refine"):
            archive(stream, state, lake, home.outbox)
            report = refine(state, lake, opened(home, places), places, home.outbox)
            norms.lay(home.state, lake, deployment.settings())
    except StateConflict as error:
        log.info("not refined", reason=str(error))
        return {"rows": 0, "partitions": 0}
    finally:
        lake.close()
    return {"rows": report.rows, "partitions": report.partitions}
