"""What SES tells of mails that it had taken: bounces and complaints, by SNS.

Reference: Amazon SES developer guide, "Amazon SNS notification contents for Amazon SES".
"""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parseaddr
from typing import Literal, NamedTuple

import msgspec

from atalaia.errors import PayloadInvalid

Kind = Literal["hard", "soft", "complaint"]


class MailReturn(NamedTuple):
    """What became of a mail to an address, which is not to be kept or logged.

    kind    hard: there is no such mailbox; soft: it did not arrive this time; complaint: its owner
            calls it spam
    """

    address: str
    kind: Kind

    def __repr__(self) -> str:
        return f"MailReturn('***', {self.kind!r})"


class _Recipient(msgspec.Struct, rename="camel"):
    email_address: str


class _Bounce(msgspec.Struct, rename="camel"):
    bounce_type: str
    bounced_recipients: list[_Recipient]


class _Complaint(msgspec.Struct, rename="camel"):
    complained_recipients: list[_Recipient]
    complaint_feedback_type: str | None = None


class _Notice(msgspec.Struct, rename="camel"):
    notification_type: str = ""
    event_type: str = ""
    bounce: _Bounce | None = None
    complaint: _Complaint | None = None


_decode = msgspec.json.Decoder(_Notice).decode


def returns(text: str) -> Iterator[MailReturn]:
    """What one message of the topic tells; nothing for what is neither bounce nor complaint, as the
    first message of a new topic. Raises PayloadInvalid for what is no message of SES."""
    try:
        notice = _decode(text)
    except msgspec.MsgspecError as error:
        # Without its text: it may quote an address.
        raise PayloadInvalid("this is no notification of SES") from error
    if notice.bounce is not None:
        kind: Kind = "hard" if notice.bounce.bounce_type == "Permanent" else "soft"
        yield from _told(notice.bounce.bounced_recipients, kind)
    # "not-spam": somebody took it out of the folder for spam.
    if notice.complaint is not None and notice.complaint.complaint_feedback_type != "not-spam":
        yield from _told(notice.complaint.complained_recipients, "complaint")


def _told(recipients: list[_Recipient], kind: Kind) -> Iterator[MailReturn]:
    for one in recipients:
        address = parseaddr(one.email_address)[1]
        if address:
            yield MailReturn(address, kind)
