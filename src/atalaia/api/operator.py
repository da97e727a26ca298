"""What operators can see and do: deliveries, lag, silences, drills.

Everything here blocks, and is called in threads. What raises ValueError says the next step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Literal

from pydantic import BaseModel, Field

from atalaia.api.people_models import StrictBody
from atalaia.domain.alert import instant
from atalaia.domain.delivery import UNSENT, Message, Status, letter_of
from atalaia.domain.hazard import Hazard
from atalaia.domain.place import Places
from atalaia.domain.silence import Silence
from atalaia.notify.drills import Drills
from atalaia.notify.reasons import in_words
from atalaia.notify.silences import Silences
from atalaia.ports import Outbox

_RETRY_WITHIN_S = 3600
_COUNTED = (*UNSENT, Status.DEAD, Status.LATE, Status.UNKNOWN)


class Delivered(BaseModel):
    """One message in the outbox. Instants are Unix seconds; 0: not yet.

    letter    under which id it goes, or went: messages that shared a letter have the same, that of
              the last of them
    in_words  the reason by language, as an alert's `text`
    """

    id: str
    person: str
    channel: str
    kind: str
    status: str
    attempts: int
    reason: str
    in_words: dict[str, str]
    due_at: int
    settled_at: int
    acknowledged_at: int
    letter: str


class DeliveredPage(BaseModel):
    """Messages, the newest first. `counts`: how many there are by channel and status of those that
    wait or failed."""

    items: list[Delivered]
    next: str | None
    counts: dict[str, dict[str, int]]


class LagItem(BaseModel):
    """How far each stage is behind the one before it.

    speed, archive    records of the stream not yet lived through, not yet archived
    speed_s           for how many seconds the oldest of them has waited; null: not known here
    board             entries of the alert log not yet shown
    fan_out           entries of the alert log not yet fanned out
    step_s            seconds from reading the newest batch to its commit; null: none yet
    deliveries        messages that wait to be sent
    """

    stream_offset: int
    speed: int
    speed_s: int | None
    archive: int
    board: int
    fan_out: int
    step_s: float | None
    deliveries: int


class SilenceAsked(StrictBody):
    """Name a hazard, a place, or both; for at most seven days."""

    hazard: Hazard | None = None
    place: str | None = Field(None, max_length=200)
    seconds: int = Field(ge=60, le=7 * 86_400)
    reason: str = Field(min_length=1, max_length=300)


class SilenceItem(BaseModel):
    """A silence. Instants are ISO 8601."""

    id: str
    hazard: str | None
    place: str | None
    since: str
    until: str
    reason: str
    by: str
    active: bool


class SilencePage(BaseModel):
    """Silences, the newest first."""

    items: list[SilenceItem]
    next: str | None


class DrillAsked(StrictBody):
    """What is drilled; for organisations that such an alert would concern, or for everyone."""

    hazard: Hazard
    level: Literal["watch", "yellow", "orange", "red"]
    place: str = Field(max_length=200)
    everyone: bool = False


class DrillItem(BaseModel):
    """A drill that was started. `people`: how many get it; `status` is CAP's."""

    id: str
    status: Literal["Exercise"] = "Exercise"
    people: int


class DrillReach(BaseModel):
    """Whom a drill would reach: how many, and of these by which channel each is told."""

    people: int
    channels: dict[str, int]


class Operator:
    """The operator's side of a running watch.

    lag     how far each stage is behind
    wake    called when there is something new to be sent
    """

    def __init__(
        self,
        outbox: Outbox,
        silences: Silences,
        drills: Drills,
        places: Places,
        *,
        lag: Callable[[], LagItem],
        now: Callable[[], float],
        wake: Callable[[], None],
    ) -> None:
        self._outbox = outbox
        self._silences = silences
        self._drills = drills
        self._places = places
        self.lag = lag
        self._now, self._wake = now, wake

    def deliveries(
        self, status: str | None, person: str | None, after: str | None, limit: int
    ) -> Sequence[Delivered]:
        """Messages, the newest first: of a status, of a person, after the one with this id."""
        if status is not None and status not in tuple(Status):
            raise ValueError(f"there is no such status; give one of {', '.join(Status)}")
        found = self._outbox.messages(
            status=Status(status) if status else None, person=person, after=after, limit=limit
        )
        return [_delivered(message) for message in found]

    def counts(self) -> dict[str, dict[str, int]]:
        """How many messages that wait or failed, by channel and status."""
        counts: dict[str, dict[str, int]] = defaultdict(dict)
        for (channel, status), n in sorted(self._outbox.counts(_COUNTED).items()):
            counts[channel][status] = n
        return counts

    def retry(self, message: str) -> bool:
        """Send a dead, late or unknown one once more; False: no such."""
        now = int(self._now())
        is_due = self._outbox.retry([message], now, now + _RETRY_WITHIN_S) > 0
        self._wake()
        return is_due

    def silenced(self) -> list[SilenceItem]:
        """All silences, the newest first."""
        now = int(self._now())
        return [_silence(one, now) for one in reversed(self._silences.all())]

    def silence(self, asked: SilenceAsked, by: str) -> SilenceItem:
        """Begin a silence, for whose key asks."""
        if asked.place is not None and self._places.get(asked.place) is None:
            raise ValueError("no such place is watched; GET /v1/places lists them")
        now = int(self._now())
        hazard = str(asked.hazard) if asked.hazard else None
        new = self._silences.add(hazard, asked.place, asked.seconds, asked.reason, by, now)
        return _silence(new, now)

    def drill(self, asked: DrillAsked, by: str) -> DrillItem:
        """Start a drill, for whose key asks."""
        drill, people = self._drills.start(
            str(asked.hazard), asked.level, asked.place, by, is_for_everyone=asked.everyone
        )
        return DrillItem(id=drill.id, people=people)

    def reach(self, asked: DrillAsked) -> DrillReach:
        """Whom a drill would reach, before it goes."""
        found = self._drills.reach(
            str(asked.hazard), asked.level, asked.place, is_for_everyone=asked.everyone
        )
        return DrillReach(people=sum(found.values()), channels=found)

    def end_silence(self, id_: str) -> bool:
        """End a silence now; False: no such is going on."""
        return self._silences.end(id_, int(self._now()))


def _delivered(message: Message) -> Delivered:
    return Delivered(
        id=message.id,
        person=message.person,
        channel=message.channel,
        kind=message.kind,
        status=str(message.status),
        attempts=message.attempts,
        reason=message.reason,
        in_words=in_words(message.reason),
        due_at=message.due_at,
        settled_at=message.settled_at,
        acknowledged_at=message.acknowledged_at,
        letter=letter_of(message),
    )


def _silence(silence: Silence, now: int) -> SilenceItem:
    return SilenceItem(
        id=silence.id,
        hazard=silence.hazard,
        place=silence.place,
        since=instant(silence.since),
        until=instant(silence.until),
        reason=silence.reason,
        by=silence.by,
        active=silence.since <= now < silence.until,
    )
