"""Asking the sources as a function, called by the clock every minute, with one at a time.

Each call is one round of `sources.rounds`.
"""

from __future__ import annotations

from typing import Any

from atalaia.detect import near
from atalaia.run.aws import deployment
from atalaia.settings.plans import plans
from atalaia.sources.rounds import go_round
from atalaia.sources.schedule import Nearness


def handle(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Ask what is due."""
    settings, home, figures = deployment.settings(), deployment.home(), deployment.figures()
    went = deployment.loop().run_until_complete(
        go_round(
            plans(settings),
            [(feed.url, feed.interval_s) for feed in settings.cap.feeds],
            settings.places,
            home.stream,
            home.state,
            deployment.CLOCK,
            nearness=_nearness(deployment.CLOCK.second()),
            on_kept=figures.metrics.kept,
        )
    )
    for one in went.sources:
        figures.metrics.left(one.source, one.calls_left)
    figures.tell()
    return {"payloads": went.payloads}


def _nearness(now: int) -> Nearness:
    """Of each place to a limit, as detect last told it."""
    home, places = deployment.home(), deployment.settings().places
    return near.read(home.state.load(near.PREFIX), places, home.config.lanes, now)
