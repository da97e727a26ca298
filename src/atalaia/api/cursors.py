"""Cursors: where a list goes on. A client hands them back as they came."""

from __future__ import annotations

import base64
import binascii

from atalaia.api.problem import Problem


def cursor(kind: str, at: int | str) -> str:
    """A cursor of one kind of list, which no other takes."""
    return base64.urlsafe_b64encode(f"{kind}:{at}".encode()).decode().rstrip("=")


def position(kind: str, given: str | None) -> str | None:
    """What a cursor says; None where none was given. A Problem (422) for what is none of ours."""
    if given is None:
        return None
    try:
        padded = given + "=" * (-len(given) % 4)
        text = base64.b64decode(padded.encode("ascii"), b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError):
        text = ""
    found, _, at = text.partition(":")
    if found != kind or not at:
        raise _unknown()
    return at


def number(kind: str, given: str | None) -> int | None:
    """The same where it is a number."""
    at = position(kind, given)
    if at is None:
        return None
    if not at.isascii() or not at.isdecimal() or len(at) > 18:
        raise _unknown()
    return int(at)


def _unknown() -> Problem:
    return Problem(422, "this is no cursor of this list; begin without one")
