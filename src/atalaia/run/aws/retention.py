"""Letting go, once a day: what the embedded watch does beside everything else, as a function.

What was not confirmed in time, messages and consents that were kept long enough, half-done talks;
and what a killed function left of an erasure is erased. What a run does not get done the next does.
Asked to, it also puts a new look-up key in place (`people.rotation`).
"""

from __future__ import annotations

from typing import Any

import msgspec
import structlog

from atalaia.domain.alert import instant
from atalaia.people.registry import registry_of
from atalaia.people.rotation import rotate_lookups
from atalaia.people.upkeep import upkeep
from atalaia.run.aws import deployment

log = structlog.get_logger()


def handle(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Called by the clock; by an operator with ``{"rotate": "lookup"}`` to replace that key."""
    home, now = deployment.home(), deployment.CLOCK.second()
    registry = registry_of(home, deployment.settings())
    if event.get("rotate") == "lookup":
        done = rotate_lookups(registry, now)
        log.info("look-ups are made with a new key", contacts=done.contacts, until=done.until)
        return {"contacts": done.contacts, "old_key_until": instant(done.until)}
    gone = upkeep(home, registry, now)
    told = {**msgspec.structs.asdict(gone), "talks": home.talks.forget(now)}
    log.info("forgotten", **told)
    return told
