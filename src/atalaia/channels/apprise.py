"""Any other service, by the package Apprise: an extra. The address is an Apprise URL, a secret.

Apprise says no more than whether it worked, so the table of outcomes is short, and it keeps no
thread of messages. What an Apprise URL reaches is not checked: it may point inside the network.
Reference: https://github.com/caronc/apprise/wiki
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from atalaia.domain.delivery import Letter, Limits, Outcome
from atalaia.domain.message import Content
from atalaia.domain.words import LANGUAGES
from atalaia.errors import SettingsInvalid

OUTCOMES = {
    "delivered": Outcome("sent"),
    "not delivered": Outcome("again", "the service did not take it"),
    "no service": Outcome("never", "the Apprise URL names no known service", is_gone=True),
    "no answer": Outcome("unknown", "no answer in time"),
}

_LONGEST = 4000
_STOP = (
    "Para parar, peça a quem cuida desta Atalaia",
    "To stop, ask whoever runs this Atalaia",
    "Para dejar de recibirlos, pídalo a quien lleva esta Atalaia",
)
# Both write addresses and tokens into their logs.
_TALKATIVE = ("apprise", "urllib3")


class Apprise:
    """One URL a person, one message a try.

    Raises SettingsInvalid where the package is not installed.
    """

    name = "apprise"
    limits = Limits(at_once=4)  # each try holds a thread

    def __init__(self, *, timeout_s: float = 20.0) -> None:
        self._apprise = _package()
        self._timeout_s = timeout_s

    async def send(self, letter: Letter) -> Outcome:
        """Try once. A try without an answer may still end in its thread: unknown."""
        target = self._apprise.Apprise()
        if not target.add(letter.contact.address):
            return OUTCOMES["no service"]
        content, service = letter.content, target[0]
        try:
            async with asyncio.timeout(self._timeout_s):
                is_delivered = await target.async_notify(
                    title=content.subject if service.title_maxlen > 0 else "",
                    body=text_of(content, min(service.body_maxlen, _LONGEST)),
                    body_format=self._apprise.NotifyFormat.TEXT,
                )
        except TimeoutError:
            return OUTCOMES["no answer"]
        except Exception as error:  # a plugin of Apprise's may raise anything
            return Outcome("again", f"the service's plugin broke: {type(error).__name__}")
        return OUTCOMES["delivered" if is_delivered else "not delivered"]


def text_of(content: Content, longest: int) -> str:
    """What is read: all of it, and how to get no more of these."""
    stop = "" if content.kind == "confirm" else _STOP[LANGUAGES.index(content.language)] + "."
    return content.text(longest, stop)


def not_installed() -> SettingsInvalid:
    """What is said where the channel is on without its package."""
    return SettingsInvalid(
        [
            "channels.apprise: the package apprise is not installed; "
            "run: pip install 'atalaia[apprise]', or switch this channel off"
        ]
    )


def _package() -> Any:
    try:
        import apprise  # noqa: PLC0415 (an extra, and slow to import)
    except ImportError as error:
        raise not_installed() from error
    for name in _TALKATIVE:
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False
    # Its plugins are loaded by the first URL, for half a second: now, and not between messages.
    apprise.Apprise().add("json://localhost")
    return apprise
