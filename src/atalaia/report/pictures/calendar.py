"""A small calendar a month: each day with its highest level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby

from atalaia.report.reported import Day
from atalaia.report.svg import Markup, Numbers, mark, picture, tag, text
from atalaia.report.words import Say

_CELL = 26


def months(days: Sequence[Day], say: Say, numbers: Numbers) -> list[Markup]:
    """One picture a month, in order."""
    return [
        _month(list(some), say, numbers.new())
        for _, some in groupby(days, key=lambda day: day.date[:7])
    ]


def _month(days: Sequence[Day], say: Say, name: str) -> Markup:
    first = date.fromisoformat(days[0].date).replace(day=1)
    parts = [text(2, 14, f"{say.month(first.month)} {first.year}", "month")]
    parts += [
        text(_CELL * (i + 0.5), 32, letter, "tiny", "middle")
        for i, letter in enumerate(say.weekdays)
    ]
    row = 0
    for day in days:
        told = date.fromisoformat(day.date)
        row = (told.day + first.weekday() - 1) // 7
        x, y = _CELL * (told.weekday() + 0.5), 40 + _CELL * (row + 0.5)
        parts += _day(day, told.day, x, y, say)
    worst = sum(day.level > 0 for day in days)
    title = f"{say.month(first.month)} {first.year}: " + say("days_with", n=worst, of=len(days))
    return picture(parts, 7 * _CELL, 40 + _CELL * 6, title, name, "month")


def _day(day: Day, number: int, x: float, y: float, say: Say) -> Iterator[Markup]:
    said = day_in_words(day, say)
    if day.has_data or day.is_blind:
        side = _CELL - 3
        yield tag(
            "rect",
            tag("title", said),
            x=x - side / 2,
            y=y - side / 2,
            width=side,
            height=side,
            rx=4,
            class_="tile blind" if day.is_blind else "tile",
        )
    if day.level:
        yield mark(x, y, 9.5 if day.level < 4 else 8.8, day.level, said)
    class_ = f"flag l{day.level}" if day.level else "tiny"
    yield text(x, y + 4, str(number), class_, "middle")


def day_in_words(day: Day, say: Say) -> str:
    """``2013-06-08: Red; 3 incidents: heavy rain``"""
    if not day.incidents:
        calm = say("calm") if day.has_data else say("no_data")
        return f"{day.date}: {say('blind') if day.is_blind else calm}"
    hazards = ", ".join(say.hazard(hazard) for hazard in day.hazards)
    blind = f"; {say('blind')}" if day.is_blind else ""
    return (
        f"{day.date}: {say.level(day.level)}; {day.incidents} {say('incidents')}: {hazards}{blind}"
    )
