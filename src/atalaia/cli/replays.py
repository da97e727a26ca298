"""Replays in a home of their own: at a path, or a temporary one that is removed in the end."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from atalaia.domain.place import Places
from atalaia.domain.reading import Decode
from atalaia.domain.rule import RuleSet
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.replay import payloads, readings, stream
from atalaia.replay.readings import Progress, Replayed, no_progress
from atalaia.sources import decode_all


def replay(
    places: Places,
    files: Sequence[Path],
    rules: RuleSet,
    *,
    home: Path | None = None,
    progress: Progress = no_progress,
) -> Replayed:
    """See `replay.readings.replay`; in the home at this path (None: a temporary one)."""
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
    decoder: Callable[[Places], Decode] = decode_all,
    progress: Progress = no_progress,
) -> tuple[Replayed, Places, RuleSet]:
    """See `replay.stream.replay_stream`; from the home at `source` (None: a temporary one)."""
    with open_home(source, exclusive=False) as live, _home_at(home) as opened:
        done, places, gone_by = stream.replay_stream(
            live, opened, rules, is_kept=home is not None, decoder=decoder, progress=progress
        )
        return (_with_lake(done, opened) if home else done), places, gone_by


@contextlib.contextmanager
def _home_at(path: Path | None) -> Iterator[EmbeddedHome]:
    if path is not None:
        with open_home(path) as home:
            yield home
        return
    with (
        tempfile.TemporaryDirectory(prefix="atalaia-replay-") as folder,
        open_home(Path(folder)) as home,
    ):
        yield home


def _with_lake(done: Replayed, home: EmbeddedHome) -> Replayed:
    return replace(done, raw=home.lake.path("raw"), gold=home.lake.path("gold"))
