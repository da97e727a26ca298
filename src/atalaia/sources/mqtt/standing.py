"""How subscriptions stand: a note of the subscriber, read by who shows it, also after its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from atalaia.domain.alert import instant
from atalaia.notes import Note
from atalaia.ports import Notes

NAMES = ("wis2", "mqtt")
"""Of subscribers: of WIS2, and of people's stations."""

_DAY_S = 86_400


class Gap(msgspec.Struct, frozen=True):
    """A time of which messages are lost, or may be: Unix seconds."""

    broker: str
    from_at: int
    to_at: int
    why: str

    @property
    def in_words(self) -> str:
        """From when to when, and why."""
        span = f"{instant(self.from_at)} to {instant(self.to_at)}"
        return f"messages of {span} are lost: {self.why}"


class SessionStanding(msgspec.Struct):
    """A session, as it stood at `alive_at` (Unix seconds), the last time that it was connected.

    topics      that it was subscribed to
    heard_at    of the last message; 0: none came yet
    messages    since the home began, and what of them were `duplicates` of others; `rejects` by
                reason: what is of no use
    """

    broker: str
    topics: tuple[str, ...] = ()
    alive_at: int = 0
    heard_at: int = 0
    messages: int = 0
    duplicates: int = 0
    rejects: dict[str, int] = {}
    fault: str | None = None

    def counts(self) -> dict[str, int]:
        """Messages by what became of them: ``kept``, ``duplicate``, or why they were not kept."""
        kept = self.messages - self.duplicates - sum(self.rejects.values())
        return {"kept": max(0, kept), "duplicate": self.duplicates, **self.rejects}


class SubscriptionStanding(msgspec.Struct):
    """What one subscriber keeps of itself.

    home      its own part of the names that brokers know it by
    gaps      the last ones
    """

    home: str = ""
    sessions: dict[str, SessionStanding] = {}
    gaps: list[Gap] = []

    def shown(self, now: int) -> dict[str, Any]:
        """As `/readyz` shows it."""
        return {
            "brokers": {
                name: {
                    "last_message_at": instant(one.heard_at) if one.heard_at else None,
                    "age_s": max(0, now - one.heard_at) if one.heard_at else None,
                    "messages": one.messages,
                    "duplicates": one.duplicates,
                    "rejects": one.rejects,
                    "fault": one.fault,
                }
                for name, one in sorted(self.sessions.items())
            },
            "gaps": [
                {
                    "broker": gap.broker,
                    "from": instant(gap.from_at),
                    "to": instant(gap.to_at),
                    "why": gap.why,
                }
                for gap in self.gaps
            ],
        }

    def in_words(self, now: int) -> Iterator[str]:
        """A sentence a broker, and one a gap of the last day."""
        for broker, one in sorted(self.sessions.items()):
            age = f"{max(0, now - one.heard_at)} s ago" if one.heard_at else "never"
            what = f"{one.messages} messages, {one.duplicates} of them copies"
            fault = f"; {one.fault}" if one.fault else ""
            yield f"{broker}: last message {age}; {what}{fault}"
        for gap in self.gaps:
            if gap.to_at > now - _DAY_S:
                yield f"{gap.broker}: {gap.in_words}"


def standing_of(notes: Notes, name: str) -> Note[SubscriptionStanding]:
    """The note of a subscriber of that name. Spare: of another version, it begins anew."""
    return Note(notes, f"subscriber:{name}", SubscriptionStanding, is_spare=True)
