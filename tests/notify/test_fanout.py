"""From the alert log to the outbox: who is told what, each once, whatever happens in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from atalaia.domain.alert import LogEntry, Moved
from atalaia.domain.delivery import GROUP_MOST, Outcome, Status, settled
from atalaia.domain.official import Official
from atalaia.domain.subscription import Person, Threshold
from atalaia.errors import StateConflict
from atalaia.ports import FanOut
from telling import (
    DAY,
    HERE,
    MIDNIGHT,
    NIGHT,
    NOON,
    THERE,
    Crowd,
    delivery,
    message,
    news,
    people,
    person,
)

HOUR = 3600
Make = Callable[..., Crowd]


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Make]:
    made: list[Crowd] = []

    def make(*who: object, **options: int) -> Crowd:
        made.append(Crowd(tmp_path / str(len(made)), *who, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        each.home.close()


def wind(incident: str = "w1", version: int = 1, **changes: Any) -> LogEntry:
    wind = {"hazard": "wind", "variable": "wind_gust_m_s", "window_s": 0, "unit": "m/s"}
    return news(incident, version, **(wind | changes))


BOTH = {"heavy_rain": "yellow", "wind": "yellow"}

# Who is told


def test_an_alert_is_one_message_to_each_whom_it_concerns(crowd: Make) -> None:
    c = crowd(person("p_ana"), person("p_bia"), person("p_far", where=[THERE]))
    [a, b] = c.tell(news())
    assert (a.person, b.person) == ("p_ana", "p_bia")
    assert (a.channel, a.order_key, a.seqs, a.rank, a.status) == (
        "telegram",
        "p_ana",
        (1,),
        3,
        "due",
    )
    assert (a.due_at, a.expires_at) == (NOON, NOON + DAY)
    assert a.id.startswith("msg_")
    assert a.id != b.id
    assert [(t.person, t.version, t.message) for t in c.home.outbox.told(["i1"])] == [
        ("p_ana", 1, a.id),
        ("p_bia", 1, b.id),
    ]


def test_alerts_of_one_instant_are_one_message_a_person(crowd: Make) -> None:
    c = crowd(
        person("p_ana", hazards=BOTH, where=[HERE, THERE]),
        person("p_bia"),
        person("p_cid", where=[THERE]),
    )
    c.tell(news("i1", level="yellow"), wind("w1", level="red"), news("i2", place="natal"))
    assert c.told("p_ana") == [("onset yellow", "onset red", "onset orange")]
    assert c.told("p_bia") == [("onset yellow",)]
    assert c.told("p_cid") == [("onset orange",)]
    assert [m.rank for m in c.all(person="p_ana")] == [4]


def test_an_alert_of_a_clock_that_is_ahead_goes_at_once(crowd: Make) -> None:
    c = crowd(person())
    [early] = c.tell(news(at=NOON + 3600), now=NOON)
    assert early.due_at == NOON


def test_a_step_says_whether_the_log_held_more_than_it_has_told(crowd: Make) -> None:
    """Who steps goes on at once where it did, and else makes way for the letters."""
    c = crowd(*people(3, hazards=BOTH), step_people=2)
    c.log(news(at=NOON), wind(at=NOON + 1))
    steps = []
    while c.fan.step(NOON) is not None:
        steps.append((len(c.all()), c.fan.has_more))
    assert steps == [(2, True), (3, True), (5, True), (6, False)]


def test_alerts_of_two_instants_are_two_messages(crowd: Make) -> None:
    c = crowd(person(hazards=BOTH))
    c.tell(news(at=NOON), wind(at=NOON + 1))
    assert c.told() == [("onset orange",), ("onset orange",)]


def test_a_second_hazard_and_a_second_place_are_never_hidden_by_the_first(crowd: Make) -> None:
    c = crowd(person(hazards=BOTH, where=[HERE, THERE]))
    c.tell(news("i1"))
    c.tell(wind("w1", at=NOON + 60))
    c.tell(news("i2", place="natal", at=NOON + 120))
    assert c.told() == [("onset orange",)] * 3
    assert {t.incident for t in c.home.outbox.told(["i1", "w1", "i2"])} == {"i1", "w1", "i2"}


def test_a_person_with_several_wishes_for_one_place_is_told_once(crowd: Make) -> None:
    c = crowd(person(where=[HERE, HERE], hazards=BOTH))
    assert len(c.tell(news())) == 1


def test_who_asked_from_orange_hears_of_the_escalation_and_not_of_yellow(crowd: Make) -> None:
    c = crowd(person(hazards={"heavy_rain": "orange"}), person("p_bia"))
    c.tell(news(level="yellow"))
    c.tell(news(version=2, level="orange", at=NOON + HOUR))
    c.tell(news(version=3, type="end", level="orange", at=NOON + 2 * HOUR))
    assert c.told() == [("escalated orange",), ("ended orange",)]
    assert c.told("p_bia") == [("onset yellow",), ("escalated orange",), ("ended orange",)]


def test_easing_and_the_end_are_told_to_those_alone_who_were_told(crowd: Make) -> None:
    c = crowd(person(hazards={"heavy_rain": "red"}), person("p_bia"))
    c.tell(news(level="orange"))
    c.tell(news(version=2, level="yellow", reason="eased", at=NOON + HOUR))
    c.tell(news(version=3, type="end", level="yellow", at=NOON + 2 * HOUR))
    c.tell(news("i2", type="alert", level="orange", at=NOON + DAY))
    c.tell(news("i2", version=2, type="cancel", level="orange", at=NOON + DAY + HOUR))
    assert c.told() == []
    assert [one for (one,) in c.told("p_bia")] == [
        "onset orange",
        "eased yellow",
        "ended yellow",
        "onset orange",
        "withdrawn orange",
    ]


def over(entry: LogEntry, *places: str, still: tuple[str, ...] = ()) -> LogEntry:
    """The entry, about these places alone; its warning stands at others."""
    official = Official(identifier="1", sender="met", issuer="Met", type="Alert", sent_at=NOON)
    return msgspec.structs.replace(
        entry, places=places, still=still, peak_level="orange", official=official
    )


def test_a_part_of_a_warning_that_is_over_is_told_to_those_alone_who_follow_it(crowd: Make) -> None:
    c = crowd(
        person("p_both", where=[HERE, THERE]), person("p_here"), person("p_there", where=[THERE])
    )
    c.tell(over(news(), "recife", "natal"))
    part = news(version=2, type="cancel", level="watch", at=NOON + 60)
    c.tell(over(part, "natal", still=("recife",)))
    c.tell(over(news(version=3, type="end", at=NOON + 120), "recife"))
    assert c.told("p_there") == [("onset orange",), ("withdrawn watch",)]
    assert c.told("p_here") == [("onset orange",), ("ended orange",)]
    assert c.told("p_both") == [("onset orange",), ("withdrawn watch",), ("ended orange",)]


def test_what_waits_is_not_dropped_by_the_end_of_a_part(crowd: Make) -> None:
    c = crowd(person(where=[HERE, THERE], quiet=NIGHT))
    c.tell(over(news(at=MIDNIGHT), "recife", "natal"))
    part = news(version=2, type="cancel", at=MIDNIGHT + 60)
    c.tell(over(part, "natal", still=("recife",)))
    assert [m.status for m in c.all()] == ["waiting"]


def test_a_step_is_told_to_those_alone_whose_limit_it_passed(crowd: Make) -> None:
    def own(name: str, limit: float) -> Person:
        limits = (Threshold("rain_mm", 3600, limit, "heavy_rain"),)
        return person(name, thresholds=limits, hazards={})

    c = crowd(own("p_35", 35), own("p_50", 50), person("p_level"))
    first = Moved("rain_mm", 3600, is_below=False, low=None, high=36.0)
    c.tell(news(moved=(first,)))
    more = Moved("rain_mm", 3600, is_below=False, low=36.0, high=52.0)
    c.tell(news(version=2, type="step", moved=(more,), at=NOON + HOUR))
    c.tell(news(version=3, type="end", at=NOON + 2 * HOUR))
    assert c.told("p_35") == [("onset orange",), ("ended orange",)]
    assert c.told("p_50") == [("step orange",), ("ended orange",)]
    assert c.told("p_level") == [("onset orange",), ("ended orange",)]


def test_who_came_later_is_not_told_of_older_alerts(crowd: Make) -> None:
    c = crowd(person("p_old"), person("p_new", since=NOON + 1))
    c.tell(news(at=NOON))
    assert c.told("p_new") == []
    c.tell(news("i2", at=NOON + 1))
    assert c.told("p_new") == [("onset orange",)]
    c.tell(news(version=2, type="end", at=NOON + 2))
    assert c.told("p_new") == [("onset orange",)], "nor of the end of what they never heard of"


def test_who_left_or_has_no_channel_is_not_told(crowd: Make) -> None:
    c = crowd(person("p_ana"), person("p_bia"))
    c.people["p_bia"] = person("p_bia", "sms")
    c.people.pop("p_ana")
    assert [m.channel for m in c.tell(news())] == ["sms"]


def test_a_place_that_is_no_longer_watched_concerns_nobody(crowd: Make) -> None:
    c = crowd(person())
    assert c.tell(news(place="gone")) == []
    assert c.fan_out() == 0


def test_to_a_program_each_incident_has_an_order_key_of_its_own(crowd: Make) -> None:
    programs = (person("p_ana", "webhook"), person("p_am", "alertmanager"))
    c = crowd(*programs, person("p_bia", "telegram"))
    keys = {m.order_key for m in c.tell(news("i1"))} | {
        m.order_key for m in c.tell(news("i2", at=NOON + 1))
    }
    assert keys == {"p_ana/i1", "p_ana/i2", "p_am/i1", "p_am/i2", "p_bia"}


def test_what_has_expired_before_it_is_fanned_out_is_kept_as_late(crowd: Make) -> None:
    c = crowd(person())
    [m] = c.tell(news(expires_s=HOUR), now=NOON + HOUR + 1)
    assert (m.status, m.settled_at) == (Status.LATE, NOON + HOUR + 1)
    assert c.send_all(NOON + HOUR + 1) == []
    assert len(c.home.outbox.told(["i1"])) == 1


# Each once, in bounded steps


class Fails:
    """An outbox of which every second step fails: before it is kept, or after."""

    def __init__(self, outbox: object, *, is_kept: bool) -> None:
        self._outbox = outbox
        self._is_kept = is_kept
        self.calls = 0
        self.position = outbox.position  # type: ignore[attr-defined]
        self.told = outbox.told  # type: ignore[attr-defined]

    def fan_out(self, step: FanOut) -> int:
        self.calls += 1
        is_fault = self.calls % 2 == 1
        if is_fault and not self._is_kept:
            raise StateConflict("disk full")
        new = self._outbox.fan_out(step)  # type: ignore[attr-defined]
        if is_fault:
            raise StateConflict("no answer")
        return int(new)


def test_a_step_is_bounded(crowd: Make) -> None:
    c = crowd(*people(25), step_people=10)
    c.log(news())
    made = []
    while (fanned := c.fan.step(NOON)) is not None:
        made.append(fanned.messages)
    assert made == [{"telegram": 10}, {"telegram": 10}, {"telegram": 5}]


def test_the_gravest_are_told_first(crowd: Make) -> None:
    mild = people(6, hazards={"wind": "yellow"})
    c = crowd(*mild, person("p_z"), step_people=3)
    c.log(wind(level="yellow"), news(level="red"))
    c.fan.step(NOON)
    assert "p_z" in {m.person for m in c.all()}


@pytest.mark.parametrize("is_kept", [False, True])
@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_fault_between_any_two_steps_loses_and_doubles_nothing(
    crowd: Make, is_kept: bool, is_restarted: bool
) -> None:
    c = crowd(*people(23), step_people=5)
    c.log(news("i1"), news("i2"))
    fails = Fails(c.home.outbox, is_kept=is_kept)
    fan = c.fan
    done = False
    while not done:
        fan._outbox = fails
        try:
            done = fan.step(NOON) is None
        except StateConflict:
            fan = c.restart() if is_restarted else fan
    assert fails.calls >= 5
    assert Counter(m.person for m in c.all()) == {f"p_{i:05d}": 1 for i in range(23)}
    assert len(c.home.outbox.told(["i1", "i2"])) == 46


def test_whoever_comes_goes_or_changes_in_between_nobody_is_lost_or_told_twice(
    crowd: Make,
) -> None:
    """After each step the process dies, and before the next the audience has changed."""
    c = crowd(*people(12, hazards={"wind": "yellow"}), step_people=4)
    c.log(news(level="red"), wind(level="yellow"))
    assert c.fan.step(NOON) is not None
    first = {m.person for m in c.all()}
    assert first == {f"p_{i:05d}" for i in range(4)}
    # Somebody who was told asks for more; so does one who was not, and is now among the gravest.
    c.join(person("p_00001", "email", hazards=BOTH), person("p_00009", hazards=BOTH))
    c.leave("p_00002")
    c.leave("p_00007")
    c.join(person("p_000000", hazards=BOTH, since=NOON + 1), person("p_aaa", hazards=BOTH))
    c.restart()
    c.fan_out(NOON)
    told = Counter(m.person for m in c.all())
    # Who came meanwhile is told of what is red, which `Standing` then tells nobody twice.
    expected = {f"p_{i:05d}" for i in range(12)} - {"p_00007"} | {"p_aaa", "p_000000"}
    assert told == dict.fromkeys(expected, 1)
    assert c.told("p_00009") == [("onset red", "onset yellow")]
    assert c.told("p_00001") == [("onset yellow",)], "grouped once, and never again"


def test_what_is_logged_for_the_same_instant_later_is_not_lost(crowd: Make) -> None:
    c = crowd(*people(6), step_people=4)
    c.log(news("i1"))
    c.fan.step(NOON)
    c.log(news("i2"))
    c.restart()
    c.fan_out(NOON)
    told = c.home.outbox.told(["i1", "i2"])
    assert Counter((t.person, t.incident) for t in told) == {
        (f"p_{i:05d}", incident): 1 for i in range(6) for incident in ("i1", "i2")
    }


def test_what_comes_of_one_instant_in_two_parts_is_one_message_if_nobody_took_the_first(
    crowd: Make,
) -> None:
    c = crowd(person("p_ana"), person("p_eve", hazards={"heavy_rain": "red"}))
    c.tell(news("i0", at=NOON - 60))
    c.tell(news("i1"), news("i2"))
    c.restart()
    [new] = c.tell(news("i3", level="red"))
    assert new.person == "p_eve"
    assert c.told("p_ana") == [("onset orange",), ("onset orange", "onset orange", "onset red")]
    [_, told] = c.all(person="p_ana")
    assert (told.rank, told.escalate_at, told.seqs) == (4, 0, (2, 3, 4))
    c.send_all(NOON)
    [late] = c.tell(news("i4"))
    assert (late.person, late.seqs) == ("p_ana", (5,)), "what went is not told again"


def test_red_of_one_instant_takes_along_what_waits_for_the_end_of_the_night(crowd: Make) -> None:
    c = crowd(person("p_ana", "telegram", "sms", quiet=NIGHT))
    [waits] = c.tell(news("i1", at=MIDNIGHT), now=MIDNIGHT)
    assert waits.status == Status.WAITING
    assert c.tell(news("i2", at=MIDNIGHT, level="red"), now=MIDNIGHT + 1) == []
    [told] = c.all()
    assert (told.id, told.status, told.due_at) == (waits.id, Status.DUE, MIDNIGHT)
    assert told.escalate_at == MIDNIGHT + 1 + 600
    assert c.told() == [("onset orange", "onset red")]


def test_more_alerts_of_one_instant_than_a_group_holds_are_all_told(crowd: Make) -> None:
    c = crowd(person())
    n = GROUP_MOST + 3
    assert len(c.tell(*(news(f"i{i}") for i in range(n)))) == 2
    assert len(c.home.outbox.told([f"i{i}" for i in range(n)])) == n


def test_of_two_who_fan_out_one_is_refused_and_nothing_is_doubled(crowd: Make) -> None:
    c = crowd(*people(10), step_people=4)
    c.log(news())
    first = c.fan
    first.step(NOON)
    second = c.restart()
    second.step(NOON)
    c.fan = first
    c.fan_out(NOON)
    c.fan = second
    c.fan_out(NOON)
    assert Counter(m.person for m in c.all()) == {f"p_{i:05d}": 1 for i in range(10)}


# Quiet hours


def test_in_quiet_hours_yellow_and_orange_wait_and_red_does_not(crowd: Make) -> None:
    c = crowd(person(quiet=NIGHT))
    [yellow] = c.tell(news("i1", level="yellow", at=MIDNIGHT), now=MIDNIGHT)
    [orange] = c.tell(news("i2", level="orange", at=MIDNIGHT + 1), now=MIDNIGHT + 1)
    [red] = c.tell(news("i3", level="red", at=MIDNIGHT + 2), now=MIDNIGHT + 2)
    assert (yellow.status, orange.status) == (Status.WAITING, Status.WAITING)
    assert yellow.due_at == orange.due_at == MIDNIGHT + 7 * HOUR
    assert red.status == Status.DUE
    assert c.send_all(MIDNIGHT + 3) == [red.id], "what waits does not hold it up"
    assert c.send_all(MIDNIGHT + 7 * HOUR) == [yellow.id, orange.id]


def test_what_is_red_takes_what_goes_with_it_through_quiet_hours(crowd: Make) -> None:
    c = crowd(person(quiet=NIGHT, hazards=BOTH))
    [m] = c.tell(news(level="red", at=MIDNIGHT), wind(level="yellow", at=MIDNIGHT), now=MIDNIGHT)
    assert m.status == Status.DUE


def test_what_is_over_before_quiet_hours_are_is_never_told(crowd: Make) -> None:
    c = crowd(person(quiet=NIGHT), person("p_awake"))
    c.tell(news(at=MIDNIGHT), now=MIDNIGHT)
    c.send_all(MIDNIGHT)
    c.tell(news(version=2, type="end", at=MIDNIGHT + HOUR), now=MIDNIGHT + HOUR)
    [m] = c.all(person="p_ana")
    assert (m.status, m.reason) == (Status.DROPPED, "it was over before it could be told")
    assert c.told("p_awake") == [("onset orange",), ("ended orange",)]
    c.send_all(MIDNIGHT + 8 * HOUR)
    assert c.all(person="p_ana") == [m]


def test_of_several_that_wait_the_newest_is_told(crowd: Make) -> None:
    c = crowd(person(quiet=NIGHT))
    c.tell(news(level="yellow", at=MIDNIGHT), now=MIDNIGHT)
    c.tell(news(version=2, level="orange", at=MIDNIGHT + HOUR), now=MIDNIGHT + HOUR)
    first, second = c.all()
    assert (first.status, first.reason) == (Status.DROPPED, "something newer took its place")
    assert c.send_all(MIDNIGHT + 7 * HOUR) == [second.id]


def test_what_eases_in_the_night_is_told_in_the_morning_as_it_then_is(crowd: Make) -> None:
    c = crowd(person(quiet=NIGHT))
    c.tell(news(level="orange", at=MIDNIGHT), now=MIDNIGHT)
    c.tell(news(version=2, level="yellow", reason="eased", at=MIDNIGHT + HOUR), now=MIDNIGHT + HOUR)
    first, second = c.all()
    assert first.status == Status.DROPPED
    assert c.entries(second)[0].alert.level == "yellow"
    assert c.send_all(MIDNIGHT + 7 * HOUR) == [second.id]
    c.tell(news(version=3, type="end", at=MIDNIGHT + 8 * HOUR), now=MIDNIGHT + 8 * HOUR)
    assert c.told()[-1] == ("ended orange",)


def test_an_escalation_to_red_in_the_night_is_told_at_once_in_place_of_what_waits(
    crowd: Make,
) -> None:
    c = crowd(person(quiet=NIGHT))
    c.tell(news(level="orange", at=MIDNIGHT), now=MIDNIGHT)
    c.tell(news(version=2, level="red", at=MIDNIGHT + HOUR), now=MIDNIGHT + HOUR)
    c.tell(
        news(version=3, type="end", level="red", at=MIDNIGHT + 2 * HOUR), now=MIDNIGHT + 2 * HOUR
    )
    dropped, red, end = c.all()
    assert dropped.status == Status.DROPPED
    assert (red.status, end.status) == (Status.DUE, Status.WAITING)
    assert end.due_at == MIDNIGHT + 7 * HOUR, "that it is over can wait"


def test_what_tells_of_two_is_not_dropped_when_one_is_over(crowd: Make) -> None:
    c = crowd(person(quiet=NIGHT, hazards=BOTH))
    c.tell(news(at=MIDNIGHT), wind(at=MIDNIGHT), now=MIDNIGHT)
    c.tell(news(version=2, type="end", at=MIDNIGHT + HOUR), now=MIDNIGHT + HOUR)
    [m] = c.all()
    assert m.status == Status.WAITING
    c.tell(wind(version=2, type="end", at=MIDNIGHT + HOUR + 1), now=MIDNIGHT + HOUR + 1)
    assert c.send_all(MIDNIGHT + 8 * HOUR) == [m.id]


def test_what_the_channel_puts_off_gives_way_to_what_is_newer(crowd: Make) -> None:
    c = crowd(person())
    outbox = c.home.outbox
    [m] = c.tell(news(level="yellow"))
    [leased] = outbox.claim(NOON, NOON + 90, {"telegram": 1})
    again = settled(leased, Outcome("again"), (300,), NOON)
    outbox.settle([(leased, again)])
    [red] = c.tell(news(version=2, level="red", at=NOON + 60), now=NOON + 60)
    assert c.home.outbox.message(m.id).status == Status.DROPPED  # type: ignore[union-attr]
    assert c.send_all(NOON + 600) == [red.id]


def test_what_goes_out_at_this_very_moment_is_not_dropped_and_the_end_is_told(
    crowd: Make,
) -> None:
    """Quiet hours end, a sender claims the message, and the end comes between two looks."""
    c = crowd(person(quiet=NIGHT))
    [m] = c.tell(news(at=MIDNIGHT), now=MIDNIGHT)
    morning = MIDNIGHT + 7 * HOUR
    c.log(news(version=2, type="end", at=morning))
    told = c.home.outbox.told(["i1"])

    class Stale:
        position, fan_out = c.home.outbox.position, c.home.outbox.fan_out

        def told(self, _incidents: object) -> object:
            return told

    c.fan._outbox = Stale()  # type: ignore[assignment]
    assert len(c.home.outbox.claim(morning, morning + 90, {"telegram": 9})) == 1
    with pytest.raises(StateConflict, match="meanwhile"):
        c.fan.step(morning)
    c.fan._outbox = c.home.outbox
    c.fan_out(morning)
    assert c.home.outbox.message(m.id).status == Status.LEASED  # type: ignore[union-attr]
    assert c.told() == [("onset orange",), ("ended orange",)]


# What escalates


def test_red_is_to_be_acknowledged_where_there_is_a_next_channel(crowd: Make) -> None:
    c = crowd(
        person("p_1", "telegram", "sms", escalate_after_s=300),
        person("p_2", "telegram"),
        person("p_3", "telegram", "sms", escalate_after_s=0),
    )
    c.tell(news("i1", level="red"), now=NOON + 5)
    assert {m.person: m.escalate_at for m in c.all()} == {"p_1": NOON + 305, "p_2": 0, "p_3": 0}
    [orange] = c.tell(news("i2", at=NOON + 60))[:1]
    assert orange.escalate_at == 0


def test_those_who_were_told_by_a_next_channel_are_told_on(crowd: Make) -> None:
    c = crowd(person("p_ana", "telegram", "sms"))
    c.tell(news())
    other = message("sms", channel="sms")
    c.home.outbox.put(other, [delivery(other)])
    c.tell(news(version=2, type="end", at=NOON + HOUR))
    assert [m.channel for m in c.all()].count("telegram") == 2
