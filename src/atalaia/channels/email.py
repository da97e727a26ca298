"""E-mail by SMTP. `mail` writes the messages; `ses` sends the same ones by Amazon's API.

A connection carries one message after the other; as many are open as tries go on at once. What the
server says is judged by the command that it says it to: a refused recipient is the recipient's
matter, a refused sender or password is the operator's, and holds the whole channel.

Reference: RFC 5321 (SMTP), 3463 (enhanced status codes).
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

import aiosmtplib
from aiosmtplib import SMTPException, SMTPResponseException

from atalaia.channels.mail import LETTER_CHARS, MailWriter, envelope
from atalaia.channels.outcomes import MISTAKE_WAIT_S
from atalaia.domain.delivery import HOUR, MINUTE, Letter, Limits, Outcome

Tls = Literal["none", "starttls", "implicit"]

# One row a meaning; the first whose pattern fits "stage code enhanced" holds. Stages: connect,
# secure (STARTTLS), login, sender (MAIL), recipient (RCPT), data.
OUTCOMES: tuple[tuple[str, Outcome], ...] = (
    (r"login 5", Outcome("again", "user or password refused", after_s=MISTAKE_WAIT_S, pauses=True)),
    (r"login ", Outcome("again", "no login just now", after_s=MINUTE, pauses=True)),
    (r"secure ", Outcome("again", "STARTTLS refused", after_s=MISTAKE_WAIT_S, pauses=True)),
    (r"connect 5", Outcome("again", "server refuses us", after_s=MISTAKE_WAIT_S, pauses=True)),
    (r"(connect|\w+ 421)", Outcome("again", "server is busy", after_s=MINUTE, pauses=True)),
    (r"sender 552", Outcome("never", "message too large")),
    (r"sender 5", Outcome("again", "sender refused", after_s=MISTAKE_WAIT_S, pauses=True)),
    # 5.1.7 and 5.1.8 are about the sender's address, and say nothing of the recipient's.
    (r"(recipient|data) 5\d\d 5\.1\.[78]$", Outcome("never", "sender's address refused")),
    (r"(recipient|data) 55[013] 5\.1\.", Outcome("never", "no such mailbox", is_gone=True)),
    (r"recipient 5", Outcome("never", "recipient refused")),
    (r"data 5", Outcome("never", "message refused")),
    (r"\w+ 4", Outcome("again", "not now")),  # greylisting, a full mailbox, a busy server
    (r"", Outcome("unknown", "an answer that SMTP does not have")),
)

_MOST_MESSAGES = 100
"""A connection carries no more: servers cut long ones at their own moment."""

_IDLE_S = 30.0
"""A connection that lay idle for longer is not trusted to be there."""


class _Refused(Exception):
    """Nothing was sent, and this is what it means."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class Email:
    """Sends by one SMTP server, whose operator is trusted with the addresses.

    tls          starttls (never without it), implicit, or none
    sender, unsubscribe    see `mail.MailWriter`
    hello        the name this host gives itself; empty: its own
    trust        certificates to accept; None: the system's
    """

    name = "email"

    def __init__(
        self,
        *,
        host: str,
        sender: str,
        port: int = 0,
        tls: Tls = "starttls",
        user: str = "",
        password: str = "",
        unsubscribe: str = "",
        hello: str = "",
        trust: ssl.SSLContext | None = None,
        timeout_s: float = 30.0,
        at_once: int = 4,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = Limits(
            at_once=at_once,
            letter_chars=LETTER_CHARS,
            # Greylisting servers want some minutes between the first two tries.
            schedule=(MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR),
        )
        self._host = host
        self._port = port or {"none": 25, "starttls": 587, "implicit": 465}[tls]
        self._tls = tls
        self._user = user
        self._password = password
        self._mails = MailWriter(sender, unsubscribe)
        self._hello = hello
        self._trust = trust
        self._timeout_s = timeout_s
        self._now = now
        self._idle: list[_Connection] = []

    async def send(self, letter: Letter) -> Outcome:
        """Try once. A connection that was found closed before the message went is replaced."""
        try:
            recipient = envelope(letter.contact.address)
            before = [self._mails.message_id(one) for one in letter.thread]
            message = self._mails.compose(letter, recipient, before)
        except (ValueError, UnicodeError):
            return Outcome("never", "not an address that mail can be sent to")
        try:
            line = await self._line()
            await self._hand_over(line, recipient, message)
        except _Refused as refused:
            return refused.outcome
        return Outcome("sent", provider_id=self._mails.message_id(letter.id))

    async def close(self) -> None:
        """End all idle connections."""
        while self._idle:
            line = self._idle.pop()
            with suppress(SMTPException, OSError):
                await line.client.quit()
            line.client.close()

    async def _line(self) -> _Connection:
        """A connection that answers: one that lies idle, or a new one."""
        while self._idle:
            line = self._idle.pop()
            if self._now() - line.used_at < _IDLE_S and await line.is_there():
                return line
            line.client.close()
        return _Connection(await self._connect())

    async def _connect(self) -> aiosmtplib.SMTP:
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            use_tls=self._tls == "implicit",
            start_tls=False,  # step by step below: each has its own meaning when it fails
            tls_context=self._trust,
            local_hostname=self._hello or None,
            timeout=self._timeout_s,
        )
        stage, is_ready = "connect", False
        try:
            await client.connect()
            if self._tls == "starttls":
                stage = "secure"
                await client.starttls()
            if self._user:
                stage = "login"
                await client.login(self._user, self._password)
            is_ready = True
        except SMTPResponseException as error:
            raise _Refused(_outcome(stage, error)) from error
        except (SMTPException, OSError) as error:
            raise _Refused(_unconnected(error)) from error
        finally:
            if not is_ready:
                client.close()
        return client

    async def _hand_over(self, line: _Connection, recipient: str, message: bytes) -> None:
        """One message through one connection, which is kept if all went well."""
        client, stage, is_taken = line.client, "sender", False
        try:
            await client.mail(self._mails.sender.addr_spec)
            stage = "recipient"
            await client.rcpt(recipient)
            stage = "data"
            await client.data(message)
            is_taken = True
        except SMTPResponseException as error:
            raise _Refused(_outcome(stage, error)) from error
        except (SMTPException, OSError) as error:
            # Once the message is on its way, nobody knows whether it was taken.
            verdict: Literal["again", "unknown"] = "unknown" if stage == "data" else "again"
            reason = "no answer in time" if isinstance(error, TimeoutError) else "connection lost"
            raise _Refused(Outcome(verdict, reason)) from error
        finally:
            if not is_taken:
                client.close()
        line.carried += 1
        line.used_at = self._now()
        if line.carried < _MOST_MESSAGES:
            self._idle.append(line)
        else:
            client.close()


class _Connection:
    """A connection, how many messages it carried, and when the last."""

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self.client = client
        self.carried = 0
        self.used_at = 0.0

    async def is_there(self) -> bool:
        """Ask before use: a connection that died in between says so now, and nothing is lost."""
        try:
            await self.client.rset()
        except (SMTPException, OSError):
            return False
        return self.client.is_connected


def _outcome(stage: str, error: SMTPResponseException) -> Outcome:
    enhanced = re.match(r"[245]\.\d{1,3}\.\d{1,3}(?!\S)", error.message)
    said = f"{stage} {error.code} {enhanced[0] if enhanced else ''}".rstrip()
    found = next(outcome for pattern, outcome in OUTCOMES if re.match(pattern, said))
    code = f"{error.code} {enhanced[0]}" if enhanced else str(error.code)
    return Outcome(
        found.verdict,
        f"SMTP {code}: {found.reason}",
        after_s=found.after_s,
        is_gone=found.is_gone,
        pauses=found.pauses,
    )


def _unconnected(error: Exception) -> Outcome:
    """Why there is no connection to send by. Nothing went out."""
    causes = (error, error.__cause__)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return Outcome("again", "TLS failed", after_s=MISTAKE_WAIT_S, pauses=True)
    if isinstance(error, TimeoutError):
        return Outcome("again", "no connection in time")
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return Outcome("again", "connection refused")
    if isinstance(error, OSError):  # aiosmtplib's connection errors are, its others are not
        return Outcome("again", "cannot connect")
    reason = "the server has no STARTTLS or no login that we know"
    return Outcome("again", reason, after_s=MISTAKE_WAIT_S, pauses=True)
