"""Query strings and form posts of consoles: the secret apart, then names and values.

A console sends its password in the address (Weather Underground: PASSWORD) or an identity that is
a secret at once (Ecowitt's PASSKEY, the MD5 of its MAC). `without_secrets` is the first thing that
is done with what arrives: nothing keeps, logs or counts it before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus

from atalaia.sources.rejects import Unreadable, shown
from atalaia.sources.times import utc_second

LONGEST = 16_384
"""Octets of one upload; a console with every sensor sends 2,000."""

_MOST_FIELDS = 500

_SECRET = re.compile(r"(?:api|app|application)?_?(?:key|token)|pass(?:word|wd|key)?\d*", re.I)
_IDENTITY = re.compile(r"id\d*|mac(?:_?address)?|station_?id", re.I)


@dataclass(frozen=True, slots=True)
class Upload:
    """What a console sent, in two.

    body      all of it but what names or proves the sender: may be kept
    identity  the station's own id, as it was set in the console; "" if it sent none
    secret    password or key; "" if it sent none. Compared, and never kept
    """

    body: bytes
    identity: str
    secret: str


def without_secrets(body: bytes) -> Upload:
    """An upload (an address from its path or its question mark on, or a form) in two.

    Every field of such a name is taken out, however often and in whatever letters it is sent.
    """
    query = body.partition(b"?")[2] if b"?" in body.partition(b"&")[0] else body
    kept, identity, secret = [], "", ""
    for field in query.split(b"&"):
        name, _, value = field.partition(b"=")
        plain = unquote_plus(name.decode("utf-8", "replace")).strip()
        if _SECRET.fullmatch(plain):
            secret = secret or _plain(value)
        elif _IDENTITY.fullmatch(plain):
            identity = identity or _plain(value)
        else:
            kept.append(field)
    return Upload(b"&".join(kept), identity, secret)


def _plain(value: bytes) -> str:
    return unquote_plus(value.decode("utf-8", "replace")).strip()


def fields(body: bytes) -> dict[str, str]:
    """Names and values; of a name that comes twice the first. Raises Unreadable."""
    if len(body) > LONGEST:
        raise Unreadable("upload too long", f"{len(body)} octets")
    try:
        pairs = parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError as error:
        raise Unreadable("not a form", str(error)) from None
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name.strip(), value.strip())
    if not found:
        raise Unreadable("not a form", "no fields")
    return found


_NUMBER = re.compile(r"[-+]?(?:\d{1,9}(?:\.\d{0,20})?|\.\d{1,20})")
_MISSING = ("", "-", "--", "---", "na", "n/a", "nan", "none", "null")
_NO_VALUE = -9999.0


def number(text: str) -> float | None:
    """A value; None if it is told to be missing. Raises ValueError for what is no number."""
    if text.casefold() in _MISSING:
        return None
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(text)
    value = float(text)
    return None if value == _NO_VALUE else value


_DATE = re.compile(
    r"(\d{4})-\s*(\d{1,2})-\s*(\d{1,2})[ T+]+(\d{1,2}):\s*(\d{1,2})(?::\s*(\d{1,2}))?Z?"
)


def observed_at(sent: Mapping[str, str], received_at: int) -> int:
    """Unix seconds of an upload: `dateutc`, padded or not; ``now`` is its receipt.

    Raises Unreadable: values of an unknown time are no readings.
    """
    text = sent.get("dateutc", "")
    if text.casefold() == "now":
        return received_at
    found = _DATE.fullmatch(text)
    if found is not None:
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
        whole = f"{year}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}Z"
        seconds = utc_second(whole)
        if seconds is not None:
            return seconds
    raise Unreadable("not a time", f"dateutc is {shown(text)}")
