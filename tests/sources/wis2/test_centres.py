from __future__ import annotations

import json
from pathlib import Path

import pytest

from atalaia.domain.place import Place
from atalaia.sources.mqtt.broker import broker_of
from atalaia.sources.wis2 import centres


def place(latitude: float, longitude: float) -> Place:
    return Place(id="p", name="P", latitude=latitude, longitude=longitude, timezone="UTC")


def test_the_centres_near_places_are_those_whose_country_reaches_them() -> None:
    assert centres.near([place(-30.03, -51.23)]) == ["br-inmet"]
    assert centres.near([place(-0.1, 34.75), place(5.6, -0.19)]) == ["gh-gmet", "ke-meteo"]
    assert centres.near([place(48.85, 2.35)]) == []
    # Of Nigeria's box the edge lies 60 km away, of Ghana's it reaches.
    assert centres.near([place(6.2, 1.2 + 0.4)]) == ["gh-gmet"]


def test_a_country_has_its_centres_and_no_others() -> None:
    assert centres.of_country("BR") == ["br-inmet"]
    assert centres.of_country("b") == []


def test_recorded_topics_are_among_those_that_are_subscribed_to(shared: Path) -> None:
    paho = pytest.importorskip("paho.mqtt.client")
    lines = (shared / "live/wis2/global_broker_2026-08-11.jsonl").read_text("utf-8").splitlines()
    known = {centre.id for centre in centres.known()}
    for topic in {json.loads(line)["topic"] for line in lines}:
        way, _, _, centre, *rest = topic.split("/")
        assert centre in known, "every centre that was seen is in the table"
        if way == "cache" and "surface-based-observations" in rest:
            filters = centres.topics(centre)
            assert any(paho.topic_matches_sub(each, topic) for each in filters), topic


@pytest.mark.parametrize("topic", ["#", "a/#", "+/b", "a/+/c", "cache/a/wis2/br-inmet/#", "a"])
def test_a_filter_that_can_be_one_has_no_fault(topic: str) -> None:
    assert centres.faults(topic) == ""


@pytest.mark.parametrize("topic", ["", "#/synop", "a#", "a/#/b", "br-+", "a/+b", "a\0", "x" * 2000])
def test_a_filter_that_brokers_refuse_says_why(topic: str) -> None:
    assert centres.faults(topic)


def test_a_brokers_address_is_read_and_its_password_shown_nowhere() -> None:
    found = broker_of("wss://some%40one:s3cret@Broker.example.org/mqtt/v5")
    assert (found.host, found.port, found.transport, found.is_tls) == (
        "broker.example.org", 443, "websockets", True,
    )  # fmt: skip
    assert (found.path, found.user, found.password) == ("/mqtt/v5", "some@one", "s3cret")
    assert "s3cret" not in repr(found)
    assert found.name == "broker.example.org:443"
    assert broker_of("mqtt://h").port == 1883
    assert not broker_of("ws://h").is_tls
    assert broker_of("mqtts://[2001:db8::1]").host == "2001:db8::1"


@pytest.mark.parametrize(
    "address", ["h", "http://h", "mqtt://", "mqtt://h:0", "mqtt://h:99999", "mqtt://u:s3cret@h/a b"]
)
def test_what_is_no_brokers_address_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(ValueError, match="not a broker's address") as told:
        broker_of(address)
    assert "s3cret" not in str(told.value)
