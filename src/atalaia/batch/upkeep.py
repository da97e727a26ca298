"""What the running watch does every few minutes: archive, refine, learn the climate once a week,
and let old payloads go."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import structlog

from atalaia.batch.archive import ArchiveReport, archive
from atalaia.detect.watch import CONSUMER
from atalaia.lake import gold, raw
from atalaia.ports import Lake, Outbox, State, Stream

_MARKS = "archive-marks"
_MARK_EVERY_S = 3600
_GRACE_S = 2.0

log = structlog.get_logger()


def keep_house(
    stream: Stream, state: State, outbox: Outbox, lake: Lake, now: int, keep_s: int
) -> tuple[ArchiveReport, int]:
    """Archive what is new, and drop what is old; return the report and how many were dropped.

    A payload is dropped `keep_s` after it was archived, and only if GOLD holds it too.
    """
    report = archive(stream, state, lake, outbox)
    return report, _drop(stream, state, now, keep_s)


def _drop(stream: Stream, state: State, now: int, keep_s: int) -> int:
    """Drop up to the newest mark that is old enough.

    Marks are pairs (when, the archive's offset then), an hour or more apart: finding the offset
    by looking at the payloads would read all of them.
    """
    text = state.note(_MARKS)
    marks = msgspec.json.decode(text, type=list[tuple[int, int]]) if text else []
    archived = state.offset(raw.ARCHIVED)
    old = [offset for at, offset in marks if at <= now - keep_s]
    up_to = min(max(old, default=0), state.offset(CONSUMER), refined(state))
    dropped = stream.drop(up_to) if up_to else 0
    kept = [mark for mark in marks if mark[1] > up_to]
    if archived and (not marks or now - marks[-1][0] >= _MARK_EVERY_S):
        kept.append((now, archived))
    if kept != marks:
        state.set_note(_MARKS, msgspec.json.encode(kept).decode())
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
        raise
    if process.returncode:
        last = said.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it said nothing"]
        log.warning(f"{name} failed; it is tried again", code=process.returncode, reason=last[0])
