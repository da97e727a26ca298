"""Small files made into few: closed days of RAW's payloads, each source's hours made one part.

    raw/payloads/source=s/date=…/hour=HH/part-…  →  raw/payloads/source=s/date=…/part-<first>-<last>

A day's part is written whole, and then those that it was made of are removed. In between, both are
there, and a reader by offset, or by the part that a line came in, sees each payload once; so who is
killed here loses and doubles nothing, and the next run goes on. What comes late for a day is made
part of it by the next run. Every line stays as it was, byte by byte, but for the name of its part.

Only what nobody else writes is touched: parts that are archived and refined, of days that are over
by a week and of which the stream has nothing left, from which a damaged part could be made again.
(Where shards are archived each for itself, a batch is tried for six days at most: `received_at` is
when a payload came.) One process at a time: hold the home's ``refine`` lock.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from atalaia.errors import PayloadInvalid, StateConflict
from atalaia.lake import raw
from atalaia.lake.gold import UNREFINED, is_day_closed
from atalaia.logs import Logger
from atalaia.ports import Lake, State, Stream

PART_BYTES = 64_000_000
"""Lines of more than this do not go into one part, but for those that came in one, and those that
lie between its first and its last."""

log = Logger()


def compact_days(
    state: State,
    lake: Lake,
    stream: Stream | None,
    now: int,
    goes_on: Callable[[], bool] = lambda: True,
) -> int:
    """Make few parts of RAW's payloads of each closed day; return how many were made.

    It costs one listing, a read of each part of these days (two of one that is a day's already), a
    write of each that is made and a removal of each that went into it; memory for one that is made.
    A part that cannot be read stays.

    stream      has what may still be needed to make a part again; None: it has nothing so old
    goes_on     asked before each day of a source
    """
    made = 0
    for keys in _days(state, lake, stream, now):
        if not goes_on():
            break
        made += _compact_day(lake, keys)
    return made


def _days(state: State, lake: Lake, stream: Stream | None, now: int) -> Iterator[list[str]]:
    """The parts of each source and day that has something to be done, the oldest day first."""
    archived = state.offset(raw.ARCHIVED)  # before the listing: what is added later is not finished
    waiting = {key.decode() for key in state.load(UNREFINED).values()}
    oldest = stream.read(0, 1) if stream is not None else []
    end = min(archived, oldest[0].offset - 1) if oldest else archived
    days: dict[tuple[datetime, str], list[str]] = defaultdict(list)
    for key in filter(raw.is_payloads, lake.keys(raw.PAYLOADS)):
        day = datetime.fromtimestamp(raw.hour_of(key) // 86_400 * 86_400, UTC)
        if is_day_closed(day, now):
            days[day, key.partition("/date=")[0]].append(key)
    for _, keys in sorted(days.items()):
        is_finished = all(raw.first_of(key) <= end for key in keys) and waiting.isdisjoint(keys)
        if is_finished and (not all(map(raw.is_of_day, keys)) or _is_one_within_another(keys)):
            yield sorted(keys, key=raw.first_of)


def _is_one_within_another(days: Sequence[str]) -> bool:
    """Whether the name of a day's part lies within another's, as that of one does which went into
    the other and was to be removed. All else that went into it may have been erased meanwhile."""
    reached = -1
    for _, last in sorted(map(raw.span_of, days), key=lambda span: (span[0], -span[1])):
        if last <= reached:
            return True
        reached = last
    return False


@dataclass(slots=True)
class _InTheMaking:
    """A part in the making: of these files, with these lines, which came in these parts; `span` is
    from and to which offset its name will say."""

    keys: list[str] = field(default_factory=list)
    lines: set[raw.PayloadLine] = field(default_factory=set)
    parts: set[int] = field(default_factory=set)
    span: tuple[int, int] = (sys.maxsize, -1)
    size: int = 0

    def has_room(self, other: _InTheMaking) -> bool:
        """Whether the other one belongs into it. What came in one part stays together, and so does
        what lies between its first and its last line: no name of a part is within another's."""
        is_small = self.size + other.size <= PART_BYTES
        is_within = other.span[1] <= self.span[1]
        return not self.keys or is_small or is_within or not other.parts.isdisjoint(self.parts)

    def add(self, other: _InTheMaking) -> None:
        self.keys += other.keys
        self.lines |= other.lines
        self.parts |= other.parts
        self.span = min(self.span[0], other.span[0]), max(self.span[1], other.span[1])
        self.size += other.size


def _compact_day(lake: Lake, keys: Sequence[str]) -> int:
    """Of the parts of a source and day, by their first offset, make few; return how many."""
    made = 0
    one = _InTheMaking()
    for key in _needed(lake, keys):
        lines = _lines(lake, key)
        if not lines:
            continue
        more = _of_file(key, lines)
        if not one.has_room(more):
            made += _put(lake, one)
            one = _InTheMaking()
        one.add(more)
    return made + _put(lake, one)


def _of_file(key: str, lines: Sequence[raw.PayloadLine]) -> _InTheMaking:
    span = min(line.offset for line in lines), max(line.offset for line in lines)
    if raw.is_of_day(key):  # whose ends may have been erased since it was named
        first, last = raw.span_of(key)
        span = min(first, span[0]), max(last, span[1])
    size = sum(len(line.text) + 1 for line in lines)
    return _InTheMaking([key], set(lines), {line.part for line in lines}, span, size)


def _needed(lake: Lake, keys: Sequence[str]) -> list[str]:
    """A day's parts by their first offset, without those of a day whose lines all lie in others.

    Such are left by who was killed after those were written, and are removed. A day of which a
    whole day's part cannot be read stays as it is.
    """
    days = [key for key in keys if raw.is_of_day(key)]
    parts = {key: {line.part for line in _lines(lake, key)} for key in days}
    if not all(parts.values()):
        return []
    file_of: dict[int, str] = {}  # what came in this part lies here
    spare: list[str] = []
    for key in sorted(days, key=lambda key: len(parts[key]), reverse=True):
        if parts[key] <= file_of.keys():
            spare.append(key)
        else:
            file_of = dict.fromkeys(parts[key], key) | file_of
    lake.delete_all(spare)
    loose = (key for key in keys if not raw.is_of_day(key))
    return sorted({*file_of.values(), *loose}, key=raw.first_of)


def _put(lake: Lake, one: _InTheMaking) -> int:
    """Write the part, and remove what it was made of, unless that is it; return how many."""
    if not one.keys or (len(one.keys) == 1 and raw.is_of_day(one.keys[0])):
        return 0
    whole = raw.day_part(one.keys[0], *one.span)
    lake.write(whole, raw.write_lines(sorted(one.lines)))
    lake.delete_all(key for key in one.keys if key != whole)
    return 1


def _lines(lake: Lake, key: str) -> list[raw.PayloadLine]:
    """A part's lines; none of one that cannot be read, which stays where it is."""
    try:
        return raw.read_lines(key, lake.read(key))
    except (PayloadInvalid, StateConflict) as error:
        log.warning("a part of RAW cannot be read, and stays", file=key, reason=str(error))
        return []
