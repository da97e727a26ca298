"""What the sources of an incident say together: who decides, who holds it, who has seen it end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from atalaia.domain.rule import LEVELS, Rule
from atalaia.domain.track import BLIND_AFTER, FORECAST, NEVER, Evidence, Track


def track_of(tracks: list[Track], said: Evidence) -> Track:
    """The track of what is said; a new one joins them, in the order of rules."""
    rule, source, is_forecast = said.rule, said.source, said.kind == FORECAST
    for track in tracks:
        if (
            track.rule == rule
            and track.source == source
            and (track.kind == FORECAST) is is_forecast
        ):
            return track
    track = Track(rule, source, said.kind, said.order, said.expected_s)
    tracks.append(track)
    tracks.sort(key=lambda t: (t.order, t.source, t.is_forecast))
    return track


def deciding_of(tracks: Sequence[Track], told: int, now: int) -> Track | None:
    """The track that gives the level: the highest that can see, the surest among equals.
    `told` is the level as it was told.

    Where those that gave the level as it was told cannot be seen, others take their place only if
    one of them speaks of now: what is forecast for tonight says nothing of what was measured.
    """
    holding = [track for track in tracks if track.level]
    seeing = [track for track in holding if track.can_see(now)]
    highest = max((track.level for track in seeing), default=0)
    is_unseen = highest < told and any(track.level >= told for track in holding)
    if is_unseen and all(track.is_forecast for track in seeing):
        seeing = []
    return max(seeing or holding, key=_standing, default=None)


def as_told(
    tracks: Sequence[Track], told: int, kind: int, now: int, rules: Mapping[str, Rule]
) -> tuple[Track, int] | None:
    """The track that decides, and until when anything can be said, where at a glance there is
    nothing to tell, as nearly always: all that holds a level is measured, seen, no surer than was
    told, and reaches the level that was told. Else None."""
    deciding, last = None, NEVER
    for track in tracks:
        level = track.level
        if not level:
            continue
        expiry = track.held_until + rules[track.rule].expires_after_s
        if now >= expiry or now - track.seen_at >= BLIND_AFTER * track.expected_s:
            return None
        if level > told or not kind <= track.kind < FORECAST:
            return None
        last = max(last, expiry)
        if deciding is None or _standing(track) > _standing(deciding):
            deciding = track
    return None if deciding is None or deciding.level < told else (deciding, last)


def _standing(track: Track) -> tuple[int, int, int]:
    """What decides: the highest level, the surest among equals, the first rule of these."""
    return track.level, -track.kind, -track.order


def lapse(tracks: Sequence[Track], now: int, rules: Mapping[str, Rule]) -> None:
    """Lower forecasts whose hours are over, where calm was seen in their place since."""
    seeing = [t for t in tracks if not t.is_forecast and t.can_see(now)]
    for track in tracks:
        if track.is_forecast and track.level and seeing:
            rule = rules[track.rule]
            track.level = rule.up_to(track.lapsed_to(rule.keep_s, seeing))


def onset_of(tracks: Sequence[Track], deciding: Track, level: int) -> int:
    """When what is told began, or is forecast to."""
    holding = [t for t in tracks if t.level]
    measured = [t for t in holding if not t.is_forecast]
    if deciding.is_forecast and measured and all(t.level < level for t in measured):
        return deciding.first_of(level)  # what is there now is less than what is to come
    return min(t.onset_at for t in measured or holding)


def calmed_by(tracks: Sequence[Track], now: int, heard: Sequence[Track]) -> Track | None:
    """The track whose value shows that it is over: past every exit limit, and seen now."""
    calm = [t for t in tracks if not t.is_forecast and t.calm_since and t.can_see(now)]

    def weight(track: Track) -> tuple[bool, bool, int, int]:
        was_heard = any(one is track for one in heard)
        return was_heard, track.held_until > NEVER, track.seen_at, -track.order

    fallen = [t for t in tracks if not t.is_forecast and t.calmed_by[0] == now]
    if not calm and fallen:
        return max(fallen, key=weight).as_calmed()
    return max(calm, key=weight, default=None)


def expiry_of(track: Track, rules: Mapping[str, Rule]) -> int:
    """When nothing can be said any more by what held it."""
    return track.held_until + rules[track.rule].expires_after_s


def last_expiry_of(tracks: Sequence[Track], rules: Mapping[str, Rule]) -> int:
    """When nothing can be said any more by any that holds a level."""
    return max(expiry_of(t, rules) for t in tracks if t.level)


def longest_held(tracks: Sequence[Track]) -> Track:
    """The track that held it longest: what its ending is explained by."""
    measured = [t for t in tracks if not t.is_forecast and t.held_until > NEVER]
    return max(measured or tracks, key=lambda t: (t.held_until, -t.order))


def hold_against(track: Track, rule: Rule) -> None:
    """Hold a track against its rule, which was edited: the newest value decides. The level goes on
    that it still holds, and so does each clock that it agrees with."""
    enters = [_passes(track, rule, limit) for limit in rule.enter]
    holds = [_passes(track, rule, limit) for limit in rule.leave]
    for i in range(len(LEVELS)):
        if not enters[i]:
            track.above[i] = track.count[i] = 0
        if holds[i]:
            track.below[i] = 0
    if any(holds):
        track.calm_since = 0
    if not any(track.count):
        track.counted = []
    still_enters, still_holds = (
        max((level for level, is_so in zip(LEVELS, each, strict=True) if is_so), default=0)
        for each in (enters, holds)
    )
    track.entered = min(track.entered, still_enters)
    track.holding = min(track.holding, still_holds)
    track.level = rule.up_to(min(track.level, still_holds))


def _passes(track: Track, rule: Rule, limit: float | None) -> bool:
    return limit is not None and rule.sign * (track.value - track.norm) >= rule.sign * limit
