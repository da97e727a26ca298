"""Letting go, once a day: what the embedded watch does beside everything else, as a function.

What was not confirmed in time, messages and consents that were kept long enough, half-done talks;
and what a killed function left of an erasure is erased. What a run does not get done the next does.
"""

from __future__ import annotations

from typing import Any

import msgspec
import structlog

from atalaia.people.retention import apply_retention, retention_of
from atalaia.run.aws import deployment

log = structlog.get_logger()


def handle(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Called by the clock."""
    home, now = deployment.home(), deployment.CLOCK.second()
    keep = retention_of(deployment.settings())
    gone = apply_retention(home.people, home.keys, home.outbox, now, keep)
    told = {**msgspec.structs.asdict(gone), "talks": home.talks.forget(now)}
    log.info("forgotten", **told)
    return told
