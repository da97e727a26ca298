"""What is done to a running watch, one function a fault; each returns what else did not hold."""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from atalaia.batch.archive import archive
from atalaia.homes.embedded import open_home
from forks import Control, Forked, Forks
from service import Service
from storm import RULES, Row, Storm, kept_in

UP_AGAIN_S = 35.0
TOLD_S = 35.0
"""So soon everybody is told, but for the time in which the watch was killed and not up again: how
long that lasts has a limit of its own, and no letter goes meanwhile, however often it happens."""

MOST_BYTES = 400_000_000
"""What the watch may take while its sources answer 10 MB."""

KILLED_AGAIN = 0.2
"""So many of its starts do not come to their end."""

_STARTING_S = 1.5
_COMMAND_S = 120.0
_CONTROLS = 5


class World:
    """A watch, what is around it, and what it is broken by. Use it in an ``async with`` block.

    home  where its home is; in the folder unless given
    more  settings as environment variables
    slow  how many times as long all may take, as others use the machine
    until  monotonic seconds after which nothing more is done
    done   how often the fault of now was done
    """

    def __init__(
        self,
        folder: Path,
        forks: Forks,
        chance: random.Random,
        *,
        places: int = 20,
        slow: float = 1.0,
        until: float = float("inf"),
        home: Path | None = None,
        more: dict[str, str] | None = None,
    ) -> None:
        (folder / "chaos.toml").write_text(RULES)
        self.folder = folder
        self.forks = forks
        self.chance = chance
        self.slow = slow
        self.until = until
        self.done = 0
        self.control = Control(folder / "control")
        settings = {
            "ATALAIA_RULES": str(folder / "chaos.toml"),
            "ATALAIA_LANGUAGE": "en",
            "ATALAIA_CHANNELS_WEBHOOK_ALLOW": "127.0.0.0/8",
            "CHAOS_CONTROL": str(self.control.file),
            **(more or {}),
        }
        self.service = Service(folder, places=places, more=settings, forks=forks, home=home)
        self.storm = Storm(self.service, chance)
        self.slowest_start_s = 0.0

    async def __aenter__(self) -> World:
        await asyncio.to_thread(self.service.start)
        await self.storm.__aenter__()
        try:
            await self.storm.open()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *of: object) -> None:
        await self.storm.__aexit__(*of)
        await asyncio.to_thread(self.service.stop)

    @asynccontextmanager
    async def disturbed(self) -> AsyncIterator[None]:
        """What is under way meanwhile may have to be told again."""
        self.storm.disturb()
        try:
            yield
        finally:
            self.storm.still()

    async def start(self) -> None:
        """Start it again."""
        took_s = await asyncio.to_thread(self.service.start)
        self.storm.up()
        self.slowest_start_s = max(self.slowest_start_s, took_s)

    async def restart(self) -> None:
        """``kill -9``, and start it again; by lot it is killed while it starts, too."""
        self.kill()
        while self.chance.random() < KILLED_AGAIN:
            self.service.begin()
            await self.some(_STARTING_S)
            self.kill()
        await self.start()

    def kill(self) -> None:
        """``kill -9``."""
        self.service.kill()
        self.storm.killed()

    def times(self, most: int) -> Iterator[int]:
        """So often, unless the time is over before; once in any case."""
        self.done = 0
        while self.done < most and (not self.done or time.monotonic() < self.until):
            yield self.done
            self.done += 1

    async def some(self, most_s: float) -> None:
        """Let it run for so long at most."""
        await asyncio.sleep(self.chance.random() * most_s)

    async def command(self, *words: str, port: int | None = None) -> tuple[int, str]:
        """Do a command of ours about this watch: its exit code, and what it said."""
        log = self.folder / "command.log"
        log.write_bytes(b"")
        env = self.service.environment()
        env.pop("CHAOS_DISK", None)
        if port is not None:
            env["ATALAIA_API_PORT"] = str(port)
        with log.open("ab") as file:
            process = self.forks.start(words, env, self.folder, file)
        await asyncio.to_thread(_waited, process)
        return process.poll() or 0, log.read_text("utf-8", "replace")


def _waited(process: Forked) -> None:
    try:
        process.wait(_COMMAND_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)


Do = Callable[[World, int], Awaitable[Sequence[str]]]


class Fault(NamedTuple):
    """A named scenario.

    do       does it so often
    most_s   within so many seconds everybody is told; see `TOLD_S`
    """

    name: str
    do: Do
    most_s: float = TOLD_S


async def suffer(world: World, fault: Fault, times: int) -> Row:
    """Do it while the stations push; let the stories end; judge."""
    world.slowest_start_s = 0.0
    world.done = times
    world.storm.blow()
    await asyncio.sleep(0.3)
    notes = [*await fault.do(world, times)]
    if not await world.storm.calm(150.0 * world.slow):
        notes.append("some stories did not come to their end")
    row = world.storm.judge(fault.name, world.done, notes)
    if world.slowest_start_s > UP_AGAIN_S * world.slow:
        row.notes.append(f"up again after {world.slowest_start_s:.1f} s")
    if row.gap_up_s > fault.most_s * world.slow:
        row.notes.append(f"told after {row.gap_up_s:.1f} s while up; at most {fault.most_s:g}")
    return row


# Processes


async def killed(world: World, times: int) -> Sequence[str]:
    """``kill -9`` at a random moment."""
    for _ in world.times(times):
        await world.some(0.6)
        await world.restart()
    return []


async def frozen(world: World, times: int) -> Sequence[str]:
    """SIGSTOP at a random moment, for a while."""
    for _ in world.times(times):
        await world.some(0.6)
        world.service.signal(signal.SIGSTOP)
        await world.some(1.5)
        world.service.signal(signal.SIGCONT)
    return []


async def two_processes(world: World, times: int) -> Sequence[str]:
    """A second watch of the same home: it is refused, by name and number."""
    for _ in world.times(times):
        code, said = await world.command("run", port=0)
        if not code or f"is in use by process {world.service.pid}" not in said:
            return [f"a second watch ended with {code}, and said: {said[-300:]}"]
    return []


async def short_of_memory(world: World, times: int) -> Sequence[str]:
    """No more memory than it has, and a little, for a second; where it dies it is started again."""
    if sys.platform != "linux":
        return ["memory is limited on Linux alone"]
    for _ in world.times(times):
        await world.some(0.4)
        async with world.disturbed():
            data = _status(world.service.pid, "VmData")
            with suppress(ProcessLookupError):
                before = resource.prlimit(world.service.pid, resource.RLIMIT_DATA)
                more = world.chance.choice([0, 1, 4, 16]) << 20
                resource.prlimit(world.service.pid, resource.RLIMIT_DATA, (data + more, before[1]))
                await asyncio.sleep(1.0)
                resource.prlimit(world.service.pid, resource.RLIMIT_DATA, before)
            if not await asyncio.to_thread(_is_well, world.service):
                await world.restart()
    return []


def _status(pid: int, name: str) -> int:
    """Bytes of a line of /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    found = dict(line.split(":", 1) for line in lines)[name]
    return int(found.split()[0]) * 1024


def _is_well(service: Service) -> bool:
    """Whether it runs, and says so within some seconds."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if service.process is None or service.process.poll() is not None:
            return False
        if service.is_ready():
            return True
        time.sleep(0.1)
    return False


# Providers


async def rude_providers(world: World, times: int) -> Sequence[str]:
    """Sources that answer in each of `rude.WAYS`; with each start all are asked again."""
    most = 0
    for _ in world.times(times):
        await asyncio.sleep(2.0)
        most = max(most, _status(world.service.pid, "VmRSS"))
        await world.restart()
    await asyncio.sleep(2.0)
    log = (world.folder / "log").read_text("utf-8", "replace")
    wrong = [line[:200] for line in log.splitlines() if "fault in" in line or "Traceback" in line]
    if most > MOST_BYTES:
        wrong.append(f"{most >> 20} MB of memory")
    return wrong[:3]


# Clocks


async def clock_back(world: World, times: int) -> Sequence[str]:
    """Ten minutes back, and right again, and killed in between."""
    return await _clock(world, times, -600.0)


async def clock_forward(world: World, times: int) -> Sequence[str]:
    """An hour forward, and right again, and killed in between."""
    return await _clock(world, times, 3600.0)


async def _clock(world: World, times: int, by_s: float) -> Sequence[str]:
    for _ in world.times(times):
        await world.some(0.6)
        world.control.set(by_s)
        await asyncio.sleep(1.0)
        await world.some(1.0)
        if not world.service.is_ready():
            return [f"not ready when the clock was set by {by_s:g} s"]
        world.kill()
        world.control.set()
        await world.start()
    return []


# People's servers


async def hanging_targets(world: World, times: int) -> Sequence[str]:
    """So many others at the first places whose servers take a letter and never answer."""
    await asyncio.gather(*(world.storm.subscribe(n % 4, f"hang/{n}") for n in range(times)))
    await asyncio.sleep(3.0)
    return []


# Disks


async def disk_full(world: World, times: int) -> Sequence[str]:
    """The disk of the home full to the last page, and room again."""
    filler = world.service.home.parent / "filler"
    for _ in world.times(times):
        await world.some(0.6)
        async with world.disturbed():
            _fill(filler)
            await asyncio.sleep(1.0)
            is_told = not world.service.is_ready()
            filler.unlink()
            if not is_told:
                return ["/readyz was 200 while the disk was full"]
    return []


def _fill(filler: Path) -> None:
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1 << 9):
            with suppress(OSError):
                while file.write(bytes(size)):
                    pass


async def read_only(world: World, times: int) -> Sequence[str]:
    """The store's disk takes nothing, for a while; where it is told so late, it is killed then."""
    for _ in world.times(times):
        await world.some(0.6)
        async with world.disturbed():
            world.control.set(is_read_only=True)
            await asyncio.sleep(1.0)
            is_told = not world.service.is_ready()
            if world.chance.random() < 0.3:
                world.kill()
                world.control.set()
                await world.start()
            world.control.set()
            if not is_told:
                return ["/readyz was 200 while nothing could be written"]
    return []


# Files


async def damaged_lake(world: World, times: int) -> Sequence[str]:
    """A part of RAW torn, and the last page of a file of GOLD overwritten: `atalaia refine` makes
    both again, and GOLD has every reading that was acknowledged before."""
    wrong: list[str] = []
    for _ in world.times(times):
        wrong += await _refined(world)
        lake = world.service.home / "lake"
        for file in _one_of(world, lake / "raw" / "payloads", ".zst"):
            os.truncate(file, file.stat().st_size // 2)
        for file in _one_of(world, lake / "gold" / "readings", ".parquet"):
            _overwrite_end(file, 200)
        await world.some(1.0)
        before = world.storm.acknowledged()
        wrong += await _refined(world)
        code, said = await world.command(
            "sql", "--json", "SELECT pressure_hpa FROM readings WHERE pressure_hpa IS NOT NULL"
        )
        if code:
            return [*wrong, f"sql ended with {code}: {said[-300:]}"]
        there = {f"{row['pressure_hpa']:.4f}" for row in map(json.loads, said.splitlines())}
        lost = [name for name in before if f"{float(name):.4f}" not in there]
        if lost:
            wrong.append(f"{len(lost)} acknowledged readings are not in GOLD: {lost[:3]}")
    return wrong


async def _refined(world: World) -> list[str]:
    await asyncio.to_thread(_archived, world.service.home)
    code, said = await world.command("refine")
    return [f"refine ended with {code}: {said[-300:]}"] if code else []


def _archived(home: Path) -> None:
    """What the watch does every few minutes."""
    with open_home(home, exclusive=False) as opened:
        archive(opened.stream, opened.state, opened.lake, opened.outbox)


def _one_of(world: World, folder: Path, suffix: str) -> list[Path]:
    found = sorted(folder.rglob(f"*{suffix}"))
    return [world.chance.choice(found)] if found else []


def _overwrite_end(file: Path, n: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(-min(n, file.stat().st_size), os.SEEK_END)
        opened.write(os.urandom(n))


async def backed_up(world: World, times: int) -> Sequence[str]:
    """`atalaia backup` while it takes load; what was acknowledged before it is in what
    `atalaia restore` makes of it."""
    wrong: list[str] = []
    for i in world.times(times):
        await world.some(0.6)
        before = world.storm.acknowledged()
        to = world.folder / "copies" / f"{i}"
        home = world.folder / f"restored-{i}"
        for words in (
            ("backup", str(to / "home"), "--keys", str(to / "keys")),
            ("restore", str(to / "home"), "--home", str(home)),
        ):
            if words[0] == "restore":
                [keys] = (to / "keys").iterdir()
                shutil.copytree(keys, home.with_name(home.name + ".keys"))
            code, said = await world.command(*words)
            if code:
                return [*wrong, f"{words[0]} ended with {code}: {said[-300:]}"]
        kept, _ = kept_in(home)
        lost = [name for name, row in before.items() if kept.get(name) != row]
        if lost:
            wrong.append(f"{len(lost)} acknowledged readings are not in the restored home")
    return wrong


async def store_damaged(world: World, times: int) -> Sequence[str]:
    """The last page of the store overwritten: it is told, and the copy takes its place."""
    wrong: list[str] = []
    for i in world.times(times):
        if not await world.storm.calm(150.0 * world.slow):
            return ["some stories did not come to their end"]
        to = world.folder / "last" / f"{i}"
        code, said = await world.command("backup", str(to))
        if code:
            return [*wrong, f"backup ended with {code}: {said[-300:]}"]
        world.service.stop()
        home = world.service.home
        _overwrite_end(home / "atalaia.sqlite3", 4096)
        code, said = await world.command("doctor")
        if not code or "store" not in said:
            wrong.append(f"doctor ended with {code}, and said: {said[-300:]}")
        home.rename(home.with_name(f"damaged-{i}"))
        code, said = await world.command("restore", str(to), "--home", str(home))
        if code:
            return [*wrong, f"restore ended with {code}: {said[-300:]}"]
        await world.start()
        world.storm.blow()
        await asyncio.sleep(1.0)
    return wrong


async def power_lost(world: World, times: int) -> Sequence[str]:
    """What was not synced is gone, but for some sectors of it (`held_disk`)."""
    return await killed(world, times)


async def control_of_power(world: World) -> tuple[int, int]:
    """Power lost to a watch that does not sync what it commits: acknowledged readings, and how many
    of them are lost. Without any the disk would forget nothing, and the row above say nothing. A
    checkpoint of the store's log is synced even so, and who is killed right behind one loses
    nothing: it is done until something is lost.
    """
    for _ in range(_CONTROLS):
        world.storm.blow()
        await asyncio.sleep(1.0)
        await world.some(4.0)
        world.service.kill()
        pushed, lost = await world.storm.let_go()
        if lost:
            break
        await world.start()
    return pushed, lost
