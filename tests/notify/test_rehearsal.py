"""What somebody would have received: the past through the very same fan-out."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from acceptance.test_hovering import BY_NAME, PATTERNS, hovering
from atalaia.domain.alert import LogEntry
from atalaia.domain.hazard import LEVEL_OF
from atalaia.domain.place import Places
from atalaia.domain.subscription import Circle, Person
from atalaia.notify.rehearsal import rehearse
from notify.test_still import Desk
from stories import DAY, places
from telling import HERE, MIDNIGHT, NIGHT, NOON, PLACES, THERE, news, person

HOUR = 3600


class Log:
    """A log of alerts at hand."""

    def __init__(self, entries: Sequence[LogEntry]) -> None:
        self._entries = list(enumerate(entries, 1))

    def alerts(self, after: int = 0, limit: int | None = None) -> Iterator[tuple[int, LogEntry]]:
        return iter(self._entries[after:][:limit])


def rehearsed(
    entries: Sequence[LogEntry], who: Person, where: Places = PLACES, after: int = 0
) -> list[tuple[int, list[str]]]:
    """When each message goes, and what it tells."""
    found = rehearse(Log(entries), who, where, after)  # type: ignore[arg-type]
    return [(m.due_at, [f"{e.alert.reason} {e.alert.level}" for e in each]) for m, each in found]


def test_a_story_is_rehearsed_as_it_would_have_been_told() -> None:
    story = [
        news(level="yellow"),
        news("far", place="natal"),
        news(version=2, level="red", at=NOON + HOUR),
        news(version=3, type="end", level="red", at=NOON + 5 * HOUR),
    ]
    assert rehearsed(story, person(hazards={"heavy_rain": "orange"}, since=NOON + DAY)) == [
        (NOON + HOUR, ["escalated red"]),
        (NOON + 5 * HOUR, ["ended red"]),
    ]
    assert rehearsed(story, person(), after=3) == [], "nobody was told before"


def test_what_quiet_hours_put_off_comes_in_the_morning_and_what_was_over_never() -> None:
    story = [
        news("i1", at=MIDNIGHT),
        news("i2", at=MIDNIGHT + 60),
        news("i1", 2, type="end", at=MIDNIGHT + HOUR),
        news("i2", 2, type="end", at=MIDNIGHT + 8 * HOUR),
    ]
    assert rehearsed(story, person(quiet=NIGHT)) == [
        (MIDNIGHT + 7 * HOUR, ["onset orange"]),
        (MIDNIGHT + 8 * HOUR, ["ended orange"]),
    ]


def test_a_rehearsal_and_the_outbox_tell_the_same(tmp_path: Path) -> None:
    """Random stories, told as they happen by a home's outbox, and rehearsed afterwards."""
    for number in range(15):
        chance = random.Random(number)
        story: list[LogEntry] = []
        at = NOON
        versions: Counter[str] = Counter()
        levels: dict[str, str] = {}
        for _ in range(30):
            at += chance.choice((0, 600, 3 * HOUR))
            incident = f"i{chance.randrange(8)}"
            if versions[incident] < 0 or any(
                e.alert.incident == incident and e.alert.sent_at == at for e in story
            ):
                continue
            versions[incident] += 1
            kind = "alert"
            if versions[incident] > 1:
                kind = chance.choice(("update", "update", "end"))
            level = chance.choice(("yellow", "orange", "red"))
            is_eased = kind == "update" and LEVEL_OF[level] < LEVEL_OF[levels[incident]]
            reason = {"update": "eased" if is_eased else "escalated", "end": "ended"}
            entry = news(
                incident,
                versions[incident],
                kind,
                at=at,
                level=level,
                place=chance.choice(("recife", "natal")),
                reason=reason.get(kind, "onset"),
            )
            levels[incident] = level
            story.append(entry)
            if kind == "end":
                versions[incident] = -99
        who = person(quiet=NIGHT if number % 2 else None, hazards={"heavy_rain": "orange"})
        desk = Desk(tmp_path / str(number), who)
        told: list[str] = []
        for moment in range(NOON, at + DAY, 600):
            if group := [e for e in story if e.alert.sent_at == moment]:
                desk.say(*group, now=moment)
            told += desk.send(moment)
        assert told == [f"telegram: {', '.join(each)}" for _, each in rehearsed(story, who)]
        desk.home.close()


def test_of_a_group_that_waits_only_what_goes_on_is_rehearsed_for_the_morning() -> None:
    story = [
        news("i1", at=MIDNIGHT),
        news("i2", place="natal", level="yellow", at=MIDNIGHT),
        news("i1", 2, type="end", at=MIDNIGHT + HOUR),
        news("i2", 2, type="end", level="yellow", place="natal", at=MIDNIGHT + 8 * HOUR),
    ]
    assert rehearsed(story, person(quiet=NIGHT, where=[HERE, THERE])) == [
        (MIDNIGHT + 7 * HOUR, ["onset yellow"]),
        (MIDNIGHT + 8 * HOUR, ["ended yellow"]),
    ]


@pytest.mark.parametrize("name", ["gust", "dry-air", "rain-rate", "rain-1h"])
@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("level", ["watch", "yellow", "orange", "red"])
def test_a_hazard_that_hovers_all_day_is_at_most_four_messages_to_one_person(
    name: str, pattern: str, level: str
) -> None:
    rule = BY_NAME[name]
    where = places(1)
    who = person(
        where=[Circle(name="x", latitude=0, longitude=0)], hazards={str(rule.hazard): level}
    )
    for limit in (limit for limit in rule.enter if limit is not None):
        factors = [PATTERNS[pattern](i) for i in range(22)]
        log = hovering(rule, limit, [2 - f if rule.is_below else f for f in factors], HOUR)
        days = Counter(due_at // DAY for due_at, _ in rehearsed(log, who, where))
        assert max(days.values(), default=0) <= 4
        assert not log or level != "watch" or days, "and it is told"


def test_somebody_elsewhere_hears_nothing() -> None:
    assert rehearsed([news()], person(where=[Circle(name="x", latitude=40, longitude=-70)])) == []
    assert HERE.radius_km == 25
