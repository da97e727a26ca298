"""What stands before all routes, the outermost last: keys of consoles, host and deadlines, how
often, how much."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from fastapi import FastAPI

from atalaia.api.access import Gate
from atalaia.api.consoles import ConsoleKeys
from atalaia.api.limits import BodyLimit, RateLimits
from atalaia.api.shield import Shield
from atalaia.domain.rate import Rate
from atalaia.ports import Meter

Meters = Callable[[Rate], Meter]
"""A home's: one for each rate."""

MOST_BODY = 1_000_000
"""Bytes of a body that is no push; pushes have a limit of their own."""


def guard(
    app: FastAPI,
    gate: Gate,
    rate_limit: int,
    meter: Meters,
    hosts: Collection[str],
    free: tuple[str, ...],
) -> None:
    """Put them before the routes; `free` are paths whose bodies have a limit of their own."""
    app.add_middleware(BodyLimit, most=MOST_BODY, free=free)
    app.add_middleware(RateLimits, gate=gate, limit=rate_limit, meter=meter)
    app.add_middleware(Shield, gate=gate, hosts=hosts, now=time.monotonic)
    app.add_middleware(ConsoleKeys)
