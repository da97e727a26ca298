"""The functions by the names that Lambda calls: each imports what it needs, and nothing more."""

# Lambda calls them all alike.
# ruff: noqa: ARG001

from __future__ import annotations

from typing import Any

Event = dict[str, Any]


def poll(event: Event, context: Any) -> Event:
    """By the clock: ask the sources."""
    from atalaia.run.aws import poll as part  # noqa: PLC0415

    return part.handle(event, context)


def detect(event: Event, context: Any) -> Event:
    """By the stream: what is dangerous."""
    from atalaia.run.aws import detect as part  # noqa: PLC0415

    return part.handle(event, context)


def archive(event: Event, context: Any) -> Event:
    """By the stream: RAW."""
    from atalaia.run.aws import archive as part  # noqa: PLC0415

    return part.handle(event)


def refine(event: Event, context: Any) -> Event:
    """By the clock: GOLD."""
    from atalaia.run.aws import refine as part  # noqa: PLC0415

    return part.handle(event)


def fan_out(event: Event, context: Any) -> Event:
    """By the alert log's change stream, and the clock: who is told."""
    from atalaia.run.aws import tell  # noqa: PLC0415

    return tell.fan_out(event)


def deliver(event: Event, context: Any) -> Event:
    """By the queues, and the clock: messages go out."""
    from atalaia.run.aws import tell  # noqa: PLC0415

    return tell.deliver(event, context.get_remaining_time_in_millis() / 1000)


def retention(event: Event, context: Any) -> Event:
    """By the clock: what was kept long enough is let go."""
    from atalaia.run.aws import retention as part  # noqa: PLC0415

    return part.handle(event)


def api(event: Event, context: Any) -> Event:
    """By the HTTP API: the page, the API, and the bots' webhooks."""
    from atalaia.run.aws import api as part  # noqa: PLC0415

    return part.handle(event, context.get_remaining_time_in_millis() / 1000)
