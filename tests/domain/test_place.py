"""Places: what is wrong with one is said in words, and each has one position."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.domain.place import Place, Places
from atalaia.errors import SettingsInvalid
from atalaia.sources.recorded import read_places


def place(**changes: Any) -> Place:
    base = {"id": "a", "name": "A", "latitude": -8.05, "longitude": -34.9}
    return Place(**(base | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"latitude": 90.0, "longitude": 180.0},
        {"latitude": -90, "longitude": -180},
        {"elevation_m": 0.0},
        {"elevation_m": -430.0},  # the Dead Sea's shore
        {"elevation_m": 5_100.0},  # La Rinconada
        {"timezone": "America/Argentina/Buenos_Aires"},
        {"name": 'São "José"\u00a0do Sul', "area": "Várzea, norte"},
    ],
)
def test_a_place_on_earth_has_no_fault(changes: dict[str, Any]) -> None:
    assert place(**changes).faults() == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"id": ""}, "a place needs an id"),
        ({"latitude": 90.01}, "latitude 90.01 is not between -90 and 90"),
        ({"latitude": math.nan}, "latitude nan is not between -90 and 90"),
        ({"longitude": -180.5}, "longitude -180.5 is not between -180 and 180"),
        ({"longitude": math.inf}, "longitude inf is not between"),
        ({"elevation_m": 9_001.0}, "elevation_m 9001.0 is no height in metres"),
        ({"elevation_m": math.nan}, "elevation_m nan is no height"),
        ({"timezone": "Mars/Olympus"}, "no time zone is called 'Mars/Olympus' (use an IANA name)"),
        ({"timezone": ""}, "no time zone is called ''"),
        ({"timezone": "../../etc/passwd"}, "no time zone is called"),
        ({"timezone": "a\x00b"}, "no time zone is called"),
        ({"name": "two\nlines"}, "id, name and area are one line each"),
        ({"id": "a\tb"}, "id, name and area are one line each"),
        ({"area": "a\u2028b"}, "id, name and area are one line each"),
        ({"name": "\x1b[31mred"}, "id, name and area are one line each"),
        ({"name": "no XML\ufffe"}, "id, name and area are one line each"),
        ({"id": "no UTF-8\ud800"}, "id, name and area are one line each"),
    ],
)
def test_what_is_wrong_with_a_place_is_said_in_words(changes: dict[str, Any], says: str) -> None:
    (fault,) = place(**changes).faults()
    assert says in fault


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert len(place(id="", latitude=99.0, longitude=999.0, timezone="x").faults()) == 4


@given(
    st.lists(st.sampled_from("abcdefgh"), unique=True), st.lists(st.sampled_from("XY"), min_size=8)
)
def test_a_position_is_where_a_place_stands_and_an_area_has_those_of_its_places(
    ids: list[str], areas: list[str]
) -> None:
    every = [place(id=i, area=a if i < "f" else None) for i, a in zip(ids, areas, strict=False)]
    places = Places(every)
    assert list(places) == every
    assert len(places) == len(every)
    for i, one in enumerate(every):
        assert places[i] is one
        assert places.get(one.id) is one
    assert places.get("nowhere") is None
    assert places.areas == {
        area: tuple(i for i, one in enumerate(every) if one.area == area)
        for area in {one.area for one in every if one.area}
    }


def test_no_two_places_are_called_the_same() -> None:
    with pytest.raises(ValueError, match="two places have the same id"):
        Places([place(), place(name="B")])


# As a file has them

HEADER = "place_id,name,latitude,longitude,timezone,area,elevation_m\n"


def read(folder: Path, text: str) -> list[Place]:
    path = folder / "places.csv"
    path.write_bytes(text.encode("utf-8"))
    return read_places(path)


def test_columns_may_stand_in_any_order_and_more_of_them_are_no_harm(tmp_path: Path) -> None:
    text = "\ufefftimezone, name ,place_id,remark,longitude,latitude\r\n,Recife,r,x,-34.9,-8.05\r\n"
    assert read(tmp_path, text) == [place(id="r", name="Recife")]


def test_what_is_empty_is_not_known(tmp_path: Path) -> None:
    (one,) = read(tmp_path, HEADER + "\n,,,,,,\nr,,-8.05,-34.9,,,\n")
    assert one == place(id="r", name="r")


def test_a_name_may_be_quoted_and_stays_as_it_is(tmp_path: Path) -> None:
    (one,) = read(tmp_path, HEADER + 'r,"São ""José"", do Sul",1,2,UTC,"a,b",12.5\n')
    assert (one.name, one.area, one.elevation_m) == ('São "José", do Sul', "a,b", 12.5)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", ":1: no column place_id, name, latitude, longitude, timezone; write place_id,name"),
        ("place_id,name\n", ":1: no column latitude, longitude, timezone"),
        (HEADER, ":2: no place; add one a line"),
        (HEADER + "a,b\n", ":2: 2 cells for 7 columns; mend the line"),
        (HEADER + "a,A,1,2,UTC,,\nb,B,north,2,UTC,,\n", ":3: place b: latitude nan"),
        (HEADER + "a,A,1,2,UTC,,\na,B,1,2,UTC,,\n", ":3: "),
        (HEADER + 'a,"two\nlines",1,2,UTC,,\n', ":3: place 'a': id, name and area are one line"),
        (HEADER + "a,A,1,2,Mars,,\n", ":2: place a: no time zone is called 'Mars'"),
        (HEADER + "a,A,1,2,UTC,,high\n", ":2: place a: elevation_m nan"),
    ],
)
def test_a_line_that_is_no_place_is_named_with_what_to_mend(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        read(tmp_path, text)
    assert f"{tmp_path / 'places.csv'}{says}" in str(caught.value)


def test_every_bad_line_is_named_at_once(tmp_path: Path) -> None:
    bad = "".join(f"p{i},P,99,2,UTC,,\n" for i in range(3))
    with pytest.raises(SettingsInvalid) as caught:
        read(tmp_path, HEADER + bad)
    assert [f":{n}: " in str(caught.value) for n in (2, 3, 4)] == [True] * 3


NAMES = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")), min_size=1, max_size=9
)


@settings(max_examples=30)
@given(st.dictionaries(NAMES, st.tuples(NAMES, st.floats(-90, 90), st.floats(-180, 180))))
def test_whatever_a_place_is_called_it_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, named: dict[str, tuple[str, float, float]]
) -> None:
    import csv
    import io

    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(HEADER.strip().split(","))
    for id_, (name, north, east) in named.items():
        writer.writerow((id_, name, north, east, "UTC", "", ""))
    if named:
        assert read(tmp_path_factory.getbasetemp(), table.getvalue()) == [
            place(id=i, name=n, latitude=y, longitude=x) for i, (n, y, x) in named.items()
        ]
