"""What somebody would have received, as text and as figures."""

from __future__ import annotations

import msgspec

from atalaia.domain.alert import instant, to_line
from atalaia.domain.delivery import Status
from atalaia.domain.message import compose
from atalaia.domain.place import Places
from atalaia.domain.subscription import Person, Subscription
from atalaia.notify.rehearsal import rehearse
from atalaia.notify.standing import last_before
from atalaia.people.request import Request
from atalaia.ports import State

_LONGEST = 4_000


class PreviewedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message that would have gone out.

    at      ISO 8601, UTC
    note    why not at once
    alerts  as lines of the alerts file have them
    """

    at: str
    note: str
    level: str
    text: str
    alerts: tuple[msgspec.Raw, ...]

    def as_json(self) -> str:
        """One line for programs."""
        return msgspec.json.encode(self).decode()


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """The messages, and a sentence on how many there would have been."""

    messages: list[PreviewedMessage]
    summary: str


def stranger(request: Request) -> Person:
    """Somebody who asks for this, and is kept nowhere."""
    wish = Subscription(
        id="preview",
        where=request.where,
        hazards=request.levels,
        thresholds=request.thresholds,
    )
    return Person(
        pseudonym="p_preview",
        language=request.language,
        channels=("inbox",),
        quiet=request.quiet,
        subscriptions=(wish,),
    )


def previewed(state: State, person: Person, places: Places, days: int, now: int) -> Preview:
    """The messages of the last `days` before `now` (0: of all that the alert log holds)."""
    since = now - days * 86_400 if days else 0
    after = last_before(state, since) if since else 0
    known = {place.id: place for place in places}
    found = []
    for message, entries in rehearse(state, person, places, after):
        content = compose(entries, known, person.language, message.due_at)
        waited = "  (after quiet hours)" if message.status == Status.WAITING else ""
        found.append(
            PreviewedMessage(
                at=instant(message.due_at),
                note=waited,
                level=content.level,
                text=content.text(_LONGEST),
                alerts=tuple(msgspec.Raw(to_line(alert)) for alert in content.alerts),
            )
        )
    over = f"in the last {days} days" if days else "over all that is kept"
    n = len(found)
    summary = f"{n} message {over}" if n == 1 else f"{n} messages {over}"
    return Preview(messages=found, summary=summary)
