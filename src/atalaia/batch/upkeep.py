"""What the running watch does every few minutes: archive, refine, learn the climate once a week,
and let old payloads go."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from atalaia.batch.archive import ArchiveReport, archive
from atalaia.batch.mend import MENDED, mend_raw
from atalaia.batch.sweep import is_due as has_to_sweep
from atalaia.clock import Clock
from atalaia.detect.watch import CONSUMER
from atalaia.domain.norm_tables import Norms
from atalaia.errors import StateConflict
from atalaia.lake import gold, raw
from atalaia.lake.norms import digest, go_by_learnt, is_due, known, norms_of
from atalaia.logs import Logger
from atalaia.notes import Note
from atalaia.ports import Home, Lake, Outbox, State, Stream
from atalaia.settings import Settings

_MARK_EVERY_S = 3600
_GRACE_S = 2.0
_SILENT = {-signal.SIGKILL: "it was killed, as happens where memory runs out: give it more"}

log = Logger()


class Upkeep:
    """The loops of a running watch that nobody waits for. `parts` has them by name.

    refine, learn   the commands that refine, and learn the climate; run in processes of their own
    norms           those that the watch goes by
    on_norms        told of others, once they are learnt, by whomever
    """

    def __init__(
        self,
        home: Home,
        settings: Settings,
        clock: Clock,
        refine: Sequence[str],
        learn: Sequence[str],
        norms: Norms,
        on_norms: Callable[[Norms], None],
    ) -> None:
        self._home = home
        self._settings = settings
        self._clock = clock
        self._refine_command, self._learn_command = refine, learn
        self._norms = norms
        self._on_norms = on_norms
        self.climate = known(home.state).version
        self.archived = home.state.offset(raw.ARCHIVED)
        self.refused = gold.refused_rows(home.state)

    async def archive(self) -> None:
        """RAW, and what of the stream is old enough to go."""
        home, keep_s = self._home, self._settings.keep_s
        while True:
            await self._clock.sleep(self._settings.archive_interval_s)
            try:
                report, dropped = await asyncio.to_thread(
                    keep_house,
                    home.stream,
                    home.state,
                    home.outbox,
                    home.lake,
                    self._clock.second(),
                    keep_s,
                )
            except StateConflict as error:
                log.warning("archive failed; it is tried again", reason=str(error))
                continue
            self.archived += report.payloads
            if report.payloads or dropped:
                log.info("archived", payloads=report.payloads, files=report.files, dropped=dropped)

    async def refine(self) -> None:
        """GOLD; and the climate, where a rule goes by it."""
        while True:
            await self._clock.sleep(self._settings.refine_interval_s)
            if await asyncio.to_thread(self._has_to_refine):
                await self._refine()
            if go_by_learnt(self._settings.rules):
                await self._learn()

    def _has_to_refine(self) -> bool:
        """Whether there is anything new; or something to let go of, which `refine` does too."""
        state = self._home.state
        return has_to_refine(state, self._home.outbox) or has_to_sweep(state, self._clock.second())

    async def _refine(self) -> None:
        state = self._home.state
        before = await asyncio.to_thread(state.offset, MENDED)
        await do_beside("refine", self._refine_command)
        damaged = await asyncio.to_thread(state.offset, MENDED) - before
        if damaged:
            log.warning(
                "damaged files of the lake were set aside and made again; look at the disk",
                files=damaged,
            )
        self.refused = await asyncio.to_thread(gold.refused_rows, state)

    async def _learn(self) -> None:
        """Learn it once a week; and look whether it is another now, whoever learnt it."""
        state, rules = self._home.state, self._settings.rules
        if await asyncio.to_thread(is_due, state, rules, self._clock.second()):
            await do_beside("climate", self._learn_command)
        version = (await asyncio.to_thread(known, state)).version
        if version == self.climate:
            return
        lake, places = self._home.lake, self._settings.places
        norms = await asyncio.to_thread(norms_of, lake, rules, places)
        self.climate = version
        if digest(norms) != digest(self._norms):
            self._norms = norms
            self._on_norms(norms)


def keep_house(
    stream: Stream, state: State, outbox: Outbox, lake: Lake, now: int, keep_s: int
) -> tuple[ArchiveReport, int]:
    """Archive what is new, and drop what is old; return the report and how many were dropped.

    A payload is dropped `keep_s` after it was archived, and only if GOLD holds it too.
    """
    report = archive(stream, state, lake, outbox)
    return report, _drop(stream, state, lake, now, keep_s)


def _drop(stream: Stream, state: State, lake: Lake, now: int, keep_s: int) -> int:
    """Drop up to the newest mark that is old enough, once RAW is seen to have all of it.

    Marks are pairs (when, the archive's offset then), an hour or more apart: finding the offset
    by looking at the payloads would read all of them.
    """
    note = Note(state, "archive-marks", list[tuple[int, int]])
    marks = note.get() or []
    archived = state.offset(raw.ARCHIVED)
    old = [offset for at, offset in marks if at <= now - keep_s]
    up_to = min(max(old, default=0), state.offset(CONSUMER), refined(state))
    dropped = 0
    if up_to and (oldest := stream.read(0, 1)) and oldest[0].offset <= up_to:
        parts = lake.keys(raw.PAYLOADS)
        going = [key for key in parts if oldest[0].offset <= raw.first_of(key) <= up_to]
        mend_raw(state, lake, stream, going)
        dropped = stream.drop(up_to)
    kept = [mark for mark in marks if mark[1] > up_to]
    if archived and (not marks or now - marks[-1][0] >= _MARK_EVERY_S):
        kept.append((now, archived))
    if kept != marks:
        note.put(kept)
    return dropped


def refined(state: State) -> int:
    """The offset up to which GOLD holds all that is in RAW."""
    archived = state.offset(raw.ARCHIVED)
    waiting = [int(key.removeprefix(gold.UNREFINED)) for key in state.load(gold.UNREFINED)]
    return min(waiting, default=archived + 1) - 1


def has_to_refine(state: State, outbox: Outbox) -> bool:
    """Whether RAW, the alert log or the outbox holds what GOLD does not."""
    if state.load(gold.UNREFINED) or outbox.settled(state.offset(gold.DELIVERIES_REFINED), 1):
        return True
    return next(state.alerts(state.offset(gold.ALERTS_REFINED), limit=1), None) is not None


def command_of(name: str, home: Path, settings: Path | None) -> list[str]:
    """The command ``refine`` or ``climate`` for a home, in this interpreter."""
    command = [sys.executable, "-m", "atalaia", name, "--home", str(home)]
    return [*command, "--settings", str(settings)] if settings else command


async def do_beside(name: str, command: Sequence[str]) -> None:
    """Do batch work in a process of its own, so that its memory and locks are not the watch's.

    Cancelled, it ends that process: doing it again makes the same files.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the watch, which passes it on
    )
    _offer_to_the_killer(process.pid)
    try:
        _, said = await process.communicate()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _GRACE_S)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            # So that it is gone, and its pipe closed, before the loop is.
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _GRACE_S)
        raise
    if process.returncode:
        last = said.decode("utf-8", "replace").strip().splitlines()[-1:] or [
            _SILENT.get(process.returncode, "it said nothing")
        ]
        log.warning(f"{name} failed; it is tried again", code=process.returncode, reason=last[0])


def _offer_to_the_killer(process: int) -> None:
    """Where memory runs out the kernel takes this process, and not the watch. Linux alone."""
    with suppress(OSError):  # gone already, or another system
        Path(f"/proc/{process}/oom_score_adj").write_text("1000", "ascii")
