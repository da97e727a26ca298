"""A message is true when it arrives: what is written, and when, is decided at the last moment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from atalaia.clock import Clock, steady
from atalaia.domain.alert import LogEntry
from atalaia.domain.delivery import Letter, Limits, Message, Outcome, Status, settled
from atalaia.domain.official import Official
from atalaia.domain.silence import Silence
from atalaia.domain.subscription import Person, Quiet
from atalaia.notify.compose import Composer
from atalaia.notify.deliver import Deliverer
from atalaia.notify.escalate import Escalation
from atalaia.notify.pace import Pace
from atalaia.notify.recipients import Recipients
from atalaia.notify.standing import Standing
from atalaia.notify.together import bound
from notify.test_compose import Directory
from patience import patient
from people.world import world
from run.world import Clock as Turned
from telling import DAY, HERE, MIDNIGHT, NIGHT, NOON, PLACES, THERE, Crowd, Post, news, person

HOUR = 3600
TAKEN = Outcome("sent", provider_id="x")
MORNING = MIDNIGHT + 7 * HOUR
BOTH = {"heavy_rain": "yellow", "wind": "yellow"}


class Desk(Crowd):
    """Fan-out, letters and escalation over a home, at `now`."""

    def __init__(self, folder: Path, *people: Person) -> None:
        super().__init__(folder, *people)
        self.now = NOON
        self.silences: list[Silence] = []
        self.directory = Directory(self.people)
        self.composer = Composer(
            self.home.state,
            self.home.outbox,
            PLACES,
            self.people,
            self.directory,
            Clock(lambda: self.now),
            silences=lambda: self.silences,
        )
        self.escalation = Escalation(
            self.home.state,
            self.home.outbox,
            self.directory,  # type: ignore[arg-type]
            self.people,  # type: ignore[arg-type]
            Clock(lambda: self.now),
        )

    def say(self, *entries: object, now: int) -> None:
        self.now = now
        self.tell(*entries, now=now)  # type: ignore[arg-type]

    def send(self, now: int, outcome: Outcome = TAKEN) -> list[str]:
        """What goes out now: channel, and what each letter says."""
        self.now = now
        outbox = self.home.outbox
        claimed = outbox.claim(now, now + 90, dict.fromkeys(("telegram", "sms", "webhook"), 99))
        went = []
        for m, letter in zip(claimed, self.composer.write(claimed), strict=True):
            kept, result = m, letter if isinstance(letter, Outcome) else outcome
            if isinstance(letter, Letter):
                [(kept, _)] = bound(((m, letter),))
                said = [f"{a.reason} {a.level}" for a in letter.content.alerts]
                went.append(f"{m.channel}: {', '.join(said)}")
            outbox.settle([(m, settled(kept, result, (5, 30), now))])
        return went


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.home.close()


PAUSE = Outcome("again", "rate limit", after_s=40, pauses=True)


def test_of_a_message_that_waits_only_what_goes_on_is_told_in_the_morning(desk: Desk) -> None:
    desk.join(person(quiet=NIGHT, where=[HERE, THERE]))
    desk.say(
        news("i1", at=MIDNIGHT),
        news("i2", place="natal", level="yellow", at=MIDNIGHT),
        now=MIDNIGHT,
    )
    desk.say(news("i1", 2, "end", at=MIDNIGHT + HOUR), now=MIDNIGHT + HOUR)
    assert desk.send(MORNING) == ["telegram: onset yellow"]
    desk.say(news("i2", 2, "end", at=MORNING + HOUR, level="yellow"), now=MORNING + HOUR)
    assert desk.send(MORNING + HOUR) == ["telegram: ended yellow"]


def test_a_warning_that_is_cancelled_in_part_in_the_night_is_told_where_it_stands(
    desk: Desk,
) -> None:
    """It stands over Natal still, and who follows Recife alone hears nothing."""
    desk.join(person("p_both", quiet=NIGHT, where=[HERE, THERE]))
    desk.join(person("p_here", quiet=NIGHT))
    desk.join(person("p_there", quiet=NIGHT, where=[THERE]))
    desk.join(person("p_awake", where=[HERE, THERE]))
    both = msgspec.structs.replace(news(at=MIDNIGHT, rule="official"), places=("recife", "natal"))
    part = news("i1", 2, "cancel", at=MIDNIGHT + HOUR, rule="official")
    part = msgspec.structs.replace(part, still=("natal",))
    desk.say(both, now=MIDNIGHT)
    assert desk.send(MIDNIGHT) == ["telegram: onset orange"]
    desk.say(part, now=MIDNIGHT + HOUR)
    assert desk.send(MIDNIGHT + HOUR) == ["telegram: withdrawn orange"]
    assert desk.send(MORNING) == ["telegram: onset orange"] * 2
    sent = [m.person for m in desk.all() if m.status == Status.SENT]
    assert sorted(sent) == ["p_awake", "p_awake", "p_both", "p_there"]
    rest = msgspec.structs.replace(
        news("i1", 3, "end", at=MORNING + HOUR, rule="official", place="natal"), places=("natal",)
    )
    desk.say(rest, now=MORNING + HOUR)
    assert desk.send(MORNING + HOUR) == ["telegram: ended orange"] * 3


def test_a_yellow_that_waited_is_not_told_after_the_red_of_the_night(desk: Desk) -> None:
    desk.join(person(quiet=NIGHT, where=[HERE, THERE]))
    desk.say(
        news("i1", level="yellow", at=MIDNIGHT),
        news("i2", place="natal", at=MIDNIGHT),
        now=MIDNIGHT,
    )
    desk.say(news("i1", 2, level="red", at=MIDNIGHT + HOUR), now=MIDNIGHT + HOUR)
    assert desk.send(MIDNIGHT + HOUR) == ["telegram: escalated red"]
    assert desk.send(MORNING) == ["telegram: onset orange"]


def test_what_a_pause_put_off_gives_way_to_its_end_and_the_end_to_nothing(desk: Desk) -> None:
    desk.join(person())
    desk.say(news(level="red"), now=NOON)
    assert desk.send(NOON, PAUSE) == ["telegram: onset red"]
    desk.say(news("i1", 2, "end", level="red", at=NOON + 20), now=NOON + 20)
    assert desk.send(NOON + 60) == []
    assert {m.status for m in desk.all()} == {Status.DROPPED}


def test_after_hours_of_being_down_what_began_and_ended_meanwhile_is_not_told(desk: Desk) -> None:
    desk.join(person())
    desk.say(news(level="red"), now=NOON)
    desk.log(news("i1", 2, "end", level="red", at=NOON + HOUR))
    assert desk.send(NOON + 2 * HOUR) == [], "though the end is not fanned out yet"


def test_the_end_of_what_failed_says_so(desk: Desk) -> None:
    desk.join(person())
    desk.say(news(), now=NOON)
    desk.send(NOON, Outcome("never", "refused"))
    desk.say(news("i1", 2, "end", at=NOON + HOUR), now=NOON + HOUR)
    [claimed] = desk.home.outbox.claim(NOON + HOUR, NOON + HOUR + 90, {"telegram": 9})
    [letter] = desk.composer.write([claimed])
    assert isinstance(letter, Letter)
    assert "The message that it began could not be delivered." in letter.content.text(10_000)


def test_an_easing_below_what_was_asked_for_is_not_told_to_who_never_heard(desk: Desk) -> None:
    desk.join(person(quiet=NIGHT, hazards={"heavy_rain": "orange"}))
    desk.say(news(at=MIDNIGHT), now=MIDNIGHT)
    desk.say(news("i1", 2, level="yellow", reason="eased", at=MIDNIGHT + HOUR), now=MIDNIGHT + HOUR)
    assert desk.send(MORNING) == []


def test_an_escalation_below_what_was_asked_for_is_not_told_to_who_never_heard(desk: Desk) -> None:
    desk.join(person(hazards={"heavy_rain": "red"}))
    desk.say(
        news(level="orange"),
        news("i1", 2, level="red", at=NOON + 60),
        news("i1", 3, level="yellow", reason="eased", at=NOON + 120),
        now=NOON + 120,
    )
    assert desk.send(NOON + 120) == []
    desk.say(news("i1", 4, level="orange", at=NOON + 300), now=NOON + 300)
    assert desk.send(NOON + 300) == [], "from red on, they asked"
    desk.say(news("i1", 5, "end", level="orange", at=NOON + 600), now=NOON + 600)
    assert desk.send(NOON + 600) == []


def test_an_easing_that_was_left_out_of_what_may_have_gone_is_not_heard(desk: Desk) -> None:
    desk.join(person(where=[HERE, THERE]))
    desk.say(
        news("i1"),
        news("i2", place="natal"),
        news("i2", 2, "end", place="natal", at=NOON + 10),
        now=NOON + 10,
    )
    assert desk.send(NOON + 10, Outcome("unknown", "no answer")) == ["telegram: onset orange"]
    assert desk.send(NOON + 60) == ["telegram: onset orange"]
    assert desk.send(NOON + 120) == [], "of the other's beginning they never heard"


def test_escalation_says_what_stands_and_nothing_that_was_eased(desk: Desk) -> None:
    desk.join(person("p_ana", "telegram", "sms"))
    desk.say(news(level="red"), now=NOON)
    assert desk.send(NOON) == ["telegram: onset red"]
    desk.say(news("i1", 2, level="orange", reason="eased", at=NOON + 60), now=NOON + 60)
    assert desk.send(NOON + 60) == ["telegram: eased orange"]
    desk.now = NOON + 700
    assert desk.escalation.hand_on() == 0
    assert desk.send(NOON + 700) == []


def test_who_heard_by_the_second_channel_hears_the_end_there_too(desk: Desk) -> None:
    desk.join(person("p_ana", "telegram", "sms"))
    desk.say(news(level="red"), now=NOON)
    desk.send(NOON)
    desk.now = NOON + 700
    desk.escalation.hand_on()
    assert desk.send(NOON + 700) == ["sms: onset red"]
    desk.say(news("i1", 2, "end", level="red", at=NOON + 800), now=NOON + 800)
    assert sorted(desk.send(NOON + 800)) == ["sms: ended red", "telegram: ended red"]


def test_a_retry_in_quiet_hours_waits_for_their_end(desk: Desk) -> None:
    desk.join(person(quiet=NIGHT))
    before = MIDNIGHT - 2 * HOUR - 10
    desk.say(news(at=before), now=before)
    desk.send(before, Outcome("again", "busy", after_s=30))
    assert desk.send(before + 40) == []
    [m] = desk.all()
    assert (m.status, m.due_at) == (Status.WAITING, MORNING)


def test_quiet_hours_that_change_in_the_night_are_obeyed(desk: Desk) -> None:
    desk.join(person(quiet=NIGHT))
    desk.say(news(at=MIDNIGHT), now=MIDNIGHT)
    desk.join(person(quiet=Quiet(22 * 60, 9 * 60, "America/Recife")))
    assert desk.send(MORNING) == []
    assert desk.send(MORNING + 2 * HOUR) == ["telegram: onset orange"]


@pytest.mark.parametrize(
    "zone",
    [
        "Europe/Lisbon",
        "America/New_York",
        "Australia/Lord_Howe",
        "America/St_Johns",
        "America/Santiago",
    ],
)
def test_quiet_hours_end_where_the_clock_on_the_wall_leaves_them(zone: str) -> None:
    quiet = Quiet(23 * 60 + 30, 2 * 60 + 30, zone)

    def is_inside(at: int) -> bool:
        return quiet.ends_at(at) is not None

    year = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    for at in range(year, year + 365 * DAY, 47 * 60):
        end = quiet.ends_at(at)
        if end is None:
            continue
        assert end > at
        assert not is_inside(end)
        assert all(is_inside(one) for one in range(at, end, 60))


def test_a_channel_that_is_paused_for_long_holds_the_next_one_up_no_longer(desk: Desk) -> None:
    desk.join(person("p_ana", "telegram", "sms"))
    desk.say(news(), now=NOON)
    desk.send(NOON, Outcome("again", "rate limit", after_s=3600, pauses=True))
    assert desk.escalation.hand_on() == 1
    assert desk.send(NOON + 5) == ["sms: onset orange"]
    assert desk.send(NOON + 2 * HOUR) == [], "it was told, and is not told again by the first"


def test_what_came_too_late_for_its_channel_goes_by_the_next(desk: Desk) -> None:
    desk.join(person("p_ana", "telegram", "sms"))
    desk.say(news(expires_s=HOUR), now=NOON)
    desk.send(NOON, Outcome("again", "rate limit", after_s=2 * HOUR, pauses=True))
    assert desk.all()[0].status == Status.LATE
    assert desk.escalation.hand_on() == 1
    assert desk.send(NOON + 5) == ["sms: onset orange"]


def test_to_a_program_no_incident_is_overtaken_by_its_own_news(desk: Desk) -> None:
    desk.join(person("p_ana", "webhook", where=[HERE, THERE]))
    desk.say(news("i1"), news("i2", place="natal"), now=NOON)
    desk.say(news("i2", 2, "end", place="natal", at=NOON + 1), now=NOON + 1)
    keys = {m.seqs: m.order_key for m in desk.all()}
    assert keys == {(1,): "p_ana/i1", (2,): "p_ana/i2", (3,): "p_ana/i2"}


def test_a_silence_begun_later_stops_what_waits(desk: Desk) -> None:
    desk.join(person())
    desk.say(news(), now=NOON)
    desk.silences.append(
        Silence(
            id="s",
            hazard="heavy_rain",
            place=None,
            since=NOON + 1,
            until=NOON + HOUR,
            reason="",
            by="",
        )
    )
    assert desk.send(NOON + 2) == []


class Everyone:
    """Recipients at hand."""

    def __init__(self, desk: Desk) -> None:
        self.audience = desk.audience
        self.get = desk.people.get


def standing(desk: Desk) -> Standing:
    made = Standing(
        desk.home.state,
        desk.home.outbox,
        Everyone(desk),  # type: ignore[arg-type]
        PLACES,
        lambda: desk.silences,
    )
    made.step((), NOON - 1)
    return made


def test_when_a_silence_ends_what_goes_on_is_told_with_its_age(desk: Desk) -> None:
    desk.join(person())
    desk.silences.append(
        Silence(
            id="s",
            hazard="heavy_rain",
            place=None,
            since=NOON - 9,
            until=NOON + HOUR,
            reason="",
            by="",
        )
    )
    desk.fan._silences = lambda: desk.silences
    stands = standing(desk)
    desk.say(news("i1"), news("i2", level="red", at=NOON), now=NOON)
    desk.say(news("i2", 2, "end", level="red", at=NOON + 60), now=NOON + 60)
    assert desk.send(NOON + 60) == []
    assert stands.step((), NOON + HOUR - 1) == 0
    assert stands.step((), NOON + HOUR) == 1
    assert stands.step((), NOON + HOUR + 1) == 0, "once"
    assert desk.send(NOON + HOUR) == ["telegram: onset orange"]


def test_who_comes_after_a_red_was_cancelled_in_part_hears_of_it_where_it_stands(
    desk: Desk,
) -> None:
    stands = standing(desk)
    red = news(level="red", rule="official")
    part = news("i1", 2, "cancel", level="red", at=NOON + 60, rule="official")
    desk.log(msgspec.structs.replace(red, places=("recife", "natal")))
    desk.log(msgspec.structs.replace(part, still=("natal",)))
    came = {name: person(name, where=[where]) for name, where in (("p_h", HERE), ("p_t", THERE))}
    for each in came.values():
        desk.join(each)
    assert stands.step(came, NOON + 120) == 1
    assert [m.person for m in desk.all()] == ["p_t"]


@pytest.mark.parametrize("level", ["yellow", "red"])
def test_who_comes_after_a_red_changed_in_part_hears_of_it_where_it_stands_as_it_was(
    desk: Desk, level: str
) -> None:
    stands = standing(desk)
    red = news(level="red", rule="official")
    part = news("i1", 2, level=level, at=NOON + 60, rule="official")
    desk.log(msgspec.structs.replace(red, places=("recife", "natal")))
    desk.log(msgspec.structs.replace(part, still=("natal",)))
    came = {name: person(name, where=[where]) for name, where in (("p_h", HERE), ("p_t", THERE))}
    came["p_b"] = person("p_b", where=[HERE, THERE])
    for each in came.values():
        desk.join(each)
    told = {"p_t": [(1,)], "p_b": [(1, 2)], "p_h": [(2,)]}
    if level != "red":
        told = {"p_t": [(1,)], "p_b": [(1,)]}
    assert stands.step(came, NOON + 120) == len(told)
    assert {m.person: [m.seqs] for m in desk.all()} == told
    assert len(desk.send(NOON + 120)) == len(told)
    assert stands.step(came, NOON + 121) == 0


@pytest.mark.parametrize("type_", ["update", "end", "cancel"])
def test_what_waits_of_a_warning_is_told_where_it_stands_though_it_changed_elsewhere(
    desk: Desk, type_: str
) -> None:
    desk.join(person(quiet=NIGHT, where=[HERE, THERE]), person("p_h", quiet=NIGHT, where=[HERE]))
    whole = news(level="orange", rule="official", at=MIDNIGHT)
    part = news("i1", 2, type_, level="yellow", rule="official", at=MIDNIGHT + HOUR, reason="eased")
    desk.say(msgspec.structs.replace(whole, places=("recife", "natal")), now=MIDNIGHT)
    desk.say(msgspec.structs.replace(part, still=("natal",)), now=MIDNIGHT + HOUR)
    assert desk.send(MIDNIGHT + HOUR) == []
    told = desk.send(MORNING)
    assert ["onset orange" in one for one in told].count(True) == 1, told


@pytest.mark.parametrize("outcome", [TAKEN, Outcome("never", "gone")])
def test_a_red_of_a_warning_goes_on_to_the_next_channel_where_it_stands_though_it_changed_elsewhere(
    desk: Desk, outcome: Outcome
) -> None:
    for name, where in (("p_b", [HERE, THERE]), ("p_h", [HERE]), ("p_t", [THERE])):
        desk.join(person(name, "telegram", "sms", where=where))
    whole = news(level="red", rule="official")
    part = news("i1", 2, level="yellow", rule="official", at=NOON + 60, reason="eased")
    desk.say(msgspec.structs.replace(whole, places=("recife", "natal")), now=NOON)
    assert desk.send(NOON, outcome) == ["telegram: onset red"] * 3
    desk.say(msgspec.structs.replace(part, still=("natal",)), now=NOON + 60)
    desk.send(NOON + 60)
    desk.now = NOON + 900
    desk.escalation.hand_on()
    went = desk.send(NOON + 900)
    assert ["onset red" in one for one in went].count(True) == 2, went
    assert {m.person for m in desk.all(channel="sms") if m.status == Status.SENT} >= {"p_b", "p_t"}


def said_of(entry: LogEntry, *places: str, still: tuple[str, ...] = ()) -> LogEntry:
    """The entry of a warning, about these places alone; it stands at others."""
    met = Official(identifier="1", sender="met", issuer="Met", type="Alert", sent_at=NOON)
    return msgspec.structs.replace(
        entry, places=places, still=still, peak_level="red", official=met
    )


@pytest.mark.parametrize("quiet", [None, NIGHT])
def test_the_end_of_a_warning_at_one_place_is_told_though_it_goes_on_at_another(
    desk: Desk, quiet: Quiet | None
) -> None:
    """By each channel that told of the beginning, in the morning also where it changed since."""
    desk.join(person("p_ana", "telegram", "sms", where=[HERE, THERE], quiet=quiet))
    kind = {"rule": "official", "level": "orange"}
    at = MIDNIGHT - 3 * HOUR
    desk.say(said_of(news(at=at, **kind), "natal", "recife"), now=at)
    assert desk.send(at, Outcome("never", "refused")) == ["telegram: onset orange"]
    desk.escalation.hand_on()
    assert desk.send(at) == ["sms: onset orange"]
    end = news("i1", 2, "cancel", at=MIDNIGHT, **kind)
    desk.say(
        said_of(end, "recife", still=("natal",)),
        said_of(news("i1", 3, at=MIDNIGHT, **kind), "natal"),
        now=MIDNIGHT,
    )
    desk.say(said_of(news("i1", 4, at=MIDNIGHT + 60, **kind), "natal"), now=MIDNIGHT + 60)
    went = [*desk.send(MIDNIGHT + 60), *desk.send(MORNING)]
    assert any(one.startswith("sms: ") and "withdrawn orange" in one for one in went), went


def test_a_warning_that_changed_twice_at_one_instant_goes_on_to_the_next_channel_once(
    desk: Desk,
) -> None:
    desk.join(person("p_ana", "telegram", "sms", where=[HERE, THERE]))
    kind = {"rule": "official", "level": "red"}
    desk.say(said_of(news(**kind), "natal", "recife"), now=NOON)
    desk.send(NOON)
    desk.home.outbox.acknowledge("p_ana", desk.all()[0].id, NOON + 1)
    end = said_of(news("i1", 2, "cancel", at=NOON + 60, **kind), "natal", still=("recife",))
    desk.say(end, said_of(news("i1", 3, at=NOON + 60, **kind), "recife"), now=NOON + 60)
    assert desk.send(NOON + 60) == ["telegram: withdrawn red, escalated red"]
    desk.now = NOON + 700
    assert desk.escalation.hand_on() == 1
    assert desk.send(NOON + 700) == ["sms: escalated red"]


def test_a_warning_that_eases_below_what_was_asked_for_is_told_though_it_changed_elsewhere(
    desk: Desk,
) -> None:
    red = {"heavy_rain": "red"}
    desk.join(person(hazards=red, where=[THERE]))
    desk.join(person("p_both", hazards=red, where=[HERE, THERE]))
    kind = {"rule": "official", "level": "red"}
    desk.say(said_of(news(**kind), "natal", "recife"), now=NOON)
    assert desk.send(NOON) == ["telegram: onset red"] * 2
    kind["level"] = "orange"
    eased = said_of(news("i1", 2, reason="eased", at=NOON + 60, **kind), "natal", "recife")
    here = said_of(news("i1", 3, at=NOON + 90, **kind), "recife", still=("natal",))
    desk.say(eased, here, now=NOON + 90)
    assert desk.send(NOON + 90).count("telegram: eased orange") == 2


@pytest.mark.parametrize("place", [None, "natal"])
def test_what_eased_in_a_silence_is_told_after_it_though_it_is_red_elsewhere(
    desk: Desk, place: str | None
) -> None:
    desk.join(person(hazards={"heavy_rain": "orange"}, where=[HERE, THERE]))
    stands = standing(desk)
    kind = {"rule": "official"}
    desk.say(said_of(news(level="red", **kind), "natal", "recife"), now=NOON)
    assert desk.send(NOON) == ["telegram: onset red"]
    rain = {"hazard": "heavy_rain", "place": place, "reason": "", "by": ""}
    desk.silences.append(Silence(id="s", since=NOON + 60, until=NOON + HOUR, **rain))  # type: ignore[arg-type]
    desk.fan._silences = lambda: desk.silences
    eased = news("i1", 2, level="yellow", reason="eased", at=NOON + 90, **kind)
    desk.say(said_of(eased, "natal", still=("recife",)), now=NOON + 90)
    red = news("i1", 3, level="red", reason="certainty", at=NOON + 95, **kind)
    desk.say(said_of(red, "recife", still=("natal",)), now=NOON + 95)
    went = desk.send(NOON + 95)
    assert stands.step((), NOON + HOUR) == 1
    went += desk.send(NOON + HOUR)
    assert sorted(", ".join(went).replace("telegram: ", "").split(", ")) == [
        "certainty red",
        "eased yellow",
    ]


def test_a_warning_that_waits_is_told_without_the_places_where_it_has_ended(desk: Desk) -> None:
    desk.join(person(quiet=NIGHT, where=[HERE, THERE]))
    kind = {"rule": "official", "level": "orange"}
    desk.say(said_of(news(at=MIDNIGHT, **kind), "natal", "recife"), now=MIDNIGHT)
    end = news("i1", 2, "cancel", at=MIDNIGHT + 60, **kind)
    desk.say(said_of(end, "natal", still=("recife",)), now=MIDNIGHT + 60)
    desk.now = MORNING
    claimed = desk.home.outbox.claim(MORNING, MORNING + 90, {"telegram": 9})
    [text] = [
        one.content.text(4_000) for one in desk.composer.write(claimed) if isinstance(one, Letter)
    ]
    assert "Recife" in text
    assert "Natal" not in text


def test_the_end_of_a_silence_tells_nobody_of_a_warning_elsewhere(desk: Desk) -> None:
    desk.join(person())
    stands = standing(desk)
    kind = {"rule": "official", "level": "orange"}
    desk.say(said_of(news(**kind), "natal", "recife"), now=NOON)
    assert desk.send(NOON) == ["telegram: onset orange"]
    natal = {"hazard": None, "place": "natal", "reason": "", "by": ""}
    desk.silences.append(Silence(id="s", since=NOON + 60, until=NOON + HOUR, **natal))  # type: ignore[arg-type]
    desk.fan._silences = lambda: desk.silences
    part = news("i1", 2, at=NOON + 90, **kind)
    desk.say(said_of(part, "natal", still=("recife",)), now=NOON + 90)
    stands.step((), NOON + HOUR)
    assert desk.send(NOON + HOUR) == []


def test_what_a_silence_held_and_then_told_is_told_on(desk: Desk) -> None:
    desk.join(person())
    heavy = {"hazard": "heavy_rain", "place": None, "reason": "", "by": ""}
    desk.silences.append(Silence(id="s", since=NOON + 30, until=NOON + HOUR, **heavy))  # type: ignore[arg-type]
    stands = standing(desk)
    desk.say(news(), now=NOON)
    assert desk.send(NOON + 60) == [], "written when the silence had begun"
    assert stands.step((), NOON + HOUR) == 1
    assert desk.send(NOON + HOUR) == ["telegram: onset orange"]
    desk.say(news("i1", 2, "end", at=NOON + 2 * HOUR), now=NOON + 2 * HOUR)
    assert desk.send(NOON + 2 * HOUR) == ["telegram: ended orange"]


def test_what_eased_in_a_silence_is_not_told_in_the_morning_as_it_was(desk: Desk) -> None:
    desk.join(person(quiet=NIGHT, hazards={"heavy_rain": "orange"}))
    heavy = {"hazard": "heavy_rain", "place": None, "reason": "", "by": ""}
    desk.silences.append(
        Silence(id="s", since=MIDNIGHT + 60, until=MIDNIGHT + 2 * HOUR, **heavy)  # type: ignore[arg-type]
    )
    desk.fan._silences = lambda: desk.silences
    stands = standing(desk)
    desk.say(news(at=MIDNIGHT), now=MIDNIGHT)
    eased = news("i1", 2, level="yellow", reason="eased", at=MIDNIGHT + HOUR)
    desk.say(eased, now=MIDNIGHT + HOUR)
    stands.step((), MIDNIGHT + 2 * HOUR)
    assert desk.send(MORNING) == []


def test_who_subscribes_during_a_red_incident_is_told_once_what_stands(desk: Desk) -> None:
    desk.join(person("p_old"))
    stands = standing(desk)
    desk.say(news("i1", level="red"), now=NOON)
    desk.send(NOON)
    new = person("p_new", since=NOON + 100)
    desk.join(new)
    assert stands.step({"p_new"}, NOON + 100) == 1
    assert stands.step({"p_new", "p_old"}, NOON + 101) == 0
    assert desk.send(NOON + 101) == ["telegram: onset red"]
    desk.say(news("i1", 2, "end", level="red", at=NOON + 200), now=NOON + 200)
    assert len(desk.send(NOON + 200)) == 2


def test_what_came_to_the_log_after_its_silence_was_over_is_told(desk: Desk) -> None:
    desk.join(person())
    heavy = {"hazard": "heavy_rain", "place": None, "reason": "", "by": ""}
    desk.silences.append(Silence(id="s", since=NOON - 60, until=NOON + 1, **heavy))  # type: ignore[arg-type]
    desk.fan._silences = lambda: desk.silences
    stands = standing(desk)
    assert stands.step((), NOON + 1) == 0, "nothing stands as it ends"
    desk.say(news(level="red", at=NOON), now=NOON + 3)
    assert stands.step((), NOON + 3) == 0
    assert desk.send(NOON + 3) == ["telegram: onset red"]


def test_who_came_between_a_red_alert_and_its_entry_in_the_log_is_told_of_it_and_of_its_end(
    desk: Desk,
) -> None:
    stands = standing(desk)
    desk.join(person(since=NOON + 1))
    assert stands.step({"p_ana"}, NOON + 1) == 0
    desk.say(news("i1", level="red"), news("i2"), now=NOON + 3)
    assert desk.send(NOON + 3) == ["telegram: onset red"]
    desk.join(person(since=NOON + 60))
    desk.say(news("i1", 2, "end", level="red", at=NOON + 59), now=NOON + 61)
    assert desk.send(NOON + 61) == ["telegram: ended red"]


def test_who_moves_away_and_back_while_it_gets_red_is_told_of_it(desk: Desk) -> None:
    desk.join(person(quiet=NIGHT))
    stands = standing(desk)
    desk.say(news(at=MIDNIGHT), now=MIDNIGHT)
    desk.join(person(quiet=NIGHT, where=[THERE]))
    desk.say(news("i1", 2, level="red", at=MIDNIGHT + 60), now=MIDNIGHT + 60)
    assert desk.send(MIDNIGHT + 60) == []
    desk.join(person(quiet=NIGHT))
    assert stands.step({"p_ana"}, MIDNIGHT + 120) == 1
    assert stands.step({"p_ana"}, MIDNIGHT + 121) == 0, "once"
    assert desk.send(MIDNIGHT + 121) == ["telegram: escalated red"]


def test_each_red_of_a_message_goes_on_to_a_channel_that_has_another_of_them(desk: Desk) -> None:
    desk.join(person("p_ana", "telegram", "sms", where=[HERE, THERE]))
    desk.say(news("i1", level="red"), now=NOON)
    desk.send(NOON)
    desk.now = NOON + 700
    desk.escalation.hand_on()
    assert desk.send(NOON + 700) == ["sms: onset red"]
    both = {"level": "red", "at": NOON + 800}
    desk.say(
        news("i1", 2, reason="certainty", **both),
        news("i2", place="natal", **both),
        now=NOON + 800,
    )
    went = desk.send(NOON + 800)
    assert sorted(went) == ["sms: certainty red", "telegram: certainty red, onset red"]
    desk.now = NOON + 1_500
    assert desk.escalation.hand_on() == 1
    assert desk.send(NOON + 1_500) == ["sms: onset red"]


def test_a_clock_set_back_keeps_no_channel_silent() -> None:
    at = [float(NOON)]
    tick = steady(lambda: at[0])
    pace = Pace(Limits(a_second=1), None, at[0], tick())
    pace.turn("p", tick())
    at[0] -= 600
    assert pace.slot_in(tick()) <= 1
    at[0] += 1
    assert pace.turn("p", tick()) == tick()


def test_a_pause_is_kept_over_a_restart() -> None:
    pace = Pace(Limits(), None, NOON)
    pace.pause(NOON + 300, "rate limit", NOON + 300)
    again = Pace(Limits(), pace.take(NOON + 1), NOON + 100, 5.0)
    assert again.closed_for(NOON + 100, 5.0) == 200
    assert again.pause_reason == "rate limit"


def running(desk: Desk, post: Post, clock: Turned, tell: object) -> None:
    async def run() -> None:
        deliverer = Deliverer(
            desk.home.outbox,
            desk.home.state,
            {"telegram": post},
            desk.composer.write,
            clock=clock,
            drafts=desk.composer,
        )
        task = asyncio.create_task(deliverer.run())
        try:
            await tell(deliverer)  # type: ignore[operator]
        finally:
            task.cancel()
            await asyncio.wait([task])

    asyncio.run(run())


def test_who_leaves_while_letters_are_claimed_gets_none_of_them(desk: Desk) -> None:
    desk.join(*(person(f"p_{i}") for i in range(9)))
    desk.say(news(), now=NOON)

    async def leave(_: Letter) -> Outcome:
        for i in range(9):
            desk.leave(f"p_{i}")
        return Outcome("sent", provider_id="x")

    post = Post("telegram", leave, at_once=1)

    async def tell(deliverer: Deliverer) -> None:
        async with patient():
            while not post.letters or deliverer.held:
                await asyncio.sleep(0.005)
            assert not desk.home.outbox.messages(status=Status.DUE)

    running(desk, post, Turned(NOON), tell)
    assert len(post.letters) == 1


def test_a_silence_that_begins_while_letters_are_claimed_holds_them(desk: Desk) -> None:
    desk.join(*(person(f"p_{i}") for i in range(9)))
    desk.say(news(), now=NOON)
    fields = {"hazard": "heavy_rain", "place": None, "reason": "", "by": "x"}

    async def silence(_: Letter) -> Outcome:
        desk.silences = [Silence(id="s", since=NOON, until=NOON + HOUR, **fields)]  # type: ignore[arg-type]
        return TAKEN

    post = Post("telegram", silence, at_once=1)

    async def tell(deliverer: Deliverer) -> None:
        async with patient():
            while not post.letters or deliverer.held:
                await asyncio.sleep(0.005)

    running(desk, post, Turned(NOON), tell)
    assert len(post.letters) == 1
    dropped = desk.home.outbox.messages(status=Status.DROPPED)
    assert [m.reason for m in dropped] == ["it is silenced"] * 8


def test_a_letter_that_waits_while_an_address_is_changed_goes_to_the_new_one(
    desk: Desk, tmp_path: Path
) -> None:
    phones = ("sms:+5581999990001", "sms:+5581999990002")
    with world(tmp_path / "people") as w:
        names = [w.told(f"telegram:10{i}", phone) for i, phone in enumerate(phones)]
        recipients = Recipients(w.registry.load, ("telegram", "sms"))
        recipients.refresh()
        desk.join(*(msgspec.structs.replace(w.person(name), since=0) for name in names))
        desk.say(news(), now=NOON)
        desk.composer = Composer(
            desk.home.state,
            desk.home.outbox,
            PLACES,
            recipients,
            w.registry,
            Clock(lambda: NOON),
            refresh=recipients.refresh,
        )

        async def change(_: Letter) -> Outcome:
            for i, phone in enumerate(phones):
                w.told(phone, f"telegram:20{i}")
            return TAKEN

        post = Post("telegram", change, at_once=1)

        async def tell(deliverer: Deliverer) -> None:
            async with patient():
                while len(post.letters) < 2 or deliverer.held:
                    await asyncio.sleep(0.005)

        running(desk, post, Turned(NOON), tell)
        first, second = (letter.contact.address for letter in post.letters)
        assert {first[:2], second[:2]} == {"10", "20"}, "each once, the second anew"
        assert first[2] != second[2]


def test_red_goes_before_what_was_claimed_before_it(desk: Desk) -> None:
    desk.join(*(person(f"p_{i}", hazards={"heavy_rain": "yellow"}) for i in range(30)))
    desk.join(person("p_red", hazards={"heavy_rain": "red"}, where=[THERE]))
    desk.say(news(level="yellow"), now=NOON)
    post, clock = Post("telegram", a_second=1, at_once=4), Turned(NOON)

    async def tell(deliverer: Deliverer) -> None:
        async def turned() -> None:
            clock.turn(1)
            for _ in range(30):
                deliverer.wake()
                await asyncio.sleep(0.001)

        for _ in range(3):
            await turned()
        desk.tell(news("i2", level="red", place="natal", at=NOON + 3), now=NOON + 3)
        for _ in range(6):
            await turned()

    running(desk, post, clock, tell)
    assert "p_red" in [letter.contact.address.removeprefix("at ") for letter in post.letters]


def test_a_lease_that_a_jump_of_the_clock_ends_sends_nothing_twice(desk: Desk) -> None:
    desk.join(*(person(f"p_{i}") for i in range(10)))
    desk.say(news(expires_s=DAY), now=NOON)
    post, clock = Post("telegram", a_second=1, at_once=2), Turned(NOON)

    async def tell(deliverer: Deliverer) -> None:
        async with patient():
            while len(set(post.ids)) < 10:
                clock.turn(3600 if len(post.ids) == 3 else 1)
                for _ in range(10):
                    deliverer.wake()
                    await asyncio.sleep(0.002)
        for _ in range(20):
            clock.turn(1)
            deliverer.wake()
            await asyncio.sleep(0.002)

    running(desk, post, clock, tell)
    assert len(post.ids) == len(set(post.ids)) == 10
    assert isinstance(desk.all()[0], Message)
