"""What one can ask of a person's data, each thing once, of a home with nothing faked."""

from __future__ import annotations

import json

import pytest
from structlog.testing import capture_logs

from atalaia.domain.contact import Contact, read_contact
from atalaia.domain.delivery import Message, Outcome, Status, settled
from atalaia.domain.subscription import Circle, Quiet
from atalaia.people.changing import ChangeWanted, SubscriptionWanted
from atalaia.people.conversation import replied
from atalaia.people.manage import LASTS_S, Signed
from atalaia.people.registry import Registry, registry_of
from atalaia.people.request import OPEN
from atalaia.people.service import PeopleService
from atalaia.people.subscribe import Enrolled
from atalaia.settings import load
from people.world import NOW, OLINDA, RECIFE, World, request

SEA = Circle(name="Sea", latitude=-30.0, longitude=-10.0)
ANA, PHONE = "email:ana@example.org", "whatsapp:+5581999990000"


class Asked:
    """The service of a home, and how often it woke who sends."""

    def __init__(self, w: World) -> None:
        self.w, self.woken = w, 0
        self.settings = load(None, {"ATALAIA_HOME": str(w.path), "ATALAIA_PEOPLE_CONTACT": "x@y.z"})
        self.people = PeopleService(w.registry, w.home, self.settings)
        w.home.on_wake("normal", self._wake)

    def _wake(self) -> None:
        self.woken += 1

    def wakes(self) -> int:
        """How often since this was asked last."""
        n, self.woken = self.woken, 0
        return n

    def told(self, *contacts: str) -> str:
        """Somebody who is told; their pseudonym."""
        person = self.people.subscribe(request(*contacts, proof="form 12"), NOW).pseudonym
        self.wakes()
        return person

    def went_out(self, done: Enrolled) -> None:
        """What asks for codes was sent."""
        outbox, names = self.w.home.outbox, [ask.channel for ask in done.asks]
        for before in outbox.claim(NOW, NOW + 90, dict.fromkeys(names, 9)):
            sent = settled(before, Outcome("sent"), (5,), NOW)
            outbox.settle([(before, sent)])

    def message(self, person: str, channel: str, status: Status = Status.DUE) -> str:
        """One message of theirs, and its id."""
        message = Message(
            id=f"msg_{channel}_{status}",
            person=person,
            channel=channel,
            order_key=person,
            kind="alert",
            due_at=NOW,
            expires_at=NOW + 3600,
            status=status,
        )
        self.w.home.outbox.put(message)
        return message.id


@pytest.fixture
def a(w: World) -> Asked:
    return Asked(w)


def test_who_subscribes_is_asked_for_a_code_and_told_once_it_is_given(a: Asked) -> None:
    done = a.people.subscribe(request(ANA, "inbox:"), NOW)
    assert done.confirmed == ("inbox",)
    [ask] = done.asks
    assert [m.id for m in a.w.home.outbox.messages(person=done.pseudonym)] == [ask.id]
    assert a.wakes() == 1
    assert a.people.confirm(done.pseudonym, "000 000x", NOW) is None
    assert a.wakes() == 0
    a.went_out(done)
    confirmed = a.people.confirm(done.pseudonym, a.w.code(ask), NOW)
    assert confirmed is not None
    assert (confirmed.pseudonym, confirmed.channel) == (done.pseudonym, "email")
    assert a.wakes() == 1
    told = a.people.person(read_contact(ANA))
    assert told is not None
    assert told == a.people.person(done.pseudonym)


def test_no_address_is_taken_before_somebody_answers_for_it(a: Asked) -> None:
    closed = PeopleService(Registry(a.w.home.people, a.w.keys), a.w.home, a.settings)
    for wanted in (
        request(ANA),
        request(ANA, "inbox:", proof="form 12"),
        request(PHONE, is_own=True, how="whatsapp"),
        request(ANA, how=OPEN, is_operators=False),
    ):
        with pytest.raises(ValueError, match=r"sets people.controller and people.contact"):
            closed.subscribe(wanted, NOW)
    assert list(a.w.registry.load()) == []
    assert closed.terms("en").channels == ()
    assert closed.subscribe(request("inbox:"), NOW).confirmed == ("inbox",)


def test_a_code_confirms_also_by_the_contact_alone(a: Asked) -> None:
    done = a.people.subscribe(request(ANA), NOW)
    code = a.w.code(done.asks[0])
    a.went_out(done)
    assert a.people.confirm(read_contact(PHONE), code, NOW) is None
    assert a.people.confirm(read_contact(ANA), code, NOW) is not None


def test_a_webhook_inside_is_refused_before_anything_is_kept(a: Asked) -> None:
    with pytest.raises(ValueError, match="inside"):
        a.people.subscribe(request("webhook:http://169.254.169.254/hook"), NOW)
    assert list(a.w.registry.load()) == []
    assert a.wakes() == 0


def test_notes_say_what_nothing_will_come_of(a: Asked) -> None:
    nowhere = request(ANA, where=(RECIFE, SEA))
    closed, unwatched = a.people.notes(nowhere)
    assert "email is not switched on" in closed
    assert "no watched place lies within 25 km of Sea" in unwatched


def test_all_that_is_kept_is_handed_over_by_name_and_by_contact(a: Asked) -> None:
    person = a.told(ANA)
    by_name = a.people.export(person)
    assert by_name is not None
    assert by_name == a.people.export(read_contact(ANA))
    assert json.loads(by_name)["person"]["pseudonym"] == person
    assert a.people.export("p_nobody") is None
    assert a.people.export(read_contact(PHONE)) is None


def test_a_signed_token_and_a_key_of_ones_own_lead_to_their_person_alone(a: Asked) -> None:
    person, other = a.told(ANA), a.told(PHONE)
    link = a.w.link(person, "email")
    token, key = a.people.manage(link, NOW), a.people.make_key(other, NOW)
    assert a.people.whose(token, NOW + LASTS_S - 1) == link
    assert a.people.whose(token, NOW + LASTS_S) is None
    assert a.people.whose(key, NOW + LASTS_S) == other
    newer = a.people.make_key(other, NOW)
    assert a.people.whose(key, NOW) is None
    assert a.people.whose(newer, NOW) == other


def test_a_token_of_which_anything_was_changed_opens_nothing(a: Asked) -> None:
    person, other = a.told(ANA), a.told(PHONE)
    token = a.people.manage(a.w.link(person, "email"), NOW)
    assert a.people.whose(token, NOW) is not None
    whose, epoch, channels, until, mac = token.split(".")
    forged = [
        ".".join((f"atm_{other}", epoch, channels, until, mac)),
        ".".join((whose, epoch, f"{channels}-sms", until, mac)),
        ".".join((whose, epoch, channels, f"{int(until, 16) + LASTS_S:x}", mac)),
        *(token[:i] + ("0" if c != "0" else "1") + token[i + 1 :] for i, c in enumerate(token)),
    ]
    assert [one for one in forged if a.people.whose(one, NOW) is not None] == []


def test_a_language_is_changed_by_who_is_known(a: Asked) -> None:
    person = a.told(ANA)
    assert a.people.change(read_contact(ANA), ChangeWanted(language="es"), NOW)
    assert a.w.person(person).language == "es"
    assert a.wakes() == 1
    assert not a.people.change(read_contact(PHONE), ChangeWanted(language="es"), NOW)
    assert a.wakes() == 0


def test_what_somebody_changes_counts_from_then_on_and_nothing_else_is_touched(a: Asked) -> None:
    person = a.told(ANA)
    [first] = a.w.person(person).subscriptions
    link = a.w.link(person, "email")
    anew = ChangeWanted(
        language="es",
        quiet=Quiet(1320, 360, "America/Recife"),
        subscriptions={first.id: SubscriptionWanted(hazards={"wind": "orange"})},
        added=(SubscriptionWanted(where=(OLINDA,), hazards={"heat": "red"}),),
    )
    assert a.people.change(link, anew, NOW + 9)
    told = a.w.person(person)
    assert (told.language, told.quiet) == ("es", anew.quiet)
    changed, new = told.subscriptions
    assert (changed.id, changed.where, changed.since) == (first.id, first.where, NOW + 9)
    assert (changed.hazards, new.where, new.since) == ({"wind": "orange"}, (OLINDA,), NOW + 9)
    assert a.people.whose(a.people.manage(link, NOW), NOW) == link, "a change ends no link"
    assert a.people.change(link, ChangeWanted(subscriptions={first.id: None}), NOW + 10)
    assert a.w.person(person).subscriptions == (new,)
    with pytest.raises(ValueError, match="nothing would be left"):
        a.people.change(link, ChangeWanted(subscriptions={new.id: None}), NOW + 11)
    with pytest.raises(ValueError, match="nothing is watched within"):
        a.people.change(
            link,
            ChangeWanted(added=(SubscriptionWanted(where=(SEA,), hazards={"heat": "red"}),)),
            NOW,
        )
    assert a.w.person(person).subscriptions == (new,)


def test_what_is_changed_by_a_link_is_told_to_the_contacts_that_did_not_earn_it_once_an_hour(
    a: Asked,
) -> None:
    person = a.told(ANA, PHONE, "inbox:")

    def notices() -> list[tuple[str, str]]:
        return [(m.channel, m.kind) for m in a.w.home.outbox.messages(person=person)]

    assert a.people.change(a.w.link(person, "email", "whatsapp"), ChangeWanted(language="es"), NOW)
    assert a.people.change(person, ChangeWanted(language="en"), NOW)
    assert notices() == []
    for n in range(3):
        a.people.change(a.w.link(person, "whatsapp"), ChangeWanted(language="es"), NOW + n)
    assert notices() == [("email", "changed:whatsapp")]


def test_nobody_who_is_not_told_changes_anything(a: Asked) -> None:
    waiting = a.people.subscribe(request(ANA), NOW)
    link = Signed(waiting.pseudonym, (), waiting.epoch)
    assert not a.people.change(link, ChangeWanted(language="es"), NOW)
    assert not a.people.change("p_nobody", ChangeWanted(language="es"), NOW)
    person = a.told(PHONE)
    old = a.w.link(person, "whatsapp")
    assert a.people.stop(person, NOW)
    assert not a.people.change(old, ChangeWanted(language="es"), NOW)


def test_a_contact_stops_its_own_channel_and_a_name_any(a: Asked) -> None:
    person = a.told(ANA, PHONE, "inbox:")
    assert a.people.stop(read_contact(PHONE), NOW)
    assert a.w.person(person).channels == ("email", "inbox")
    assert not a.people.stop(read_contact(PHONE), NOW)
    assert a.people.stop(person, NOW, "email")
    assert a.w.person(person).channels == ("inbox",)
    assert a.people.stop(person, NOW)
    assert a.people.person(person) is None
    assert a.people.is_kept(person)
    assert a.wakes() == 3


def test_erasing_by_a_contact_takes_also_what_only_waits_for_it(a: Asked) -> None:
    person = a.told(ANA)
    waiting = a.people.subscribe(request(ANA), NOW).pseudonym
    a.wakes()
    assert a.people.erase(read_contact(ANA), NOW)
    assert [a.people.is_kept(one) for one in (person, waiting)] == [False, False]
    assert a.wakes() == 1
    assert not a.people.erase(read_contact(ANA), NOW)
    assert not a.people.erase(person, NOW)
    assert a.wakes() == 0


def test_only_ones_own_message_is_acknowledged(a: Asked) -> None:
    person, other = a.told(ANA), a.told(PHONE)
    message = a.message(person, "email", Status.SENT)
    assert not a.people.acknowledge(other, message, NOW)
    assert not a.people.acknowledge(read_contact(PHONE), message, NOW)
    assert a.wakes() == 0
    assert a.people.acknowledge(read_contact(ANA), message, NOW)
    assert a.wakes() == 1
    kept = a.w.home.outbox.message(message)
    assert kept is not None
    assert kept.acknowledged_at == NOW


def test_a_message_that_did_not_arrive_after_all_is_dead(a: Asked) -> None:
    message = a.message(a.told(PHONE), "whatsapp", Status.SENT)
    a.people.undelivered(message, "blocked", NOW)
    kept = a.w.home.outbox.message(message)
    assert kept is not None
    assert (kept.status, kept.reason) == (Status.DEAD, "blocked")
    assert a.wakes() == 1


def test_a_person_is_named_by_pseudonym_or_by_a_contact_that_is_one_persons(a: Asked) -> None:
    person = a.told(ANA)
    assert a.people.pseudonym(ANA) == person
    assert a.people.pseudonym("p_any") == "p_any"
    with pytest.raises(ValueError, match="nobody has this contact"):
        a.people.pseudonym(PHONE)
    a.people.subscribe(request(ANA), NOW)
    with pytest.raises(ValueError, match="several ask for this contact"):
        a.people.pseudonym(ANA)


def test_a_reply_does_what_it_asks_for_and_nothing_for_who_is_not_known(a: Asked) -> None:
    person, here, nobody = a.told(PHONE), read_contact(PHONE), Contact("whatsapp", "+5581888880000")
    message = a.message(person, "whatsapp", Status.SENT)
    assert replied(a.people, here, f"ack:{message}", "", NOW)
    assert not replied(a.people, nobody, f"ack:{message}", "", NOW)
    assert not replied(a.people, here, "", "will it rain?", NOW)
    assert not replied(a.people, nobody, "", "PARAR", NOW)
    assert replied(a.people, here, "", "PARAR", NOW)
    assert a.people.person(person) is None
    asked = a.people.subscribe(request(PHONE), NOW)
    code = a.w.code(asked.asks[0])
    a.went_out(asked)
    assert not replied(a.people, nobody, f"confirm:{code}", "", NOW)
    assert replied(a.people, here, f"confirm:{code}", "", NOW)
    assert a.people.person(here) is not None


def test_what_is_done_by_talking_is_in_the_log_of_security_events_without_an_address(
    a: Asked,
) -> None:
    here = read_contact(PHONE)
    with capture_logs() as logs:
        a.people.subscribe(request(PHONE, is_own=True, how="whatsapp"), NOW)
        person = a.people.pseudonym(PHONE)
        message = a.message(person, "whatsapp", Status.SENT)
        assert replied(a.people, here, "confirm:000000", "", NOW) is False
        assert a.people.acknowledge(here, message, NOW)
        assert a.people.change(here, ChangeWanted(language="es"), NOW)
        assert a.people.export(here) is not None
        assert a.people.stop(here, NOW)
        assert not a.people.stop(here, NOW)
        assert a.people.erase(here, NOW)
    said = [(one["event"], one["what"]) for one in logs if one.get("about") == "security"]
    assert said == [
        ("changed", "subscribe"),
        ("refused", "confirm"),
        ("changed", "acknowledge"),
        ("changed", "change"),
        ("read", "export"),
        ("changed", "stop"),
        ("changed", "erase"),
    ]
    assert not [secret for secret in (here.address, person, message) if secret in repr(logs)]


def test_what_a_key_or_a_command_does_is_not_logged_a_second_time(a: Asked) -> None:
    person = a.told(ANA)
    with capture_logs() as logs:
        assert a.people.export(person) is not None
        assert a.people.stop(person, NOW)
        assert a.people.erase(person, NOW)
    assert not [one for one in logs if one.get("about") == "security"]


def test_a_registry_is_opened_by_what_the_settings_say(a: Asked) -> None:
    registry = registry_of(a.w.home, a.settings)
    assert "x@y.z" in registry.words("en").text
    assert registry.keep.messages_s == a.settings.channels.keep_s
