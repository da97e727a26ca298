"""Where scores are not what they seem: alerts and events that do not speak of the same thing.

Such a score is right by its formula, all misses and false alarms, but says nothing of the rules.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from atalaia.batch.occurrences import Occurrence
from atalaia.batch.verify import Verified
from atalaia.domain.alert import Alert
from atalaia.domain.hazard import Hazard
from atalaia.domain.official import RULE as OFFICIAL

_NAMED = 8


def doubts(
    verified: Verified,
    told: Sequence[Alert],
    events: Sequence[Occurrence],
    zone: ZoneInfo,
    hazard: str | None = None,
) -> list[str]:
    """A line for each reason why no alert can have met an event; none where one did."""
    if verified.score.hits:
        return []
    if outside := outside_of_the_days(verified, events, zone):
        return [outside]
    warned = [
        entry for entry in told if entry.hazard != Hazard.CANNOT_SEE and entry.rule != OFFICIAL
    ]
    if not warned:
        return ["no alert warns of anything: every event is a miss"]
    chosen = [entry for entry in warned if hazard in (None, entry.hazard)]
    if not chosen:
        there = _some({entry.hazard for entry in warned})
        return [f"no alert is of {hazard}, so every event is a miss; there are: {there}"]
    lines = []
    alert_places = {entry.place_id for entry in chosen}
    event_places = {event.place_id for event in events if event.place_id}
    if all(event.place_id for event in events) and not alert_places & event_places:
        lines.append(
            f"no alert is of a place_id that the events name: they name {_some(event_places)}, "
            f"alerts are of {_some(alert_places)}"
        )
    ends = [entry.expires_at or entry.sent_at for entry in chosen]
    said = _span([*ends, *(entry.sent_at for entry in chosen)], zone)
    happened = _span([event.started_at for event in events], zone)
    if said[1] < happened[0] or happened[1] < said[0]:
        lines.append(
            f"alerts speak of {said[0]} to {said[1]}, and events of {happened[0]} to "
            f"{happened[1]}: they have no day in common"
        )
    return lines


def outside_of_the_days(
    verified: Verified, events: Sequence[Occurrence], zone: ZoneInfo
) -> str | None:
    """A line where no event lies in the days that were scored."""
    if verified.occurrences:
        return None
    first, last = _span([event.started_at for event in events], zone)
    return (
        f"no event lies in the days that are scored, {verified.first_day} to {verified.last_day}: "
        f"they are from {first} to {last}"
    )


def _span(instants: Sequence[int], zone: ZoneInfo) -> tuple[date, date]:
    first, last = (
        datetime.fromtimestamp(at, UTC).astimezone(zone).date()
        for at in (min(instants), max(instants))
    )
    return first, last


def _some(names: Collection[str]) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - _NAMED} more" if len(ordered) > _NAMED else ""
    return ", ".join(ordered[:_NAMED]) + more
