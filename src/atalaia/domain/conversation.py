"""What a person says to a bot, and what it says back: the same for every channel one can talk by.

Neither is written to disk or shown in a log: both are personal.
"""

from __future__ import annotations

import msgspec

from atalaia.domain.contact import Contact

LONGEST_DATA = 64
"""Bytes that a button can carry; Telegram's limit is the tightest."""


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that somebody did; besides `contact` and `language` one field at most is set.

    contact    where an answer goes
    language   as their app says it (IETF tag, such as ``pt-br``); empty: it does not
    text       what they wrote
    pressed    the data of the button that they pressed
    position   latitude and longitude that they shared (WGS 84 degrees)
    is_gone    they blocked the bot, or threw it out of the group
    """

    contact: Contact
    language: str = ""
    text: str = ""
    pressed: str = ""
    position: tuple[float, float] | None = None
    is_gone: bool = False

    def __repr__(self) -> str:
        return f"Incoming({self.contact.channel!r}, '***')"


class Button(msgspec.Struct, frozen=True):
    """A label, and the data (at most `LONGEST_DATA` bytes) that come back when it is pressed."""

    label: str
    data: str


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """One message back.

    text            plain text, at most 4,000 characters
    buttons         rows of buttons below it
    asks_position   label of a button that shares the person's position; empty: none
    file_name, file a document to hand over with it, such as everything that is kept of them
    is_passing      a short note that need not stay in the chat, where the channel has such
    """

    text: str
    buttons: tuple[tuple[Button, ...], ...] = ()
    asks_position: str = ""
    file_name: str = ""
    file: bytes = b""
    is_passing: bool = False

    def __repr__(self) -> str:
        return "Reply('***')"
