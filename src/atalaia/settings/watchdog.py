"""The settings of the dead man's switch."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from atalaia.settings.document import Document, text_of

KEYS = ("watchdog.url",)

_URL = re.compile(r"https?://[^\s/]+(/\S*)?")


class WatchdogSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where a sign of life goes every minute: an address that is asked by GET; empty: nowhere."""

    url: str = ""


def read_watchdog(document: Document) -> WatchdogSettings:
    """The table ``[watchdog]``."""
    return WatchdogSettings(url=document.get("watchdog.url", _url, ""))


def _url(value: Any) -> str:
    text = text_of(value)
    if not _URL.fullmatch(text):
        raise ValueError("not an address; write for example https://hc.example.org/ping/abc")
    return text
