"""How many connections an address may hold, and how long the head of a request may take.

Both are bounded where connections are made: a client that sends nothing, or a letter a minute,
costs a place in a table until its time is up, and one address (`limits.network`) has few of those
places. Loopback is not counted: a proxy on this machine speaks for all its clients.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from atalaia.api.limits import is_loopback, network

HEAD_S = 10.0
"""From a connection, or the first byte of a further request on it, to the end of its head."""

MOST_OF_AN_ADDRESS = 100


def bounded(head_s: float = HEAD_S, most: int = MOST_OF_AN_ADDRESS) -> type[asyncio.Protocol]:
    """The protocol of one server, which counts the connections of that server."""
    held: Counter[str] = Counter()

    class Bounded(H11Protocol):  # which bounds the size of a head, too; httptools does not
        """Uvicorn's own, with bounds."""

        _address = ""
        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            peer = transport.get_extra_info("peername")
            address = peer[0] if isinstance(peer, tuple) else ""
            if not is_loopback(address):
                self._address = network(address)
                held[self._address] += 1
                if held[self._address] > most:
                    transport.close()
                    return
            self._expect_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop()
            if self._address:
                held[self._address] -= 1
                if held[self._address] <= 0:
                    del held[self._address]
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._has_request():
                self._stop()
            else:
                self._expect_head()

        def _has_request(self) -> bool:
            return self.cycle is not None and not self.cycle.response_complete

        def _expect_head(self) -> None:
            if self._timer is None:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(head_s, self._give_up)

        def _give_up(self) -> None:
            self._timer = None
            if not self._has_request():
                self.transport.close()

        def _stop(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    return Bounded
