"""Where a person can be reached: one address of one channel, checked and written in one way.

An address is personal. It lives encrypted in one table, and is shown to nobody: not in a `repr`,
a log, a metric or an error.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

import msgspec

CHANNELS = (
    "webpush",
    "telegram",
    "whatsapp",
    "sms",
    "email",
    "webhook",
    "inbox",
    "apprise",
    "alertmanager",
)
PROGRAMS = ("webhook", "alertmanager")
"""Those behind which nobody reads: each incident goes by itself, and has an order of its own."""

Brought: TypeAlias = Mapping[str, Callable[[str], str]]
"""By channel of a plug-in: an address as it is written → the one form of it, or ValueError."""

NONE_BROUGHT: Brought = {}

_PHONE = re.compile(r"\+[1-9][0-9]{7,14}")
_EMAIL = re.compile(r"[^@\s\"<>(),;:\\]{1,64}@(?:[\w-]+\.)+[\w-]{2,}")
_CHAT = re.compile(r"-?[0-9]{1,20}")
_LONGEST = 2048
_LOGIN = re.compile(r"(https?://)([^@/]*:[^@/]*)@(.*)")
_OF_THE_API = re.compile(r"(/api/v2/alerts|/)+$")
_URL_BASE64 = re.compile(r"[A-Za-z0-9_-]+={0,2}")
_POINT_BYTES, _AUTH_BYTES = 65, 16


class Contact(msgspec.Struct, frozen=True, gc=False):
    """One address.

    channel   of `CHANNELS`, or a plug-in's
    address   chat id, phone number (E.164), e-mail, URL; of a browser, the URL at its maker's push
              service; empty for the inbox
    secret    of a webhook: what its messages are signed with (``whsec_…``); of a browser: what they
              are sealed with, ``p256dh.auth`` as `PushSubscription` gives them; of an Alertmanager:
              ``user:password``, where it asks for one
    """

    channel: str
    address: str
    secret: str = ""

    def __repr__(self) -> str:
        return f"Contact({self.channel!r}, '***')"


def read_contact(text: str, brought: Brought = NONE_BROUGHT) -> Contact:
    """``channel:address`` as a contact, its address in the one form that it is looked up by.

    `brought` are channels besides `CHANNELS`. Raises ValueError with the next step, and without the
    address. A browser's is ``webpush:`` and its `PushSubscription` as JSON.
    """
    channel, _, address = text.strip().partition(":")
    channel = channel.strip().lower()
    if channel not in CHANNELS and channel not in brought:
        known = ", ".join((*CHANNELS, *brought))
        raise ValueError(f"no channel of this name; write channel:address with one of {known}")
    return contact_of(channel, address, brought)


def contact_of(channel: str, address: str, brought: Brought = NONE_BROUGHT) -> Contact:
    """The contact that this address is of, in the form in which it is kept: the same for all ways
    of writing it. Raises ValueError."""
    text = address.strip()
    if len(text) > _LONGEST or any(ord(c) < 32 for c in text):
        raise ValueError(f"{channel}: the address is too long or has control characters")
    if channel == "webpush":
        return _browser(text)
    if channel == "alertmanager":
        return _alertmanager(text)
    normal = _NORMAL.get(channel) or brought[channel]
    return Contact(channel, normal(text))


class _Keys(msgspec.Struct, frozen=True):
    p256dh: str
    auth: str


class _Subscription(msgspec.Struct, frozen=True):
    """What ``JSON.stringify`` makes of a `PushSubscription` (W3C Push API)."""

    endpoint: str
    keys: _Keys


_subscription = msgspec.json.Decoder(_Subscription)


def _browser(text: str) -> Contact:
    try:
        told = _subscription.decode(text)
    except msgspec.MsgspecError:  # whose words may repeat the address
        raise ValueError(
            "webpush: give the browser's PushSubscription as JSON, with endpoint and keys"
        ) from None
    keys = told.keys
    if _size(keys.p256dh) != _POINT_BYTES or _size(keys.auth) != _AUTH_BYTES:
        raise ValueError("webpush: these are no keys of a browser; subscribe in it once more")
    secret = ".".join(key.rstrip("=") for key in (keys.p256dh, keys.auth))
    return Contact("webpush", _url("webpush", told.endpoint), secret)


def _size(text: str) -> int:
    """Bytes that stand in these letters of URL-safe base64; 0: they are none."""
    return len(text.rstrip("=")) * 3 // 4 if _URL_BASE64.fullmatch(text) else 0


def _alertmanager(text: str) -> Contact:
    """Its base URL, as it is given to Prometheus or to amtool; a login stands apart from it."""
    shape = _LOGIN.fullmatch(text)
    login = unquote(shape[2]) if shape else ""
    base = f"{shape[1]}{shape[3]}" if shape else text
    address = _OF_THE_API.sub("", _url("alertmanager", base))
    if "?" in address or "#" in address:
        raise ValueError("alertmanager: give its base URL, for example http://alertmanager:9093")
    return Contact("alertmanager", address, login)


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
    return _url("webhook", text)


def _url(channel: str, text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:  # whose words may repeat the address
        raise ValueError(f"{channel}: give a complete URL that begins with https://") from None
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError(f"{channel}: give a complete URL that begins with https://")
    if parts.username or parts.password:
        raise ValueError(f"{channel}: leave user and password out of the URL; messages are signed")
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
