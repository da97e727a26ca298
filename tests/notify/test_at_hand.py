"""People read when there is something for them, and kept up to date."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from atalaia.domain.subscription import Threshold
from atalaia.notify.at_hand import AtHand, Reachable
from atalaia.notify.recipients import Recipients
from people.world import NOW, World, world

OPEN = ("email", "sms", "inbox")


@pytest.fixture
def w(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path / "home") as found:
        yield found


def address(at_hand: AtHand | Reachable, person: str, channel: str = "email") -> str | None:
    found = at_hand.contact(person, channel)
    return found.address if found else None


def test_who_is_asked_for_is_as_the_registry_has_them_without_subscriptions(w: World) -> None:
    ana = w.told("email:ana@example.org", "sms:+5551999990000")
    at_hand = AtHand(w.registry, ("email",))
    found = at_hand.get(ana)
    assert found is not None
    assert (found.channels, found.subscriptions) == (("email",), ())
    assert address(at_hand, ana) == "ana@example.org"
    assert at_hand.person(ana) == w.person(ana)
    assert at_hand.get("p_nobody") is None
    assert at_hand.contact("p_nobody", "email") is None


def test_who_has_no_limit_of_their_own_is_not_read_once_more_for_it(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = (Threshold("rain_mm", 3600, 35.0, "heavy_rain"),)
    ana, bia = w.told("email:ana@example.org"), w.told("email:bia@example.org", thresholds=own)
    at_hand = AtHand(w.registry, OPEN)
    at_hand.fetch([ana, bia])
    found = at_hand.person(bia, if_limited=True)
    assert found is not None
    assert found.subscriptions[0].thresholds == own
    assert w.registry.person(bia, if_limited=True) == found
    assert w.registry.person(ana, if_limited=True) is None
    monkeypatch.setattr(w.registry, "person", lambda *_: pytest.fail("one read a message"))
    assert at_hand.person(ana, if_limited=True) is None


def test_whoever_changes_after_they_were_read_is_read_anew_and_nobody_else(w: World) -> None:
    ana, bia = w.told("email:ana@example.org"), w.told("email:bia@example.org")
    at_hand = AtHand(w.registry, OPEN)
    at_hand.fetch([ana, bia, "p_nobody"])
    before = at_hand.get(bia)
    assert not at_hand.refresh()
    w.told("email:cid@example.org")
    assert not at_hand.refresh(), "who is not held is nobody's matter"
    w.registry.stop(ana, "email", NOW)
    assert address(at_hand, ana) == "ana@example.org", "it is looked up by refreshing alone"
    assert at_hand.refresh()
    assert address(at_hand, ana) is None
    assert at_hand.get(ana) is None
    assert at_hand.get(bia) is before
    w.registry.erase(bia, NOW)
    assert at_hand.refresh()
    assert at_hand.get(bia) is None


def test_a_change_between_the_first_look_and_the_reading_is_not_missed(w: World) -> None:
    ana, bia = w.told("email:ana@example.org"), w.told("email:bia@example.org")
    at_hand = AtHand(w.registry, OPEN)
    at_hand.fetch([ana])
    w.registry.stop(bia, "email", NOW)
    at_hand.fetch([bia])
    assert at_hand.get(bia) is None
    at_hand.refresh()
    assert at_hand.get(bia) is None


def test_no_more_are_held_than_were_asked_for_last(w: World) -> None:
    people = [w.told(f"email:{i}@example.org") for i in range(4)]
    at_hand = AtHand(w.registry, OPEN, most=2)
    for some in (people[:2], people[1:3], people):
        at_hand.fetch(some)
        assert len(at_hand._held) == max(2, len(some))
        assert [address(at_hand, one) for one in some] == [
            f"{people.index(one)}@example.org" for one in some
        ]


# Where all who are told are known


def test_contacts_are_read_together_and_as_new_as_they_were_asked_for(w: World) -> None:
    ana, bia = w.told("email:ana@example.org"), w.told("email:bia@example.org")
    recipients = Recipients(w.registry.load, OPEN)
    recipients.refresh()
    reachable = Reachable(w.registry, recipients)
    reachable.fetch([ana, bia, ana, "p_nobody"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(w.home.people, "contacts", lambda *_: pytest.fail("one read a message"))
        assert address(reachable, ana) == "ana@example.org"
        assert address(reachable, bia) == "bia@example.org"
    assert w.registry.stop(ana, "email", NOW)
    assert w.registry.erase(bia, NOW)
    reachable.fetch([ana, bia])
    assert address(reachable, ana) is address(reachable, bia) is None


def test_whom_another_took_away_is_read_alone(w: World) -> None:
    ana, bia = w.told("email:ana@example.org"), w.told("email:bia@example.org")
    reachable = Reachable(w.registry, Recipients(w.registry.load, OPEN))
    reachable.fetch([ana])
    reachable.fetch([bia])
    assert address(reachable, ana) == "ana@example.org"
    assert reachable.contacts(ana) == w.home.people.contacts(ana)


def test_nobody_is_opened_for_a_limit_that_they_did_not_set(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = (Threshold("rain_mm", 3600, 35.0, "heavy_rain"),)
    ana, bia = w.told("email:ana@example.org"), w.told("email:bia@example.org", thresholds=own)
    recipients = Recipients(w.registry.load, OPEN)
    recipients.refresh()
    reachable = Reachable(w.registry, recipients)
    assert reachable.person(bia, if_limited=True) == w.registry.person(bia, if_limited=True)
    assert reachable.person(ana) == w.person(ana)
    monkeypatch.setattr(w.registry, "person", lambda *_: pytest.fail("one read a message"))
    assert reachable.person(ana, if_limited=True) is None
    assert reachable.person("p_nobody", if_limited=True) is None
