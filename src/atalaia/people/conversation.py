"""The talking bot: from what a person says to what the watch does for them, and what it says back.

    /start ─► a town's name, or a position ─► (which of several) ─► a level ─► I agree ─► subscribed

It knows no channel and no store: what it needs of the registry is `Desk`. What a half-done talk
has come to is held in memory alone, for a bounded number of people; where one process does not
hear all of a talk, `held` and `recall` carry it over (`talks`). A button carries the mark of
what it stands for, so that one of an older talk cannot be taken for another.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import msgspec

from atalaia.domain.contact import Contact
from atalaia.domain.conversation import Button, Incoming, Reply
from atalaia.domain.hazard import Level
from atalaia.domain.message import ICONS
from atalaia.domain.subscription import DEFAULT_RADIUS_KM, WEATHER, Circle, Person, Subscription
from atalaia.domain.words import LANGUAGES, LEVELS
from atalaia.people import bot_words as words

MOST_TALKS = 10_000
"""Half-done talks that are remembered; beyond that the one that rested longest is forgotten."""

_MOST_TOWNS = 6
_LONGEST_NAME = 100
_LEVELS = (Level.YELLOW, Level.ORANGE, Level.RED)
_POSITION_DECIMALS = 2  # about 1 km: exact enough for weather, and not a person's door

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


class Town(msgspec.Struct, frozen=True):
    """A place of the gazetteer: `label` tells it from others of its name (WGS 84 degrees)."""

    label: str
    latitude: float
    longitude: float


class Desk(Protocol):
    """What the bot needs of the registry and the gazetteer. Times are Unix seconds.

    A contact that a person writes from needs no other proof that it is theirs.
    """

    def person(self, contact: Contact) -> Person | None:
        """Who is told by this contact; None: nobody, or they stopped."""
        ...

    def towns(self, name: str, limit: int) -> list[Town]:
        """Towns that this name, perhaps with a state or country, may mean; the likeliest first."""
        ...

    def nearest(self, latitude: float, longitude: float) -> Town | None:
        """The town that a position is at or near; None: there is none."""
        ...

    def words(self, language: str) -> str:
        """What a person agrees to who is to be told, word for word."""
        ...

    def subscribe(
        self,
        contact: Contact,
        circle: Circle,
        hazards: dict[str, str],
        language: str,
        consent: str,
        now: int,
    ) -> None:
        """Tell this contact of these hazards, each from its level; `consent` are the words that
        the person agreed to. Who has stopped is told again. Raises ValueError where it cannot be
        kept (too many places)."""
        ...

    def confirm(self, contact: Contact, code: str, now: int) -> bool:
        """Confirm a subscription that somebody else wrote down; False: the code is not its."""
        ...

    def speak(self, contact: Contact, language: str) -> None:
        """Tell them in this language from now on; nothing where nobody is known."""
        ...

    def stop(self, contact: Contact, now: int) -> bool:
        """Tell this contact no more, and keep the rest; False: it was not told anyway."""
        ...

    def export(self, contact: Contact) -> bytes | None:
        """All that is kept of who has this contact, as JSON; None: nothing."""
        ...

    def erase(self, contact: Contact, now: int) -> bool:
        """Erase who has this contact; False: nothing was kept."""
        ...

    def acknowledge(self, contact: Contact, message: str, now: int) -> bool:
        """Note that they read a message; False: it is not theirs, or not kept any more."""
        ...


class _Talk(msgspec.Struct):
    """What a half-done talk has come to."""

    language: str = ""
    towns: tuple[Town, ...] = ()
    town: Town | None = None
    level: str = ""


class _Turn(msgspec.Struct, frozen=True):
    """One thing said, by whom, in which language (an index of `LANGUAGES`), in which talk."""

    contact: Contact
    now: int
    i: int
    person: Person | None
    talk: _Talk


def language_of(tag: str, default: str) -> str:
    """The language that answers an app's tag: ``pt``, ``pt-br``, ``en-GB``, ``es-419``."""
    known = {"pt": "pt-BR", "en": "en", "es": "es"}
    return known.get(tag.lower().replace("_", "-").partition("-")[0], default)


def command_of(text: str) -> str:
    """Which command a text is: ``/stop``, ``/stop@SomeBot`` or ``Parar``; empty: none."""
    first, _, rest = text.strip().partition(" ")
    is_bare = not first.startswith("/")
    if is_bare and rest:
        return ""
    return _COMMANDS.get(first.removeprefix("/").partition("@")[0].lower(), "")


class Conversation:
    """Answers people. Not to be called by two threads at once."""

    def __init__(
        self, desk: Desk, *, language: str = "pt-BR", most_talks: int = MOST_TALKS
    ) -> None:
        self._desk = desk
        self._language = language
        self._most_talks = most_talks
        self._talks: OrderedDict[Contact, _Talk] = OrderedDict()
        self._commands: dict[str, Callable[[_Turn, str], list[Reply]]] = {
            "start": self._start,
            "stop": self._stop,
            "mydata": self._my_data,
            "forget": self._forget,
            "help": self._help,
            "language": self._ask_language,
            "confirm": self._confirm,
        }
        self._buttons: dict[str, Callable[[_Turn, str], list[Reply]]] = {
            "town": self._town_pressed,
            "level": self._level_pressed,
            "agree": self._agreed,
            "no": self._refused,
            "forget": self._erase,
            "lang": self._speak,
            "confirm": self._confirm,
            "ack": self._acknowledge,
        }

    def answer(self, incoming: Incoming, now: int) -> list[Reply]:
        """What to say to this; `now` in Unix seconds. Raises what the desk raises."""
        turn = self._turn(incoming, now)
        if incoming.is_gone:
            self._desk.stop(turn.contact, now)
            self._talks.pop(turn.contact, None)
            return []
        if incoming.pressed:
            kind, _, about = incoming.pressed.partition(":")
            press = self._buttons.get(kind)
            return press(turn, about) if press else self._old_button(turn)
        if incoming.position:
            return self._located(turn, *incoming.position)
        command = command_of(incoming.text)
        if command:
            return self._commands[command](turn, incoming.text.strip().partition(" ")[2].strip())
        return (
            self._help(turn, "") if incoming.text.startswith("/") else self._named(turn, incoming)
        )

    def held(self, contact: Contact) -> bytes:
        """What a talk has come to, for `recall`; empty: nothing. It is personal."""
        talk = self._talks.get(contact, _Talk())
        return b"" if talk == _Talk() else msgspec.json.encode(talk)

    def recall(self, contact: Contact, held: bytes) -> None:
        """Go on with a talk where another process left it; what is not one is forgotten."""
        self._talks.pop(contact, None)
        with suppress(msgspec.MsgspecError):
            self._talks[contact] = msgspec.json.decode(held, type=_Talk)

    def _turn(self, incoming: Incoming, now: int) -> _Turn:
        contact = incoming.contact
        talk = self._talks.setdefault(contact, _Talk())
        self._talks.move_to_end(contact)
        while len(self._talks) > self._most_talks:
            self._talks.popitem(last=False)
        person = self._desk.person(contact)
        known = talk.language or (person.language if person else "")
        language = known or language_of(incoming.language, self._language)
        return _Turn(contact, now, LANGUAGES.index(language), person, talk)

    # Where

    def _start(self, turn: _Turn, _: str) -> list[Reply]:
        names = [area.name for sub in _subscriptions(turn) for area in sub.where]
        first = words.HELLO[turn.i]
        if names:
            first = words.HAS[turn.i].format(places=", ".join(dict.fromkeys(names[:10])))
        chat = words.CHAT[turn.i].format(chat=turn.contact.address)
        return self._ask_where(turn, f"{first}\n\n{words.WHERE[turn.i]}\n\n{chat}")

    def _ask_where(self, turn: _Turn, text: str) -> list[Reply]:
        self._begin_again(turn)
        return [Reply(text=text, asks_position=words.SHARE[turn.i])]

    def _named(self, turn: _Turn, incoming: Incoming) -> list[Reply]:
        name = " ".join(incoming.text.split())
        if len(name) > _LONGEST_NAME:
            return [Reply(text=words.TOO_LONG[turn.i])]
        if _CODE.fullmatch(name):
            return self._confirm(turn, name)
        shown = turn.talk.towns
        if shown and name.isdecimal() and 1 <= int(name) <= len(shown):
            return self._ask_level(turn, shown[int(name) - 1])
        towns = self._desk.towns(name, _MOST_TOWNS)[:_MOST_TOWNS] if name else []
        if not towns:
            return self._ask_where(turn, words.NOT_FOUND[turn.i])
        if len(towns) == 1:
            return self._ask_level(turn, towns[0])
        self._begin_again(turn).towns = tuple(towns)
        lines = [f"{n}. {town.label}" for n, town in enumerate(towns, 1)]
        rows = tuple((Button(town.label[:60], f"town:{_mark(town)}"),) for town in towns)
        return [Reply(text="\n".join((words.WHICH[turn.i], "", *lines)), buttons=rows)]

    def _located(self, turn: _Turn, latitude: float, longitude: float) -> list[Reply]:
        if not (abs(latitude) <= 90 and abs(longitude) <= 180):  # also what is not a number
            return self._ask_where(turn, words.NOT_FOUND[turn.i])
        at = round(latitude, _POSITION_DECIMALS), round(longitude, _POSITION_DECIMALS)
        near = self._desk.nearest(*at)
        label = near.label if near else f"{at[0]:.2f}, {at[1]:.2f}"
        return self._ask_level(turn, Town(label, *at))

    def _town_pressed(self, turn: _Turn, mark: str) -> list[Reply]:
        town = next((town for town in turn.talk.towns if _mark(town) == mark), None)
        return self._ask_level(turn, town) if town else self._old_button(turn)

    # From which level, and the consent

    def _ask_level(self, turn: _Turn, town: Town) -> list[Reply]:
        turn.talk.town, turn.talk.level = town, ""
        rows = tuple(
            (
                Button(
                    f"{ICONS[level.word]} {LEVELS[level][turn.i]}",
                    f"level:{level.word}:{_mark(town)}",
                ),
            )
            for level in _LEVELS
        )
        text = words.LEVEL[turn.i].format(place=town.label, radius=f"{DEFAULT_RADIUS_KM:g}")
        return [Reply(text=text, buttons=rows)]

    def _level_pressed(self, turn: _Turn, about: str) -> list[Reply]:
        word, _, mark = about.partition(":")
        town = turn.talk.town
        level = next((level for level in _LEVELS if level.word == word), None)
        if town is None or level is None or _mark(town) != mark:
            return self._old_button(turn)
        turn.talk.level = word
        summary = words.SUMMARY[turn.i].format(
            place=town.label, radius=f"{DEFAULT_RADIUS_KM:g}", level=LEVELS[level][turn.i]
        )
        consent = self._desk.words(LANGUAGES[turn.i])
        agree = Button(words.AGREE[turn.i], f"agree:{_mark(town, word, consent)}")
        refuse = Button(words.NO[turn.i], "no")
        text = "\n\n".join((summary, consent, words.DO_YOU_AGREE[turn.i]))
        return [Reply(text=text, buttons=((agree, refuse),))]

    def _agreed(self, turn: _Turn, mark: str) -> list[Reply]:
        town, level, language = turn.talk.town, turn.talk.level, LANGUAGES[turn.i]
        consent = self._desk.words(language)
        if town is None or not level or _mark(town, level, consent) != mark:
            return self._old_button(turn)
        name = town.label[:_LONGEST_NAME]
        circle = Circle(name=name, latitude=town.latitude, longitude=town.longitude)
        hazards: dict[str, str] = dict.fromkeys(map(str, WEATHER), level)
        said = words.DONE
        try:
            self._desk.subscribe(turn.contact, circle, hazards, language, consent, turn.now)
        except ValueError:
            said = words.NOT_KEPT
        # Not before: where the desk breaks, the same press comes again.
        del self._talks[turn.contact]
        return [Reply(text=said[turn.i])]

    def _refused(self, turn: _Turn, _: str) -> list[Reply]:
        self._begin_again(turn)
        return [Reply(text=words.NOTHING_DONE[turn.i])]

    def _old_button(self, turn: _Turn) -> list[Reply]:
        return self._ask_where(turn, f"{words.OLD_BUTTON[turn.i]}\n\n{words.WHERE[turn.i]}")

    def _begin_again(self, turn: _Turn) -> _Talk:
        turn.talk.towns, turn.talk.town, turn.talk.level = (), None, ""
        return turn.talk

    def _confirm(self, turn: _Turn, code: str) -> list[Reply]:
        is_right = bool(code) and self._desk.confirm(turn.contact, code, turn.now)
        return [Reply(text=(words.CONFIRMED if is_right else words.WRONG_CODE)[turn.i])]

    # What one may do with one's own

    def _stop(self, turn: _Turn, _: str) -> list[Reply]:
        self._begin_again(turn)
        was_told = self._desk.stop(turn.contact, turn.now)
        return [Reply(text=(words.STOPPED if was_told else words.NOTHING_TO_STOP)[turn.i])]

    def _my_data(self, turn: _Turn, _: str) -> list[Reply]:
        data = self._desk.export(turn.contact)
        if data is None:
            return [Reply(text=words.NOTHING_KEPT[turn.i])]
        name = words.FILE_NAME[turn.i]
        return [Reply(text=words.MY_DATA[turn.i], file_name=name, file=data)]

    def _forget(self, turn: _Turn, _: str) -> list[Reply]:
        if self._desk.export(turn.contact) is None:
            return [Reply(text=words.NOTHING_KEPT[turn.i])]
        sure = Button(words.YES_ERASE[turn.i], "forget:yes")
        return [Reply(text=words.SURE[turn.i], buttons=((sure, Button(words.NO[turn.i], "no")),))]

    def _erase(self, turn: _Turn, _: str) -> list[Reply]:
        was_kept = self._desk.erase(turn.contact, turn.now)
        self._talks.pop(turn.contact, None)
        return [Reply(text=(words.ERASED if was_kept else words.NOTHING_KEPT)[turn.i])]

    def _acknowledge(self, turn: _Turn, message: str) -> list[Reply]:
        is_theirs = self._desk.acknowledge(turn.contact, message, turn.now)
        text = (words.THANKS if is_theirs else words.UNKNOWN_MESSAGE)[turn.i]
        return [Reply(text=text, is_passing=True)]

    def _ask_language(self, turn: _Turn, tag: str) -> list[Reply]:
        wanted = language_of(tag, "")
        if wanted:
            return self._speak(turn, wanted)
        row = tuple(
            Button(name, f"lang:{language}")
            for name, language in zip(words.NAMES, LANGUAGES, strict=True)
        )
        return [Reply(text=words.LANGUAGE[turn.i], buttons=(row,))]

    def _speak(self, turn: _Turn, language: str) -> list[Reply]:
        if language not in LANGUAGES:
            return self._old_button(turn)
        turn.talk.language = language
        self._desk.speak(turn.contact, language)
        return [Reply(text=words.SPEAKS[LANGUAGES.index(language)])]

    def _help(self, turn: _Turn, _: str) -> list[Reply]:
        chat = words.CHAT[turn.i].format(chat=turn.contact.address)
        return [Reply(text=f"{words.HELP[turn.i]}\n\n{chat}")]


def _subscriptions(turn: _Turn) -> tuple[Subscription, ...]:
    return turn.person.subscriptions if turn.person else ()


def _mark(town: Town, *more: str) -> str:
    """What a button stands for, in eight letters: the same for the same, whenever it is shown."""
    text = "|".join((town.label, repr(town.latitude), repr(town.longitude), *more))
    return hashlib.sha256(text.encode()).hexdigest()[:8]
