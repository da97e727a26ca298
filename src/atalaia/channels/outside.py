"""One POST to an address that a stranger gave: through the guard, over a connection of our own.

What every channel does whose addresses are servers of other people's choosing: webhooks, and the
push services of browsers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import aiohttp
from aiohttp.abc import AbstractResolver

from atalaia.channels import outcomes
from atalaia.channels.guard import Rules, Target, TargetRefused, guarded_connector
from atalaia.channels.wires import Head, NotHttp, Wires
from atalaia.domain.delivery import Outcome

_WISHES = (429, 503)
"""Statuses whose Retry-After is obeyed, up to a day."""


class Outside:
    """Its connections are opened on the event loop that first asks for one."""

    def __init__(
        self, rules: Rules, timeout_s: float, resolver: AbstractResolver | None = None
    ) -> None:
        self._rules = rules
        self._timeout_s = timeout_s
        self._resolver = resolver
        self._wires: Wires | None = None

    async def post(self, target: Target, headers: Mapping[str, str], body: bytes) -> Head | Outcome:
        """Try once: one POST, no redirection followed, all of it within the time-out. The head of
        the answer, or what it means that there is none."""
        try:
            return await self._open().ask(target.origin, request(target, headers, body))
        except TargetRefused:  # by what its name means today
            return REFUSED
        except NotHttp:
            return Outcome("unknown", "not an HTTP answer")
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            return outcomes.no_answer(error)

    async def close(self) -> None:
        """Close all connections."""
        if self._wires is not None:
            await self._wires.close()
            self._wires = None

    def _open(self) -> Wires:
        # Once there is a loop, on which its connections are.
        if self._wires is None:
            # Who sends bounds how many are tried at once.
            connector = guarded_connector(self._rules, resolver=self._resolver, limit=0)
            self._wires = Wires(connector, self._timeout_s)
        return self._wires


REFUSED = Outcome("never", "the target is not allowed")


def request(target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    """A POST as it is written, whole."""
    lines = ""
    for name, value in headers.items():
        lines += f"{name}: {value}\r\n"
    head = (
        f"POST {target.path} HTTP/1.1\r\nHost: {target.authority}\r\nUser-Agent: Atalaia\r\n"
        f"Content-Length: {len(body)}\r\n{lines}\r\n"
    )
    return head.encode("ascii") + body


def by_table(table: Sequence[tuple[range, Outcome]]) -> Callable[[Head], Outcome]:
    """What an answer means by a channel's table, of which the first row that fits holds; a reason
    may name the ``{status}``."""

    @lru_cache
    def row_of(status: int) -> Outcome:
        return next((one for statuses, one in table if status in statuses), table[-1][1])

    def meaning(head: Head) -> Outcome:
        row = row_of(head.status)
        if row.verdict != "again":
            return row
        after_s = outcomes.retry_after_s(head.headers) if head.status in _WISHES else 0.0
        return Outcome("again", row.reason.format(status=head.status), after_s=after_s)

    return meaning
