"""E-mail by Amazon SES: the same messages as by SMTP, by SendEmail with the message as it is.

SES gives each message a Message-ID of its own in place of ours; that one is kept, and the next
change of an incident refers to it. Whether a mailbox exists SES finds out later, and writes to the
sender. The credentials need `ses:SendEmail` and `ses:SendRawEmail` for the sender's identity.

Reference: Amazon SES API v2 (2019-09-27), SendEmail; developer guide, "Sending raw email",
"Message-ID".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from atalaia.channels.amazon import OWNER, Amazon, Row, code_of, no_answer, refused
from atalaia.channels.mail import LETTER_CHARS, MailWriter, envelope
from atalaia.domain.delivery import HOUR, MINUTE, Letter, Limits, Outcome

# SES has one code for all that it will not send. These two are its own words, told apart here.
_SENDER = "SenderNotVerified"
_SANDBOX = "RecipientNotVerified"
_QUOTA = "DailyQuota"

OUTCOMES: tuple[Row, ...] = (
    (_SENDER, OWNER),
    (_SANDBOX, Outcome("never", "in SES's sandbox, and not a verified address")),
    (_QUOTA, OWNER),
    (r"(AccountSuspended|SendingPaused|MailFromDomainNotVerified)(Exception)?", OWNER),
    (r"ConfigurationSet\w+|NotFound(Exception)?", OWNER),
    (r"MessageRejected|BadRequest(Exception)?", Outcome("never", "refused")),
)
"""What SES says besides what `amazon.COMMON` knows."""

_ITS_ID = re.compile(r"<[^<>\s@]{1,200}@[A-Za-z0-9.-]{1,253}>")


class Ses:
    """Sends by SES, in threads of its own.

    sender, unsubscribe    see `mail.MailWriter`; the sender's address or domain is verified in SES
    region, endpoint_url, access_key, secret_key    see `amazon.Amazon`
    """

    name = "email"

    def __init__(
        self,
        *,
        sender: str,
        unsubscribe: str = "",
        region: str = "",
        endpoint_url: str = "",
        access_key: str = "",
        secret_key: str = "",
        timeout_s: float = 10.0,
        at_once: int = 4,
    ) -> None:
        self.limits = Limits(
            a_second=14.0,  # what an account may first send when it has left the sandbox
            at_once=at_once,
            letter_chars=LETTER_CHARS,
            schedule=(MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR),
        )
        self._mails = MailWriter(sender, unsubscribe)
        self._amazon = Amazon(
            self.name,
            "sesv2",
            region=region,
            endpoint_url=endpoint_url,
            access_key=access_key,
            secret_key=secret_key,
            timeout_s=timeout_s,
            at_once=at_once,
        )

    async def send(self, letter: Letter) -> Outcome:
        """Try once."""
        # The message before names those before it; what SMTP sent has our own Message-ID.
        before = [letter.reply_to] if _ITS_ID.fullmatch(letter.reply_to) else []
        try:
            recipient = envelope(letter.contact.address)
            message = self._mails.compose(letter, recipient, before)
        except ValueError:
            return Outcome("never", "not an address that mail can be sent to")
        return await self._amazon.run(lambda: self._send(recipient, message))

    async def close(self) -> None:
        """End the threads."""
        self._amazon.close()

    def _send(self, recipient: str, message: bytes) -> Outcome:
        from botocore.exceptions import (  # noqa: PLC0415
            ClientError,
        )

        try:
            client = self._amazon.client()
            answer = client.send_email(
                FromEmailAddress=self._mails.sender.addr_spec,
                Destination={"ToAddresses": [recipient]},
                Content={"Raw": {"Data": message}},
            )
            return Outcome("sent", provider_id=_message_id(answer["MessageId"], client.meta))
        except ClientError as error:
            return refused("SES", self._code(error.response), OUTCOMES)
        except Exception as error:  # its parser's errors share no root with its others
            return no_answer(error)

    def _code(self, response: Mapping[str, Any]) -> str:
        """SES's code, or a narrower one where only the words beside it say what is meant."""
        code, said = code_of(response), str(response.get("Error", {}).get("Message", "")).lower()
        if code == "MessageRejected" and "not verified" in said:
            sender = self._mails.sender
            failed = re.split(r"[\s,:;<>]+", said)
            is_ours = {sender.addr_spec.lower(), sender.domain.lower()} & set(failed)
            return _SENDER if is_ours else _SANDBOX
        is_slow_down = code.startswith(("TooManyRequests", "Throttling"))
        return _QUOTA if is_slow_down and "daily" in said else code


def _message_id(given: str, meta: Any) -> str:
    """The header that SES puts into the message: its id at a domain of the region's."""
    host = "email" if meta.region_name == "us-east-1" else meta.region_name
    return f"<{given}@{host}.amazonses.com>"
