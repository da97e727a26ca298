"""The lake of a replay's home: RAW and GOLD of what was lived through. Loaded where one is kept."""

from __future__ import annotations

from atalaia.batch.archive import archive
from atalaia.batch.counted import counting
from atalaia.batch.refine import compact, refine
from atalaia.domain.place import Places
from atalaia.domain.rule import RuleSet
from atalaia.ports import Home
from atalaia.replay.progress import Progress


def keep(home: Home, places: Places, rules: RuleSet, progress: Progress) -> None:
    """Bring RAW and GOLD up to the end of the stream; what is long over, into few files."""
    progress("archiving", 0, 1)
    newest = home.stream.read(home.stream.last_offset() - 1, 1)
    now = newest[0].payload.received_at if newest else None
    archive(home.stream, home.state, home.lake, now=now)
    progress("refining", 0, 1)
    with home.hold("refine"):
        decode = counting(home.lake, home, rules, places)
        refine(home.state, home.lake, decode, places, now=now)
        if now is not None:
            compact(home.lake, now)
