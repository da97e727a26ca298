"""BUFR: is the reader right, and how long does a message take? ecCodes is the oracle and the peer.

    pip install eccodes
    python bench/bench_bufr.py FILE_OR_FOLDER ...

Every message of every file is read by both. All values of all subsets must be the same; the first
differences are shown. Times are the median of several rounds over all messages, one core, in this
process; ecCodes is timed as one uses it for columns (`unpack`, then `numericValues`) and as one
reads it element by element (its iterator of keys).
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from atalaia.sources.bufr.observations import observe
from atalaia.sources.bufr.reader import BufrMessage, Damaged, Value, find, read

MISSING = -1e100
ROUNDS = 5


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("paths", nargs="+", type=Path)
    bodies = [
        found.body
        for path in arguments.parse_args().paths
        for file in (sorted(path.iterdir()) if path.is_dir() else [path])
        if file.is_file()
        for found in find(file.read_bytes())
        if found.body is not None
    ]
    memory = [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024]
    messages = {}
    for body in bodies:
        try:
            messages[body] = read(body)
        except Damaged as error:
            print(f"not read: {error}")
    timed("read", list(messages), read)
    timed("read, and made rows of", list(messages), lambda body: observe(read(body)))
    memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    print(f"memory after the bodies were loaded, and after all was read: {memory} MB")
    try:
        import eccodes  # noqa: PLC0415, F401
    except (ImportError, RuntimeError):
        sys.exit("the package eccodes is not here: pip install eccodes")
    compare(messages)
    timed("ecCodes, numericValues", list(messages), numeric_values)
    timed("ecCodes, iterator of keys", list(messages), told_by_eccodes)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"memory with ecCodes: {peak} MB")


def timed(name: str, bodies: list[bytes], work: Callable[[bytes], object]) -> None:
    took = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for body in bodies:
            work(body)
        took.append(time.perf_counter() - start)
    small = min(bodies, key=lambda body: abs(len(body) - 260))
    start = time.perf_counter()
    for _ in range(100):
        work(small)
    one = (time.perf_counter() - start) * 10
    whole = statistics.median(took)
    print(f"{name:28s} {len(bodies) / whole:8.0f} messages/s; one of {len(small)} B: {one:.3f} ms")


def compare(messages: dict[bytes, BufrMessage]) -> None:
    values = differ = 0
    for body, message in messages.items():
        ours = [
            (code, value)
            for subset in message.subsets
            for code, value in subset
            if code // 1000 != 31
        ]
        theirs = told_by_eccodes(body)
        values += len(theirs)
        if len(ours) != len(theirs):
            differ += 1
            print(f"{len(ours)} values for {len(theirs)}: {message.descriptors}")
            continue
        for mine, other in zip(ours, theirs, strict=True):
            if not same(mine, other):
                differ += 1
                print(f"{mine} for {other}")
    print(f"{values} values compared with ecCodes, {differ} differ")


def same(mine: tuple[int, Value], other: tuple[int, Value]) -> bool:
    a, b = mine[1], other[1]
    if mine[0] != other[0]:
        return False
    if isinstance(a, str) and isinstance(b, str):
        # ecCodes takes Latin-1 for UTF-8 and loses the letter.
        return a == b or ("\ufffd" in b and len(a) == len(b))
    if isinstance(a, int | float) and isinstance(b, int | float):
        return abs(a - b) <= 1e-9 * max(1.0, abs(b))
    return a is None and b is None


def numeric_values(body: bytes) -> object:
    import eccodes  # noqa: PLC0415

    handle = eccodes.codes_new_from_message(body)
    try:
        eccodes.codes_set(handle, "unpack", 1)
        return eccodes.codes_get_array(handle, "numericValues")
    finally:
        eccodes.codes_release(handle)


def told_by_eccodes(body: bytes) -> list[tuple[int, Value]]:
    """All elements of all subsets in order, without associated fields and factors."""
    import eccodes  # noqa: PLC0415

    handle = eccodes.codes_new_from_message(body)
    try:
        eccodes.codes_set(handle, "unpack", 1)
        n = eccodes.codes_get(handle, "numberOfSubsets")
        is_compressed = eccodes.codes_get(handle, "compressedData")
        keys = eccodes.codes_bufr_keys_iterator_new(handle)
        columns = []
        while eccodes.codes_bufr_keys_iterator_next(keys):
            key = eccodes.codes_bufr_keys_iterator_get_name(keys)
            if "#" not in key or "->" in key:
                continue
            code = int(eccodes.codes_get(handle, f"{key}->code"))
            if code // 1000 == 31 or code >= 200_000:
                continue
            columns.append((code, values_of(handle, key)))
        eccodes.codes_bufr_keys_iterator_delete(keys)
    finally:
        eccodes.codes_release(handle)
    if not is_compressed:
        return [(code, value) for code, values in columns for value in values]
    return [
        (code, values[i] if len(values) > 1 else values[0])
        for i in range(n)
        for code, values in columns
    ]


def values_of(handle: int, key: str) -> list[Value]:
    import eccodes  # noqa: PLC0415

    if eccodes.codes_get_native_type(handle, key) is str:
        # Asked as octets, a missing text is 255s; the package shows it as an empty one.
        return [
            None if not text else text.strip("\0 ")
            for text in eccodes.codes_get_array(handle, key, str)
        ]
    values = eccodes.codes_get_array(handle, key, float)
    return [None if value == MISSING else float(value) for value in values]


if __name__ == "__main__":
    main()
