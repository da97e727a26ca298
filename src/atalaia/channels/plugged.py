"""A channel that a plug-in brings, as the sender has any: with leases, a pace, order and a breaker.

What a plug-in gives back is believed as far as it is well formed; what it raises is the sender's
affair, as of any channel. No reason holds the address.
"""

from __future__ import annotations

from typing import Any

import aiohttp
from msgspec.structs import replace

from atalaia.channels.apprise import text_of
from atalaia.domain.delivery import Letter, Outcome
from atalaia.domain.drill import KIND
from atalaia.plugins import AnyChannel, PluginMessage
from atalaia.redact import MASK, redact

_LONGEST_REASON = 120
_VERDICTS = ("sent", "again", "never", "unknown")


class Plugged:
    """A plug-in's channel with its settings."""

    def __init__(
        self, name: str, made: AnyChannel, settings: Any, session: aiohttp.ClientSession
    ) -> None:
        self.name = name
        self.limits = made.limits
        self._made = made
        self._settings = settings
        self._session = session

    async def send(self, letter: Letter) -> Outcome:
        """Try once."""
        message = message_of(letter, self._made.longest)
        outcome = await self._made.send(self._settings, message, self._session)
        if not isinstance(outcome, Outcome) or outcome.verdict not in _VERDICTS:
            # Nobody knows whether it went: it is tried once more, and no oftener.
            return Outcome("unknown", "the plug-in gave no outcome")
        return replace(outcome, reason=_safe(outcome.reason, message.address))


def message_of(letter: Letter, longest: int) -> PluginMessage:
    """What a plug-in is given of a letter."""
    content = letter.content
    return PluginMessage(
        id=letter.id,
        address=letter.contact.address,
        subject=content.subject,
        text=text_of(content, longest),
        level=content.level,
        language=content.language,
        is_over=content.is_over,
        is_drill=content.kind.partition(":")[0] == KIND,
        expires_at=letter.expires_at,
        link=letter.answer,
    )


def _safe(reason: str, address: str) -> str:
    """A reason without the address, on one line and short."""
    text = " ".join(reason.split())
    return redact(text.replace(address, MASK) if address else text)[:_LONGEST_REASON]
