"""What somebody asks for: whatever can be meant is read, and the rest is refused with a next step
and without an address."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atalaia.domain.contact import CHANNELS, Contact, read_contact
from atalaia.domain.subscription import WEATHER, Circle, Polygon, Quiet, Threshold
from atalaia.people.request import (
    LARGEST_RADIUS_KM,
    LONGEST_NAME,
    MOST_AREAS,
    MOST_POINTS,
    Request,
    check,
    check_area,
    read_geojson,
    read_quiet,
    read_where,
)

INBOX = Contact("inbox", "")
RECIFE = Circle(name="Recife", latitude=-8.05, longitude=-34.88)
SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 0.0))


def asked(**more: Any) -> Request:
    return Request(**({"contacts": (INBOX,), "where": (RECIFE,)} | more))


def refused(**more: Any) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        check(asked(**more))
    return str(caught.value)


def polygon(*rings: Any) -> Polygon:
    return Polygon(name="area", rings=rings)


def test_the_least_that_can_be_asked_for_is_a_contact_and_a_place() -> None:
    check(asked())


def test_who_names_nothing_is_told_of_all_weather_from_yellow() -> None:
    assert asked().levels == {str(hazard): "yellow" for hazard in WEATHER}
    assert "cannot_see" not in asked().levels


def test_who_names_a_hazard_or_a_limit_is_told_of_that_alone() -> None:
    assert asked(hazards={"wind": "red"}).levels == {"wind": "red"}
    limit = Threshold("rain_mm", 3600, 35.0, "heavy_rain")
    assert asked(thresholds=(limit,)).levels == {}


@pytest.mark.parametrize(
    ("more", "next_step"),
    [
        ({"contacts": ()}, "name at least one contact, such as email:name@example.org"),
        ({"contacts": (INBOX, INBOX)}, "one address a channel"),
        ({"where": ()}, "say where: a town, a point with a radius, or an area"),
        ({"where": (RECIFE,) * (MOST_AREAS + 1)}, "make several subscriptions of them"),
        ({"language": "fr"}, "languages are pt-BR, en, es"),
        ({"language": ""}, "languages are pt-BR, en, es"),
        ({"escalate_after_s": -1}, "between 0 (never) and 24 hours"),
        ({"escalate_after_s": 86_401}, "between 0 (never) and 24 hours"),
        ({"quiet": Quiet(60, 60, "UTC")}, "two different times, such as 22:00-07:00"),
        ({"quiet": Quiet(-1, 60, "UTC")}, "two different times, such as 22:00-07:00"),
        ({"quiet": Quiet(0, 1440, "UTC")}, "two different times, such as 22:00-07:00"),
        ({"quiet": Quiet(0, 60, "Mars/Olympus")}, "an IANA name such as America/Recife"),
        ({"quiet": Quiet(0, 60, "../../etc/passwd")}, "an IANA name such as America/Recife"),
        ({"quiet": Quiet(0, 60, "")}, "an IANA name such as America/Recife"),
    ],
)
def test_what_cannot_be_subscribed_to_is_refused_with_the_next_step(
    more: dict[str, Any], next_step: str
) -> None:
    assert next_step in refused(**more)


@pytest.mark.parametrize("edge", [0, 1, 86_400])
def test_the_edges_of_what_may_be_asked_for_may_be_asked_for(edge: int) -> None:
    check(asked(escalate_after_s=edge, where=(RECIFE,) * MOST_AREAS, quiet=Quiet(0, 1439, "UTC")))


@pytest.mark.parametrize(
    ("area", "next_step"),
    [
        (Circle(name="x" * (LONGEST_NAME + 1), latitude=0, longitude=0), "longer than 100"),
        (Circle(name="x", latitude=0, longitude=0, radius_km=0), "above 0 and at most 500 km"),
        (Circle(name="x", latitude=0, longitude=0, radius_km=-5), "above 0 and at most 500 km"),
        (Circle(name="x", latitude=0, longitude=0, radius_km=500.1), "above 0 and at most 500 km"),
        (Circle(name="x", latitude=0, longitude=0, radius_km=math.nan), "above 0"),
        (Circle(name="x", latitude=90.1, longitude=0), "between -90 and 90"),
        (Circle(name="x", latitude=0, longitude=-180.5), "between -180 and 180"),
        (Circle(name="x", latitude=math.nan, longitude=0), "not a number"),
        (Circle(name="x", latitude=0, longitude=math.inf), "not a number"),
        (polygon(), "at least one ring"),
        (polygon(SQUARE[:3]), "four points or more, the last as the first"),
        (polygon((*SQUARE[:3], (5.0, 5.0))), "the last as the first"),
        (polygon(((0.0, 91.0), *SQUARE[1:3], (0.0, 91.0))), "between -90 and 90"),
        (polygon(((0.0, 0.0),) * (MOST_POINTS + 1)), "at most 5000 points in all"),
    ],
)
def test_an_area_that_is_nowhere_is_refused(area: Circle | Polygon, next_step: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        check_area(area)
    assert next_step in str(caught.value)


def test_the_largest_area_is_an_area() -> None:
    check_area(
        Circle(name="x" * LONGEST_NAME, latitude=-90, longitude=180, radius_km=LARGEST_RADIUS_KM)
    )
    check_area(polygon(((0.0, 0.0),) * MOST_POINTS))
    check_area(polygon(SQUARE, SQUARE))


def test_an_area_may_go_over_the_antimeridian_and_round_a_pole() -> None:
    check_area(polygon(((179.0, 0.0), (-179.0, 0.0), (-179.0, 1.0), (179.0, 0.0))))
    check_area(polygon(((0.0, -70.0), (90.0, -70.0), (180.0, -70.0), (-90.0, -70.0), (0.0, -70.0))))


# Quiet hours, as people write them


@given(st.integers(0, 1439), st.integers(0, 1439))
def test_any_two_different_times_of_a_day_are_quiet_hours(start: int, end: int) -> None:
    text = f"{start // 60:02}:{start % 60:02}-{end // 60}:{end % 60}"
    if start == end:
        with pytest.raises(ValueError, match="two different times"):
            read_quiet(text, "America/Recife")
    else:
        assert read_quiet(text, "America/Recife") == Quiet(start, end, "America/Recife")


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_no_text_is_no_quiet_hours_whatever_the_zone(text: str) -> None:
    assert read_quiet(text, "nowhere") is None


@pytest.mark.parametrize(
    "text",
    ["22-7", "22:00", "22:00-", "-07:00", "22:00-07:00-09:00", "24:00-07:00", "22:60-07:00",
     "night", "22:00 to 07:00", "22:00--07:00"],
)  # fmt: skip
def test_hours_that_no_clock_shows_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as 22:00-07:00"):
        read_quiet(text, "America/Recife")


def test_blanks_around_the_hours_do_not_matter() -> None:
    assert read_quiet(" 22:00 - 07:00 ", "UTC") == Quiet(1320, 420, "UTC")


@pytest.mark.parametrize(
    ("area", "zone"),
    [
        (Circle(name="x", latitude=-3.85, longitude=-32.42), "America/Noronha"),
        (Circle(name="x", latitude=-9.97, longitude=-67.8), "America/Rio_Branco"),
        (Circle(name="x", latitude=-41.3, longitude=174.8), "Pacific/Auckland"),
        (polygon(((-68.0, -10.5), (-67.5, -10.5), (-67.5, -9.5), (-68.0, -10.5))),
         "America/Rio_Branco"),
        (polygon(((177.0, -19.0), (-178.0, -19.0), (-178.0, -16.0), (177.0, -19.0))),
         "Pacific/Fiji"),
    ],
)  # fmt: skip
def test_quiet_hours_without_a_zone_follow_the_place_s(area: Circle | Polygon, zone: str) -> None:
    elsewhere = Circle(name="y", latitude=38.7, longitude=-9.1)
    assert read_quiet("22:00-07:00", "", (area, elsewhere)) == Quiet(1320, 420, zone)
    assert read_quiet("22:00-07:00", "UTC", (area,)) == Quiet(1320, 420, "UTC")


# Where, as people write it


def unknown(text: str) -> Circle:
    raise ValueError(f"no town is called {text!r}")


@given(st.floats(-90, 90), st.floats(-180, 180), st.floats(0.1, 500))
def test_coordinates_are_a_circle_there_without_asking_for_a_name(
    latitude: float, longitude: float, radius_km: float
) -> None:
    circle = read_where(f"{latitude}, {longitude}", radius_km, unknown)
    assert (circle.latitude, circle.longitude, circle.radius_km) == (latitude, longitude, radius_km)


def test_a_towns_name_is_looked_up_without_its_blanks_and_gets_the_radius() -> None:
    asked_for = []

    def find(text: str) -> Circle:
        asked_for.append(text)
        return RECIFE

    assert read_where("  Recife, PE ", 7, find).radius_km == 7
    assert asked_for == ["Recife, PE"]


@pytest.mark.parametrize("text", ["nan,nan", "91,0", "0,181", "inf,0"])
def test_coordinates_that_are_nowhere_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"latitude|coordinate"):
        read_where(text, 25, unknown)


@pytest.mark.parametrize("text", ["Nowhere", "1,2,3", "1;2", "1", ""])
def test_what_is_no_pair_of_numbers_is_taken_for_a_name(text: str) -> None:
    with pytest.raises(ValueError, match="no town is called"):
        read_where(text, 25, unknown)


# Areas as GeoJSON


def feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


GEOMETRY = {"type": "Polygon", "coordinates": [SQUARE]}
TWO = {"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE, SQUARE]]}


@pytest.mark.parametrize(
    ("document", "name", "names", "rings"),
    [
        (GEOMETRY, "", ["area"], [1]),
        (GEOMETRY, "bairro", ["bairro"], [1]),
        (TWO, "", ["area"], [3]),
        (feature(GEOMETRY, name="Várzea"), "", ["Várzea"], [1]),
        (feature(GEOMETRY, name="Várzea"), "mine", ["mine"], [1]),
        (feature(GEOMETRY, name=7), "", ["area"], [1]),
        ({"type": "Feature", "geometry": GEOMETRY, "properties": None}, "", ["area"], [1]),
        ({"type": "FeatureCollection", "features": [feature(GEOMETRY, name="a"), feature(TWO)]},
         "", ["a", "area"], [1, 3]),
    ],
)  # fmt: skip
def test_every_shape_in_which_geojson_writes_an_area_is_read(
    document: Any, name: str, names: list[str], rings: list[int]
) -> None:
    for each in (document, json.loads(json.dumps(document))):
        found = read_geojson(each, name)
        assert [area.name for area in found] == names
        assert [len(area.rings) for area in found] == rings
        assert found[0].rings[0] == SQUARE


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "Polygon",
        {},
        {"type": "Point", "coordinates": [0, 0]},
        {"type": "FeatureCollection", "features": []},
        {"type": "FeatureCollection", "features": "all"},
        {"type": "FeatureCollection"},
        {"type": "Feature", "geometry": None},
        {"type": "Polygon"},
        {"type": "Polygon", "coordinates": None},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[]]},
        {"type": "Polygon", "coordinates": [[[0]]]},
        {"type": "Polygon", "coordinates": [["ab"]]},
        {"type": "Polygon", "coordinates": [[[None, 0]] * 4]},
        {"type": "Polygon", "coordinates": [[[math.nan, 0]] * 4]},
        {"type": "Polygon", "coordinates": [[{"x": 0, "y": 0}] * 4]},
        {"type": "Polygon", "coordinates": {"ring": 1}},
        {"type": "MultiPolygon", "coordinates": [1, 2]},
        {"type": "Polygon", "coordinates": [[[10**400, 0]] * 4]},
    ],
)
def test_no_document_makes_it_raise_anything_but_a_sentence(document: Any) -> None:
    with pytest.raises(ValueError, match=r"area|GeoJSON|coordinate"):
        read_geojson(document)


def test_heights_beside_the_coordinates_are_passed_over() -> None:
    ring = [[x, y, 12.5] for x, y in SQUARE]
    (area,) = read_geojson({"type": "Polygon", "coordinates": [ring]})
    assert area.rings == (SQUARE,)


# Contacts


@pytest.mark.parametrize(
    ("text", "channel", "address"),
    [
        ("email:Ana.B@Example.ORG", "email", "Ana.B@example.org"),
        (" EMAIL : ana@example.org ", "email", "ana@example.org"),
        ("sms:+55 (81) 99999-0000", "sms", "+5581999990000"),
        ("whatsapp:+55.81.99999.0000", "whatsapp", "+5581999990000"),
        ("telegram:-100123", "telegram", "-100123"),
        ("inbox:", "inbox", ""),
        ("inbox", "inbox", ""),
        ("webhook:https://example.org/hook?x=1", "webhook", "https://example.org/hook?x=1"),
    ],
)
def test_a_contact_is_kept_in_one_form_however_it_is_written(
    text: str, channel: str, address: str
) -> None:
    contact = read_contact(text)
    assert (contact.channel, contact.address) == (channel, address)
    assert read_contact(f"{contact.channel}:{contact.address}") == contact


@pytest.mark.parametrize(
    ("text", "next_step"),
    [
        ("pigeon:canary", "write channel:address with one of"),
        ("", "write channel:address with one of"),
        ("canary@example.org", "write channel:address with one of"),
        ("email:canary", "write for example name@example.org"),
        ("email:canary@localhost", "write for example name@example.org"),
        ("email:a canary@example.org", "write for example name@example.org"),
        ("email:canary@example.org\nbcc:x@example.org", "control characters"),
        ("sms:0819999canary", "with + and the country's code"),
        ("sms:+0123456789", "with + and the country's code"),
        ("whatsapp:+55", "with + and the country's code"),
        ("telegram:@canary", "write /start to the bot"),
        ("webhook:ftp://example.org/canary", "begins with https://"),
        ("webhook:canary", "begins with https://"),
        ("webhook:https://user:canary@example.org/", "leave user and password out"),
        ("inbox:canary", "write inbox alone"),
        (f"webhook:https://example.org/canary{'x' * 2048}", "too long"),
    ],
)
def test_an_address_that_is_none_is_refused_with_the_next_step_and_not_repeated(
    text: str, next_step: str
) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        read_contact(text)
    assert next_step in str(caught.value)
    assert "canary" not in str(caught.value)


@given(st.sampled_from(CHANNELS), st.text(max_size=40))
def test_an_address_shows_in_no_repr(channel: str, address: str) -> None:
    contact = Contact(channel, f"canary{address}", secret=f"whsec_canary{address}")
    assert "canary" not in repr(contact)
    assert "canary" not in f"{[contact]} {contact!s}"
