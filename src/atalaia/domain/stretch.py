"""Stretches of an incident in which nothing happens: each source says by each rule what it said
before, instant after instant, and its level stays.

Of a sum over a day that is most of an incident's life. What such a stretch changes is counted and
remembered all at once, and its last instant is lived through as any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from atalaia.domain.reading import Kind
from atalaia.domain.rule import LEVELS, Rule
from atalaia.domain.track import MOST_COUNTED, Evidence, Track
from atalaia.domain.tracks import expiry_of, track_of

_NEVER = 1 << 62


class Rest(NamedTuple):
    """How long the same again changes nothing: `before` an instant at which a clock has run out,
    and with no more than `within_s` from one instant to the next."""

    before: int
    within_s: int


def rest_of(
    tracks: list[Track], said: Sequence[Evidence], rules: Mapping[str, Rule]
) -> Rest | None:
    """How long these tracks are at rest, which have just heard what was said; None where they are
    not: where one was not heard of the present, and once, or is on its way to a higher level."""
    if len(said) != len(tracks):
        return None
    heard = [track_of(tracks, one) for one in said]
    if len(set(map(id, heard))) < len(tracks):
        return None
    before = within_s = _NEVER
    for track, one in zip(heard, said, strict=True):
        if not (_is_of_now(one) and one.is_known) or one.entered > min(one.holding, track.level):
            return None
        rule = rules[track.rule]
        ends = [
            track.below[i] + rule.keep_s
            for i, level in enumerate(LEVELS)
            if one.held < level <= track.level
        ]
        if track.level and not one.holding:
            ends.append(expiry_of(track, rules))
        elif track.level and track.held_until != one.until:
            return None
        elif track.level:
            within_s = min(within_s, rule.expires_after_s)
        before = min([before, *ends])
    return Rest(before, within_s)


def end_of_stretch(evidence: Sequence[Evidence], i: int, j: int, rest: Rest) -> int:
    """Up to where evidence says what [i:j] does, all of which became known at one instant."""
    n, first = j - i, evidence[i:j]
    while j + n <= len(evidence):
        now = evidence[j].known_at
        is_cut = j + n < len(evidence) and evidence[j + n].known_at == now
        if is_cut or evidence[j + n - 1].known_at != now:
            break  # more or less is said, or something else
        if now >= rest.before or now - evidence[j - 1].known_at > rest.within_s:
            break
        if not all(map(_is_the_same, first, evidence[j : j + n])):
            break
        j += n
    return j


def pass_over(track: Track, said: Sequence[Evidence], worst: Evidence, rule: Rule) -> None:
    """Count what a track is told in such a stretch, and remember the worst of it, the first of
    equals. What it is told last is still for it to hear."""
    entered = said[0].entered
    if entered:
        for i, level in enumerate(LEVELS):
            track.count[i] += len(said) * (entered >= level)
        track.counted = [*track.counted, *(one.at for one in said)][-MOST_COUNTED - 1 :]
    if track.level and said[0].holding:
        track.held_until = said[-1].until
        if rule.sign * worst.value > rule.sign * track.best:
            track.best, track.best_at = worst.value, worst.valid_at


def _is_the_same(before: Evidence, one: Evidence) -> bool:
    return (
        one.entered == before.entered
        and one.holding == before.holding
        and one.held == before.held
        and one.rule == before.rule
        and one.source == before.source
        and one.kind == before.kind
        and _is_of_now(one)
    )


def _is_of_now(one: Evidence) -> bool:
    return (
        one.at == one.known_at == one.until
        and not (one.is_late or one.is_after_gap)
        and one.kind != Kind.FORECAST
    )
