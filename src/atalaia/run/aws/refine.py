"""GOLD as a function, called every few minutes: RAW's logs, then all that is new in RAW; the norms,
where the climate or the rules are new; and letting go of whom and what is not to be kept."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import Any

from atalaia.batch.archive import archive_logs, unrefined_since
from atalaia.batch.counted import counting
from atalaia.batch.refine import refine
from atalaia.batch.sweep import is_due, sweep
from atalaia.errors import HeldByAnother, StateConflict
from atalaia.homes.aws.local import LocalLake
from atalaia.homes.aws.refining import refining
from atalaia.lake import laid
from atalaia.logs import Logger
from atalaia.run.aws import deployment

log = Logger()


def handle(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Called by the clock. One at a time: another that comes meanwhile leaves it to the first."""
    home, settings = deployment.home(), deployment.settings()
    state, rules, places = refining(home), settings.rules, settings.places
    with closing(LocalLake(home.lake)) as lake:
        try:
            with home.hold("refine"):
                archive_logs(state, lake, home.outbox)
                decode = counting(lake, home, rules, places)
                report = refine(state, lake, decode, places, home.outbox)
                laid.lay(home.state, lake, rules, places)
                now = deployment.CLOCK.second()
                if is_due(home.state, now):
                    sweep(home.state, lake, home.keys, now, settings.channels.keep_s)
        except HeldByAnother as error:
            log.info("not refined", reason=str(error))
            return {"rows": 0, "partitions": 0}
        finally:
            _tell_waiting()
    return {"rows": report.rows, "partitions": report.partitions}


def _tell_waiting() -> None:
    """Since when the oldest payload is in RAW and not in GOLD, also where refining fails."""
    home, metrics, now = deployment.home(), deployment.figures().metrics, deployment.CLOCK.second()
    metrics.waits_unknown()
    with suppress(StateConflict):
        metrics.waits("payload", unrefined_since(home.state), now)
    deployment.figures().tell()
