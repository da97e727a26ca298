"""Who is told, as a function: woken by the alert log's change stream, and by the clock."""

from __future__ import annotations

from typing import Any

from atalaia.notify import turns
from atalaia.run.aws import deployment


def handle(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """All that is new is fanned out. How far behind that is is told also where it fails, for that
    is when it counts."""
    home, figures = deployment.home(), deployment.figures()

    async def run() -> int:
        return turns.fan_out(deployment.notifier(), deployment.clients().tries())

    try:
        return {"steps": deployment.loop().run_until_complete(run())}
    finally:
        turns.tell_lag(home.state, home.outbox, figures.metrics, deployment.CLOCK.second())
        figures.tell()
