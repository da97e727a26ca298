"""Messages go out, as a function: woken by a queue, and by the clock."""

from __future__ import annotations

from typing import Any

from atalaia.notify import turns
from atalaia.run.aws import deployment


def handle(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Sends until nothing is due, or the function's time is over; told is also what failed it."""
    left_s = context.get_remaining_time_in_millis() / 1000

    async def run() -> int:
        return await turns.deliver(deployment.notifier(), left_s)

    try:
        return {"handed_on": deployment.loop().run_until_complete(run())}
    finally:
        deployment.figures().tell()
