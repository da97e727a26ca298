"""Builders for tests of telling people: entries of the log, people, an outbox, a channel."""

from __future__ import annotations

import itertools
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from atalaia.domain.alert import Alert, LogEntry, Moved
from atalaia.domain.contact import CHANNELS, Contact
from atalaia.domain.delivery import Delivery, Letter, Limits, Message, Outcome, Status
from atalaia.domain.message import Content
from atalaia.domain.place import Place, Places
from atalaia.domain.subscription import Circle, Person, Quiet, Subscription, Threshold
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.notify.audience import Audience
from atalaia.notify.fanout import Fan
from atalaia.ports import Commit

NOON = 1_768_046_400
"""2026-01-10T12:00Z, which is 09:00 at Recife"""

DAY = 86_400

PLACES = Places(
    [
        Place(
            id="recife", name="Recife", latitude=-8.05, longitude=-34.9, timezone="America/Recife"
        ),
        Place(
            id="natal", name="Natal", latitude=-5.79, longitude=-35.21, timezone="America/Recife"
        ),
    ]
)
HERE = Circle(name="home", latitude=-8.05, longitude=-34.9)
THERE = Circle(name="office", latitude=-5.79, longitude=-35.21)

_REASONS = {"alert": "onset", "end": "ended", "cancel": "withdrawn", "step": "step"}
_SEVERITY = {"watch": "Minor", "yellow": "Moderate", "orange": "Severe", "red": "Extreme"}


def news(
    incident: str = "i1",
    version: int = 1,
    type: str = "",
    *,
    at: int = NOON,
    level: str = "orange",
    place: str = "recife",
    moved: tuple[Moved, ...] = (),
    expires_s: int = DAY,
    **changes: Any,
) -> LogEntry:
    """An entry of the log: an alert, or by its version an update that escalates."""
    type = type or ("alert" if version == 1 else "update")
    base = Alert(
        incident=incident,
        version=version,
        type=type,  # type: ignore[arg-type]
        place_id=place,
        hazard="heavy_rain",
        level=level,
        severity=_SEVERITY[level],
        urgency="Immediate",
        certainty="Observed",
        sent_at=at,
        onset_at=at,
        expires_at=at + expires_s,
        evidence="observed",
        source="station",
        valid_at=at,
        variable="rain_mm",
        window_s=3600,
        value=35.0,
        unit="mm",
        limit=30.0,
        rule="rain-1h",
        reason=_REASONS.get(type, "escalated"),
        text={"pt-BR": "…", "en": "…", "es": "…"},
    )
    return LogEntry(
        alert=msgspec.structs.replace(base, **changes),
        places=(place,),
        opened_at=at,
        peak_level=level,
        peak=35.0,
        peak_at=at,
        moved=moved,
    )


def person(
    pseudonym: str = "p_ana",
    *channels: str,
    where: Sequence[Circle] = (HERE,),
    hazards: dict[str, str] | None = None,
    thresholds: tuple[Threshold, ...] = (),
    quiet: Quiet | None = None,
    language: str = "en",
    since: int = 0,
    escalate_after_s: int = 600,
) -> Person:
    """Somebody who is told of heavy rain from yellow on, by Telegram, unless said otherwise."""
    return Person(
        pseudonym=pseudonym,
        language=language,
        channels=channels or ("telegram",),
        quiet=quiet,
        since=since,
        escalate_after_s=escalate_after_s,
        subscriptions=(
            Subscription(
                id="s",
                where=tuple(where),
                hazards={"heavy_rain": "yellow"} if hazards is None else hazards,
                thresholds=thresholds,
            ),
        ),
    )


NIGHT = Quiet(start=22 * 60, end=7 * 60, timezone="America/Recife")
MIDNIGHT = NOON + 15 * 3600
"""00:00 at Recife; the night ends 7 hours later."""


def message(name: str = "a", person: str = "p_ana", **changes: Any) -> Message:
    """A message that is due, of an alert of its own."""
    fields = {
        "id": f"msg_{name}",
        "person": person,
        "channel": "telegram",
        "order_key": person,
        "seqs": (1,),
        "rank": 3,
        "due_at": NOON,
        "expires_at": NOON + DAY,
    }
    return Message(**(fields | changes))


def delivery(of: Message, incident: str = "i1", version: int = 1) -> Delivery:
    return Delivery(of.person, incident, version, of.channel, of.id)


def text_of(content: Content) -> str:
    return content.text(10_000)


class Crowd:
    """Fan-out over a home: its log, its outbox, and people at hand."""

    def __init__(self, folder: Path, *people: Person, step_people: int = 2_000) -> None:
        self.folder = folder
        self.people: dict[str, Person] = {}
        self.audience = Audience()
        self._offsets = itertools.count(1)
        self._step_people = step_people
        self.home: EmbeddedHome = open_home(folder / "home", exclusive=False)
        self.join(*people)
        self.restart()

    def restart(self) -> Fan:
        """A fan-out that knows nothing but the home and who is there."""
        self.fan = Fan(
            self.home.state,
            self.home.outbox,
            self.audience,
            self.people,
            PLACES,
            step_people=self._step_people,
        )
        return self.fan

    def join(self, *people: Person) -> None:
        for one in people:
            self.people[one.pseudonym] = one
            self.audience.put(one)

    def leave(self, pseudonym: str) -> None:
        self.people.pop(pseudonym, None)
        self.audience.remove(pseudonym)

    def log(self, *entries: LogEntry) -> None:
        """Write into the log of alerts."""
        number = self.home.state.offset("speed") + 1
        assert self.home.state.commit(Commit("speed", number, entries=entries))

    def tell(self, *entries: LogEntry, now: int | None = None) -> list[Message]:
        """Write into the log and fan out all of it, by the time of the last; what is new."""
        known = {m.id for m in self.all()}
        self.log(*entries)
        self.fan_out(now)
        return [m for m in self.all() if m.id not in known]

    def fan_out(self, now: int | None = None) -> int:
        """All there is to fan out; the number of steps."""
        for steps in itertools.count():
            if self.fan.step(now) is None:
                return steps
        raise AssertionError

    def all(self, **asked: Any) -> list[Message]:
        """Messages in the order of their alerts."""
        found = self.home.outbox.messages(limit=100_000, **asked)
        return sorted(found, key=lambda m: (m.seqs, m.person, m.channel))

    def told(self, pseudonym: str = "p_ana") -> list[tuple[str, ...]]:
        """What each message to a person tells: reasons and levels of its alerts."""
        return [
            tuple(f"{e.alert.reason} {e.alert.level}" for e in self.entries(m))
            for m in self.all(person=pseudonym)
        ]

    def entries(self, m: Message) -> list[LogEntry]:
        return [next(self.home.state.alerts(seq - 1, limit=1))[1] for seq in m.seqs]

    def send_all(self, now: int) -> list[str]:
        """As if a channel took all that is due; their ids in the order in which they went."""
        outbox = self.home.outbox
        room = dict.fromkeys(CHANNELS, 10_000)
        claimed = outbox.claim(now, now + 90, room)
        after = [
            msgspec.structs.replace(
                m, status=Status.SENT, lease_until=0, settled_at=now, provider_id=f"at {now}"
            )
            for m in claimed
        ]
        assert outbox.settle(list(zip(claimed, after, strict=True))) == len(claimed)
        return [m.id for m in claimed]


Answer = Outcome | Callable[[Letter], Awaitable[Outcome]]

SENT = Outcome("sent", provider_id="x1")


class Post:
    """A channel that notes what it is given, and answers `answers` in turn, then `usual`."""

    def __init__(
        self,
        name: str = "telegram",
        usual: Answer = SENT,
        answers: Sequence[Answer] = (),
        **limits: Any,
    ) -> None:
        self.name = name
        self.limits = Limits(**({"at_once": 4} | limits))
        self.usual, self.answers = usual, list(answers)
        self.letters: list[Letter] = []
        self.at: list[float] = []
        self.now: Callable[[], float] = lambda: 0.0

    async def send(self, letter: Letter) -> Outcome:
        self.letters.append(letter)
        self.at.append(self.now())
        answer = self.answers.pop(0) if self.answers else self.usual
        return answer if isinstance(answer, Outcome) else await answer(letter)

    @property
    def ids(self) -> list[str]:
        return [letter.id for letter in self.letters]


def letter(m: Message) -> Letter:
    content = Content(
        kind="alert", language="en", level="orange", subject="s", parts=(), closing="c"
    )
    return Letter(id=m.id, contact=Contact(m.channel, "1"), content=content, sent_at=m.due_at)


def people(n: int, *channels: str, **wishes: Any) -> Iterator[Person]:
    """p_00000 … in the same place."""
    return (person(f"p_{i:05d}", *channels, **wishes) for i in range(n))


TOWNS = {"recife": HERE, "natal": THERE}
_LEVELS = ("yellow", "orange", "red")


def life(chance: random.Random) -> Iterator[LogEntry]:
    """Of a warning over two towns: entries an hour apart that speak of one or both, from before the
    night on; it stands somewhere in the end."""
    stands: dict[str, str] = {}
    for version in range(1, chance.randint(2, 6)):
        said = (
            set(TOWNS) if version == 1 else set(chance.sample(sorted(TOWNS), chance.randint(1, 2)))
        )
        still = set(stands) - said
        is_over = version > 1 and bool(still) and said <= set(stands) and chance.random() < 0.4
        level = chance.choice(_LEVELS)
        before = max((stands.get(town, "") for town in said), key=("", *_LEVELS).index)
        reason = (
            "eased" if ("", *_LEVELS).index(level) < ("", *_LEVELS).index(before) else "escalated"
        )
        type_ = (
            "alert" if version == 1 else chance.choice(["end", "cancel"]) if is_over else "update"
        )
        at = MIDNIGHT + (version - 3) * 3600
        told = {} if version == 1 or is_over else {"reason": reason}
        entry = news("w", version, type_, level=level, rule="official", at=at, **told)
        for town in said:
            stands.pop(town, None)
            if not is_over:
                stands[town] = level
        places = tuple(sorted(said))
        yield msgspec.structs.replace(entry, places=places, still=tuple(sorted(still)))
