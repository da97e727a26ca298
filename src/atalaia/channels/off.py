"""A channel that is off where messages are sent, although there are messages for it.

Who fans out may believe that a channel is on which has no key yet, and may have filled the outbox
before it was switched off. What is for such a channel dies with that reason, so that it is seen,
and goes by each person's next channel.
"""

from __future__ import annotations

from atalaia.domain.delivery import Letter, Limits, Outcome
from atalaia.logs import Logger

log = Logger()


class Off:
    """Takes nothing, and says so in the log once."""

    limits = Limits()

    def __init__(self, name: str) -> None:
        self.name = name
        self._is_told = False

    async def send(self, letter: Letter) -> Outcome:
        """Never."""
        del letter
        if not self._is_told:
            log.warning("there are messages for a channel that is off", channel=self.name)
        self._is_told = True
        return Outcome("never", "the channel is off: it is not set up, or has no key yet")
