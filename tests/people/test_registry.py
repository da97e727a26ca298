"""What people change later, and how they are found."""

from __future__ import annotations

import pytest

from atalaia.domain.contact import read_contact
from atalaia.domain.subscription import WEATHER, Quiet, Threshold
from atalaia.people.changing import ChangeWanted, SubscriptionWanted, update
from atalaia.people.manage import make_key, who
from atalaia.people.registry import Registry
from people.world import NOW, OLINDA, World

ANA, PHONE = "email:ana@example.org", "sms:+5581999990000"


def test_everybody_is_loaded_and_then_only_who_changed(w: World) -> None:
    ana, bia = w.told(ANA), w.told(PHONE)
    loaded = list(w.registry.load())
    assert [(one.pseudonym, one.person is not None) for one in loaded] == [(ana, True), (bia, True)]
    update(w.registry, ana, ChangeWanted(language="en"), NOW)
    change = next(w.registry.load(loaded[-1].number))
    assert (change.pseudonym, change.person) == (ana, w.person(ana))
    assert list(w.registry.load(change.number)) == []


def test_what_is_changed_is_changed_and_nothing_else(w: World) -> None:
    ana = w.told(ANA, PHONE)
    before = w.person(ana)
    quiet = Quiet(1320, 360, "America/Recife")
    [one] = before.subscriptions
    change = ChangeWanted(
        language="es",
        quiet=quiet,
        channels=("sms",),
        subscriptions={one.id: SubscriptionWanted(hazards={"wind": "red"})},
        escalate_after_s=60,
    )
    update(w.registry, ana, change, NOW)
    after = w.person(ana)
    assert (after.language, after.quiet, after.escalate_after_s) == ("es", quiet, 60)
    assert after.channels == ("sms", "email")
    assert [s.hazards for s in after.subscriptions] == [{"wind": "red"}]
    update(w.registry, ana, ChangeWanted(quiet=None, channels=("email", "sms")), NOW)
    assert w.person(ana).quiet is None
    assert w.person(ana).channels == before.channels


def test_who_names_no_hazard_gets_all_weather_and_who_has_a_limit_gets_that(w: World) -> None:
    limit = Threshold("rain_mm", 3600, 35.0, "heavy_rain")
    every, own = w.told(ANA), w.told(PHONE, thresholds=(limit,))
    assert w.person(every).subscriptions[0].hazards == dict.fromkeys(map(str, WEATHER), "yellow")
    assert "cannot_see" not in w.person(every).subscriptions[0].hazards
    assert w.person(own).subscriptions[0].hazards == {}
    assert w.person(own).subscriptions[0].thresholds == (limit,)


def test_subscriptions_are_added_and_removed_one_by_one(w: World) -> None:
    ana = w.told(ANA)
    update(
        w.registry,
        ana,
        ChangeWanted(added=(SubscriptionWanted(where=(OLINDA,), hazards={"wind": "red"}),)),
        NOW,
    )
    assert w.places(ana) == ["Recife", "Olinda"]
    gone = ChangeWanted(subscriptions={w.person(ana).subscriptions[1].id: None})
    update(w.registry, ana, gone, NOW)
    assert w.places(ana) == ["Recife"]
    with pytest.raises(ValueError, match="no subscription of this id"):
        update(w.registry, ana, gone, NOW)


@pytest.mark.parametrize(
    "change",
    [
        ChangeWanted(language="fr"),
        ChangeWanted(channels=("sms",)),
        ChangeWanted(quiet=Quiet(5, 5, "UTC")),
        ChangeWanted(escalate_after_s=-1),
        ChangeWanted(added=(SubscriptionWanted(hazards={"wind": "red"}),)),
        ChangeWanted(language="es", added=(SubscriptionWanted(where=(OLINDA,)),)),
    ],
)
def test_a_change_that_cannot_be_is_refused(w: World, change: ChangeWanted) -> None:
    ana = w.told(ANA)
    before = w.person(ana)
    with pytest.raises(ValueError, match=r"languages|no sms|different|24 hours|where|hazard"):
        update(w.registry, ana, change, NOW)
    assert w.person(ana) == before


def test_nobody_cannot_be_changed(w: World) -> None:
    assert update(w.registry, "p_nobody", ChangeWanted(language="en"), NOW) is None
    assert not w.registry.stop("p_nobody", None, NOW)


def test_one_channel_stops_and_the_others_go_on(w: World) -> None:
    ana = w.told(ANA, PHONE)
    assert w.registry.stop(ana, "email", NOW + 5)
    assert not w.registry.stop(ana, "email", NOW + 6)
    assert w.person(ana).channels == ("sms",)
    assert w.places(ana) == ["Recife"]
    assert w.registry.contact(ana, "email") is None
    withdrawn = {c.channel: c.withdrawn_at for c in w.home.people.consents(ana)}
    assert withdrawn == {"email": NOW + 5, "sms": 0}


def test_who_stops_everything_is_told_nothing_and_their_wishes_and_addresses_go(
    w: World,
) -> None:
    ana = w.told(ANA, PHONE)
    assert w.registry.stop(ana, None, NOW + 5)
    assert w.registry.person(ana) is None
    held = w.registry.held(ana)
    assert held is not None
    assert held.kept.person.subscriptions == ()
    assert all(entry.address.contact is None for entry in held.contacts)
    assert all(c.withdrawn_at == NOW + 5 for c in w.home.people.consents(ana))


def test_an_address_of_no_more_use_is_told_no_more_and_the_wishes_stay(w: World) -> None:
    ana = w.told(ANA)
    assert w.registry.gone(ana, "email", NOW + 5)
    assert w.registry.person(ana) is None
    held = w.registry.held(ana)
    assert held is not None
    assert len(held.kept.person.subscriptions) == 1
    assert [c.withdrawn_at for c in w.home.people.consents(ana)] == [0]


def test_a_key_of_one_s_own_is_known_by_its_hmac_alone_and_ends_with_the_next(w: World) -> None:
    ana = w.told(ANA)
    key = make_key(w.registry, ana, NOW)
    assert who(w.registry, key) == ana
    assert who(w.registry, key + "x") is None
    newer = make_key(w.registry, ana, NOW)
    assert (who(w.registry, key), who(w.registry, newer)) == (None, ana)
    assert w.person(ana).channels == ("email",)
    for file in (f for folder in w.folders for f in folder.rglob("*") if f.is_file()):
        assert key.encode() not in file.read_bytes()


def test_an_erased_person_s_key_of_their_own_is_nobody_s(w: World) -> None:
    ana = w.told(ANA)
    key = make_key(w.registry, ana, NOW)
    w.home.people.erase(ana, NOW)
    assert who(w.registry, key) is None


def test_all_under_whom_something_of_an_address_is_kept_are_found(w: World) -> None:
    ana = w.told(ANA)
    asked = w.subscribe(ANA).pseudonym
    assert w.registry.holders(read_contact(ANA)) == [ana, asked]
    assert w.registry.find(read_contact(ANA)) == ana
    assert w.registry.holders(read_contact(PHONE)) == []


def test_one_damaged_row_silences_nobody_else(w: World) -> None:
    ana, bia = w.told(ANA), w.told(PHONE)
    row = w.home.people.person(ana)
    assert row is not None
    assert row.sealed is not None
    w.home._database.rows("UPDATE people SET sealed = x'0102' WHERE pseudonym = ?", (ana,))
    loaded = {one.pseudonym: one.person is not None for one in w.registry.load()}
    assert loaded == {ana: False, bia: True}


def test_no_repr_shows_an_address_or_a_code(w: World) -> None:
    made = w.subscribe(ANA)
    question = w.registry.question(made.pseudonym, "email", NOW)
    held = w.registry.held(made.pseudonym)
    assert question is not None
    for shown in (repr(question), repr(held), repr(w.registry), repr(made)):
        assert "ana@" not in shown
        assert question.code not in shown


def test_a_second_registry_sees_what_the_first_wrote(w: World) -> None:
    ana = w.told(ANA)
    other = Registry(w.home.people, w.keys)
    update(w.registry, ana, ChangeWanted(language="en"), NOW)
    person = other.person(ana)
    assert person is not None
    assert person.language == "en"
