"""A channel that is off although there are messages for it."""

from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from atalaia.channels.off import Off
from telling import letter, message


def test_what_is_for_a_channel_that_is_off_dies_with_the_reason_and_the_log_has_it_once() -> None:
    channel = Off("telegram")
    with capture_logs() as logs:
        outcomes = [asyncio.run(channel.send(letter(message(name)))) for name in "ab"]
    assert [one.verdict for one in outcomes] == ["never", "never"]
    assert "is off" in outcomes[0].reason
    assert not outcomes[0].is_gone, "the address is good"
    assert [line["channel"] for line in logs] == ["telegram"]
