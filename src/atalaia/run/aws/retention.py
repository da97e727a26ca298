"""Letting go, every six hours: what was not confirmed in time, messages and consents kept long
enough, half-done talks, what a killed function left of an erasure. The next run goes on with it."""

from __future__ import annotations

from typing import Any

import msgspec

from atalaia.domain.alert import instant
from atalaia.homes.aws.people import erase_again, list_ends
from atalaia.logs import Logger
from atalaia.people.registry import registry_of
from atalaia.people.restored import said_again
from atalaia.people.rotation import rotate_lookups
from atalaia.people.upkeep import upkeep
from atalaia.run.aws import deployment

_MARGIN_S = 30
"""What one step may take: erasing a hundred people."""

log = Logger()


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Called by the clock; by an operator with ``{"rotate": "lookup"}`` to replace that key, with
    ``{"list": "people"}`` after an upgrade that says so, and with ``{"restored": "people"}`` after
    people's tables were set back."""
    home, now = deployment.home(), deployment.CLOCK.second()
    registry = registry_of(home, deployment.settings())
    if event.get("rotate") == "lookup":
        done = rotate_lookups(registry, now)
        log.info("look-ups are made with a new key", contacts=done.contacts, until=done.until)
        return {"contacts": done.contacts, "old_key_until": instant(done.until)}
    if event.get("restored") == "people":
        return said_again(registry)
    if event.get("list") == "people":
        return {"listed": list_ends(home.clients, home.table)}
    gone = upkeep(home, registry, now, deployment.has_time(context, _MARGIN_S))
    erase_again(home.people, home.keys.erased(), now)
    told = {**msgspec.structs.asdict(gone), "talks": home.talks.forget(now)}
    log.info("forgotten", **told)
    return told
