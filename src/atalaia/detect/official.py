"""Official warnings that stand over the watched places: from messages to the alert log.

A warning is one incident, whatever number of places it covers, told in its issuer's words. It
begins with the first message that covers a watched place, changes with messages that refer to it,
and ends by a Cancel, by a successor that covers no watched place any more, or when its time is
over. That a feed no longer lists it, or does not answer, ends nothing; that a feed lists it again
tells nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
import numpy as np

from atalaia.domain.alert import Alert, AlertType, LogEntry, is_last
from atalaia.domain.geo import distances_km
from atalaia.domain.hazard import Hazard
from atalaia.domain.official import Official, are_kin, official_text, told_as
from atalaia.domain.outline import outline, turns
from atalaia.domain.place import Places
from atalaia.domain.reading import Bools, Floats, Ints

RULE = "official"
"""Stands in an alert where a rule of ours would."""

FORGET_AFTER_S = 7 * 86_400
"""How long what is over is remembered, so that a feed that still lists it does not open it."""

MOST_NAMES = 500
"""Messages of one warning that are remembered."""

_SHORTEST_CODE = 5
"""Letters of a geocode that may name a place by its id: ``2900207``, and not ``1``."""


Open = Callable[[frozenset[str], str, int, int], tuple[str, ...]]
"""Our own incidents at these places, of a kin hazard, between two instants."""


class Standing(msgspec.Struct):
    """One warning. Version 0: nothing was told of it, for its Cancel came before it.

    names       of all its messages
    sent_at     of the newest of them
    closed_at   when it ended; 0: it stands
    """

    incident: str
    version: int
    names: list[str]
    sent_at: int
    opened_at: int
    ends_at: int
    places: list[str] = msgspec.field(default_factory=list)
    official: Official | None = None
    closed_at: int = 0


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Standing).decode


class Officials:
    """All warnings that stand, or lately stood, by the key of their incident."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._latitude = np.array([place.latitude for place in places], np.float64)
        self._longitude = np.array([place.longitude for place in places], np.float64)
        self.standing: dict[str, Standing] = {}
        self._by_name: dict[str, str] = {}
        self._touched: set[str] = set()

    # State

    def load(self, items: Mapping[str, bytes]) -> None:
        """Take up what was kept: state items ``official:<incident>``."""
        for body in items.values():
            self._put(_decode(body))
        self._touched.clear()

    def changed_items(self) -> dict[str, bytes | None]:
        """State items that are new since this was asked last."""
        items = {
            f"official:{key}": _encode(self.standing[key]) if key in self.standing else None
            for key in sorted(self._touched)
        }
        self._touched.clear()
        return items

    # Life

    def advance(
        self, heard: Sequence[tuple[int, Official]], instants: Ints, own: Open
    ) -> list[LogEntry]:
        """Live through messages, each with when it became known, and through all instants of a
        batch (sorted, unique): what has run out is noticed at the first that is late enough."""
        if not len(instants):
            return []
        entries: list[LogEntry] = []
        # A feed lists its messages in any order: of one instant, the older goes first.
        for now, official in sorted(heard, key=lambda one: (one[0], one[1].sent_at)):
            entries += self._expire(instants, now, own)
            entries += self._hear(official, now, own)
        entries += self._expire(instants, int(instants[-1]), own)
        self._forget(int(instants[-1]))
        return entries

    def linked(self, entry: LogEntry) -> LogEntry:
        """An entry of our own with the warnings about the same weather that stood over one of its
        places when it was decided."""
        alert = entry.alert
        if not self.standing or alert.hazard == Hazard.CANNOT_SEE:
            return entry
        keys = tuple(
            key
            for key, one in self.standing.items()
            if one.official is not None
            and one.opened_at <= alert.sent_at
            and not (one.closed_at and one.closed_at <= alert.sent_at)
            and one.official.hazard
            and are_kin(one.official.hazard, alert.hazard)
            and not set(one.places).isdisjoint(entry.places)
        )
        return msgspec.structs.replace(entry, linked=keys) if keys else entry

    def _hear(self, official: Official, now: int, own: Open) -> Iterator[LogEntry]:
        known = self._known(official)
        standing = [one for one in known if one.version and not one.closed_at]
        if official.type == "Cancel":
            yield from self._cancel(official, standing, now, own)
            return
        places = self._covered(official)
        before = [one for one in standing if _is_successor(official, places, one)]
        if before:
            yield from self._change(official, places, before, now, own)
        elif places and official.ends_at > now and official.name not in self._by_name:
            yield self._open(official, places, now, own)

    def _known(self, official: Official) -> list[Standing]:
        names = (official.name, *official.references)
        keys = dict.fromkeys(self._by_name[name] for name in names if name in self._by_name)
        return [self.standing[key] for key in keys]

    def _open(self, official: Official, places: list[str], now: int, own: Open) -> LogEntry:
        one = Standing(
            incident=_key(official),
            version=0,
            names=self._own_names(official),
            sent_at=official.sent_at,
            opened_at=now,
            ends_at=official.ends_at,
        )
        return self._tell(one, "alert", "onset", official, places, now, own)

    def _change(
        self,
        official: Official,
        places: list[str],
        standing: list[Standing],
        now: int,
        own: Open,
    ) -> Iterator[LogEntry]:
        one, *others = standing
        before = one.official
        assert before is not None  # noqa: S101  what stands was told
        is_news = official.sent_at > one.sent_at or official.name not in one.names
        if not is_news or official.sent_at < one.sent_at:
            self._note_names(one, official)  # an older one that came late changes nothing
            return
        self._note_names(one, official)
        one.sent_at = official.sent_at
        # What was several warnings is one from now on.
        for other in others:
            yield self._tell(other, "cancel", "withdrawn", official, other.places, now, own)
        if official.ends_at <= now:
            yield self._tell(one, "end", "ended", official, one.places, now, own)
            return
        if not places:
            yield self._tell(one, "cancel", "withdrawn", official, one.places, now, own)
            return
        reason = _reason(before, official, is_wider=not set(places) <= set(one.places))
        if reason:
            yield self._tell(one, "update", reason, official, places, now, own)
        else:
            one.official = official
            self._put(one)

    def _cancel(
        self, official: Official, standing: list[Standing], now: int, own: Open
    ) -> Iterator[LogEntry]:
        for one in standing:
            self._note_names(one, official)
            said = _with_words(official, one.official)
            yield self._tell(one, "cancel", "withdrawn", said, one.places, now, own)
        unheard = [name for name in official.references if name not in self._by_name]
        if unheard:
            # It came before what it cancels, which must not be told any more.
            names = [official.name, *unheard]
            self._put(Standing(_key(official), 0, names, official.sent_at, now, now, closed_at=now))

    def _expire(self, instants: Ints, until: int, own: Open) -> Iterator[LogEntry]:
        due = [
            one
            for one in self.standing.values()
            if one.version and not one.closed_at and one.ends_at <= until
        ]
        for one in sorted(due, key=lambda one: (one.ends_at, one.incident)):
            assert one.official is not None  # noqa: S101  what stands was told
            slot = min(int(np.searchsorted(instants, one.ends_at)), len(instants) - 1)
            now = min(int(instants[slot]), until)
            yield self._tell(one, "end", "ended", one.official, one.places, now, own)

    def _forget(self, now: int) -> None:
        for key, one in list(self.standing.items()):
            if one.closed_at and max(one.closed_at, one.ends_at) + FORGET_AFTER_S < now:
                del self.standing[key]
                self._touched.add(key)
                for name in one.names:
                    self._by_name.pop(name, None)

    def _own_names(self, official: Official) -> list[str]:
        """Of the message, and of those that it refers to and that are no other warning's."""
        names = (official.name, *official.references)
        return [name for name in dict.fromkeys(names) if name not in self._by_name]

    def _note_names(self, one: Standing, official: Official) -> None:
        one.names += self._own_names(official)[: MOST_NAMES - len(one.names)]
        self._put(one)

    def _put(self, one: Standing) -> None:
        self.standing[one.incident] = one
        self._touched.add(one.incident)
        for name in one.names:
            self._by_name[name] = one.incident

    # Where

    def _covered(self, official: Official) -> list[str]:
        """Ids of the watched places that it covers, in their order."""
        is_in = np.zeros(len(self._places), bool)
        codes = set()
        for area in official.areas:
            for ring in area.polygons:
                is_in |= _within(ring, self._longitude, self._latitude)
            for longitude, latitude, radius_km in area.circles:
                away = distances_km(latitude, longitude, self._latitude, self._longitude)
                is_in |= away <= radius_km
            codes |= {code for _, code in area.geocodes if len(code) >= _SHORTEST_CODE}
        return [
            place.id
            for place, is_covered in zip(self._places, is_in.tolist(), strict=True)
            if is_covered or place.id in codes
        ]

    # Words

    def _tell(
        self,
        one: Standing,
        type_: AlertType,
        reason: str,
        official: Official,
        places: list[str],
        now: int,
        own: Open,
    ) -> LogEntry:
        is_over = is_last(type_)
        one.version += 1
        one.official = official
        one.places = places
        one.ends_at = official.ends_at
        one.closed_at = now if is_over else 0
        self._put(one)
        level = official.level
        linked: tuple[str, ...] = ()
        if official.hazard:
            begins_at, ends_at = official.begins_at, official.ends_at
            linked = own(frozenset(places), official.hazard, begins_at, ends_at)
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
            text=official_text(official, type_),
        )
        return LogEntry(
            alert=alert,
            places=tuple(places),
            opened_at=one.opened_at,
            official=official,
            linked=linked,
        )


def _is_successor(official: Official, places: Sequence[str], one: Standing) -> bool:
    """Whether a message takes the place of what stands: it refers to its newest message, or to an
    older one and covers all of its places. A warning may also be split, and each part refers to
    what it was: then one part must not end the other."""
    assert one.official is not None  # noqa: S101  what stands was told
    names = (official.name, *official.references)
    is_old = official.name in one.names and official.sent_at <= one.sent_at
    return one.official.name in names or is_old or set(one.places) <= set(places)


def _key(official: Official) -> str:
    return hashlib.sha256(f"{RULE}|{official.name}".encode()).hexdigest()[:16]


def _reason(before: Official, after: Official, *, is_wider: bool) -> str:
    """Why people are told of a successor; empty: it says the same."""
    if after.level > before.level or is_wider:
        return "escalated"
    if after.level < before.level:
        return "eased"
    is_same = (before.texts, before.begins_at, before.ends_at, before.urgency) == (
        after.texts,
        after.begins_at,
        after.ends_at,
        after.urgency,
    )
    return "" if is_same else "revised"


def _with_words(cancel: Official, before: Official | None) -> Official:
    """A Cancel may say no more than what it cancels: then that is what it is about."""
    if before is None:
        return cancel
    is_bare = not cancel.texts
    return msgspec.structs.replace(
        cancel,
        texts=before.texts if is_bare else cancel.texts,
        areas=cancel.areas or before.areas,
        issuer=before.issuer if is_bare else cancel.issuer,
        hazard=cancel.hazard or before.hazard,
        severity=before.severity if is_bare else cancel.severity,
        urgency=before.urgency if is_bare else cancel.urgency,
        certainty=before.certainty if is_bare else cancel.certainty,
        onset_at=cancel.onset_at or before.begins_at,
        expires_at=cancel.expires_at or before.ends_at,
    )


def _within(ring: Sequence[tuple[float, float]], longitude: Floats, latitude: Floats) -> Bools:
    shape = outline([ring])
    west, south, east, north = shape.box
    is_in = np.zeros(len(longitude), bool)
    for by in turns(west, east):
        near = np.flatnonzero(
            (longitude >= west + by)
            & (longitude <= east + by)
            & (latitude >= south)
            & (latitude <= north)
        )
        if len(near):
            is_in[near] |= shape.turned(by).holds(longitude[near], latitude[near])
    return is_in
