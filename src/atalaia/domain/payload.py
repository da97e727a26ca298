"""What a source answered, as it came: the record that the stream is made of.

Everything later (readings, incidents, GOLD) is derived from payloads and can be derived again.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:  # nobody who handles payloads needs arrays
    import numpy as np
    from numpy.typing import NDArray


class Payload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One answer of one source.

    source       who answered: a name in `sources.DECODERS`, e.g. ``open-meteo``
    content      which of the source's shapes the body has, e.g. ``realtime``, ``forecast``
    places       ids of the places asked for, in the order of the request; empty where the
                 body itself names them
    received_at  Unix seconds (UTC) at which the answer was complete
    body         exactly what was received, less the request's credentials
    status       HTTP status; 200 for what did not come over HTTP
    failure      why no answer came (time-out, refused, …); the body is then empty. None: it came
    is_recorded  replayed from a record: each row is known at its own valid_at (a forecast:
                 at its issued_at), not at received_at
    """

    source: str
    content: str
    received_at: int
    body: bytes
    places: tuple[str, ...] = ()
    status: int = 200
    failure: str | None = None
    is_recorded: bool = False


class Reject(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a payload that could not be decoded. It is kept and counted; the rest goes on.

    source    whose payload
    reason    what was wrong, in a few words that can be counted (no values in it)
    detail    where and what: the place, the field, the line, at most 200 characters
    """

    source: str
    reason: str
    detail: str = ""


def by_reason(rejects: Iterable[Reject]) -> list[tuple[str, int, str]]:
    """Each reason, how often, and the detail of its first; the most frequent first."""
    first: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for reject in rejects:
        first.setdefault(reject.reason, reject.detail)
        counts[reject.reason] += 1
    return [(reason, n, first[reason]) for reason, n in counts.most_common()]


class Plain(NamedTuple):
    """What some plain payloads say, one by one: live, with status 200, and of one place each.

    places   the id of each one's place, alone in a tuple
    bodies   each read as the struct that was asked for
    """

    places: list[tuple[str]]
    bodies: list[Any]


class Lines(Sequence[Payload]):
    """Payloads of one source as they lie in RAW, made when one of them is looked at.

    Mostly all are alike. A decoder that wants nothing else of them reads lines and bodies in one
    walk; every other one takes a `Lines` for the payloads that it stands for.

    source       of them all
    received_at  of them all, int64, Unix seconds, once they were found to be plain; before: None
    """

    source: str
    received_at: NDArray[np.int64] | None = None

    @abstractmethod
    def plain(self, content: str, body: type) -> Iterator[Plain | None]:
        """What they say, some at a time, where all are plain, of this content, and have such a
        body. None, and no more: one is otherwise."""
