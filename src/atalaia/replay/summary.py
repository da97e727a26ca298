"""The story of a replay as a person enjoys reading it: each incident in a line, with its why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
from rich.console import Console
from rich.text import Text

from atalaia.domain.alert import LogEntry
from atalaia.domain.hazard import LEVEL_OF, Hazard, Level
from atalaia.domain.place import Places
from atalaia.domain.rule import unseen_in_words
from atalaia.domain.words import (
    CHANGES,
    HAZARDS,
    LANGUAGES,
    fell,
    figure,
    measured_name,
    variable_name,
)
from atalaia.replay.readings import Replayed
from atalaia.translated import spoken, translated

_COLOUR = {"red": "bold red", "orange": "bold dark_orange", "yellow": "yellow"}
_SIGN = {"red": "▲▲▲", "orange": "▲▲", "yellow": "▲", "watch": "·"}

_REACHED = ("chegou a", "reached", "llegó a")
_WENT_DOWN = ("desceu a", "went down to", "bajó a")
_LIMIT = ("limite", "limit", "límite")
"""By language, as `domain.words` has them."""


_NAMED = 10
"""Places that are named; of more it is said how many."""


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """One incident from onset to end. Times are Unix seconds; `ended_at` None: still open.

    `is_below`: small values are the dangerous ones, and the peak is the lowest.
    """

    incident: str
    place_id: str
    hazard: str
    level: str
    onset_at: int
    peak: float | None
    peak_at: int | None
    ended_at: int | None
    ending: str | None
    messages: int
    is_below: bool
    why: str


def stories(entries: Sequence[LogEntry], language: str = "en") -> list[Story]:
    """One story an incident, in order of onset, from entries in the order of the log; why it was
    told in a language."""
    lives: dict[str, list[LogEntry]] = {}
    for entry in entries:
        lives.setdefault(entry.alert.incident, []).append(entry)
    told = [_story(life, LANGUAGES.index(language)) for life in lives.values()]
    return sorted(told, key=lambda s: (s.onset_at, s.place_id, s.hazard))


def _story(life: list[LogEntry], spoken: int) -> Story:
    last = life[-1].alert
    at_peak = max(life, key=lambda e: (LEVEL_OF[e.alert.level], -e.alert.version))
    is_over = last.is_over
    return Story(
        incident=last.incident,
        place_id=life[0].alert.place_id,
        hazard=last.hazard,
        level=life[-1].peak_level or at_peak.alert.level,
        onset_at=last.onset_at or life[0].alert.sent_at,
        peak=life[-1].peak,
        peak_at=life[-1].peak_at,
        ended_at=last.sent_at if is_over else None,
        ending=last.reason if is_over else None,
        messages=len(life),
        is_below=at_peak.is_below,
        why=_why(life, at_peak, spoken),
    )


def _why(life: list[LogEntry], at_peak: LogEntry, spoken: int) -> str:
    alert, peak = at_peak.alert, life[-1].peak
    if alert.variable is None or peak is None:
        return life[0].alert.text[LANGUAGES[spoken]].split(". ")[0]

    measure, window_s = at_peak.measure, alert.window_s or 0
    if measure in CHANGES:
        name = variable_name(alert.variable, spoken)
        reached = fell(name, peak, alert.unit, window_s, spoken)
    else:
        name = measured_name(alert.variable, measure, window_s, spoken)
        way = _WENT_DOWN[spoken] if at_peak.is_below else _REACHED[spoken]
        reached = f"{name} {way} {figure(peak, alert.unit, measure, spoken)}"
    if alert.limit is None:
        return reached
    return f"{reached} ({_LIMIT[spoken]} {figure(alert.limit, alert.unit, measure, spoken)})"


def quiet(done: Replayed) -> str:
    """What it means that no incident was told: calm only where all was read."""
    if not done.readings:
        return "No reading was read: what the weather was is not known, and that is not calm."
    if done.rejected or done.silent or done.unseen:
        return (
            "No incident in what was read; of the rest, which is named below, nothing is known, "
            "and that is not calm."
        )
    return "No incident: nothing passed a limit of the rules."


def not_read(done: Replayed) -> Iterator[str]:
    """A line for each kind of what was not there to be read."""
    if done.silent:
        first, others = ", ".join(done.silent[:_NAMED]), len(done.silent) - _NAMED
        more = f"no readings at all for: {first}, and {others} more"
        yield more if others > 0 else f"no readings at all for: {first}"
    if done.unseen:
        yield unseen_in_words(done.unseen)


def show(
    told: Sequence[Story], places: Places, console: Console, otherwise: str, *, at_most: int = 24
) -> None:
    """Two lines an incident: all of them if they are few, else the gravest of each hazard.

    `otherwise` is said where there is none.
    """
    if not told:
        console.print(translated(otherwise))
        return
    chosen = _chosen(told, at_most)
    width = 1 + max(len(translated(level)) for level in _SIGN)
    for story in chosen:
        place = places.get(story.place_id)
        zone = place.timezone if place else "UTC"
        line = Text(f"{_SIGN[story.level]:>3} ", style=_COLOUR.get(story.level, ""))
        line.append(f"{translated(story.level):{width}}", style=_COLOUR.get(story.level, ""))
        line.append(f"{_hazard(story.hazard):13}", style="bold")
        line.append(f"{place.name if place else story.place_id}", style="bold")
        console.print(line)
        console.print(
            f"            {_local(story.onset_at, zone)} → {_end(story, zone)}", style="dim"
        )
        peak_at = translated(f" at {_local(story.peak_at, zone)}") if story.peak_at else ""
        console.print(f"            {story.why}{peak_at}")
    if len(chosen) < len(told):
        more = len(told) - len(chosen)
        said = f"… and {more} more; these are the gravest of each hazard."
        console.print(translated(said), style="dim")
    console.print(translated("Times are local to each place."), style="dim")


def _hazard(hazard: str) -> str:
    """Its name in data, with spaces; in other languages its words, which a column may not hold."""
    if spoken() == "en":
        return hazard.replace("_", " ")
    return f"{HAZARDS[hazard][LANGUAGES.index(spoken())]} "


def _end(story: Story, zone: str) -> str:
    if story.ended_at is None:
        return translated("still open at the end of the record")
    when = _local(story.ended_at, zone)
    unseen = translated(f"{when}, could no longer be seen")
    why = story.ending or ""
    return {"ended": when, "expired": unseen}.get(why, f"{when}, {translated(why)}")


def counts(told: Sequence[Story]) -> str:
    """``heavy_rain 26 (2 red, 5 orange), wind 365 …``"""
    parts = []
    for hazard in Hazard:
        levels = Counter(story.level for story in told if story.hazard == hazard)
        if levels:
            grave = [f"{levels[w]} {translated(w)}" for w in ("red", "orange") if levels[w]]
            detail = f" ({', '.join(grave)})" if grave else ""
            name = hazard if spoken() == "en" else _hazard(hazard).strip()
            parts.append(f"{name} {sum(levels.values())}{detail}")
    return ", ".join(parts) or "none"


def _chosen(told: Sequence[Story], at_most: int) -> list[Story]:
    """What was red, then the gravest of each hazard, in order of onset."""
    if len(told) <= at_most:
        return list(told)
    gravest = sorted(told, key=lambda s: (-LEVEL_OF[s.level], -_extremity(s), s.onset_at))
    picked = [story for story in gravest if story.level == Level.RED.word][:at_most]
    hazards = sorted({story.hazard for story in told})
    share = (at_most - len(picked)) // len(hazards)
    for hazard in hazards:
        mine = [story for story in gravest if story.hazard == hazard and story not in picked]
        picked += mine[:share]
    return sorted(picked, key=lambda s: (s.onset_at, s.place_id))


def _extremity(story: Story) -> float:
    """How far the peak went, on the side that is the dangerous one."""
    peak = story.peak or 0.0
    return -peak if story.is_below else peak


def _local(at: int | None, zone: str) -> str:
    if at is None:
        return "—"
    return datetime.fromtimestamp(at, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")
