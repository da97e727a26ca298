"""Places by their official code: what a code means, and that nobody watches the wrong place."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from atalaia.domain.geo import distance_km
from atalaia.domain.subscription import Circle
from atalaia.sources import gazetteer
from atalaia.sources.municipalities import all_of, find, find_town, is_code


@pytest.mark.parametrize("text", ["2611606", " 2611606 ", "IBGE 2611606", "ibge:2611606"])
def test_a_code_is_its_municipality_however_it_is_written(text: str) -> None:
    assert is_code(text)
    town = find_town(text)
    assert (town.label, town.slug) == ("Recife, Pernambuco, BR", "2611606")
    assert find(text) == Circle(name=town.label, latitude=town.latitude, longitude=town.longitude)


@pytest.mark.parametrize("text", ["Recife, PE", "26116060", "261160", "IBGE", "2611606 PE", ""])
def test_what_is_no_code_is_a_name(text: str) -> None:
    assert not is_code(text)
    if text == "Recife, PE":
        assert find_town(text) == gazetteer.find_town(text)
    else:
        with pytest.raises(ValueError, match="no town is called"):
            find_town(text)


def test_a_state_is_the_same_by_its_code_and_by_its_name_with_all_its_municipalities() -> None:
    state = all_of("Pernambuco")
    assert state == all_of("26") == all_of("IBGE 26") == all_of("PE, BR")
    assert len(state) == 185
    assert all(town.code.startswith("26") and town.region == "PE" for town in state)
    assert all(one.population >= other.population for one, other in pairwise(state))


def test_a_country_with_codes_is_all_of_them_and_one_without_its_towns() -> None:
    every = all_of("Brasil")
    assert len({town.code for town in every}) == len(every) == 5571
    assert all(len(town.code) == 7 for town in every)
    assert all_of("Portugal") == gazetteer.of_region("Portugal")


@pytest.mark.parametrize(
    ("ask", "text", "next_step"),
    [
        (find_town, "2611600", "look it up at IBGE"),
        (find_town, "26", "--all-of takes it"),
        (all_of, "99", "write its two digits, or its name"),
        (all_of, "2611606", "write its two digits, or its name"),
        (all_of, "Atlantis", "write for example Pernambuco"),
    ],
)
def test_a_code_that_is_none_says_the_next_step(ask: object, text: str, next_step: str) -> None:
    assert callable(ask)
    with pytest.raises(ValueError, match=next_step):
        ask(text)


def test_each_seat_is_where_the_town_of_its_name_is_or_nearer_to_the_others_of_its_region() -> None:
    """What the package had hundreds of kilometres away; IBGE's atlas has them here."""
    for code, latitude, longitude in [
        ("4105201", -24.82, -49.26),  # Cerro Azul
        ("1505551", -7.83, -50.05),  # Pau D'Arco
        ("4128625", -23.51, -53.73),  # Alto Paraíso
        ("5107875", -13.55, -58.81),  # Sapezal
        ("3537107", -22.74, -46.90),  # Pedreira: here it was the gazetteer
        ("1302306", -2.75, -66.76),  # Jutaí: here, too
    ]:
        town = find_town(code)
        assert distance_km(town.latitude, town.longitude, latitude, longitude) < 10, town


def test_each_seat_is_in_its_state(shared: Path) -> None:
    shapely = pytest.importorskip("shapely")
    file = shared / "geo" / "brazil_states_simplified.geojson"
    states = {
        one["properties"]["codigo_ibg"]: shapely.geometry.shape(one["geometry"])
        for one in json.loads(file.read_text())["features"]
    }
    assert len(states) == 27
    every = all_of("Brasil")
    points = shapely.points(np.array([(town.longitude, town.latitude) for town in every]))
    away = {
        town.label: float(states[town.code[:2]].distance(point))
        for town, point in zip(every, points, strict=True)
    }
    assert max(away.values()) < 0.03, "degrees: the outlines are simplified"


def test_its_clock_is_that_of_its_own_past_and_of_its_state() -> None:
    summer = datetime(2018, 12, 1, 12, tzinfo=UTC)
    hours = {
        find_town(code).name: summer.astimezone(ZoneInfo(find_town(code).timezone)).hour
        for code in ("2611606", "3550308", "5103403", "1200401", "1302306", "2605459")
    }
    assert hours == {
        "Recife": 9,  # without the summer time of the South
        "São Paulo": 10,
        "Cuiabá": 9,
        "Rio Branco": 7,
        "Jutaí": 7,  # the west of Amazonas goes by Acre's clock
        "Fernando de Noronha": 10,
    }
    west = {town.name for town in all_of("Amazonas") if town.timezone == "America/Eirunepe"}
    assert west == {
        "Atalaia do Norte", "Benjamin Constant", "Boca do Acre", "Eirunepé", "Envira", "Guajará",
        "Ipixuna", "Itamarati", "Jutaí", "Lábrea", "Pauini", "São Paulo de Olivença", "Tabatinga",
    }  # fmt: skip
    """The municipalities that law 12,876 of 2013 names."""
