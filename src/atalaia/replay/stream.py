"""A live home lived through again: its stream in arrival order, as the watch did.

    RAW and stream of a home → stream of another → speed layer → alert log

With the terms that the home has noted (rules, places, what was polled, each restart in its place)
this gives the live alerts again: the same incidents, levels and texts. With other rules it shows
what these would have told of the same arrivals, late and repeated as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import msgspec
import numpy as np

from atalaia.detect.consumer import Consumer, Follower
from atalaia.detect.starts import Start
from atalaia.detect.values import Usual
from atalaia.detect.watch import CONSUMER, Watch
from atalaia.domain.alert import LogEntry
from atalaia.domain.decoded import Decode
from atalaia.domain.place import Places
from atalaia.domain.rule import RuleSet
from atalaia.errors import StateConflict
from atalaia.lake import raw
from atalaia.lake.places import note_places
from atalaia.ports import Home, Record, State
from atalaia.replay.readings import Progress, Replayed, claim_new, keep, log_of, no_progress
from atalaia.replay.terms import everywhere, norms_by, starts_by
from atalaia.sources import decode_all

_AT_ONCE = 64


@dataclass
class _Heard:
    """Of which places, and of which variables, anything was heard in all lives."""

    places: set[str] = field(default_factory=set)
    variables: set[str] = field(default_factory=set)


def replay_stream(
    live: Home,
    home: Home,
    rules: RuleSet | None = None,
    *,
    is_kept: bool,
    decoder: Callable[[Places], Decode] = decode_all,
    progress: Progress = no_progress,
) -> tuple[Replayed, Places, RuleSet]:
    """Live through a home's stream again, in another home; of one that `is_kept` with its lake.

    Returns what it came to, with the places and the newest rules that it went by. `rules` None:
    those of the home's own time, with the norms that they went by, and `Replayed.as_live` says
    whether it told the same. Rules that are given go by the source's climate as it is today.
    Raises AtalaiaError where the home noted no rules and none are given, PayloadInvalid where RAW
    is damaged, StateConflict where it lacks something, or `home` holds something else.
    """
    up_to, told = _until_now(live)
    starts = starts_by(live, rules)
    claim_new(home, "from a stream")
    watched = everywhere(starts)
    note_places(home.state, watched)
    arrivals = _arrivals(live, up_to)
    readings, unjudged, heard = 0, dict[str, None](), _Heard()
    for start, end in zip(starts, [*(s.offset for s in starts[1:]), up_to], strict=True):
        progress("watching", start.offset, up_to)
        norms = norms_by(live, start)
        unjudged.update(dict.fromkeys(norms.in_words()))
        readings += _one_life(home, start, arrivals, end, norms, decoder, heard)
    if is_kept:
        keep(home, watched, starts[-1].terms.rules, progress)
    entries = log_of(home)
    done = Replayed(
        readings=readings,
        rejected=[reject for _, _, reject in home.state.rejects()],
        entries=entries,
        silent=[place.id for place in watched if place.id not in heard.places],
        unjudged=list(unjudged),
        unseen=starts[-1].terms.rules.unseen(heard.variables),
        as_live=_stories(entries) == _stories(told) if rules is None else None,
    )
    return done, watched, starts[-1].terms.rules


def _until_now(live: Home) -> tuple[int, list[LogEntry]]:
    """The offset up to which the watch has lived, and what it had told by then."""
    while True:
        offset = live.state.offset(CONSUMER)
        told = log_of(live)
        if live.state.offset(CONSUMER) == offset:
            return offset, told


def _arrivals(live: Home, up_to: int) -> Iterator[Record]:
    """The payloads, without a gap; StateConflict where RAW and stream no longer have them all."""
    expected = 1
    for record in raw.in_order(live.lake, live.stream, up_to):
        if record.offset != expected:
            raise StateConflict(
                f"home {live.name}: payloads {expected} to {record.offset - 1} are neither in RAW "
                "nor in the stream; restore RAW, and replay again"
            )
        expected += 1
        yield record


def _one_life(
    opened: Home,
    start: Start,
    arrivals: Iterator[Record],
    end: int,
    norms: Usual,
    decoder: Callable[[Places], Decode],
    heard: _Heard,
) -> int:
    """Live from a start to the next one, or to the end; return how many rows came."""
    terms = start.terms
    places = Places(terms.places)

    def make_watch(state: State) -> Watch:
        watch = Watch(
            terms.rules,
            places,
            decoder(places),
            norms,
            terms.expected_s,
        )
        watch.load(state)
        for source in terms.expected_s:
            watch.expect(source, start.at)
        return watch

    follower = Follower(opened.stream, Consumer(lambda: opened.state, make_watch))
    rows = 0
    while some := list(islice(arrivals, min(_AT_ONCE, end - opened.stream.last_offset()))):
        opened.stream.append([record.payload for record in some])
        while lived := follower.advance():
            rows += sum(lived.readings.values())
            heard.places.update(places[i].id for i in np.unique(lived.rows.place).tolist())
            heard.variables |= lived.rows.known()
    return rows


def _stories(entries: list[LogEntry]) -> list[LogEntry]:
    """The entries without what depends on who is subscribed: steps, and how they are counted."""
    return [
        msgspec.structs.replace(entry, alert=msgspec.structs.replace(entry.alert, version=0))
        for entry in entries
        if entry.alert.type != "step"
    ]
