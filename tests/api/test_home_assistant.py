"""What Home Assistant discovers: of each place a device, of each hazard a sensor, and no more."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest

from atalaia.api.alert_view import AlertView
from atalaia.api.home_assistant import Discovery, slug
from atalaia.domain.alert import LogEntry
from atalaia.domain.place import Place
from telling import NOON, PLACES, news

RECIFE = "atalaia/recife/heavy_rain"


def view(*entries: LogEntry) -> AlertView:
    found = AlertView()
    found.take(list(enumerate(entries, 1)))
    return found


def discovery(*places: Place, language: str = "en") -> Discovery:
    return Discovery(
        places or PLACES,
        ("heavy_rain", "wind"),
        language,
        prefix="homeassistant",
        topic="atalaia",
    )


def told(*entries: LogEntry, topic: str = RECIFE) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(discovery().messages(view(*entries))[topic])
    return found


def test_a_place_is_a_device_with_a_sensor_a_hazard_that_is_off_while_nothing_stands() -> None:
    messages = discovery().messages(AlertView())
    configs = [json.loads(body) for topic, body in messages.items() if topic.endswith("/config")]
    assert len(configs) == 3 * len([*PLACES])
    [rain] = [one for one in configs if one["unique_id"] == "atalaia_recife_heavy_rain"]
    assert (rain["name"], rain["device"]["name"]) == ("Heavy rain", PLACES.get("recife").name)
    assert rain["availability_topic"] == "atalaia/status"
    for one in configs:
        assert json.loads(messages[one["state_topic"]]) == {"state": "OFF", "level": "none"}
        assert one["json_attributes_topic"] == one["state_topic"]
    assert len({one["unique_id"] for one in configs}) == len(configs)


def test_it_is_on_from_yellow_with_level_text_and_expiry() -> None:
    state = told(news(level="orange", text={"en": "Rain!", "pt-BR": "…", "es": "…"}))
    assert (state["state"], state["level"], state["text"]) == ("ON", "orange", "Rain!")
    assert state["expires"] == "2026-01-11T12:00:00+00:00"


def test_below_yellow_it_is_off_and_its_level_is_watch() -> None:
    state = told(news(level="watch", severity="Minor"))
    assert (state["state"], state["level"]) == ("OFF", "watch")


def test_the_gravest_of_two_is_what_the_sensor_says() -> None:
    grave, later = news("i1", level="red"), news("i2", level="yellow", at=NOON + 1)
    assert told(grave, later)["incident"] == "i1"


def test_an_end_turns_it_off() -> None:
    assert told(news(), news(version=2, type="end")) == {"state": "OFF", "level": "none"}


def test_where_a_source_cannot_see_there_is_a_problem_and_no_calm() -> None:
    blind = msgspec.structs.replace(
        news(hazard="cannot_see", source="inmet", level="yellow"), places=("recife", "natal")
    )
    for place in ("recife", "natal"):
        state = told(blind, topic=f"atalaia/{place}/cannot_see")
        assert (state["state"], state["source"]) == ("ON", "inmet")
        assert told(blind, topic=f"atalaia/{place}/wind") == {"state": "None", "level": "unknown"}
    seen = msgspec.structs.replace(blind, places=("natal",))
    assert told(seen) == {"state": "OFF", "level": "none"}, "elsewhere it is as it was"


def test_what_stands_where_a_source_cannot_see_goes_on_and_below_yellow_it_is_unknown() -> None:
    blind = news("i2", hazard="cannot_see", source="inmet", level="yellow")
    assert told(news(), blind)["state"] == "ON"
    low = told(news(level="watch", severity="Minor"), blind)
    assert (low["state"], low["level"]) == ("None", "watch")
    sees = news("i2", version=2, type="end", hazard="cannot_see", source="inmet", level="yellow")
    assert told(blind, sees) == {"state": "OFF", "level": "none"}


def test_a_warning_of_what_no_rule_judges_has_a_sensor_that_stays() -> None:
    mine = discovery()
    snow = news(hazard="snow", rule="official")
    assert json.loads(mine.messages(view(snow))["atalaia/recife/snow"])["state"] == "ON"
    after = mine.messages(view(snow, news(version=2, type="end", hazard="snow")))
    assert json.loads(after["atalaia/recife/snow"])["state"] == "OFF"
    config = "homeassistant/binary_sensor/atalaia/recife--snow/config"
    assert config in after
    another = discovery()
    assert not another.is_gone(config), "the run before this one said it"
    assert config in another.messages(AlertView())


def test_what_is_said_of_a_place_that_is_watched_no_more_is_gone() -> None:
    mine = discovery()
    assert mine.is_gone("homeassistant/binary_sensor/atalaia/olinda--wind/config")
    assert mine.is_gone("atalaia/olinda/wind")
    assert mine.is_gone("atalaia/recife/no_hazard")
    assert not [topic for topic in mine.messages(AlertView()) if mine.is_gone(topic)]


@pytest.mark.parametrize("id_", ["são-josé", "a/b", "a+b#", "a--b", "a_2d_b", "a-b"])
def test_any_id_of_a_place_makes_topics_that_home_assistant_takes(id_: str) -> None:
    place = Place(id=id_, name=id_, latitude=0, longitude=0)
    mine = discovery(place)
    for topic in mine.messages(AlertView()):
        assert re.fullmatch(r"[A-Za-z0-9_/-]+", topic)
        assert topic.count("/") == (4 if topic.endswith("/config") else 2)
        assert not mine.is_gone(topic)


def test_two_ids_are_never_one_topic() -> None:
    ids = ["a-b", "a_b", "a_2d_b", "a--b", "A-b"]
    assert len({slug(one) for one in ids}) == len(ids)
