"""A replay reads its own payloads once; live ones of the same rows would be judged alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from atalaia.batch import archive, refine_steps
from atalaia.batch.refine import rebuild
from atalaia.domain.decoded import Decoded
from atalaia.domain.payload import Payload
from atalaia.domain.place import Place, Places
from atalaia.domain.reading import Readings
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.replay import readings as replays
from atalaia.replay.rows import payload_of, read_again, reading_of
from atalaia.rules import load
from atalaia.sources import by_time, decode_all, readings_csv
from atalaia.sources.recorded import read_files
from traced import most_held

PLACES = Places(
    Place(id=name, name=name, latitude=-8.0 - i, longitude=-34.9, timezone="America/Recife")
    for i, name in enumerate(("recife", "olinda", "jaboatão"))
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[EmbeddedHome]:
    with open_home(tmp_path / "home") as home:
        yield home


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    return write(tmp_path / "readings.csv", 4500)


def write(file: Path, rows: int) -> Path:
    """Two sources, three kinds, holes, and rows of one instant."""
    chance = np.random.default_rng(7)
    lines = ["place_id,valid_at,issued_at,period_s,kind,source,rain_mm,wind_gust_m_s,uv_index"]
    for i in range(rows):
        place = ("recife", "olinda", "jaboatão")[i % 3]
        day, minute = divmod(i // 3 * 20, 1440)
        at = f"2024-05-{1 + day:02d}T{minute // 60:02d}:{minute % 60:02d}:00Z"
        kind = ("observed", "observed", "analysis", "forecast")[int(chance.integers(4))]
        issued = at if kind == "forecast" else ""
        rain, gust, uv = (
            "" if chance.random() < 0.2 else f"{most * chance.random() ** 4:.1f}"
            for most in (40, 40, 11)
        )
        source = ("gauge", "model")[kind != "observed"]
        lines.append(f"{place},{at},{issued},1200,{kind},{source},{rain},{gust},{uv}")
    file.write_text("\n".join(lines) + "\n")
    return file


def told(rows: Readings) -> list[tuple[object, ...]]:
    """Every row in words, so that numbers given to sources do not count."""
    columns = {name: rows.value(name).round(6).tolist() for name in sorted(rows.values)}
    return sorted(
        (rows.sources[s], *map(str, rest))
        for s, *rest in zip(
            rows.source.tolist(),
            *(getattr(rows, n).tolist() for n in ("place", "kind", "valid_at", "issued_at")),
            *(getattr(rows, n).tolist() for n in ("known_at", "period_s")),
            *columns.values(),
            strict=True,
        )
    )


@pytest.mark.parametrize("wanted", [None, frozenset({"rain_mm", "wind_gust_m_s"})])
def test_what_is_judged_is_what_a_decoder_makes_of_the_payloads(
    recorded: Path, wanted: frozenset[str] | None
) -> None:
    rows = read_files([recorded], PLACES).readings.in_order()
    parts = {int(part.known_at[-1]): part for part in rows.between_instants(1000)}
    assert len(parts) > 3
    payloads = [payload_of(at, part, PLACES) for at, part in parts.items()]
    ours = reading_of(parts)(payloads, wanted)
    theirs = decode_all(PLACES)(payloads, wanted)
    assert (ours.rejects, theirs.rejects) == ([], [])
    assert told(ours.readings) == told(theirs.readings)
    assert len(ours.readings) == len(rows)


def gold_of(home: EmbeddedHome) -> dict[str, bytes]:
    return {key: home.lake.read(key) for key in home.lake.keys("gold/")}


@pytest.mark.parametrize(("rows", "step"), [(1300, 250_000), (4500, 700)])
def test_gold_is_what_reading_its_raw_again_makes_of_it(
    home: EmbeddedHome, tmp_path: Path, rows: int, step: int
) -> None:
    with patch.object(refine_steps, "STEP_ROWS", step):
        replays.replay(home, PLACES, [write(tmp_path / "readings.csv", rows)], load("inmet"))
    gold = gold_of(home)
    assert len(gold) > 5
    rebuild(home.state, home.lake, decode_all(PLACES), PLACES)
    assert gold_of(home) == gold


def test_bodies_are_read_again_where_their_rows_are_not_at_hand(recorded: Path) -> None:
    rows = read_files([recorded], PLACES).readings.in_order()
    parts = list(rows.between_instants(300))
    payloads = [payload_of(int(part.known_at[-1]), part, PLACES) for part in parts]
    read: list[int] = []

    def otherwise(some: Sequence[Payload], wanted: frozenset[str] | None) -> Decoded:
        read.extend(payload.received_at for payload in some)
        return decode_all(PLACES)(some, wanted)

    decode = read_again(iter(parts), otherwise)
    for first, last in ((2, 3), (3, 7), (1, 2), (7, 9), (8, 10)):
        ours = decode(payloads[first:last], None)
        assert told(ours.readings) == told(Readings.concat(parts[first:last]))
    assert read == [payload.received_at for i in (1, 8, 9) for payload in payloads[i : i + 1]]


def test_a_replay_that_keeps_nothing_tells_the_same(home: EmbeddedHome, tmp_path: Path) -> None:
    rules = load("inmet")
    recorded = write(tmp_path / "readings.csv", 1300)
    with open_home(tmp_path / "other") as other:
        passing = replays.replay(other, PLACES, [recorded], rules, is_kept=False)
        assert other.lake.keys("") == []
    kept = replays.replay(home, PLACES, [recorded], rules)
    assert passing.entries == kept.entries
    assert len(kept.entries) > 5
    assert any(key.startswith("gold/readings/") for key in home.lake.keys(""))


@pytest.mark.parametrize("is_kept", [False, True])
def test_memory_does_not_grow_with_the_record(tmp_path: Path, *, is_kept: bool) -> None:
    rules = load("basic")

    def most(rows: int) -> int:
        """Bytes of Python's own that a replay of so many dry rows held at most."""
        file = tmp_path / f"{rows}.csv"
        moments = np.datetime64("2015-01-01T00:00") + 15 * np.arange(rows).astype("m8[m]")
        lines = [f"recife,{at}:00Z,900,observed,0.0" for at in moments.astype(str)]
        file.write_text("\n".join(["place_id,valid_at,period_s,kind,rain_mm", *lines, ""]))
        del lines, moments
        with open_home(tmp_path / f"home{rows}") as home:
            return most_held(lambda: replays.replay(home, PLACES, [file], rules, is_kept=is_kept))

    with (
        patch.object(readings_csv, "_PART_BYTES", 20_000),
        patch.object(by_time, "_AT_ONCE", 1_000),
        patch.object(by_time, "_IN_MEMORY", 50_000),
        patch.object(replays, "_PART", 1_000),
        patch.object(archive, "STEP_BYTES", 100_000),
        patch.object(refine_steps, "STEP_ROWS", 2_000),
    ):
        most(2_000)  # what is loaded and kept at hand by the first
        assert most(40_000) < 1.5 * most(8_000)
