"""What detect gave up goes to it once more, as a function: payloads of RAW, through the stream."""

from __future__ import annotations

from typing import Any

from atalaia.batch.again import again
from atalaia.domain.alert import instant, seconds_of
from atalaia.run.aws import deployment

_MARGIN_S = 120
"""What an hour of RAW takes at most."""


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Called by an operator with what came ``{"from": "2026-01-10T09:00:00Z", "to": "…"}``. The
    answer names what is left, which is empty where all of it went."""
    home, until = deployment.home(), seconds_of(event["to"])
    append, has_time = home.stream.append_copies, deployment.has_time(context, _MARGIN_S)
    went = again(home.lake, append, seconds_of(event["from"]), until, has_time)
    left = {"from": instant(went.until), "to": event["to"]} if went.until < until else {}
    return {"payloads": went.payloads, "left": left}
