"""The last net: masks in logs what looks like an address or a secret, should one get that far.

Nothing in Atalaia writes contacts or keys to a log on purpose. A library's error may quote one.

What it cannot tell from a count or a time (a chat's number, a local phone number without its
code) it masks only under a name that says so, such as ``chat_id``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

MASK = "***"


class Secret:
    """A text that is shown to nobody: not in a `repr`, a log, an error or a file."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one request or comparison that needs it."""
        return self._text

    def __repr__(self) -> str:
        return MASK


_NAMES = (
    r"api_?key|app_?id|access_?token|auth|authorization|chat_?id|client_?secret|cookie|"
    r"pass(?:word|wd)?|secret|sig(?:nature)?|token|wa_?id"
)
_IN_A_QUERY = rf"{_NAMES}|code|key"
"""These two have many harmless uses elsewhere."""

_PERSONAL = re.compile(
    rf"(?:.*[_-])?(?:{_NAMES}|address|chat|contact|e-?mail|phone|recipient)", re.I
)
"""Names of fields whose value is masked whatever it looks like."""

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # A URL's user and password, and what it asks with.
    (re.compile(r"(?<=://)[^\s/@?#]+(?=@)"), MASK),
    (re.compile(rf"(?i)(?<=[?&;])((?:[\w-]*[_-])?(?:{_IN_A_QUERY})=)[^&#;\s'\"]+"), rf"\1{MASK}"),
    # Secrets that say what they are.
    (re.compile(r"\bwhsec_[\w+/=-]+"), f"whsec_{MASK}"),
    (re.compile(r"\batk_[a-z0-9]+", re.I), f"atk_{MASK}"),
    (re.compile(r"\b(Bearer|Basic|Digest)\s+[\w.~+/=:-]+", re.I), rf"\1 {MASK}"),
    (re.compile(r"(?<!\d)\d{6,12}:[\w-]{30,}"), MASK),  # a Telegram bot's token
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), MASK),
    (re.compile(r"\bEAA[A-Za-z0-9]{30,}"), MASK),  # a Meta access token
    (re.compile(r"\bwamid\.[\w+/=-]+"), f"wamid.{MASK}"),  # has the phone number in it
    # name=value and "name": value of any secret.
    (
        re.compile(
            rf"(?i)((?<![a-z])(?:[\w-]*[_-])?(?:{_NAMES})['\"]?\s*[:=]\s*['\"]?)"
            r"(?![\s'\"]|\*\*\*)[^\s'\",;&}}\])]{4,}"
        ),
        rf"\1{MASK}",
    ),
    # Addresses.
    (re.compile(r"[^\s@<>()\[\]{}\"',;:=/?&]+(?:@|%40)(?:[\w-]+\.)+[\w-]{2,}"), MASK),
    (re.compile(r"(?<![\w.+])(?:\+|%2B)[1-9]\d(?:[\s().-]{0,2}\d){6,13}(?!\d)"), MASK),
    (re.compile(r"\(\d{2,3}\)\s?\d{4,5}[\s-]?\d{4}(?!\d)"), MASK),
    (re.compile(r"(?<![\w.+-])[1-9]\d{10,14}(?![\w-]|\.\d)"), MASK),  # a phone without its plus
)


def redact(text: str) -> str:
    """The text with all that looks like an address or a secret masked."""
    for pattern, mask in _PATTERNS:
        text = pattern.sub(mask, text)
    return text


def redact_event(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A processor for structlog: the last before the one that renders, behind `format_exc_info`."""
    for name in list(event):
        event[name] = _field(name, event[name])
    return event


def _field(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    return MASK if _PERSONAL.fullmatch(name) else _value(value)


def _value(value: Any) -> Any:
    """The same in what lies inside; what is no text or number is shown as its masked `repr`."""
    if isinstance(value, str):
        return redact(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes):
        return redact(value.decode("utf-8", "replace"))
    if isinstance(value, Mapping):
        return {str(name): _field(str(name), each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_value(each) for each in value]
    return redact(str(value) if isinstance(value, BaseException) else repr(value))
