"""Writes docs/promises.md: each promise, what attacks it, and the figure that this printed last.

    python tools/promises.py            # from build/reports, which make chaos, load and wear write
    python tools/promises.py --check    # is all but the figures as it is written here?

A report that is not there, or has not all rows (`bench/chaos.py --only`), leaves its figures as
they stand in the page.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "promises.md"
REPORTS = ROOT / "build" / "reports"

HEAD = """# Promises

What must hold, and what attacks it. A figure is what the command printed last, on two cores that
others used, too; a test without one says yes or no. `make chaos`, `make load` and `make wear` write
reports, and `make promises` this page of them.
"""

Report = Mapping[str, Any]
Figure = Callable[[Report], str]


class Promise(NamedTuple):
    """A row. `figure` is made of the report of this name; without one, `said` stands there."""

    what: str
    attacked_by: str
    report: str = ""
    figure: Figure | None = None
    said: str = ""


def _row(report: Report, name: str) -> Mapping[str, Any]:
    found = [row for row in report["rows"] if row["fault"].startswith(name)]
    if not found:
        raise LookupError(f"the report has no row {name!r}")
    return found[0]


def _fault(*names: str) -> Figure:
    """Of these rows: how often, how many readings, what was wrong, and the worst gap."""

    def figure(report: Report) -> str:
        rows = [_row(report, name) for name in names]
        wrong = sum(r["lost"] + r["altered"] + r["doubled"] + r["told_twice"] for r in rows)
        times, pushed = sum(r["times"] for r in rows), sum(r["pushed"] for r in rows)
        gap_s, up_s = (max(row[name] for row in rows) for name in ("gap_s", "gap_up_s"))
        told = f"told within {gap_s:.1f} s, {up_s:.1f} s of them with the watch up"
        return f"{times:,} times, {pushed:,} readings, {wrong} wrong, {told}"

    return figure


def _control(report: Report) -> str:
    row = _row(report, "control")
    return f"{_fault('power lost')(report)}; control: {row['lost']} of {row['pushed']} lost"


def _lines(*names: str) -> Figure:
    def figure(report: Report) -> str:
        load = report["load"]
        of = f"{load['seconds']} s, {load['readings_a_second']:,}/s, {load['subscribers']:,} people"
        found = [f"{what}: {said}" for what, said, _ in report["lines"] if what.startswith(names)]
        return f"{of}, {load['busy']:.0f} processes on {load['cores']} cores: {'; '.join(found)}"

    return figure


def _wear(report: Report) -> str:
    return f"{report['bytes_a_reading']:,.0f} bytes, by `/proc/PID/io`"


CHAOS = "`make chaos`"
PROMISES = (
    Promise(
        "nothing acknowledged is lost or altered, no alert doubled, nobody told twice by `kill -9`",
        f"{CHAOS}, `make crash`, `tests/run/test_process.py`",
        "chaos",
        _fault("killed"),
    ),
    Promise("the same when it is frozen (SIGSTOP)", CHAOS, "chaos", _fault("frozen")),
    Promise("the same when the power is lost", CHAOS, "chaos", _control),
    Promise(
        "the same with no more memory",
        f"{CHAOS}, `tests/promises/test_wear.py`",
        "chaos",
        _fault("no more memory"),
    ),
    Promise(
        "the disk full or read-only, and back, loses nothing; a fault ends with its cause",
        f"{CHAOS}, `tests/promises/test_faults.py`, `tests/run/test_live.py`",
        "chaos",
        _fault("disk full", "read-only"),
    ),
    Promise(
        "the clock set back or forward stops neither polling nor what is told",
        f"{CHAOS}, `tests/promises/test_clock.py`",
        "chaos",
        _fault("clock back", "clock forward"),
    ),
    Promise(
        "sources that are slow, hang, reset, truncate, refuse or answer rubbish hold up nobody",
        f"{CHAOS}, `tests/promises/test_faults.py`",
        "chaos",
        _fault("sources in"),
    ),
    Promise(
        "others' lag is unchanged while 50 webhooks hang",
        f"{CHAOS}, `tests/promises/test_targets.py`",
        "chaos",
        _fault("50 webhooks"),
    ),
    Promise("one process a home; a second is refused", CHAOS, "chaos", _fault("two processes")),
    Promise(
        "a damaged file of the lake stops nothing, and is made again",
        f"{CHAOS}, `tests/promises/test_lake.py`",
        "chaos",
        _fault("torn RAW"),
    ),
    Promise(
        "what was acknowledged before a backup is in what is restored of it",
        f"{CHAOS}, `tests/people/test_backup.py`",
        "chaos",
        _fault("backup", "bad last page of the store"),
    ),
    Promise(
        "told within a second at 2,000 readings a second, in memory that does not grow",
        "`make load`",
        "load",
        _lines("acknowledged", "memory, last"),
    ),
    Promise("ten times as many are drained within 5 minutes", "`make load`", "load", _lines("ten")),
    Promise(
        "ready 5 s after its start, however many subscribe",
        "`make load`",
        "load",
        _lines("start", "memory once"),
    ),
    Promise(
        "no alert intent is doubled; on the wire only what was under way, by the same id",
        "`tests/acceptance/test_outbox_crash.py`, `make fuzz-delivery`",
    ),
    Promise(
        "steps that were held at a crash are lived again and come to the same",
        "`tests/promises/test_wear.py`",
        said="5 crash points",
    ),
    Promise(
        "a blind source is told once; rubbish with 200 is no sight",
        "`tests/promises/test_faults.py`, `tests/run/test_live.py`",
    ),
    Promise("a locked store stops neither API nor timers", "`tests/promises/test_loop.py`"),
    Promise(
        "a store that holds people does not start, and is not restored, without their keys",
        "`tests/people/test_keys.py`, `tests/people/test_backup.py`",
    ),
    Promise(
        "nothing is dropped before RAW has it",
        "`tests/promises/test_lake.py`, `tests/batch/test_upkeep.py`",
    ),
    Promise(
        "nothing is sent after it has expired; order a person and incident",
        "`tests/oracles/test_delivery.py`",
    ),
    Promise("duplicates and shuffles change nothing", "`tests/oracles`, `tests/detect`"),
    Promise("at most 2 kB are written a reading at 200 a second", "`make wear`", "wear", _wear),
    Promise(
        "a sign of life stops when any stage does",
        "`tests/promises/test_watchdog.py`",
        said="within 180 s",
    ),
    Promise(
        "it works as it is documented to be installed",
        "`sudo make installed`, `tests/promises/test_service.py`",
        said="1.1 by `systemd-analyze security`",
    ),
)


def page(reports: Mapping[str, Report], before: str) -> str:
    """The page of these reports, and of what it was."""
    known = dict(re.findall(r"^\| (.+?) \| .+? \| (.*?) ?\|$", before, re.MULTILINE))
    lines = [HEAD, "| promise | attacked by | last figure |", "|---|---|---|"]
    for one in PROMISES:
        figure = one.said or known.get(one.what, "")
        if one.figure is not None and one.report in reports:
            with suppress(LookupError):
                figure = one.figure(reports[one.report])
        lines.append(f"| {one.what} | {one.attacked_by} | {figure} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write it, or check it."""
    before = PAGE.read_text("utf-8") if PAGE.exists() else ""
    if "--check" in sys.argv:
        return int(page({}, before) != before)
    reports = {file.stem: json.loads(file.read_text("utf-8")) for file in REPORTS.glob("*.json")}
    PAGE.write_text(page(reports, before), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
