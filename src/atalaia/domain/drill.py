"""A drill: messages that go all the way to people, and say in every language that nothing is wrong.

It is in no alert log: no board, feed, replay or score can take it for weather. CAP's word for it is
the status Exercise.
"""

from __future__ import annotations

import msgspec

from atalaia.domain.hazard import LEVEL_OF, Level
from atalaia.domain.message import Content, Part, subject_of
from atalaia.domain.words import HAZARDS, LANGUAGES, LEVELS, one_line

KIND = "exercise"
"""Of a message; after a colon follows the drill's id."""

_TITLE = ("EXERCÍCIO, {level}: {hazard} em {place}", "EXERCISE, {level}: {hazard} at {place}",
          "SIMULACRO, {level}: {hazard} en {place}")  # fmt: skip
_CLOSING = (
    "Isto é um exercício: não há perigo, e nada precisa ser feito além do que foi combinado.",
    "This is an exercise: there is no danger, and nothing needs doing but what was agreed.",
    "Esto es un simulacro: no hay peligro, y no hay que hacer más que lo acordado.",
)


class Drill(msgspec.Struct, frozen=True, kw_only=True):
    """What is drilled. `place_id` and `place` are of the watched place; `at` in Unix seconds."""

    id: str
    hazard: str
    level: str
    place_id: str
    place: str
    at: int
    by: str

    @property
    def rank(self) -> int:
        """How grave an alert would be that it drills, as `Message.rank`."""
        return int(LEVEL_OF[self.level])


def drill_of(kind: str) -> str:
    """The id of the drill that a message of this kind belongs to; empty: it is no drill's."""
    name, _, drill = kind.partition(":")
    return drill if name == KIND else ""


def exercise(drill: Drill, language: str) -> Content:
    """What somebody reads."""
    i = LANGUAGES.index(language)
    title = _TITLE[i].format(
        level=LEVELS[Level(LEVEL_OF[drill.level])][i],
        hazard=HAZARDS[drill.hazard][i],
        place=one_line(drill.place),
    )
    part = Part(level=drill.level, is_over=False, title=title, head=title, brief=title)
    return Content(
        kind=KIND,
        language=language,
        level=drill.level,
        subject=subject_of([part], i),
        parts=(part,),
        closing=_CLOSING[i],
    )
