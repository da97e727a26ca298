"""What one may do with one's own by talking to the bot."""

from __future__ import annotations

from atalaia.domain.conversation import Button, Reply
from atalaia.domain.words import LANGUAGES
from atalaia.people import bot_words as words
from atalaia.people.bot_turn import Turn
from atalaia.people.changing import ChangeWanted
from atalaia.people.service import PeopleService


def language_of(tag: str, default: str) -> str:
    """The language that answers an app's tag: ``pt``, ``pt-br``, ``en-GB``, ``es-419``."""
    known = {"pt": "pt-BR", "en": "en", "es": "es"}
    return known.get(tag.lower().replace("_", "-").partition("-")[0], default)


class Own:
    """Answers who asks for what is kept of them, or changes how they are told."""

    def __init__(self, people: PeopleService) -> None:
        self._people = people

    def confirm(self, turn: Turn, code: str) -> list[Reply]:
        """They gave the code that confirms what somebody else wrote down for them."""
        is_right = bool(code) and self._people.confirm(turn.contact, code, turn.now) is not None
        return [Reply(text=(words.CONFIRMED if is_right else words.WRONG_CODE)[turn.i])]

    def stop(self, turn: Turn, _: str) -> list[Reply]:
        """They are told no more here."""
        turn.talk.begin_again()
        was_told = self._people.stop(turn.contact, turn.now)
        return [Reply(text=(words.STOPPED if was_told else words.NOTHING_TO_STOP)[turn.i])]

    def my_data(self, turn: Turn, _: str) -> list[Reply]:
        """They want all that is kept of them."""
        data = self._people.export(turn.contact)
        if data is None:
            return [Reply(text=words.NOTHING_KEPT[turn.i])]
        name = words.FILE_NAME[turn.i]
        return [Reply(text=words.MY_DATA[turn.i], file_name=name, file=data)]

    def forget(self, turn: Turn, _: str) -> list[Reply]:
        """They want to be forgotten: it is asked once whether they are sure."""
        if not self._people.is_kept(turn.contact):
            return [Reply(text=words.NOTHING_KEPT[turn.i])]
        sure = Button(words.YES_ERASE[turn.i], "forget:yes")
        return [Reply(text=words.SURE[turn.i], buttons=((sure, Button(words.NO[turn.i], "no")),))]

    def erase(self, turn: Turn, _: str) -> list[Reply]:
        """They are sure."""
        was_kept = self._people.erase(turn.contact, turn.now)
        turn.talk.end()
        return [Reply(text=(words.ERASED if was_kept else words.NOTHING_KEPT)[turn.i])]

    def acknowledge(self, turn: Turn, message: str) -> list[Reply]:
        """They read a message."""
        is_theirs = self._people.acknowledge(turn.contact, message, turn.now)
        text = (words.THANKS if is_theirs else words.UNKNOWN_MESSAGE)[turn.i]
        return [Reply(text=text, is_passing=True)]

    def ask_language(self, turn: Turn, tag: str) -> list[Reply]:
        """They want another language, which they may have named."""
        wanted = language_of(tag, "")
        if wanted:
            return self.speak(turn, wanted)
        row = tuple(
            Button(name, f"lang:{language}")
            for name, language in zip(words.NAMES, LANGUAGES, strict=True)
        )
        return [Reply(text=words.LANGUAGE[turn.i], buttons=(row,))]

    def speak(self, turn: Turn, language: str) -> list[Reply]:
        """They chose a language, one of `LANGUAGES`."""
        turn.talk.language = language
        self._people.change(turn.contact, ChangeWanted(language=language), turn.now)
        return [Reply(text=words.SPEAKS[LANGUAGES.index(language)])]

    def help(self, turn: Turn, _: str) -> list[Reply]:
        """What can be said."""
        chat = words.CHAT[turn.i].format(chat=turn.contact.address)
        return [Reply(text=f"{words.HELP[turn.i]}\n\n{chat}")]
