"""The talking bot: from what a person says to what is done for them, and what it says back.

It knows no channel. What a half-done talk has come to is kept sealed by the home (`talks`), and is
taken up again by whichever process hears the next thing said.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import msgspec

from atalaia.domain.contact import Contact
from atalaia.domain.conversation import Incoming, Reply
from atalaia.domain.words import LANGUAGES
from atalaia.people.bot_own import Own, language_of
from atalaia.people.bot_turn import Talk, Towns, Turn
from atalaia.people.bot_wish import Wishing
from atalaia.people.service import PeopleService
from atalaia.people.talks import SealedTalks

_CODE = re.compile(r"[0-9]{3} ?[0-9]{3}")

_COMMANDS = {
    **dict.fromkeys(("start", "iniciar", "oi", "olá", "ola", "hi", "hello", "hola"), "start"),
    **dict.fromkeys(("stop", "parar", "pare", "sair", "detener", "unsubscribe"), "stop"),
    **dict.fromkeys(("mydata", "meusdados", "misdatos"), "mydata"),
    **dict.fromkeys(("forget", "esquecer", "olvidar"), "forget"),
    **dict.fromkeys(("help", "ajuda", "ayuda"), "help"),
    **dict.fromkeys(("language", "idioma"), "language"),
    **dict.fromkeys(("confirm", "confirmar"), "confirm"),
}


def command_of(text: str) -> str:
    """Which command a text is: ``/stop``, ``/stop@SomeBot`` or ``Parar``; empty: none."""
    first, _, rest = text.strip().partition(" ")
    is_bare = not first.startswith("/")
    if is_bare and rest:
        return ""
    return _COMMANDS.get(first.removeprefix("/").partition("@")[0].lower(), "")


class Conversation:
    """Answers people. Not to be called by two threads at once.

    language   where neither the person nor their app says one
    """

    def __init__(
        self,
        people: PeopleService,
        talks: SealedTalks,
        *,
        language: str = "pt-BR",
        towns: Towns | None = None,
    ) -> None:
        self._people = people
        self._talks = talks
        self._language = language
        wish, own = Wishing(people, towns or Towns()), Own(people)
        self._wish, self._own = wish, own
        self._commands: dict[str, Callable[[Turn, str], list[Reply]]] = {
            "start": wish.start,
            "stop": own.stop,
            "mydata": own.my_data,
            "forget": own.forget,
            "help": own.help,
            "language": own.ask_language,
            "confirm": own.confirm,
        }
        self._buttons: dict[str, Callable[[Turn, str], list[Reply]]] = {
            "town": wish.town_pressed,
            "level": wish.level_pressed,
            "agree": wish.agreed,
            "no": wish.refused,
            "forget": own.erase,
            "lang": self._language_pressed,
            "confirm": own.confirm,
            "ack": own.acknowledge,
        }

    def answer(self, incoming: Incoming, now: int) -> list[Reply]:
        """What to say to this; `now` in Unix seconds.

        Raises StateConflict; then the talk stands where it stood, and the same can be said again.
        """
        contact = incoming.contact
        before = self._talks.get(contact, now)
        talk = _read(before)
        replies = self._answer(incoming, self._turn(incoming, talk, now))
        held = b"" if talk == Talk() else msgspec.json.encode(talk)
        if before or held:
            self._talks.put(contact, held, now)
        return replies

    def _turn(self, incoming: Incoming, talk: Talk, now: int) -> Turn:
        person = self._people.person(incoming.contact)
        known = talk.language or (person.language if person else "")
        language = known or language_of(incoming.language, self._language)
        return Turn(incoming.contact, now, LANGUAGES.index(language), person, talk)

    def _answer(self, incoming: Incoming, turn: Turn) -> list[Reply]:
        if incoming.is_gone:
            self._people.stop(turn.contact, turn.now)
            turn.talk.end()
            return []
        if incoming.pressed:
            kind, _, about = incoming.pressed.partition(":")
            press = self._buttons.get(kind)
            return press(turn, about) if press else self._wish.old_button(turn)
        if incoming.position:
            return self._wish.located(turn, *incoming.position)
        return self._read(turn, incoming.text)

    def _read(self, turn: Turn, text: str) -> list[Reply]:
        command = command_of(text)
        if command:
            return self._commands[command](turn, text.strip().partition(" ")[2].strip())
        if text.startswith("/"):
            return self._own.help(turn, "")
        if _CODE.fullmatch(" ".join(text.split())):
            return self._own.confirm(turn, " ".join(text.split()))
        return self._wish.named(turn, text)

    def _language_pressed(self, turn: Turn, language: str) -> list[Reply]:
        if language not in LANGUAGES:
            return self._wish.old_button(turn)
        return self._own.speak(turn, language)


def in_turn(
    bot: Conversation, now: Callable[[], float]
) -> Callable[[Incoming], Awaitable[list[Reply]]]:
    """The bot for who must not wait in a loop: it answers in threads, and one at a time."""
    one_at_a_time = asyncio.Lock()

    async def talk(incoming: Incoming) -> list[Reply]:
        async with one_at_a_time:
            return await asyncio.to_thread(bot.answer, incoming, int(now()))

    return talk


def replied(people: PeopleService, contact: Contact, pressed: str, text: str, now: int) -> bool:
    """Do what a reply to one of our messages asks for, where there is no talk (WhatsApp).

    False: nobody has this contact, or it asks for nothing.
    """
    verb, _, what = pressed.partition(":")
    if verb == "ack":
        return people.acknowledge(contact, what, now)
    if verb == "confirm":
        return people.confirm(contact, what, now) is not None
    if command_of(text) == "stop":
        return people.stop(contact, now)
    return False


_decode_talk = msgspec.json.Decoder(Talk).decode


def _read(held: bytes) -> Talk:
    """A talk as it was left; what is not one begins anew."""
    try:
        return _decode_talk(held)
    except msgspec.MsgspecError:
        return Talk()
