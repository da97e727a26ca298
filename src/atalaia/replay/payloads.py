"""A past of any kind lived through again: payloads in a file, as they arrived, on that clock.

    lines (or parts of RAW) → stream → speed layer → alert log → the alerts file

It is the live path, less the network: what came late, twice, out of order, empty or not at all is
judged as it would have been, and official warnings are told in the same log. So a few lines show
what went wrong somewhere, and a bug report can hold them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from atalaia.detect.consumer import Consumer, Follower
from atalaia.detect.watch import Watch
from atalaia.domain.payload import Payload, Reject
from atalaia.domain.place import Places
from atalaia.domain.rule import RuleSet
from atalaia.errors import PayloadInvalid
from atalaia.lake.norms import norms_of
from atalaia.lake.places import note_places
from atalaia.ports import Home, State
from atalaia.replay.lines import read_payloads
from atalaia.replay.readings import Progress, Replayed, claim_new, keep, log_of, no_progress
from atalaia.sources import decode_all

_AT_ONCE = 64


def replay_payloads(
    home: Home,
    places: Places,
    files: Sequence[Path],
    rules: RuleSet,
    *,
    is_kept: bool,
    progress: Progress = no_progress,
) -> Replayed:
    """Live through the files' payloads in a home; of one that `is_kept` with its lake.

    Raises PayloadInvalid where there is no payload in them, and StateConflict where the home is
    in use.
    """
    rejects: list[Reject] = []
    claim_new(home, "of payloads")
    note_places(home.state, places)
    norms = norms_of(home.lake, rules, places)

    def make_watch(state: State) -> Watch:
        watch = Watch(rules, places, decode_all(places), norms)
        watch.load(state)
        return watch

    follower = Follower(home.stream, Consumer(lambda: home.state, make_watch))
    consumer = follower.consumer
    payloads = _good(read_payloads(files), rejects)
    readings, sources, heard = 0, dict[str, None](), np.zeros(len(places), bool)
    seen: set[str] = set()
    while some := list(islice(payloads, _AT_ONCE)):
        progress("watching", consumer.position, consumer.position + len(some))
        home.stream.append(some)
        while lived := follower.advance():
            readings += sum(lived.readings.values())
            sources.update(dict.fromkeys(lived.readings))
            heard[lived.rows.place] = True
            seen |= lived.rows.known()
    if not consumer.position:
        first = f" ({rejects[0].reason}: {rejects[0].detail})" if rejects else ""
        raise PayloadInvalid(f"no payload could be read{first}; see docs/replay.md")
    if is_kept:
        keep(home, places, rules, progress)
    return Replayed(
        readings=readings,
        rejected=rejects + [reject for _, _, reject in home.state.rejects()],
        entries=log_of(home),
        silent=[place.id for place, is_heard in zip(places, heard, strict=True) if not is_heard],
        sources=list(sources),
        unjudged=norms.in_words(),
        unseen=rules.unseen(seen),
    )


def _good(found: Iterator[Payload | Reject], rejects: list[Reject]) -> Iterator[Payload]:
    for one in found:
        if isinstance(one, Reject):
            rejects.append(one)
        else:
            yield one
