"""What is freed goes back to the machine."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from atalaia.memory import uncollected

KEEPS = """
import os, sys
from pathlib import Path
from atalaia.memory import give_back

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

if sys.argv[1] == "given back":
    give_back()
bytearray(16 << 20)  # freed at once: glibc now lays all that is smaller among what is small
before, large, small = resident(), [], []
for n in range(20):
    large.append(b"x" * (4 << 20))
    small.append(b"x" * 100_000)  # it stays
large.clear()
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's habit, told by Linux's /proc")
def test_what_was_large_and_is_freed_is_the_machines_again() -> None:
    def kept(how: str) -> int:
        ran = subprocess.run(
            [sys.executable, "-c", KEEPS, how], capture_output=True, text=True, check=True
        )
        return int(ran.stdout)

    assert kept("given back") < 4 << 20
    assert kept("as it is") > 40 << 20, "the control keeps it"


AGAIN = """
import resource, sys
from atalaia.memory import give_back

if sys.argv[1] == "given back":
    give_back()

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    columns = [bytes(100_000) for _ in range(40)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

for _ in range(3):
    last = faults()
print(last)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's habit")
def test_what_was_small_and_is_freed_is_at_hand_for_what_comes_next() -> None:
    def asked_anew(how: str) -> int:
        ran = subprocess.run(
            [sys.executable, "-c", AGAIN, how], capture_output=True, text=True, check=True
        )
        return int(ran.stdout)

    assert asked_anew("given back") < 100
    assert asked_anew("as it is") > 500, "the control asks for a thousand pages each time"


def test_nobody_looks_for_rings_of_garbage_meanwhile_and_then_again() -> None:
    assert gc.isenabled()
    with uncollected():
        assert not gc.isenabled()
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ValueError, match="broken"), uncollected():
        raise ValueError("broken")
    assert gc.isenabled()
