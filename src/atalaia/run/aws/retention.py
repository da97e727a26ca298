"""Letting go, every six hours: what the embedded watch does beside everything else, as a function.

What was not confirmed in time, messages and consents that were kept long enough, half-done talks;
and what a killed function left of an erasure is erased. What a run does not get done the next does.
Asked to, it also puts a new look-up key in place (`people.rotation`).
"""

from __future__ import annotations

from typing import Any

import msgspec

from atalaia.domain.alert import instant
from atalaia.homes.aws.people import erase_again, list_ends
from atalaia.logs import Logger
from atalaia.people.registry import registry_of
from atalaia.people.rotation import rotate_lookups
from atalaia.people.upkeep import upkeep
from atalaia.run.aws import deployment

_MARGIN_S = 30
"""What one step may take: erasing a hundred people."""

log = Logger()


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Called by the clock; by an operator with ``{"rotate": "lookup"}`` to replace that key, and
    with ``{"list": "people"}`` after an upgrade that says so."""
    home, now = deployment.home(), deployment.CLOCK.second()
    registry = registry_of(home, deployment.settings())
    if event.get("rotate") == "lookup":
        done = rotate_lookups(registry, now)
        log.info("look-ups are made with a new key", contacts=done.contacts, until=done.until)
        return {"contacts": done.contacts, "old_key_until": instant(done.until)}
    if event.get("list") == "people":
        return {"listed": list_ends(home.clients, home.table)}
    gone = upkeep(home, registry, now, deployment.has_time(context, _MARGIN_S))
    erase_again(home.people, home.keys.erased(), now)
    told = {**msgspec.structs.asdict(gone), "talks": home.talks.forget(now)}
    log.info("forgotten", **told)
    return told
