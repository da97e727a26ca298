"""Where a person can be reached: one address of one channel, checked and written in one way.

An address is personal. It lives encrypted in one table, and is shown to nobody: not in a `repr`,
a log, a metric or an error.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urlsplit

import msgspec

CHANNELS = ("telegram", "whatsapp", "sms", "email", "webhook", "inbox", "apprise")

_PHONE = re.compile(r"\+[1-9][0-9]{7,14}")
_EMAIL = re.compile(r"[^@\s\"<>(),;:\\]{1,64}@(?:[\w-]+\.)+[\w-]{2,}")
_CHAT = re.compile(r"-?[0-9]{1,20}")
_LONGEST = 2048


class Contact(msgspec.Struct, frozen=True, gc=False):
    """One address.

    channel   of `CHANNELS`
    address   chat id, phone number (E.164), e-mail, URL; empty for the inbox
    secret    of a webhook: what its messages are signed with (``whsec_…``)
    """

    channel: str
    address: str
    secret: str = ""

    def __repr__(self) -> str:
        return f"Contact({self.channel!r}, '***')"


def read_contact(text: str) -> Contact:
    """``channel:address`` as a contact, its address in the one form that it is looked up by.

    Raises ValueError with the next step, and without the address.
    """
    channel, _, address = text.strip().partition(":")
    channel = channel.strip().lower()
    if channel not in CHANNELS:
        raise ValueError(
            f"no channel of this name; write channel:address with one of {', '.join(CHANNELS)}"
        )
    return Contact(channel, normal_address(channel, address))


def normal_address(channel: str, address: str) -> str:
    """The address as it is kept: the same for all ways of writing it. Raises ValueError."""
    text = address.strip()
    if len(text) > _LONGEST or any(ord(c) < 32 for c in text):
        raise ValueError(f"{channel}: the address is too long or has control characters")
    return _NORMAL[channel](text)


def _telegram(text: str) -> str:
    if not _CHAT.fullmatch(text):
        raise ValueError(
            "telegram: a chat is named by its number; write /start to the bot, which tells it"
        )
    return str(int(text))


def _phone(text: str) -> str:
    digits = re.sub(r"[\s().-]", "", text)
    if not _PHONE.fullmatch(digits):
        raise ValueError(
            "phone: give the number with + and the country's code, for example +55 81 99999-0000"
        )
    return digits


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise ValueError("email: this is not an address; write for example name@example.org")
    local, _, domain = text.rpartition("@")
    try:
        # As mail goes there: of all ways to write a name in other alphabets, or wide letters, one.
        name = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise ValueError("email: there can be no such domain; write it as it is known") from None
    if not _EMAIL.fullmatch(f"x@{name}"):
        raise ValueError("email: this is not an address; write for example name@example.org")
    return f"{unicodedata.normalize('NFC', local)}@{name}"


def _webhook(text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:  # whose words may repeat the address
        raise ValueError("webhook: give a complete URL that begins with https://") from None
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("webhook: give a complete URL that begins with https://")
    if parts.username or parts.password:
        raise ValueError("webhook: leave user and password out of the URL; messages are signed")
    return text


def _inbox(text: str) -> str:
    if text:
        raise ValueError("inbox: it has no address; write inbox alone")
    return ""


def _apprise(text: str) -> str:
    if "://" not in text:
        raise ValueError("apprise: give an Apprise URL, for example ntfy://topic")
    return text


_NORMAL = {
    "telegram": _telegram,
    "whatsapp": _phone,
    "sms": _phone,
    "email": _email,
    "webhook": _webhook,
    "inbox": _inbox,
    "apprise": _apprise,
}
