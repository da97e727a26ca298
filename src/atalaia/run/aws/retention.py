"""Letting go, once a day: what the embedded watch does beside everything else, as a function.

What was not confirmed in time, messages and consents that were kept long enough, half-done talks;
and what a killed function left of an erasure is erased. What a run does not get done the next does.
"""

from __future__ import annotations

import time
from typing import Any

import structlog

from atalaia.people.erase import finish_erasures
from atalaia.people.retention import apply_retention
from atalaia.run.aws import deployment
from atalaia.run.people import retention

log = structlog.get_logger()


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """Called by the clock."""
    del event
    home, now = deployment.home(), int(time.time())
    keys, keep = home.keys, retention(deployment.settings())
    erased = finish_erasures(home.people, keys)
    gone = apply_retention(home.people, keys, home.outbox, now, keep)
    told = {"people": gone.people, "messages": gone.messages, "talks": home.talks.forget(now)}
    log.info("forgotten", erased=erased, **told)
    return told | {"erased": erased}
