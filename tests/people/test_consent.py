"""The words that people agree to, and requests as they are written down."""

from __future__ import annotations

import hashlib

import pytest

from atalaia.domain.subscription import Circle, Polygon, Quiet
from atalaia.people.consent import VERSION, Controller, consent_words
from atalaia.people.request import read_geojson, read_quiet, read_where
from atalaia.people.retention import DAY_S, Retention

WHO = Controller("Defesa Civil de Recife", "dados@example.org")

DIGESTS = {
    "1": {
        "pt-BR": "e06d82c65d70ab540d05fdf75b156a23e103c926ebc6cb0f63a3d5f665fdae06",
        "en": "b55c89facca72717f1111c8f99b68c96dbe28665d45fb9a998058abc94bb44ec",
        "es": "65a217b22af43ed6b4a097dde7e2721135b7f2e722b148f28751e5d69a40d037",
    }
}
"""Of the words of each version with this controller. Words that change need a new version."""


@pytest.mark.parametrize("language", ["pt-BR", "en", "es"])
def test_the_words_of_a_version_never_change(language: str) -> None:
    words = consent_words(language, WHO)
    assert words.version == VERSION
    assert words.digest == hashlib.sha256(words.text.encode()).hexdigest()
    assert words.digest == DIGESTS[VERSION][language]


@pytest.mark.parametrize("language", ["pt-BR", "en", "es"])
def test_the_words_name_who_answers_and_how_long_all_is_kept(language: str) -> None:
    keep = Retention(pending_s=8 * DAY_S, messages_s=91 * DAY_S, consents_s=6 * 365 * DAY_S)
    text = consent_words(language, WHO, keep).text
    for said in ("Defesa Civil de Recife, dados@example.org", " 8 d", " 91 d", " 6 "):
        assert said in text


@pytest.mark.parametrize(
    ("text", "quiet"),
    [
        ("22:00-07:00", Quiet(1320, 420, "America/Recife")),
        (" 0:05 - 6:30 ", Quiet(5, 390, "America/Recife")),
        ("", None),
    ],
)
def test_quiet_hours_are_read(text: str, quiet: Quiet | None) -> None:
    assert read_quiet(text, "America/Recife") == quiet


@pytest.mark.parametrize("text", ["22-7", "25:00-07:00", "22:00-22:00", "22:60-1:00", "night", "-"])
def test_quiet_hours_that_no_clock_has_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="two different times"):
        read_quiet(text, "America/Recife")


RING = [[-35, -9], [-34, -9], [-34, -8], [-35, -9]]


@pytest.mark.parametrize(
    ("document", "rings"),
    [
        ({"type": "Polygon", "coordinates": [RING]}, [1]),
        ({"type": "MultiPolygon", "coordinates": [[RING], [RING, RING]]}, [3]),
        ({"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [RING]}}, [1]),
        (
            {
                "type": "FeatureCollection",
                "features": [
                    {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [RING]}}
                ]
                * 2,
            },
            [1, 1],
        ),
    ],
)
def test_areas_of_geojson_are_read(document: object, rings: list[int]) -> None:
    areas = read_geojson(document, "Sítio")
    assert [len(area.rings) for area in areas] == rings
    assert areas[0].rings[0][0] == (-35.0, -9.0)
    assert {area.name for area in areas} == {"Sítio"}


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"type": "Point", "coordinates": [0, 0]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [RING[:3]]},
        {"type": "Polygon", "coordinates": [[*RING[:3], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[-35, -91], [0, 0], [1, 1], [-35, -91]]]},
        {"type": "Polygon", "coordinates": [[["x", 1]] * 4]},
        {"type": "Polygon", "coordinates": [RING * 2000]},
        {"type": "Polygon", "coordinates": 5},
        {"type": "MultiPolygon", "coordinates": [5]},
        {"type": "Feature", "geometry": None},
        {"type": "FeatureCollection", "features": 5, "geometry": 5},
    ],
)
def test_what_is_no_area_is_refused_in_words(document: object) -> None:
    with pytest.raises(ValueError, match=r"area|ring|latitude|collection"):
        read_geojson(document)


def test_a_point_or_a_town_is_a_circle() -> None:
    town = Circle(name="Recife", latitude=-8.05, longitude=-34.88)
    assert read_where(" Recife ", 10, lambda name: town).radius_km == 10
    point = read_where("-8.5, -35", 5, lambda name: town)
    assert (point.latitude, point.longitude, point.radius_km) == (-8.5, -35.0, 5)
    with pytest.raises(ValueError, match="latitude"):
        read_where("-95, -35", 5, lambda name: town)


def test_an_area_is_a_polygon() -> None:
    (area,) = read_geojson({"type": "Polygon", "coordinates": [RING]})
    assert isinstance(area, Polygon)
