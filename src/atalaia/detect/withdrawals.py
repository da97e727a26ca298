"""Reports that were withdrawn, by their numbers: who made them, and those that nobody heard yet.

A withdrawal names no station, and may come before what it withdraws: of a cache that is slow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import msgspec

from atalaia.domain.reading import NO_TIME
from atalaia.domain.station_reading import Withdrawal

_MOST = 256
"""Withdrawals that are remembered; the oldest goes first."""

Reports: TypeAlias = Iterable[tuple[int, int, int]]
"""Of one station: (valid_at, number, newest revision) of each."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[int, int]).decode


class UnheardWithdrawals:
    """Reports that were withdrawn before they were heard, and up to which revision."""

    def __init__(self) -> None:
        self._upto: dict[int, int] = {}
        self._is_new = False

    def has(self, report: int, revision: int) -> bool:
        """Whether this word of a report was withdrawn."""
        return revision <= self._upto.get(report, NO_TIME)

    def add(self, report: int, revision: int) -> None:
        """Remember one."""
        if self.has(report, revision):
            return
        self._upto.pop(report, None)
        self._upto[report] = revision
        if len(self._upto) > _MOST:
            del self._upto[next(iter(self._upto))]
        self._is_new = True

    def kept(self) -> bytes | None:
        """All of them, to be kept; None: nothing is new since this was last asked."""
        is_new, self._is_new = self._is_new, False
        return _encode(self._upto) if is_new else None

    def load(self, kept: Iterable[bytes]) -> None:
        """Take up what `kept` gave."""
        for body in kept:
            self._upto = _decode(body)


def who_said(
    gone: Sequence[Withdrawal], reports: Iterable[tuple[str, Reports]]
) -> dict[int, set[str]]:
    """Which stations, of these with their reports, made those that are withdrawn. All stations are
    looked through once, however many withdrawals come together."""
    found: dict[int, set[str]] = {one.report: set() for one in gone}
    for name, some in reports if gone else ():
        for _, report, _ in some:
            if report in found:
                found[report].add(name)
    return found
