"""The bot's talk about a wish: where, from which level, and the consent to it.

    /start ─► a town's name, or a position ─► (which of several) ─► a level ─► I agree ─► subscribed

A button carries the mark of what it stands for, so that one of an older talk cannot be taken for
another.
"""

from __future__ import annotations

import hashlib

from atalaia.domain.conversation import Button, Reply
from atalaia.domain.hazard import Level
from atalaia.domain.message import ICONS
from atalaia.domain.subscription import DEFAULT_RADIUS_KM, WEATHER, Circle, Subscription
from atalaia.domain.words import LANGUAGES, LEVELS
from atalaia.people import bot_words as words
from atalaia.people.bot_turn import TownChoice, Towns, Turn
from atalaia.people.request import Request
from atalaia.people.service import PeopleService

_MOST_TOWNS = 6
_LONGEST_NAME = 100
_LEVELS = (Level.YELLOW, Level.ORANGE, Level.RED)
_POSITION_DECIMALS = 2  # about 1 km: exact enough for weather, and not a person's door


class Wishing:
    """Takes a wish step by step."""

    def __init__(self, people: PeopleService, towns: Towns) -> None:
        self._people = people
        self._towns = towns

    # Where

    def start(self, turn: Turn, _: str) -> list[Reply]:
        """Whom nobody knows is greeted, and who is told already hears of what."""
        names = [area.name for sub in _subscriptions(turn) for area in sub.where]
        first = words.HELLO[turn.i]
        if names:
            first = words.HAS[turn.i].format(places=", ".join(dict.fromkeys(names[:10])))
        chat = words.CHAT[turn.i].format(chat=turn.contact.address)
        return self.ask_where(turn, f"{first}\n\n{words.WHERE[turn.i]}\n\n{chat}")

    def ask_where(self, turn: Turn, text: str) -> list[Reply]:
        """From here the talk begins."""
        turn.talk.begin_again()
        if not self._people.is_open:
            return [Reply(text=words.CLOSED[turn.i])]
        return [Reply(text=text, asks_position=words.SHARE[turn.i])]

    def named(self, turn: Turn, text: str) -> list[Reply]:
        """They wrote a town's name, or the number of one that was shown."""
        name = " ".join(text.split())
        if len(name) > _LONGEST_NAME:
            return [Reply(text=words.TOO_LONG[turn.i])]
        shown = turn.talk.towns
        if shown and name.isdecimal() and 1 <= int(name) <= len(shown):
            return self._ask_level(turn, shown[int(name) - 1])
        towns = self._towns.search(name, _MOST_TOWNS)[:_MOST_TOWNS] if name else []
        if not towns:
            return self.ask_where(turn, words.NOT_FOUND[turn.i])
        if len(towns) == 1:
            return self._ask_level(turn, towns[0])
        turn.talk.begin_again().towns = tuple(towns)
        lines = [f"{n}. {town.label}" for n, town in enumerate(towns, 1)]
        rows = tuple((Button(town.label[:60], f"town:{_mark(town)}"),) for town in towns)
        return [Reply(text="\n".join((words.WHICH[turn.i], "", *lines)), buttons=rows)]

    def located(self, turn: Turn, latitude: float, longitude: float) -> list[Reply]:
        """They shared a position."""
        if not (abs(latitude) <= 90 and abs(longitude) <= 180):  # also what is not a number
            return self.ask_where(turn, words.NOT_FOUND[turn.i])
        at = round(latitude, _POSITION_DECIMALS), round(longitude, _POSITION_DECIMALS)
        near = self._towns.nearest(*at)
        label = near.label if near else f"{at[0]:.2f}, {at[1]:.2f}"
        return self._ask_level(turn, TownChoice(label, *at))

    def town_pressed(self, turn: Turn, mark: str) -> list[Reply]:
        """They chose one of several towns."""
        town = next((town for town in turn.talk.towns if _mark(town) == mark), None)
        return self._ask_level(turn, town) if town else self.old_button(turn)

    # From which level, and the consent

    def _ask_level(self, turn: Turn, town: TownChoice) -> list[Reply]:
        if not self._people.is_open:
            return [Reply(text=words.CLOSED[turn.i])]
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

    def level_pressed(self, turn: Turn, about: str) -> list[Reply]:
        """They chose from which level; now the words that they would agree to are shown."""
        word, _, mark = about.partition(":")
        town = turn.talk.town
        level = next((level for level in _LEVELS if level.word == word), None)
        if town is None or level is None or _mark(town) != mark:
            return self.old_button(turn)
        turn.talk.level = word
        summary = words.SUMMARY[turn.i].format(
            place=town.label, radius=f"{DEFAULT_RADIUS_KM:g}", level=LEVELS[level][turn.i]
        )
        consent = self._people.words(LANGUAGES[turn.i])
        agree = Button(words.AGREE[turn.i], f"agree:{_mark(town, word, consent)}")
        refuse = Button(words.NO[turn.i], "no")
        text = "\n\n".join((summary, consent, words.DO_YOU_AGREE[turn.i]))
        return [Reply(text=text, buttons=((agree, refuse),))]

    def agreed(self, turn: Turn, mark: str) -> list[Reply]:
        """They agreed to exactly what was shown last: it is kept."""
        town, level, language = turn.talk.town, turn.talk.level, LANGUAGES[turn.i]
        consent = self._people.words(language)
        if town is None or not level or _mark(town, level, consent) != mark:
            return self.old_button(turn)
        name = town.label[:_LONGEST_NAME]
        circle = Circle(name=name, latitude=town.latitude, longitude=town.longitude)
        hazards: dict[str, str] = dict.fromkeys(map(str, WEATHER), level)
        said = words.DONE
        try:
            self._people.subscribe(
                Request(
                    contacts=(turn.contact,),
                    where=(circle,),
                    hazards=hazards,
                    language=language,
                    how=turn.contact.channel,
                    is_own=True,
                    shown=consent,
                ),
                turn.now,
            )
        except ValueError:
            said = words.NOT_KEPT
        # Not before: where it cannot be kept now, the same press comes again.
        turn.talk.end()
        return [Reply(text=said[turn.i])]

    def refused(self, turn: Turn, _: str) -> list[Reply]:
        """They do not agree."""
        turn.talk.begin_again()
        return [Reply(text=words.NOTHING_DONE[turn.i])]

    def old_button(self, turn: Turn) -> list[Reply]:
        """A button of an older talk stands for nothing any more."""
        return self.ask_where(turn, f"{words.OLD_BUTTON[turn.i]}\n\n{words.WHERE[turn.i]}")


def _subscriptions(turn: Turn) -> tuple[Subscription, ...]:
    return turn.person.subscriptions if turn.person else ()


def _mark(town: TownChoice, *more: str) -> str:
    """What a button stands for, in eight letters: the same for the same, whenever it is shown."""
    text = "|".join((town.label, repr(town.latitude), repr(town.longitude), *more))
    return hashlib.sha256(text.encode()).hexdigest()[:8]
