"""The channels that plug-ins bring, opened."""

from __future__ import annotations

import aiohttp

from atalaia.channels.off import Off
from atalaia.channels.plugged import Plugged
from atalaia.domain.delivery import Channel
from atalaia.settings.channels import Channels


def plugged(chosen: Channels, session: aiohttp.ClientSession) -> list[Channel]:
    """Those that are switched on. What is for a broken one is seen to die, and goes by each
    person's next channel."""
    return [
        *(Plugged(one.name, one.made, one.settings, session) for one in chosen.plugged),
        *(Off(one.key.rpartition(".")[2]) for one in chosen.broken),
    ]
