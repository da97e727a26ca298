"""What becomes of official warnings, as entries of the alert log: in their issuer's words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec

from atalaia.detect.covered import Covered
from atalaia.detect.standing_warnings import StandingWarning
from atalaia.domain.alert import Alert, AlertType, LogEntry, is_last
from atalaia.domain.hazard import Level
from atalaia.domain.official import RULE, Official, official_text, told_as
from atalaia.domain.place import Places

Open = Callable[[frozenset[str], str, int, int], tuple[str, ...]]
"""Our own incidents at these places, of a kin hazard, between two instants."""


@dataclass
class WarningChange:
    """What a message or the clock does to one warning: by entry, its places.

    Entries are told apart by type, reason and the part of a message that they pass on.
    """

    over: dict[tuple[AlertType, str, int], tuple[Official, list[str]]] = field(default_factory=dict)
    goes_on: dict[tuple[AlertType, str, int], tuple[Official, list[str]]] = field(
        default_factory=dict
    )

    _said: dict[tuple[int, int], Official] = field(default_factory=dict)

    def add(self, type_: AlertType, reason: str, official: Official, place: str) -> None:
        """One place more that an entry speaks of."""
        kind = self.over if is_last(type_) else self.goes_on
        kind.setdefault((type_, reason, id(official)), (official, []))[1].append(place)

    def end(self, part: Official | None, before: Official, place: str) -> None:
        """It is over at one place more: by a part that says so, by one that has run out, or as its
        successor speaks of something else there (None)."""
        if part is None:
            self.add("cancel", "withdrawn", before, place)
        elif not part.is_end:
            self.add("end", "ended", part, place)
        else:
            said = self._said.setdefault((id(part), id(before)), _with_words(part, before))
            is_cancel = part.type == "Cancel"
            self.add(
                "cancel" if is_cancel else "end", "withdrawn" if is_cancel else "ended", said, place
            )


class WarningTeller:
    """Writes entries."""

    def __init__(self, places: Places, covered: Covered) -> None:
        self._places = places
        self._covered = covered

    def tell(
        self, one: StandingWarning, change: WarningChange, now: int, own: Open
    ) -> Iterator[LogEntry]:
        """The entries of one change. What is over comes first: the newest entry of an incident
        says that it goes on, where it does."""
        left = dict.fromkeys(place for group in one.live() for place in group.places)
        for _, places in change.over.values():
            left |= dict.fromkeys(places)
        for kind in (change.over, change.goes_on):
            for (type_, reason, _), (official, places) in kind.items():
                spoken = set(places)
                still = self._covered.in_order(place for place in left if place not in spoken)
                told = self._covered.in_order(places)
                yield self._entry(one, type_, reason, official, told, still, now, own)
                if is_last(type_):
                    left = dict.fromkeys(still)

    def _entry(
        self,
        one: StandingWarning,
        type_: AlertType,
        reason: str,
        official: Official,
        places: list[str],
        still: list[str],
        now: int,
        own: Open,
    ) -> LogEntry:
        is_over = is_last(type_)
        one.version += 1
        level = official.level
        one.peak = max(one.peak, int(level))
        linked: tuple[str, ...] = ()
        if official.hazard:
            begins_at, ends_at = official.begins_at, official.ends_at
            linked = own(frozenset(places), official.hazard, begins_at, ends_at)
        known = ((id_, self._places.get(id_)) for id_ in places)
        names = [place.name if place else id_ for id_, place in known]
        alert = Alert(
            incident=one.incident,
            version=one.version,
            type=type_,
            place_id=places[0] if len(places) == 1 else official.issuer,
            hazard=told_as(official),
            level=level.word,
            severity=level.severity,
            urgency="Past" if is_over else official.urgency,
            certainty=official.certainty,
            sent_at=now,
            onset_at=official.begins_at,
            expires_at=official.ends_at,
            evidence="observed" if official.certainty == "Observed" else "forecast",
            source=official.issuer,
            valid_at=official.sent_at,
            variable=None,
            window_s=None,
            value=None,
            unit=None,
            limit=None,
            rule=RULE,
            reason=reason,
            text=official_text(official, type_, names),
        )
        return LogEntry(
            alert=alert,
            places=tuple(places),
            opened_at=one.opened_at,
            peak_level=Level(one.peak).word,
            official=official,
            linked=linked,
            still=tuple(still),
        )


def _with_words(end: Official, before: Official) -> Official:
    """An end may say no more than what it ends: then that is what it is about."""
    is_bare = not end.texts
    return msgspec.structs.replace(
        end,
        texts=before.texts if is_bare else end.texts,
        areas=end.areas or before.areas,
        issuer=before.issuer if is_bare else end.issuer,
        hazard=end.hazard or before.hazard,
        severity=before.severity if is_bare else end.severity,
        urgency=before.urgency if is_bare else end.urgency,
        certainty=before.certainty if is_bare else end.certainty,
        onset_at=end.onset_at or before.begins_at,
        expires_at=end.expires_at or before.ends_at,
    )
