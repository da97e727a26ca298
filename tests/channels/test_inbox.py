from __future__ import annotations

import asyncio

from atalaia.channels.inbox import Inbox
from atalaia.domain.contact import Contact

from .servers import letter


def test_what_is_for_the_inbox_has_arrived() -> None:
    outcome = asyncio.run(Inbox().send(letter(Contact("inbox", ""))))
    assert (outcome.verdict, outcome.provider_id) == ("sent", "msg_abcdefghijklmnopqrstuvwx")
