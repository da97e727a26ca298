"""A letter as a mail: text and HTML in one message, threads by References.

Reference: RFC 5322 (threads), 3834 (Auto-Submitted), 2369 (List-Unsubscribe), 8058 (one click).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from urllib.parse import quote

from atalaia.channels.mail_html import html
from atalaia.domain.delivery import Letter
from atalaia.domain.words import LANGUAGES, one_line
from atalaia.errors import SettingsInvalid

_STOP = (
    "Para não receber mais: {where}.",
    "To get no more of these: {where}.",
    "Para no recibir más: {where}.",
)
_ANSWER = (
    "Para dizer que recebeu, mudar o que recebe ou parar: {where}",
    "To say that you got it, change what you get, or stop: {where}",
    "Para decir que lo recibió, cambiar lo que recibe o dejarlo: {where}",
)
# Any server takes seven bits; and a Message-ID or a link must not be folded, whatever its length.
_POLICY = SMTP.clone(cte_type="7bit", max_line_length=900)
_NO_SENDER = "channels.email.sender: not an address; write Name <name@example.org>"
_LONGEST_TEXT = 100_000

LETTER_CHARS = 30_000
"""Of a mail that tells several messages. Its HTML is thrice as long; of one Gmail shows 102 kB."""


class MailWriter:
    """Writes mails of one sender.

    sender       address, or ``Name <address>``. Raises SettingsInvalid for anything else
    unsubscribe  where one says that one wants no more, as the last line tells it where a letter has
                 no link of its own; an address or an https URL also makes a List-Unsubscribe.
                 Empty: the sender's address
    """

    def __init__(self, sender: str, unsubscribe: str = "") -> None:
        self.sender = _sender(sender)
        self._unsubscribe = unsubscribe

    def message_id(self, letter_id: str) -> str:
        """The same however often the letter is tried."""
        return f"<{letter_id}@{self.sender.domain}>"

    def compose(self, letter: Letter, recipient: str, before: Sequence[str]) -> bytes:
        """The mail to this address (`envelope`); `before`: the Message-IDs that it follows.

        Raises ValueError for what no mail can carry.
        """
        # EmailMessage refuses line ends in headers; one_line leaves none to refuse.
        content = letter.content
        words = _ANSWER if letter.answer else _STOP
        stop = words[LANGUAGES.index(content.language)].format(
            where=letter.answer or letter.leave or self._unsubscribe or self.sender.addr_spec
        )
        if content.kind == "confirm":
            stop = ""  # nothing runs yet that could be stopped
        message = EmailMessage(policy=_POLICY)
        message["From"] = self.sender
        message["To"] = Address(addr_spec=recipient)
        message["Subject"] = one_line(content.subject)
        message["Date"] = format_datetime(datetime.fromtimestamp(letter.sent_at, UTC))
        message["Message-ID"] = self.message_id(letter.id)
        if before:
            message["In-Reply-To"] = before[-1]
            message["References"] = " ".join(before)
        message["Auto-Submitted"] = "auto-generated"
        if content.level == "red":
            message["Importance"] = "high"
        ways = [f"<{letter.leave}>"] if letter.leave else []
        if ways := [*ways, *filter(None, [_link(self._unsubscribe)])]:
            message["List-Unsubscribe"] = ", ".join(ways)
        if letter.leave.startswith("https://"):  # RFC 8058 has no other
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message["Content-Language"] = content.language
        message.set_content(content.text(_LONGEST_TEXT, stop))
        message.add_alternative(html(content, stop), subtype="html")
        return message.as_bytes(policy=_POLICY)


def envelope(address: str) -> str:
    """The address as mail carries it: ASCII, a domain of other letters in its xn-- form.

    Raises ValueError for what is no address.
    """
    local, _, domain = address.rpartition("@")
    spec = f"{local}@{domain.encode('idna').decode()}"
    # What cannot be in an envelope or a header without quoting is nobody's address here.
    if not re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}", spec):
        raise ValueError("email: not an address")
    return spec


def _sender(text: str) -> Address:
    """Raises SettingsInvalid."""
    if not text.isprintable():  # a line end would be the start of another header
        raise SettingsInvalid([_NO_SENDER])
    name, address = parseaddr(text)
    try:
        return Address(display_name=name, addr_spec=envelope(address))
    except ValueError as error:
        raise SettingsInvalid([_NO_SENDER]) from error


def _link(where: str) -> str:
    """For List-Unsubscribe; empty where it is words that only people can follow."""
    if re.fullmatch(r"https://[!-;=?-~]+", where):
        return f"<{where}>"
    if re.fullmatch(r"[!-;=?-~]+@[A-Za-z0-9.-]+", where):
        return f"<mailto:{quote(where, safe='@')}?subject=unsubscribe>"
    return ""
