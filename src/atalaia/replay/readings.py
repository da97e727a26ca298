"""Recorded readings through the same path as live ones, in event time and without a network.

    files → merged in time → stream → speed layer → alert log → the alerts file
                               └──► RAW → GOLD

All rows of all files are merged first, and cut into payloads at fixed places between instants.
So the same rows make the same payloads, offsets and alerts, however they were shuffled,
repeated or split over files; and a replay that was killed goes on where its home stands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np

from atalaia.detect.watch import CONSUMER, Watch
from atalaia.domain.alert import LogEntry, entry_line
from atalaia.domain.payload import Reject, by_reason
from atalaia.domain.place import Places
from atalaia.domain.reading import Bools, Readings
from atalaia.domain.rule import RuleSet
from atalaia.errors import AtalaiaError, StateConflict
from atalaia.lake.norms import digest, norms_of
from atalaia.lake.places import note_places
from atalaia.ports import Commit, Home
from atalaia.replay.rows import payload_of, read_again, reading_of
from atalaia.sources.recorded import read_by_time

REPLAY = "replay"
"""The note of a home that a replay has made, and that no live watch goes on in."""

_NORMS = "replay-norms"
"""The note of a replay's home with the digest of the norms that it began with."""

_APPENDED_AT_ONCE = 4
"""Payloads that are lived through in one step, and are on disk together."""

_PART = 20_000
"""Rows of a payload at most."""

_PARTS = 50
"""Payloads that a record is cut into, where it is kept and its home may be gone on in; of few rows
there are fewer, of more than a million more."""


Progress = Callable[[str, int, int], None]
"""(what is being done, done, of how many)"""


def no_progress(_what: str, _done: int, _total: int) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Replayed:
    """What a replay came to.

    readings   rows after merging; `rejected` are those that could not be read
    entries    the whole alert log, by sent_at, incident, version
    silent     ids of places of which no file said anything
    raw, gold  where the lake lies; None where the home was temporary
    unjudged   a line for each rule that said nothing at some places, for want of a norm
    unseen     variables that the rules go by and of which there was no value
    as_live    of a replay from a stream: whether its home had told the same; None: not compared
    """

    readings: int
    rejected: list[Reject]
    entries: list[LogEntry]
    silent: list[str]
    raw: Path | None = None
    gold: Path | None = None
    gold_rows: int = 0
    resumed: bool = False
    sources: list[str] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    as_live: bool | None = None

    @property
    def reasons(self) -> list[tuple[str, int, str]]:
        """Of what was rejected: each reason, how often, and its first detail."""
        return by_reason(self.rejected)


def replay(
    home: Home,
    places: Places,
    files: Sequence[Path],
    rules: RuleSet,
    *,
    is_kept: bool = True,
    progress: Progress = no_progress,
) -> Replayed:
    """Replay files in a home; of one that `is_kept` with its lake.

    Raises PayloadInvalid for a file that cannot be read at all, or files without a reading, and
    StateConflict where the home holds something else than this replay.
    """
    progress("reading", 0, len(files))
    with read_by_time(files, places, None if is_kept else rules.variables) as (rows, rejects):
        norms = norms_of(home.lake, rules, places)
        many, of_rows = rows.digest() if is_kept else (0, "")
        size = min(max(many // _PARTS, 1000), _PART) if is_kept else _PART
        resumed = _claim(home, _fingerprint(of_rows, size, rules, places), digest(norms))
        note_places(home.state, places)
        if rejects:
            home.state.commit(Commit("replay", 1, rejects=[(0, r) for r in rejects]))
        lived = _Lived(np.zeros(len(places), bool))
        watch = Watch(rules, places, reading_of(lived.parts), norms)
        _run(home, rows.parts(size), len(rows), watch, lived, places if is_kept else None, progress)
        sources = list(rows.sources)
        if is_kept:
            keep(home, places, rules, progress, rows.parts(size))
    return Replayed(
        readings=lived.rows,
        rejected=rejects,
        entries=log_of(home),
        silent=[places[i].id for i in np.flatnonzero(~lived.places).tolist()],
        resumed=resumed,
        sources=sources,
        unjudged=norms.in_words(),
        unseen=rules.unseen(lived.variables),
    )


def keep(
    home: Home,
    places: Places,
    rules: RuleSet,
    progress: Progress,
    parts: Iterator[Readings] | None = None,
) -> None:
    """Bring RAW and GOLD up to the end of the stream; what is long over, into few files.

    `parts` are the rows of each payload, where these were written of rows that are at hand.
    """
    # Half of what a replay would load, where nothing is kept.
    from atalaia.batch.archive import archive  # noqa: PLC0415
    from atalaia.batch.counted import counting  # noqa: PLC0415
    from atalaia.batch.refine import compact, refine  # noqa: PLC0415

    progress("archiving", 0, 1)
    newest = home.stream.read(home.stream.last_offset() - 1, 1)
    now = newest[0].payload.received_at if newest else None
    archive(home.stream, home.state, home.lake, now=now)
    progress("refining", 0, 1)
    with home.hold("refine"):
        decode = counting(home.lake, home, rules, places)
        if parts is not None:
            decode = read_again(parts, decode)
        refine(home.state, home.lake, decode, places, now=now)
        if now is not None:
            compact(home.lake, now)


def write_alerts(entries: Sequence[LogEntry], path: Path) -> None:
    """The alerts file, as a whole: NDJSON, sorted by sent_at, incident, version.

    Raises AtalaiaError where it cannot be written.
    """
    beside = path.with_name(path.name + ".part")
    try:
        beside.write_bytes(b"".join(entry_line(entry) + b"\n" for entry in entries))
        beside.replace(path)
    except OSError as error:
        raise AtalaiaError(
            f"alerts {path} cannot be written: {error.strerror}; give another --alerts"
        ) from error


def claim_new(home: Home, what: str) -> None:
    """Make a new home that of a replay of `what`; StateConflict where it holds anything."""
    if home.state.note(REPLAY) is not None or home.stream.last_offset():
        raise StateConflict(f"home {home.name} is in use; give a new --home, or none")
    home.state.set_note(REPLAY, what)


def _fingerprint(of_rows: str, size: int, rules: RuleSet, places: Places) -> str:
    digest = hashlib.sha256(f"{rules.digest} {size}".encode())
    digest.update(msgspec.json.encode(list(places)))
    digest.update(of_rows.encode())
    return digest.hexdigest()


def _claim(home: Home, fingerprint: str, norms: str) -> bool:
    """Make the home this replay's; True if it had begun there before."""
    known = home.state.note(REPLAY)
    if known is None and home.stream.last_offset() == 0:
        home.state.set_note(_NORMS, norms)
        home.state.set_note(REPLAY, fingerprint)
        return False
    if known != fingerprint:
        what = "a live watch" if known is None else "another replay (other rows, places or rules)"
        raise StateConflict(f"home {home.name} holds {what}; use another --home, or remove it")
    if home.state.note(_NORMS) not in (None, norms):  # None: an earlier Atalaia began it
        raise StateConflict(
            f"home {home.name}: its climate has changed since this replay began, and what the "
            "rules told so far came of the old one; import the climate into another --home, and "
            "replay there"
        )
    return True


@dataclass
class _Lived:
    """What is lived through.

    places     shape (places,): whether anything was heard of each
    rows       how many there were
    variables  those of which there was a value
    parts      those of this step, by when their payloads were received
    """

    places: Bools
    rows: int = 0
    variables: set[str] = field(default_factory=set)
    parts: dict[int, Readings] = field(default_factory=dict)

    def begin(self, parts: Iterable[Readings]) -> None:
        """Go on to the next step."""
        self.parts.clear()
        for part in parts:
            self.parts[int(part.known_at[-1])] = part
            self.places[part.place] = True
            self.rows += len(part)
            self.variables |= part.known()


def _run(
    home: Home,
    parts: Iterator[Readings],
    total: int,
    watch: Watch,
    lived: _Lived,
    places: Places | None,
    progress: Progress,
) -> None:
    """Append what the stream lacks and live through what the speed layer has not seen, of parts
    with so many rows in all. With `places` payloads have bodies.
    """
    watch.load(home.state)
    done, last = home.state.offset(CONSUMER), 0
    while some := list(islice(parts, _APPENDED_AT_ONCE)):
        progress("watching", lived.rows, total)
        lived.begin(some)
        first, last = last, last + len(some)
        if last <= done:
            continue
        lacking = list(lived.parts.items())[max(home.stream.last_offset() - first, 0) :]
        home.stream.append([payload_of(at, part, places) for at, part in lacking])
        _, commit = watch.step(home.stream.read(done, last - done))
        home.state.commit(commit)
        done = last
    progress("watching", total, total)


def log_of(home: Home) -> list[LogEntry]:
    """The alert log, by sent_at, incident, version."""
    entries = [entry for _, entry in home.state.alerts()]
    return sorted(entries, key=lambda e: (e.alert.sent_at, e.alert.incident, e.alert.version))
