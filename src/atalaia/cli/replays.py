"""Replays in a home of their own: at a path, or a temporary one that is removed in the end."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from atalaia.domain.place import Places
from atalaia.domain.rule import RuleSet
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.replay.readings import Progress, Replayed, no_progress

if TYPE_CHECKING:
    from atalaia.domain.decoded import Decode


def replay(
    places: Places,
    files: Sequence[Path],
    rules: RuleSet,
    *,
    home: Path | None = None,
    progress: Progress = no_progress,
) -> Replayed:
    """See `replay.readings.replay`; in the home at this path (None: a temporary one)."""
    from atalaia.replay import readings

    with _home_at(home) as opened:
        done = readings.replay(
            opened, places, files, rules, is_kept=home is not None, progress=progress
        )
        return _with_lake(done, opened) if home else done


def replay_payloads(
    places: Places,
    files: Sequence[Path],
    rules: RuleSet,
    *,
    home: Path | None = None,
    progress: Progress = no_progress,
) -> Replayed:
    """See `replay.payloads.replay_payloads`; in the home at this path (None: a temporary one)."""
    from atalaia.replay import payloads

    with _home_at(home) as opened:
        done = payloads.replay_payloads(
            opened, places, files, rules, is_kept=home is not None, progress=progress
        )
        return _with_lake(done, opened) if home else done


def replay_stream(
    source: Path,
    rules: RuleSet | None = None,
    *,
    home: Path | None = None,
    decoder: Callable[[Places], Decode] | None = None,
    progress: Progress = no_progress,
) -> tuple[Replayed, Places, RuleSet]:
    """See `replay.stream.replay_stream`; from the home at `source` (None: a temporary one)."""
    from atalaia.replay.stream import replay_stream as live_through
    from atalaia.sources import decode_all

    decode = decoder or decode_all
    with open_home(source, exclusive=False) as live, _home_at(home) as opened:
        done, places, gone_by = live_through(
            live, opened, rules, is_kept=home is not None, decoder=decode, progress=progress
        )
        return (_with_lake(done, opened) if home else done), places, gone_by


@contextlib.contextmanager
def _home_at(path: Path | None) -> Iterator[EmbeddedHome]:
    with contextlib.ExitStack() as stack:
        if path is None:
            folder = tempfile.TemporaryDirectory(prefix="atalaia-replay-")
            path = Path(stack.enter_context(folder))
        yield stack.enter_context(open_home(path))


def _with_lake(done: Replayed, home: EmbeddedHome) -> Replayed:
    return replace(done, raw=home.lake.path("raw"), gold=home.lake.path("gold"))
