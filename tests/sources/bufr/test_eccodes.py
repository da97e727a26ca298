"""Messages made at random by ecCodes: whatever it writes must be read as it reads it itself.

Needs the package eccodes, which is no dependency: `pip install eccodes`.
"""

from __future__ import annotations

import importlib.util
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from atalaia.sources.bufr.reader import read

eccodes = pytest.importorskip("eccodes", reason="the package eccodes is not here")

TEMPLATES = [
    307079, 307080, 307086, 307091, 307092, 307096, 308009, 308010, 308011, 308012, 315008, 315009,
    309052, 309053, 309057, 311001, 311005, 311010, 307022, 307073, 307182, 310008, 310026, 304030,
]  # fmt: skip
ELEMENTS = [1011, 1015, 2001, 4025, 7030, 8021, 10004, 11002, 12101, 13003, 13011, 20001, 20003]


def peer() -> Any:
    bench = Path(__file__).resolve().parents[3] / "bench/bench_bufr.py"
    spec = importlib.util.spec_from_file_location("bench_bufr", bench)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def operated(chance: random.Random) -> list[int]:
    """A template of elements under operators and replications."""
    codes: list[int] = []
    for _ in range(chance.randint(1, 4)):
        body = [chance.choice(ELEMENTS) for _ in range(chance.randint(1, 4))]
        around = chance.choice(
            [
                ([], []),
                ([201000 + chance.randint(129, 136)], [201000]),
                ([202000 + chance.randint(127, 130)], [202000]),
                ([201132, 202129], [202000, 201000]),
                ([204000 + chance.randint(1, 9), 31021], [204000]),
                ([207000 + chance.randint(1, 2)], [207000]),
                ([208000 + chance.randint(1, 12)], [208000]),
                ([100_000 + len(body) * 1000 + chance.randint(1, 3)], []),
                ([100_000 + len(body) * 1000, chance.choice([31000, 31001, 31002])], []),
            ]
        )
        codes += [*around[0], *body, *around[1]]
    return codes


def written(codes: list[int], is_compressed: bool, n: int, chance: random.Random) -> bytes:
    handle = eccodes.codes_bufr_new_from_samples("BUFR4")
    try:
        eccodes.codes_set(handle, "masterTablesVersionNumber", 33)
        eccodes.codes_set(handle, "numberOfSubsets", n)
        eccodes.codes_set(handle, "compressedData", int(is_compressed))
        for size in ("", "Short", "Extended"):
            counts = [1 if size == "Short" else chance.randint(1, 3) for _ in range(60)]
            key = f"input{size}DelayedDescriptorReplicationFactor"
            eccodes.codes_set_array(handle, key, counts)
        eccodes.codes_set_array(handle, "unexpandedDescriptors", codes)
        for key in data_keys(handle):
            if chance.random() < 0.65:
                with suppress(eccodes.CodesInternalError):  # a value that it cannot hold
                    fill(handle, key, is_compressed, n, chance)
        eccodes.codes_set(handle, "pack", 1)
        whole: bytes = eccodes.codes_get_message(handle)
        return whole
    finally:
        eccodes.codes_release(handle)


def data_keys(handle: int) -> list[str]:
    keys, names = eccodes.codes_bufr_keys_iterator_new(handle), []
    while eccodes.codes_bufr_keys_iterator_next(keys):
        names.append(eccodes.codes_bufr_keys_iterator_get_name(keys))
    eccodes.codes_bufr_keys_iterator_delete(keys)
    return [name for name in names if "#" in name and "->" not in name]


def fill(handle: int, key: str, is_compressed: bool, n: int, chance: random.Random) -> None:
    code = int(eccodes.codes_get(handle, f"{key}->code"))
    if code // 1000 == 31 or code >= 200_000:
        return
    width = eccodes.codes_get(handle, f"{key}->width")
    if eccodes.codes_get_native_type(handle, key) is str:
        texts = [f"S{i}"[: width // 8] for i in range(n if is_compressed else 1)]
        eccodes.codes_set_array(handle, key, texts)
        return
    scale = eccodes.codes_get(handle, f"{key}->scale")
    reference = eccodes.codes_get(handle, f"{key}->reference")
    values = [
        (chance.randrange((1 << width) - 1) + reference) / 10.0**scale
        if chance.random() < 0.8
        else eccodes.CODES_MISSING_DOUBLE
        for _ in range(n if is_compressed else 1)
    ]
    eccodes.codes_set_double_array(handle, key, values)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("has_operators", [False, True])
def test_what_eccodes_writes_is_read_as_eccodes_reads_it(seed: int, has_operators: bool) -> None:
    chance, other = random.Random(seed), peer()
    compared = 0
    for _ in range(40):
        codes = operated(chance) if has_operators else [chance.choice(TEMPLATES)]
        for is_compressed, n in ((False, 1), (False, 3), (True, 4)):
            body = written(codes, is_compressed, n, chance)
            message = read(body)
            ours = [each for subset in message.subsets for each in subset if each[0] // 1000 != 31]
            theirs = other.told_by_eccodes(body)
            assert len(ours) == len(theirs), codes
            different = [pair for pair in zip(ours, theirs, strict=True) if not other.same(*pair)]
            assert different == [], codes
            compared += len(ours)
    assert compared > 1000
