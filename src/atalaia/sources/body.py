"""Payload bodies as JSON, read as far as they can be."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from atalaia.sources.rejects import Rejects, Unreadable

_strict = msgspec.json.Decoder()


def read_json(body: bytes, rejects: Rejects) -> Any:
    """The body as dicts, lists, texts and numbers.

    Numbers that JSON does not have (NaN, Infinity, 1e999) and bytes that are not UTF-8 are read
    all the same: one bad field must not cost the others. Bad bytes are noted in `rejects`; bad
    numbers come out as non-finite floats, which `columns` rejects one by one.

    Raises Unreadable for what is no JSON at all.
    """
    try:
        return _strict.decode(body)
    except RecursionError:
        raise Unreadable("nested too deeply") from None
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        return _read_loosely(body, rejects, error)


def _read_loosely(body: bytes, rejects: Rejects, error: Exception) -> Any:
    if not body.strip():
        raise Unreadable("empty body")
    if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise Unreadable("HTML instead of JSON", shown_start(body))
    text = body.decode("utf-8-sig", "replace")
    try:
        value = json.loads(text)
    except RecursionError:
        raise Unreadable("nested too deeply") from None
    except ValueError:
        reason = "truncated JSON" if "truncated" in str(error) else "not JSON"
        raise Unreadable(reason, f"{error}; it begins {shown_start(body)}") from error
    if "\ufffd" in text:
        rejects.add("not UTF-8", str(error))
    return value


def shown_start(body: bytes) -> str:
    """How a body begins, for a person to recognise it."""
    return repr(body[:40].decode("utf-8", "replace"))
