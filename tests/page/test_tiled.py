"""Polygons out of PMTiles, which a library of others writes: whole again, and at no price."""

from __future__ import annotations

import gzip
import io
import math
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import shapely
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from pmtiles.tile import Compression, TileType, tileid_to_zxy, zxy_to_tileid
from pmtiles.writer import Writer

from atalaia.domain.place import Place
from atalaia.errors import AtalaiaError
from atalaia.page import mvt, pmtiles, tiled
from atalaia.page.shapes import FILE, PER_DEGREE, imported
from stories import here

EXTENT = 4096
BUFFER = 80
RECIFE = Place(id="2611606", name="Recife", latitude=-8.05, longitude=-34.9)
OLINDA = Place(id="olinda", name="Olinda", latitude=-8.01, longitude=-34.85)

# A writer of tiles: each feature cut to the tile with some more around it, as tippecanoe does.


def varint(n: int) -> bytes:
    told = bytearray()
    while n > 127:
        told.append(n & 127 | 128)
        n >>= 7
    return bytes([*told, n])


def part(number: int, body: bytes | int) -> bytes:
    if isinstance(body, int):
        return varint(number << 3) + varint(body)
    return varint(number << 3 | 2) + varint(len(body)) + body


def zigzag(n: int) -> int:
    return n << 1 ^ n >> 63 if n >= 0 else (-n << 1) - 1


def commands(polygons: list[Any]) -> bytes:
    told: list[int] = []
    x = y = 0
    for polygon in polygons:
        for i, ring in enumerate((polygon.exterior, *polygon.interiors)):
            points = [(round(a), round(b)) for a, b in shapely.get_coordinates(ring)[:-1]]
            area = sum(
                a[0] * b[1] - b[0] * a[1]
                for a, b in zip(points, points[1:] + points[:1], strict=True)
            )
            if (area > 0) != (i == 0):
                points.reverse()
            for n, (to_x, to_y) in enumerate(points):
                if n < 2:
                    told.append(1 << 3 | 1 if n == 0 else len(points) - 1 << 3 | 2)
                told += [zigzag(to_x - x), zigzag(to_y - y)]
                x, y = to_x, to_y
            told.append(1 << 3 | 7)
    return b"".join(map(varint, told))


def value(one: Any) -> bytes:
    return part(1, one.encode()) if isinstance(one, str) else part(5, one)


Feature = tuple[int | None, dict[str, Any], Any]
"""Id, properties, polygon in degrees."""


def mercator(zoom: int) -> Callable[[Any], Any]:
    world = EXTENT << zoom

    def moved(at: Any) -> Any:
        for point in at:
            y = math.asinh(math.tan(math.radians(point[1]))) / math.pi
            point[:] = (point[0] + 180) / 360 * world, (1 - y) / 2 * world
        return at

    return moved


def tile(features: list[Feature], zoom: int, x: int, y: int) -> bytes:
    """One tile; empty: there is nothing in it."""
    box = shapely.box(-BUFFER, -BUFFER, EXTENT + BUFFER, EXTENT + BUFFER)
    names: list[str] = []
    values: list[Any] = []
    drawn = b""
    for id_, properties, polygon in features:
        there = shapely.transform(
            shapely.transform(polygon, mercator(zoom)),
            lambda at: at - [x * EXTENT, y * EXTENT],
        )
        some = shapely.set_precision(there.intersection(box), 1)
        polygons = [one for one in shapely.get_parts(some) if one.geom_type == "Polygon"]
        polygons = [one for one in polygons if not one.is_empty]
        if not polygons:
            continue
        tags = []
        for name, one in properties.items():
            if name not in names:
                names.append(name)
            values.append(one)
            tags += [names.index(name), len(values) - 1]
        body = b"" if id_ is None else part(1, id_)
        body += part(2, b"".join(map(varint, tags))) + part(3, 3) + part(4, commands(polygons))
        drawn += part(2, body)
    if not drawn:
        return b""
    keys = b"".join(part(3, name.encode()) for name in names)
    told = b"".join(part(4, value(one)) for one in values)
    return part(3, part(15, 2) + part(1, b"mesh") + drawn + keys + told + part(5, EXTENT))


def archive(
    features: list[Feature], zooms: tuple[int, ...] = (6, 8, 10), *, how: str = "gzip",
    kind: TileType = TileType.MVT, extra: dict[tuple[int, int, int], bytes] | None = None,
) -> bytes:  # fmt: skip
    """A whole file, as the library of PMTiles' makers writes it."""
    pack = {"gzip": gzip.compress, "none": bytes, "zstd": zstandard.ZstdCompressor().compress}[how]
    tiles = {}
    for zoom in zooms:
        for _, _, polygon in features:
            west, south, east, north = shapely.transform(polygon, mercator(zoom)).bounds
            for x in range(int(west) // EXTENT - 1, int(east) // EXTENT + 2):
                for y in range(int(south) // EXTENT - 1, int(north) // EXTENT + 2):
                    body = tile(features, zoom, x, y)
                    if body:
                        tiles[zxy_to_tileid(zoom, x, y)] = pack(body)
    for (zoom, x, y), body in (extra or {}).items():
        tiles[zxy_to_tileid(zoom, x, y)] = body
    out = io.BytesIO()
    writer = Writer(out)
    for id_ in sorted(tiles):
        writer.write_tile(id_, tiles[id_])
    packed = {"gzip": Compression.GZIP, "none": Compression.NONE, "zstd": Compression.ZSTD}[how]
    writer.finalize(
        {"tile_type": kind, "tile_compression": packed, "min_zoom": zooms[0],
         "max_zoom": zooms[-1], "min_lon_e7": 0, "min_lat_e7": 0, "max_lon_e7": 0,
         "max_lat_e7": 0, "center_zoom": 0, "center_lon_e7": 0, "center_lat_e7": 0},
        {},
    )  # fmt: skip
    return out.getvalue()


def star(x: float, y: float, size: float, seed: int) -> Any:
    """A region of many corners, with a hole."""
    some = random.Random(seed)
    corners = [
        (x + size * r * math.cos(a / 20 * math.tau), y + size * r * math.sin(a / 20 * math.tau))
        for a in range(20)
        if (r := some.uniform(0.6, 1))
    ]
    return shapely.Polygon(
        corners, [shapely.box(x + size / 8, y, x + size / 4, y + size / 8).exterior]
    )


@pytest.mark.parametrize("how", ["gzip", "none", "zstd"])
@pytest.mark.parametrize("zooms", [(6, 8), (6, 10)])
def test_a_polygon_that_lies_in_many_tiles_is_whole_again(zooms: tuple[int, ...], how: str) -> None:
    around = star(-34.9, -8.05, 1.3, 7)
    found, others = tiled.features_of(
        archive([(3, {"codarea": "2611606"}, around)], zooms, how=how)
    )
    assert others == 0
    [one] = found
    assert (one["id"], one["properties"]) == (3, {"codarea": "2611606"})
    [rings] = one["geometry"]["coordinates"]
    whole = shapely.Polygon(rings[0], rings[1:])
    step = 360 / (EXTENT << zooms[-1])
    assert len(rings) == 2, "the hole is there, and no seam is one"
    assert whole.symmetric_difference(around).area < 12 * step * around.length / 2
    assert len(rings[0]) - 1 <= 20 + 2 * 20, "borders of tiles leave few corners"


def test_regions_that_share_a_border_are_each_whole_and_a_place_is_found_by_code_and_by_point() -> (
    None
):
    west = shapely.box(-36, -9, -34.87, -7)
    east = shapely.box(-34.87, -9, -34, -7)
    body = archive([(1, {"CD_MUN": 2611606}, west), (2, {"name": "Leste"}, east)], (5, 9))
    shapes, told = imported(body, [RECIFE, OLINDA])
    assert (told.by_code, told.by_point) == (["2611606"], ["olinda"])
    assert (told.unused, told.refused) == (0, 0)
    [[ring]] = shapes.shapes["2611606"]
    assert len(ring) // 2 - 1 == 4
    assert (ring[0] + 36 * PER_DEGREE) % PER_DEGREE in (0, 1.13 * PER_DEGREE)


@given(st.integers(0, (4**20 - 1) // 3))
def test_a_tiles_number_leads_where_its_makers_say(number: int) -> None:
    assert pmtiles.place_of(number) == tileid_to_zxy(number)


def test_no_deeper_zoom_is_read_than_is_of_use_and_not_too_many_tiles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = archive([(1, {"c": "2611606"}, shapely.box(-35, -9, -34, -8))], (4, 8, 12))
    assert {one.zoom for one in pmtiles.tiles_of(body)} == {8}
    monkeypatch.setattr(pmtiles, "MOST_TILES", 1)
    assert {one.zoom for one in pmtiles.tiles_of(body)} == {4}
    monkeypatch.setattr(pmtiles, "MOST_TILES", 0)
    with pytest.raises(AtalaiaError, match="at most 0 tiles; bring fewer places"):
        list(pmtiles.tiles_of(body))
    monkeypatch.undo()
    deep = archive([(1, {}, shapely.box(0, 0, 0.1, 0.1))], (12,))
    assert {one.zoom for one in pmtiles.tiles_of(deep)} == {12}, "where there is no other"


SQUARE: list[Feature] = [(1, {"c": "2611606"}, shapely.box(-35.2, -8.4, -34.6, -7.8))]


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (lambda whole: whole[:-10], "cut short: .* bytes; fetch it anew"),
        (lambda whole: whole[:60], "not a PMTiles file of version 3"),
        (lambda whole: whole[:7] + b"\x02" + whole[8:], "not a PMTiles file of version 3"),
        (lambda whole: whole[:127] + bytes(20) + whole[147:], "directories .* are damaged"),
        (lambda whole: whole[:97] + b"\x03" + whole[98:], "neither by gzip nor by zstd"),
        (lambda whole: archive(SQUARE, (6,), kind=TileType.PNG), "PNG and no polygons"),
        (lambda whole: archive(SQUARE, (6,), kind=TileType.WEBP), "WebP and no polygons"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_next_step(
    broken: Callable[[bytes], bytes], why: str
) -> None:
    with pytest.raises(AtalaiaError, match=why):
        imported(broken(archive(SQUARE, (6,))), [RECIFE])


BOMB = gzip.compress(bytes(64 << 20), 9)


LAYER = part(1, b"x")
TILES = {
    "nothing": b"",
    "a bomb": BOMB,
    "no message": gzip.compress(b"\xff" * 30),
    "an extent of no tile": gzip.compress(part(3, LAYER + part(5, 1 << 40))),
    "a layer without a name": gzip.compress(part(3, b"")),
    "a name that is a number": gzip.compress(part(3, part(1, 7) + part(2, part(3, 3)))),
    "tags of nothing": gzip.compress(part(3, LAYER + part(2, part(2, b"\x09\x09") + part(3, 3)))),
    "a ring that ends early": gzip.compress(
        part(3, LAYER + part(2, part(3, 3) + part(4, b"\xfa\xff\xff\x7f")))
    ),
    "no number": gzip.compress(part(3, LAYER + part(2, part(3, 3) + part(4, b"\x80" * 40)))),
}


@pytest.mark.parametrize("body", TILES.values(), ids=TILES)
def test_a_tile_that_is_none_costs_itself_alone(body: bytes) -> None:
    shapes, told = imported(archive(SQUARE, (8,), extra={(8, 0, 0): body}), [RECIFE])
    assert list(shapes.shapes) == ["2611606"]
    assert told.refused == 1


def test_a_directory_that_unpacks_to_too_much_is_not_unpacked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = archive(SQUARE, (8,))
    root = len(whole).to_bytes(8, "little") + len(BOMB).to_bytes(8, "little")
    with pytest.raises(AtalaiaError, match=r"directories .* are damaged"):
        imported(whole[:8] + root + whole[24:] + BOMB, [RECIFE])
    monkeypatch.setattr(pmtiles, "MOST_UNPACKED", 100)
    with pytest.raises(AtalaiaError, match="MB unpacked; bring fewer places"):
        imported(whole, [RECIFE])


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_whatever_byte_is_wrong_a_file_is_read_or_refused(at: int, byte: int) -> None:
    at %= len(WHOLE)
    with suppress(AtalaiaError):
        shapes, told = imported(WHOLE[:at] + bytes([byte]) + WHOLE[at + 1 :], [RECIFE])
        assert set(shapes.shapes) == {*told.by_code, *told.by_point}


WHOLE = archive(SQUARE, (7,))


def test_points_are_no_polygons_and_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = part(3, part(1, b"labels") + part(2, part(3, 1) + part(4, b"\x09\x02\x02")))
    only = archive([], (8,), extra={(8, 0, 0): gzip.compress(point)})
    assert tiled.features_of(only) == ([], 1)
    monkeypatch.chdir(tmp_path)
    Path("points.pmtiles").write_bytes(only)
    answer = here("map", "import", "points.pmtiles", "--home", "home")
    assert answer.returncode == 1
    assert "nothing was changed" in answer.stderr


def test_without_shapely_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shapely", None)
    with pytest.raises(AtalaiaError, match=r"pip install 'atalaia\[map\]'"):
        imported(WHOLE, [RECIFE])


def test_the_command_imports_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mesh.pmtiles").write_bytes(archive(SQUARE, (8,)))
    answer = here("map", "import", "mesh.pmtiles", "--home", "home", "--language", "en")
    assert "Places with a polygon: 1; by code: 1" in answer.stdout
    assert (Path("home") / FILE).is_file()


def test_many_lines_of_one_step_are_one_ring() -> None:
    n = 50_000
    drawn = varint(1 << 3 | 1) + varint(0) * 2 + (varint(1 << 3 | 2) + varint(2) * 2) * n
    body = part(1, b"a") + part(2, part(3, 3) + part(4, drawn + varint(1 << 3 | 7)))
    [found] = mvt.features(part(3, body))
    assert found.rings is not None
    assert [ring[-1].tolist() for ring in found.rings] == [[n, n]]


def test_what_bursts_when_it_is_unpacked_is_counted_as_what_it_was() -> None:
    bomb = gzip.compress(bytes(pmtiles._MOST_TILE + 1))
    for damaged in (bomb, bomb[:-8] + bytes(8), bomb[:-100]):
        with pytest.raises(pmtiles._Unreadable) as refused:
            pmtiles._unpacked(damaged, pmtiles._GZIP, pmtiles._MOST_TILE)
        assert refused.value.unpacked > pmtiles._MOST_TILE // 2
