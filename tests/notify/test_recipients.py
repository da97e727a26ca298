"""Who is to be told, kept up to date in memory."""

from __future__ import annotations

import msgspec
import pytest

from atalaia import rules
from atalaia.domain.alert import Moved
from atalaia.domain.subscription import Person, Threshold
from atalaia.notify.audience import Event
from atalaia.notify.recipients import Recipients
from atalaia.people.registry import Changed
from stories import rule_set
from telling import HERE, PLACES, THERE, person

OPEN = ("telegram", "email")


class Register:
    """Changes of people, by number."""

    def __init__(self) -> None:
        self.changes: list[Changed] = []
        self.asked: list[int] = []

    def put(self, pseudonym: str, who: Person | None) -> None:
        self.changes.append(Changed(len(self.changes) + 1, pseudonym, who))

    def load(self, after: int) -> list[Changed]:
        self.asked.append(after)
        return [change for change in self.changes if change.number > after]


def concerned(recipients: Recipients, **event: object) -> set[str]:
    given = {"hazard": "heavy_rain", "level": 3, "latitudes": (-8.05,), "longitudes": (-34.9,)}
    concern = recipients.audience.concerned([Event(**(given | event))])  # type: ignore[arg-type]
    return {recipients.audience.names[i] for i in concern.person.tolist()}


def test_only_what_changed_since_is_read() -> None:
    register = Register()
    recipients = Recipients(register.load, OPEN)
    assert not recipients.refresh()
    register.put("p_ana", person("p_ana"))
    assert recipients.refresh()
    assert not recipients.refresh()
    register.put("p_bia", person("p_bia"))
    assert recipients.refresh()
    assert register.asked == [0, 0, 1, 1]
    assert len(recipients) == 2
    assert concerned(recipients) == {"p_ana", "p_bia"}


def test_who_is_erased_stops_or_moves_is_so_from_then_on() -> None:
    register = Register()
    recipients = Recipients(register.load, OPEN)
    for name in ("p_ana", "p_bia", "p_cid"):
        register.put(name, person(name))
    recipients.refresh()
    register.put("p_ana", None)
    register.put("p_bia", person("p_bia", where=[THERE]))
    register.put("p_none", None)
    recipients.refresh()
    assert recipients.get("p_ana") is None
    assert concerned(recipients) == {"p_cid"}
    assert concerned(recipients, latitudes=(-5.79,), longitudes=(-35.21,)) == {"p_bia"}


def test_a_channel_that_is_switched_off_is_passed_over() -> None:
    register = Register()
    recipients = Recipients(register.load, OPEN)
    register.put("p_ana", person("p_ana", "sms", "email", "telegram"))
    register.put("p_bia", person("p_bia", "sms"))
    recipients.refresh()
    ana, bia = recipients.get("p_ana"), recipients.get("p_bia")
    assert ana is not None
    assert bia is not None
    assert (ana.channels, bia.channels) == (("email", "telegram"), ())
    assert ana.subscriptions == (), "those the audience has"


def test_a_person_is_the_same_object_until_anything_of_them_changes() -> None:
    """By that it is known that a letter is as it was written, and need not be written anew."""
    register = Register()
    recipients = Recipients(register.load, OPEN)
    for name in ("p_ana", "p_bia"):
        register.put(name, person(name))
    recipients.refresh()
    ana, bia = recipients.get("p_ana"), recipients.get("p_bia")
    recipients.refresh()
    assert recipients.get("p_ana") is ana
    register.put("p_ana", person("p_ana", where=[THERE]))
    register.put("p_bia", None)
    recipients.refresh()
    assert recipients.get("p_ana") == ana, "but for where, which the audience has"
    assert recipients.get("p_ana") is not ana
    assert recipients.get("p_bia") is None
    assert bia is not None


def test_of_people_only_those_asked_for_last_are_kept_as_objects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("atalaia.notify.recipients.MADE", 3)
    register = Register()
    recipients = Recipients(register.load, OPEN)
    names = [f"p_{i}" for i in range(9)]
    for name in names:
        register.put(name, person(name))
    recipients.refresh()
    first = [recipients.get(name) for name in names]
    assert [
        recipients.get(name) is one for name, one in zip(names[6:], first[6:], strict=True)
    ] == [True] * 3
    assert recipients.get("p_0") == first[0]
    assert recipients.get("p_0") is not first[0]


def test_own_limits_become_steps_of_the_rules_that_see_them() -> None:
    register = Register()
    recipients = Recipients(register.load, OPEN)
    inmet = rules.load("inmet")
    assert recipients.steps(PLACES, inmet) == {}
    limits = (Threshold("rain_mm", 3600, 35.0, "heavy_rain"),)
    register.put("p_ana", person("p_ana", where=[HERE], thresholds=limits, hazards={}))
    recipients.refresh()
    [(position, found)] = recipients.steps(PLACES, inmet).items()
    assert PLACES[position].id == "recife"
    assert set(found.values().__iter__().__next__()) == {35.0}
    assert all(inmet_rule(name).variable == "rain_mm" for name in found)
    assert all(inmet_rule(name).window_s == 3600 for name in found)
    passed = Moved("rain_mm", 3600, is_below=False, low=30.0, high=36.0)
    assert concerned(recipients, level=0, is_step=True, moved=(passed,)) == {"p_ana"}
    register.put("p_ana", None)
    recipients.refresh()
    assert recipients.steps(PLACES, inmet) == {}


def test_a_chance_of_ones_own_is_a_step_of_the_rule_that_hears_an_ensemble() -> None:
    register = Register()
    recipients = Recipients(register.load, OPEN)
    some = rule_set(
        {"name": "heard", "hazard": "wind", "chance": 0.3}, {"name": "deaf", "hazard": "wind"}
    )
    likely = Threshold("wind_gust_m_s", 0, 15.0, "wind", 60)
    plain = Threshold("wind_gust_m_s", 0, 14.0, "wind")
    register.put("p_ana", person("p_ana", where=[HERE], thresholds=(likely,), hazards={}))
    register.put("p_bia", person("p_bia", where=[HERE], thresholds=(plain,), hazards={}))
    recipients.refresh()
    [found] = recipients.steps(PLACES, some).values()
    assert {name: list(limits) for name, limits in found.items()} == {
        "heard 60%": [15.0],
        "heard": [14.0],
        "deaf": [14.0],
    }
    step = {"hazard": "wind", "level": 0, "is_step": True}
    moved = Moved("wind_gust_m_s", 0, is_below=False, low=3.0, high=16.0)
    assert concerned(recipients, **step, moved=(moved,)) == {"p_bia"}
    likelier = msgspec.structs.replace(moved, chance=60)
    assert concerned(recipients, **step, moved=(likelier,)) == {"p_ana"}
    assert concerned(recipients, **step, moved=(moved, likelier)) == {"p_ana", "p_bia"}


def inmet_rule(name: str):  # type: ignore[no-untyped-def]
    return next(rule for rule in rules.load("inmet").rules if rule.name == name)
