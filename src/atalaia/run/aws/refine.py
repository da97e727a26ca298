"""GOLD as a function, called every few minutes: RAW's logs, then all that is new in RAW; the norms,
where the climate or the rules are new; and every six hours what `batch.tidy` does."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import Any

from atalaia.batch.archive import archive_logs, unrefined_since
from atalaia.batch.counted import counted
from atalaia.batch.refine import refine
from atalaia.batch.tidy import tidy
from atalaia.errors import HeldByAnother, StateConflict
from atalaia.homes.aws.local import LocalLake
from atalaia.homes.aws.refining import refining
from atalaia.lake import laid
from atalaia.logs import Logger
from atalaia.run.aws import deployment

_MARGIN_S = 120  # a day of a source takes less; or the next run goes on with it

log = Logger()


def handle(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Called by the clock. One at a time: another that comes meanwhile leaves it to the first."""
    home, settings = deployment.home(), deployment.settings()
    state, rules, places = refining(home), settings.rules, settings.places
    with closing(LocalLake(home.lake)) as lake:
        try:
            with home.hold("refine", deployment.CLOCK.now):
                archive_logs(state, lake, home.outbox)
                decode = counted(deployment.services().decode, rules, places, lake)
                report = refine(state, lake, decode, places, home.outbox)
                laid.lay(home.state, lake, rules, places)
                keep_s, has_time = settings.channels.keep_s, deployment.has_time(context, _MARGIN_S)
                tidy(state, lake, home.keys, None, deployment.CLOCK.second(), keep_s, has_time)
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
