"""Payload bodies as JSON, read as far as they can be."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from atalaia.sources.rejects import Rejects, Unreadable

_strict = msgspec.json.Decoder()

_NO_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|([-+]?)\b(nan|inf(?:inity)?)\b', re.IGNORECASE)
"""A text, which is left alone; or what C and others print for a number that is none."""


def _spelled(found: re.Match[str]) -> str:
    """The same as Python's reader of JSON spells it."""
    if found[2] is None:
        return found[0]
    if found[2][0] in "nN":
        return "NaN"
    return "-Infinity" if found[1] == "-" else "Infinity"


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
        value = json.loads(_NO_NUMBER.sub(_spelled, text))
    except RecursionError:
        raise Unreadable("nested too deeply") from None
    except ValueError:
        reason = "truncated JSON" if "truncated" in str(error) else "not JSON"
        raise Unreadable(reason, f"{error}; it begins {shown_start(body)}") from error
    if "\ufffd" in text:
        rejects.add("not UTF-8", str(error))
    try:
        return _whole_letters(value)
    except RecursionError:
        raise Unreadable("nested too deeply") from None


def _whole_letters(value: Any) -> Any:
    """The same, with ``?`` in place of half of a surrogate pair: nothing could be made of it."""
    text = json.dumps(value, ensure_ascii=False)
    whole = text.encode("utf-8", "replace").decode()
    return value if whole == text else json.loads(whole)


def shown_start(body: bytes) -> str:
    """How a body begins, for a person to recognise it."""
    return repr(body[:40].decode("utf-8", "replace"))


def value_at(body: Any, path: str | None) -> Any:
    """What stands at a path (names and numbers of places with dots between) of a body that was
    read; None if nothing does. Of an empty path it is all of it."""
    for step in path.split(".") if path else ():
        if isinstance(body, dict):
            body = body.get(step)
        elif isinstance(body, list) and step.isdecimal() and int(step) < len(body):
            body = body[int(step)]
        else:
            return None
    return None if path is None else body
