"""Polygons that an operator brings: whose they are, and how the map shows them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atalaia.domain.place import Place
from atalaia.errors import AtalaiaError
from atalaia.page.shapes import FILE, PER_DEGREE, imported
from stories import here

from .conftest import PHONE, Browser, pictured
from .stage import Stage
from .test_looks import AFTERNOON, faults, on_stage

RECIFE = Place(id="2611606", name="Recife", latitude=-8.05, longitude=-34.9)
OLINDA = Place(id="olinda", name="Olinda", latitude=-8.01, longitude=-34.85)


def square(west: float, south: float, size: float = 1.0) -> list[list[float]]:
    east, north = west + size, south + size
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def feature(*rings: list[list[float]], **properties: Any) -> dict[str, Any]:
    geometry = {"type": "Polygon", "coordinates": list(rings)}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def document(*features: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


@pytest.mark.parametrize(
    "properties",
    [{"codarea": "2611606"}, {"CD_MUN": 2611606}, {"name": "x", "any": "2611606"}],
)
def test_a_polygon_is_a_places_by_its_code_wherever_the_place_lies(
    properties: dict[str, Any],
) -> None:
    shapes, told = imported(document(feature(square(10, 10), **properties)), [RECIFE, OLINDA])
    assert told.by_code == ["2611606"]
    assert told.without == ["olinda"]
    assert set(shapes.shapes) == {"2611606"}
    x, y, dx, dy = shapes.shapes["2611606"][0][0][:4]
    assert (x, y, dx, dy) == (10 * PER_DEGREE, 10 * PER_DEGREE, PER_DEGREE, 0)


def test_without_a_code_it_is_that_of_the_place_inside_it_and_a_hole_is_not_inside() -> None:
    around = square(-36, -9, 2)
    hole = square(-34.95, -8.1, 0.08)  # of Recife
    _, told = imported(document(feature(around, hole), feature(square(0, 0))), [RECIFE, OLINDA])
    assert (told.by_code, told.by_point, told.without) == ([], ["olinda"], ["2611606"])
    assert told.unused == 1


def test_parts_of_one_code_are_one_place_and_islands_too_small_to_be_seen_go() -> None:
    tiny = square(0, 0, 0.0001)
    several = {
        "type": "Feature", "id": "2611606", "properties": None,
        "geometry": {"type": "MultiPolygon", "coordinates": [[square(1, 1)], [tiny]]},
    }  # fmt: skip
    shapes, _ = imported(document(several, feature(square(5, 5), id="2611606")), [RECIFE])
    assert [part[0][:2] for part in shapes.shapes["2611606"]] == [[500, 500], [2500, 2500]]
    alone, _ = imported(document(feature(tiny, id="2611606")), [RECIFE])
    assert len(alone.shapes["2611606"]) == 1  # better a speck than nothing


@pytest.mark.parametrize(
    "broken",
    [
        None, 7, {}, {"geometry": None}, {"geometry": {"type": "Point", "coordinates": [1, 2]}},
        feature([]), feature([[1, 2], [3, 4]]), feature([["a", "b"]] * 4), feature([[1]] * 4),
        feature([[270_000, 9_100_000]] * 4), feature([[None, 1]] * 5),
        {"geometry": {"type": "MultiPolygon", "coordinates": []}, "properties": []},
    ],
)  # fmt: skip
def test_what_is_no_polygon_in_degrees_costs_itself_alone(broken: Any) -> None:
    shapes, told = imported(document(broken, feature(square(1, 1), c="2611606")), [RECIFE])
    assert told.refused == 1
    assert list(shapes.shapes) == ["2611606"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"features": 3}', b"[" * 100_000])
def test_what_is_no_geojson_is_refused_with_the_next_step(body: bytes) -> None:
    with pytest.raises(AtalaiaError, match="GeoJSON"):
        imported(body, [RECIFE])


corner = st.tuples(st.floats(-180, 180), st.floats(-90, 90))


@given(st.lists(corner, min_size=4, max_size=30))
def test_steps_lead_back_to_each_corner_as_far_as_a_step_goes(ring: list[Any]) -> None:
    shapes, _ = imported(document(feature([list(point) for point in ring], c="2611606")), [RECIFE])
    ((steps,),) = shapes.shapes["2611606"]
    x = y = 0
    walked = []
    for dx, dy in zip(steps[::2], steps[1::2], strict=True):
        x, y = x + dx, y + dy
        walked.append((x, y))
    whole = [(round(x * PER_DEGREE), round(y * PER_DEGREE)) for x, y in ring]
    assert walked == [one for i, one in enumerate(whole) if i == 0 or one != whole[i - 1]]


SAID = {
    "pt-BR": (
        "Lugares com polígono: 1; pelo código: 1, por onde ficam: 0",
        "Sem polígono, seguem como pontos: 26 (",
        "Não usados: de outros lugares: 1, sem polígono em graus: 0",
        "A página os mostra a partir do próximo início",
    ),
    "en": (
        "Places with a polygon: 1; by code: 1, by where they lie: 0",
        "Without one, they stay dots: 26 (",
        "Not used: of other places: 1, no polygons in degrees: 0",
        "The page shows them from the next start on",
    ),
    "es": (
        "Lugares con polígono: 1; por su código: 1, por donde están: 0",
        "Sin polígono, siguen como puntos: 26 (",
        "No usados: de otros lugares: 1, sin polígono en grados: 0",
        "La página los muestra desde el próximo inicio",
    ),
}


@pytest.mark.parametrize("language", SAID)
@pytest.mark.parametrize("is_set", [False, True], ids=["by option", "by settings"])
def test_the_command_says_what_came_of_a_file_and_leaves_all_where_nothing_did(
    tmp_path: Path, language: str, is_set: bool
) -> None:
    file, home = tmp_path / "mesh.json", tmp_path / "home"
    file.write_bytes(document(feature(square(-35, -9), codarea="2611606"), feature(square(0, 0))))
    settings = tmp_path / "mine.toml"
    settings.write_text(f'language = "{language}"\n')
    chosen = ("--settings", str(settings)) if is_set else ("--language", language)
    told = here("map", "import", str(file), "--home", str(home), *chosen)
    assert told.returncode == 0, told
    lines = told.stdout.splitlines()
    assert len(lines) == len(SAID[language])
    assert all(map(str.startswith, lines, SAID[language])), lines
    kept = (home / FILE).read_bytes()
    assert set(msgspec.json.decode(kept)["shapes"]) == {"2611606"}
    file.write_bytes(document(feature(square(100, 10))))
    told = here("map", "import", str(file), "--home", str(home))
    assert told.returncode == 1
    assert "no polygon of a watched place" in told.stderr
    assert (home / FILE).read_bytes() == kept


def test_the_command_names_the_languages_that_it_has(tmp_path: Path) -> None:
    file = tmp_path / "mesh.json"
    file.write_bytes(document(feature(square(-35, -9), codarea="2611606")))
    told = here("map", "import", str(file), "--home", str(tmp_path / "home"), "--language", "fr")
    assert told.returncode == 2
    assert "pt-BR, en, es" in told.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    "options", [{"color_scheme": "light"}, {"color_scheme": "dark", **PHONE}], ids=["light", "dark"]
)
def test_the_map_fills_places_by_level_and_names_no_dot_for_the_calm(
    browser: Browser, tmp_path: Path, options: dict[str, Any]
) -> None:
    stage = Stage(now=AFTERNOON)
    stage.home = tmp_path
    some = [one for one in stage.places if one["name"] != "Manaus"]
    body = document(
        *(
            feature(square(one["longitude"] - 1, one["latitude"] - 1, 2), c=one["id"])
            for one in some
        )
    )
    places = [Place(id=one["id"], name="x", latitude=0, longitude=0) for one in stage.places]
    (tmp_path / FILE).parent.mkdir()
    (tmp_path / FILE).write_bytes(msgspec.json.encode(imported(body, places)[0]))

    async def tell(url: str) -> None:
        page, seen = await browser.page(reduced_motion="reduce", **options)
        await page.goto(url)
        await page.wait_for_selector('#map[data-filled="6"]')
        await pictured(page, f"shapes-{options['color_scheme']}")
        assert await faults(page) == []
        assert seen.problems == []

    on_stage(browser, stage, tell)
