"""What a person changes of what they get: how they are told, and of what."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from atalaia.domain.subscription import Circle, Polygon, Quiet, Threshold
from atalaia.people import request as asked
from atalaia.people.registry import (
    Held,
    PersonChange,
    Registry,
    new_subscription,
    with_channels,
    with_subscriptions,
)
from atalaia.people.rows import Kept


def update(
    registry: Registry,
    pseudonym: str,
    *,
    language: str | None = None,
    quiet: Quiet | msgspec.UnsetType | None = msgspec.UNSET,
    channels: Sequence[str] | None = None,
    levels: dict[str, str] | None = None,
    escalate_after_s: int | None = None,
) -> None:
    """Change what is given: the order of channels, and the levels of all subscriptions, too.

    `channels` may leave some out: they keep their order behind those named. `quiet` None ends
    quiet hours.
    """

    def edit(held: Held) -> PersonChange:
        person, wanted = held.kept.person, held.kept.wanted
        if language is not None:
            asked.check_language(language)
            person = msgspec.structs.replace(person, language=language)
        if not isinstance(quiet, msgspec.UnsetType):
            asked.check_quiet(quiet)
            person = msgspec.structs.replace(person, quiet=quiet)
        if escalate_after_s is not None:
            person = msgspec.structs.replace(person, escalate_after_s=escalate_after_s)
        if levels is not None:
            subscriptions = tuple(
                msgspec.structs.replace(one, hazards=levels) for one in person.subscriptions
            )
            person = msgspec.structs.replace(person, subscriptions=subscriptions)
        if channels is not None:
            wanted = _reordered(wanted, channels)
        return PersonChange(with_channels(Kept(person, wanted, held.kept.epoch), person.channels))

    registry.change(pseudonym, edit)


def add(
    registry: Registry,
    pseudonym: str,
    where: Sequence[Circle | Polygon],
    hazards: dict[str, str],
    thresholds: Sequence[Threshold],
    now: int,
) -> str:
    """Give a person one more subscription, and return its id. They asked for it themselves."""
    for area in where:
        asked.check_area(area)
    new = new_subscription(where, hazards, thresholds, now)

    def edit(held: Held) -> PersonChange:
        return PersonChange(with_subscriptions(held.kept, (new,)))

    registry.change(pseudonym, edit)
    return new.id


def remove(registry: Registry, pseudonym: str, subscription: str) -> None:
    """End one of a person's subscriptions. Raises ValueError where they have no such."""

    def edit(held: Held) -> PersonChange:
        person = held.kept.person
        left = tuple(one for one in person.subscriptions if one.id != subscription)
        if len(left) == len(person.subscriptions):
            raise ValueError(f"{pseudonym} has no subscription of this id; `export` lists them")
        changed = msgspec.structs.replace(person, subscriptions=left)
        return PersonChange(msgspec.structs.replace(held.kept, person=changed))

    registry.change(pseudonym, edit)


def _reordered(wanted: Sequence[str], first: Sequence[str]) -> tuple[str, ...]:
    for name in first:
        if name not in wanted:
            raise ValueError(f"they have no {name} contact; subscribe with one first")
    return tuple(dict.fromkeys((*first, *wanted)))
