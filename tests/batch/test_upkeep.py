"""What is done every few minutes: nothing is dropped that is not kept elsewhere, and batch work
beside the watch is told of when it fails, and ended when the watch ends."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from atalaia.batch.refine import refine
from atalaia.batch.upkeep import command_of, do_beside, has_to_refine, keep_house, refined
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.ports import Commit
from batch.helpers import DAY, HOUR, NOON, PLACES, answer, decode, row
from contracts.state_contract import entry
from patience import LIMIT_S, patient

KEEP_S = 7 * DAY


@pytest.fixture
def home(tmp_path: Path) -> Iterator[EmbeddedHome]:
    with open_home(tmp_path / "home") as home:
        yield home


def come(home: EmbeddedHome, n: int, at: int) -> None:
    home.stream.append([answer(at + i, row("poa", at + i, rain_mm=1.0)) for i in range(n)])


def lived(home: EmbeddedHome) -> None:
    home.state.commit(Commit("speed", home.stream.last_offset()))


def kept(home: EmbeddedHome, now: int) -> int:
    return keep_house(home.stream, home.state, home.outbox, home.lake, now, KEEP_S)[1]


def offsets(home: EmbeddedHome) -> list[int]:
    return [record.offset for record in home.stream.read(0, 999)]


def test_payloads_go_only_when_they_are_old_lived_archived_and_in_gold(home: EmbeddedHome) -> None:
    come(home, 3, NOON)
    assert kept(home, NOON) == 0
    assert kept(home, NOON + KEEP_S) == 0, "the watch has not lived through them"
    lived(home)
    assert kept(home, NOON + KEEP_S) == 0, "and GOLD does not hold them"
    assert refined(home.state) == 0
    refine(home.state, home.lake, decode, PLACES)
    assert refined(home.state) == 3
    come(home, 2, NOON + KEEP_S)
    assert kept(home, NOON + KEEP_S) == 3
    assert offsets(home) == [4, 5]


def test_what_came_later_stays_for_as_long_again(home: EmbeddedHome) -> None:
    for day in range(10):
        come(home, 2, NOON + day * DAY)
        lived(home)
        kept(home, NOON + day * DAY)
        refine(home.state, home.lake, decode, PLACES)
    assert kept(home, NOON + 10 * DAY) >= 0
    left = [record.payload.received_at for record in home.stream.read(0, 99)]
    assert left[0] >= NOON + 2 * DAY
    assert left[-1] == NOON + 9 * DAY + 1


def test_keeping_house_every_few_minutes_notes_a_mark_an_hour_at_most(home: EmbeddedHome) -> None:
    for i in range(100):
        come(home, 1, NOON + i * 300)
        lived(home)
        kept(home, NOON + i * 300)
    marks = home.state.note("archive-marks")
    assert marks is not None
    assert 8 <= marks.count("[") - 1 <= 10, marks


def test_an_empty_home_is_kept_without_a_word(home: EmbeddedHome) -> None:
    for now in (NOON, NOON + HOUR, NOON + 90 * DAY):
        assert kept(home, now) == 0
    assert not has_to_refine(home.state, home.outbox)
    assert refined(home.state) == 0


def test_there_is_something_to_refine_when_raw_or_the_alert_log_is_ahead(
    home: EmbeddedHome,
) -> None:
    come(home, 1, NOON)
    assert not has_to_refine(home.state, home.outbox), "it is not in RAW yet"
    kept(home, NOON)
    assert has_to_refine(home.state, home.outbox)
    refine(home.state, home.lake, decode, PLACES)
    assert not has_to_refine(home.state, home.outbox)
    home.state.commit(Commit("speed", 1, entries=[entry("i1")]))
    assert has_to_refine(home.state, home.outbox)
    refine(home.state, home.lake, decode, PLACES)
    assert not has_to_refine(home.state, home.outbox)


# Beside the watch


def test_the_command_is_this_pythons_own_with_the_home_and_its_settings() -> None:
    home, file = Path("/srv/home"), Path("/etc/atalaia.toml")
    plain = [sys.executable, "-m", "atalaia", "refine", "--home", "/srv/home"]
    assert command_of("refine", home, None) == plain
    assert command_of("refine", home, file) == [*plain, "--settings", "/etc/atalaia.toml"]


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def said_of(program: str) -> list[dict[str, object]]:
    with structlog.testing.capture_logs() as logs:
        asyncio.run(do_beside("refine", python(program)))
    return [dict(line) for line in logs]


def test_work_that_is_done_is_not_spoken_of() -> None:
    assert said_of("import sys; print('much'); print('more', file=sys.stderr)") == []


_KILLED = "it was killed, as happens where memory runs out: give it more"


@pytest.mark.parametrize(
    ("program", "code", "reason"),
    [
        ("import sys; print('first\\nlast words', file=sys.stderr); sys.exit(3)", 3, "last words"),
        ("import sys; sys.exit(1)", 1, "it said nothing"),
        ("import os, sys; sys.stderr.buffer.write(b'\\xff\\n'); sys.exit(1)", 1, "\ufffd"),
        ("import os; os.kill(os.getpid(), 9)", -9, _KILLED),
    ],
)
def test_work_that_failed_is_told_with_its_last_words(program: str, code: int, reason: str) -> None:
    (line,) = said_of(program)
    assert line["event"] == "refine failed; it is tried again"
    assert (line["code"], line["reason"]) == (code, reason)


@pytest.mark.parametrize("is_stubborn", [False, True])
def test_work_ends_with_the_watch_even_where_it_does_not_want_to(
    tmp_path: Path, is_stubborn: bool
) -> None:
    file = tmp_path / "pid"
    program = (
        "import os, signal, time\n"
        f"if {is_stubborn}: signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"open({str(file) + '.part'!r}, 'w').write(str(os.getpid()))\n"
        f"os.rename({str(file) + '.part'!r}, {str(file)!r})\n"
        "time.sleep(600)"
    )

    async def run() -> int:
        task = asyncio.create_task(do_beside("refine", python(program)))
        async with patient():
            while not file.exists():
                await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return int(file.read_text())

    pid = asyncio.run(run())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.skipif(not Path("/proc/self/oom_score_adj").exists(), reason="Linux alone")
def test_where_memory_runs_out_refine_goes_before_the_watch(tmp_path: Path) -> None:
    said = tmp_path / "score"
    program = (
        "import time\nfrom pathlib import Path\n"
        f"until = time.monotonic() + {LIMIT_S}\n"
        "while (score := Path('/proc/self/oom_score_adj').read_text()) != '1000\\n':\n"
        "    time.sleep(0.01)\n"
        "    assert time.monotonic() < until\n"
        f"Path({str(said)!r}).write_text(score)"
    )
    asyncio.run(do_beside("refine", [sys.executable, "-c", program]))
    assert said.read_text().strip() == "1000"
    assert int(Path("/proc/self/oom_score_adj").read_text()) < 1000
