"""What a person changes of what they get: how they are told, and of what."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from atalaia.domain.delivery import Message, notice
from atalaia.domain.message import CHANGED
from atalaia.domain.subscription import Circle, Person, Polygon, Quiet, Subscription, Threshold
from atalaia.errors import Overtaken
from atalaia.people import request as asked
from atalaia.people.registry import (
    Held,
    May,
    Nobody,
    PersonChange,
    Registry,
    new_subscription,
    with_channels,
    with_subscriptions,
)
from atalaia.people.retention import DAY_S
from atalaia.people.rows import CONFIRMED, INBOX, Kept

_HOUR_S = 3600


class SubscriptionWanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of one subscription, in the terms of `Subscription`; None: as it was, which is
    nowhere, and nothing, in a new one."""

    where: tuple[Circle | Polygon, ...] | None = None
    hazards: dict[str, str] | None = None
    thresholds: tuple[Threshold, ...] | None = None


class ChangeWanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wants otherwise; what is not named stays.

    quiet            None ends quiet hours
    channels         in this order; those left out keep theirs behind them
    subscriptions    by their ids; None ends one
    added            new ones
    """

    language: str | None = None
    quiet: Quiet | msgspec.UnsetType | None = msgspec.UNSET
    channels: tuple[str, ...] | None = None
    escalate_after_s: int | None = None
    subscriptions: dict[str, SubscriptionWanted | None] = {}
    added: tuple[SubscriptionWanted, ...] = ()

    @property
    def where(self) -> list[Circle | Polygon]:
        """All areas that it names."""
        wanted = (*self.subscriptions.values(), *self.added)
        return [area for one in wanted if one is not None for area in one.where or ()]


def update(
    registry: Registry, pseudonym: str, change: ChangeWanted, now: int, may: May | None = None
) -> Held | None:
    """Make a change in one write, all of it or nothing; return who they were. None: there is nobody
    of this name, or it may not be.

    What is wanted anew counts from `now`: of something red that goes on there they are told.
    Raises ValueError, with the next step, for what cannot be.
    """

    def edit(held: Held) -> PersonChange:
        if may is not None and not may(held):
            raise Overtaken(f"person {pseudonym} was changed in between")
        person = _told_so(held.kept.person, change)
        kept = msgspec.structs.replace(held.kept, person=_wanting(person, change, now))
        kept = with_subscriptions(kept, [_new(one, now) for one in change.added])
        if change.channels is not None:
            wanted = _reordered(kept.wanted, change.channels)
            kept = Kept(kept.person, wanted, kept.epoch)
        return PersonChange(with_channels(kept, kept.person.channels))

    try:
        before, _ = registry.change(pseudonym, edit)
    except (Overtaken, Nobody):
        return None
    return before


def notices_of(before: Held, by: Sequence[str], now: int) -> tuple[Message, ...]:
    """Messages that tell a person's other contacts that something was changed `by` one of theirs:
    one an hour, however often it is changed."""
    told = [e.row for e in before.with_status(CONFIRMED) if e.row.channel not in (INBOX, *by)]
    kind, about = f"{CHANGED}:{min(by, default='')}", f"changed {now // _HOUR_S}"
    return tuple(notice(row.pseudonym, row.channel, about, kind, now, DAY_S) for row in told)


def _told_so(person: Person, change: ChangeWanted) -> Person:
    """How they are told."""
    if change.language is not None:
        asked.check_language(change.language)
        person = msgspec.structs.replace(person, language=change.language)
    if not isinstance(change.quiet, msgspec.UnsetType):
        asked.check_quiet(change.quiet)
        person = msgspec.structs.replace(person, quiet=change.quiet)
    if change.escalate_after_s is not None:
        asked.check_escalation(change.escalate_after_s)
        person = msgspec.structs.replace(person, escalate_after_s=change.escalate_after_s)
    return person


def _wanting(person: Person, change: ChangeWanted, now: int) -> Person:
    """Of what they are told, where it is not new."""
    unknown = set(change.subscriptions) - {one.id for one in person.subscriptions}
    if unknown:
        raise ValueError(f"{person.pseudonym} has no subscription of this id; `export` lists them")
    left = []
    for one in person.subscriptions:
        wanted = change.subscriptions.get(one.id, SubscriptionWanted())
        if wanted is not None:
            left.append(_changed(one, wanted, now))
    if person.subscriptions and not (left or change.added):
        raise ValueError("nothing would be left to tell; stop, or erase, to be told nothing")
    return msgspec.structs.replace(person, subscriptions=tuple(left))


def _changed(one: Subscription, wanted: SubscriptionWanted, now: int) -> Subscription:
    changed = Subscription(
        id=one.id,
        where=one.where if wanted.where is None else wanted.where,
        hazards=one.hazards if wanted.hazards is None else wanted.hazards,
        thresholds=one.thresholds if wanted.thresholds is None else wanted.thresholds,
        since=one.since,
    )
    if changed == one:
        return one
    _check(changed)
    return msgspec.structs.replace(changed, since=now)


def _new(wanted: SubscriptionWanted, now: int) -> Subscription:
    new = new_subscription(wanted.where or (), wanted.hazards or {}, wanted.thresholds or (), now)
    _check(new)
    return new


def _check(one: Subscription) -> None:
    asked.check_where(one.where)
    if not (one.hazards or one.thresholds):
        raise ValueError("say of what: at least one hazard, or a limit of one's own")


def _reordered(wanted: Sequence[str], first: Sequence[str]) -> tuple[str, ...]:
    for name in first:
        if name not in wanted:
            raise ValueError(f"they have no {name} contact; subscribe with one first")
    return tuple(dict.fromkeys((*first, *wanted)))
