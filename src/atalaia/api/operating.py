"""What operators can see and do, joined to the outbox, the silences and the running watch.

Everything here blocks, and is called in threads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from atalaia.api import operate as served
from atalaia.domain.alert import instant
from atalaia.domain.delivery import Message, Status
from atalaia.domain.place import Places
from atalaia.domain.silence import Silence
from atalaia.notify.drills import Drills
from atalaia.notify.silences import Silences
from atalaia.ports import Outbox

_RETRY_WITHIN_S = 3600


class Operating:
    """Fills `api.operate.OperatorDesk`.

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
        lag: Callable[[], served.LagItem],
        now: Callable[[], float],
        wake: Callable[[], None],
    ) -> None:
        self._outbox = outbox
        self._silences = silences
        self._drills = drills
        self._places = places
        self._lag = lag
        self._now, self._wake = now, wake

    def desk(self) -> served.OperatorDesk:
        """For the API."""
        return served.OperatorDesk(
            deliveries=self._deliveries,
            counts=self._counts,
            retry=self._retry,
            lag=self._lag,
            silences=self._listed,
            silence=self._silence,
            end_silence=lambda id_: self._silences.end(id_, int(self._now())),
            drill=self._drill,
        )

    def _deliveries(
        self, status: str | None, person: str | None, after: str | None, limit: int
    ) -> Sequence[served.Delivered]:
        if status is not None and status not in tuple(Status):
            raise ValueError(f"there is no such status; give one of {', '.join(Status)}")
        found = self._outbox.messages(
            status=Status(status) if status else None, person=person, after=after, limit=limit
        )
        return [_delivered(message) for message in found]

    def _counts(self) -> dict[str, dict[str, int]]:
        counts: dict[str, dict[str, int]] = defaultdict(dict)
        for (channel, status), n in sorted(self._outbox.counts().items()):
            counts[channel][status] = n
        return counts

    def _retry(self, message: str) -> bool:
        now = int(self._now())
        is_due = self._outbox.retry([message], now, now + _RETRY_WITHIN_S) > 0
        self._wake()
        return is_due

    def _listed(self) -> list[served.SilenceItem]:
        now = int(self._now())
        return [_silence(one, now) for one in reversed(self._silences.all())]

    def _silence(self, asked: served.SilenceAsked, by: str) -> served.SilenceItem:
        if asked.place is not None and self._places.get(asked.place) is None:
            raise ValueError("no such place is watched; GET /v1/places lists them")
        now = int(self._now())
        hazard = str(asked.hazard) if asked.hazard else None
        new = self._silences.add(hazard, asked.place, asked.seconds, asked.reason, by, now)
        return _silence(new, now)

    def _drill(self, asked: served.DrillAsked, by: str) -> served.DrillItem:
        drill, people = self._drills.start(
            str(asked.hazard), asked.level, asked.place, by, is_for_everyone=asked.everyone
        )
        return served.DrillItem(id=drill.id, people=people)


def _delivered(message: Message) -> served.Delivered:
    return served.Delivered(
        id=message.id,
        person=message.person,
        channel=message.channel,
        kind=message.kind,
        status=str(message.status),
        attempts=message.attempts,
        reason=message.reason,
        due_at=message.due_at,
        settled_at=message.settled_at,
        acknowledged_at=message.acknowledged_at,
    )


def _silence(silence: Silence, now: int) -> served.SilenceItem:
    return served.SilenceItem(
        id=silence.id,
        hazard=silence.hazard,
        place=silence.place,
        since=instant(silence.since),
        until=instant(silence.until),
        reason=silence.reason,
        by=silence.by,
        active=silence.since <= now < silence.until,
    )
