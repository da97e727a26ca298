"""A mail server on loopback that answers as a test tells it to."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from socket import SO_LINGER, SOL_SOCKET

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Mailbox:
    """Keeps what it takes; `says` has by command what it answers instead, each used once.

    An answer may also be ``hang`` (none, for ever) or ``reset``.
    """

    def __init__(self, **says: list[str]) -> None:
        self.says = says
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.envelopes: list[Envelope] = []
        self.tls: list[bool] = []
        self.servers: list[SMTP] = []

    @property
    def connections(self) -> int:
        return len(self.servers)

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return await self._answer(server, "sender") or "250 2.1.0 fine"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = await self._answer(server, "recipient")
        if not answer:
            envelope.rcpt_tos.append(address)
        return answer or "250 2.1.5 fine"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        answer = await self._answer(server, "data")
        if answer:
            return answer
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.raw.append(envelope.content)
        self.mails.append(message)
        self.envelopes.append(envelope)
        self.tls.append(session.ssl is not None)
        return "250 2.0.0 taken"

    async def _answer(self, server: SMTP, command: str) -> str:
        answer = self.says[command].pop(0) if self.says.get(command) else ""
        if answer == "hang":
            await asyncio.get_running_loop().create_future()
        if answer == "reset":
            assert server.transport is not None
            sock = server.transport.get_extra_info("socket")
            sock.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            server.transport.abort()
            await asyncio.get_running_loop().create_future()
        return answer


@asynccontextmanager
async def mail_server(
    mailbox: Mailbox, tls: ssl.SSLContext | None = None, user: str = "", password: str = ""
) -> AsyncIterator[int]:
    """Serves; yields the port. With `user` a login is required, with `tls` STARTTLS is offered."""

    def authenticator(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        is_right = (data.login, data.password) == (user.encode(), password.encode())
        return AuthResult(success=is_right, handled=False)

    def make() -> SMTP:
        server = SMTP(
            mailbox,
            hostname="mail.test",
            loop=asyncio.get_running_loop(),
            tls_context=tls,
            require_starttls=False,
            authenticator=authenticator if user else None,
            auth_required=bool(user),
            auth_require_tls=False,
        )
        mailbox.servers.append(server)
        return server

    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        drop_all(mailbox)


def drop_all(mailbox: Mailbox) -> None:
    """Cut all connections, as a server does that restarts."""
    for server in mailbox.servers:
        if server.transport is not None:
            server.transport.abort()
        if server._handler_coroutine is not None:
            server._handler_coroutine.cancel()
