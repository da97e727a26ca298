"""Mails that came back, as SES tells them by a topic, as a function."""

from __future__ import annotations

from typing import Any

from atalaia.people.returned import take_back
from atalaia.run.aws import deployment


def handle(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Messages of the topic."""
    texts = [one["Sns"]["Message"] for one in event["Records"]]
    told = take_back(deployment.services().registry, texts, deployment.CLOCK.second())
    deployment.figures().metrics.returned(told)
    deployment.figures().tell()
    return dict(told)
