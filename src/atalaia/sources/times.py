"""Instants as providers write them → Unix seconds (UTC), many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from atalaia.domain.reading import NO_TIME, Ints
from atalaia.sources.cells import EvenTexts

_UTC_SHAPE = "0000-00-00T00:00:00Z"
_LOCAL_SHAPE = "0000-00-00T00:00"
_OFFSET_SHAPE = "0000-00-00T00:00:00+00:00"


_SOME = 16
"""So many texts are read one by one: a column costs as much as thirty of them, however short."""

EARLIEST, LATEST = -4_417_977_600, 7_258_118_400
"""1830 and 2200: no instrument reported before, and no forecast reaches beyond."""


def utc_seconds(texts: Sequence[object]) -> Ints:
    """Unix seconds, shape (n,), int64; NO_TIME where a text is no instant or has no offset, or
    speaks of a time before 1830 or after 2200.

    Whole columns in one of the commonest shapes, ``2024-09-21T05:44:00Z`` and
    ``2024-09-21T02:44:00-03:00``, are read at once (about 20 ns each); any other ISO 8601 instant
    with an offset is read text by text, once a distinct text, as are some few texts.
    Fractions of a second are cut off.
    """
    return _believable(_read(texts))


def utc_seconds_of_letters(letters: NDArray[np.uint8]) -> Ints:
    """As `utc_seconds`, of texts of twenty letters each, shape (n, 20), n at least 1."""
    words = letters.view(np.uint32)
    # The places of a poll share their minutes.
    if all((words[:, i] == words[0, i]).all() for i in range(words.shape[1])):
        second = utc_second(letters[0].tobytes().decode())
        return np.full(len(letters), NO_TIME if second is None else second, np.int64)
    quick = _of_letters(letters, _UTC_SHAPE)
    if quick is None:
        texts = np.ascontiguousarray(letters).view("S20")[:, 0].tolist()
        return utc_seconds([text.decode() for text in texts])
    return _believable(quick)


def utc_second(text: object) -> int | None:
    """As `utc_seconds`, of one text alone: a column of one costs ten times as long."""
    seconds = _one(text) if isinstance(text, str) else NO_TIME
    return seconds if EARLIEST <= seconds <= LATEST else None


def _read(texts: Sequence[object]) -> Ints:
    if isinstance(texts, EvenTexts) and (lying := _lying(texts.letters)) is not None:
        return lying
    distinct = _few(texts)
    if distinct is not None:
        known: dict[object, int] = {text: _one(text) for text in distinct}
        return np.fromiter(map(known.__getitem__, texts), np.int64, len(texts))
    if len(texts) > _SOME:
        quick = _same_shape(texts, _UTC_SHAPE)
        quick = _with_offset(texts) if quick is None else quick
        if quick is not None:
            return quick
    # A list inside a damaged body is no key: anything that is not a text is no instant either.
    only_texts = [text if isinstance(text, str) else "" for text in texts]
    seconds = {text: _one(text) for text in dict.fromkeys(only_texts)}
    return np.array([seconds[text] for text in only_texts], np.int64)


def local_seconds(texts: Sequence[object], utc_offset_s: int | Ints) -> Ints:
    """As `utc_seconds`, for local times without an offset, `utc_offset_s` ahead of UTC: all of
    them, or each by so much."""
    quick = _same_shape(texts, _LOCAL_SHAPE)
    seconds = np.array([_one_local(text) for text in texts], np.int64) if quick is None else quick
    return _believable(np.where(seconds == NO_TIME, NO_TIME, seconds - utc_offset_s))


def _believable(seconds: Ints) -> Ints:
    strange = (seconds < EARLIEST) | (seconds > LATEST)
    return np.where(strange, NO_TIME, seconds) if strange.any() else seconds


def fault(text: object) -> str:
    """Why `utc_seconds` made nothing of this text, in words that can be counted."""
    try:
        moment = _parse(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None:
        return "not a time"
    return "time without offset" if moment.tzinfo is None else "time out of range"


def _few(texts: Sequence[object]) -> set[str] | None:
    """The distinct texts, if they are few: the places of a poll share their minutes."""
    try:
        distinct = set(texts)
    except TypeError:  # a list inside a damaged body
        return None
    is_few = len(distinct) * 100 <= len(texts) and all(isinstance(t, str) for t in distinct)
    return distinct if is_few else None  # type: ignore[return-value]


def _same_shape(texts: Sequence[object], shape: str) -> Ints | None:
    """All texts at once if every one has this shape and names a real date; else None."""
    letters = _letters(texts, len(shape))
    return None if letters is None else _of_letters(letters, shape)


def _lying(letters: NDArray[np.uint8]) -> Ints | None:
    """The same of letters, shape (n, letters), of either shape."""
    if letters.shape[1] == len(_UTC_SHAPE):
        return _of_letters(letters, _UTC_SHAPE)
    return _of_offsets(letters) if letters.shape[1] == len(_OFFSET_SHAPE) else None


def _with_offset(texts: Sequence[object]) -> Ints | None:
    """The same of ``2024-09-21T02:44:00-03:00``, each with an offset of its own."""
    letters = _letters(texts, len(_OFFSET_SHAPE))
    return None if letters is None else _of_offsets(letters)


def _of_offsets(letters: NDArray[np.uint8]) -> Ints | None:
    sign = letters[:, 19].copy()
    letters = letters.copy()
    letters[:, 19] = np.where(sign == ord("-"), ord("+"), sign)
    pairs = _pairs(letters, _OFFSET_SHAPE)
    if pairs is None:
        return None
    *of_date, hours, minutes = pairs[:, 2:].T
    seconds = _from_civil(pairs[:, 0] * 100 + pairs[:, 1], *of_date)
    if seconds is None or (hours > 23).any() or (minutes > 59).any():
        return None
    ahead_s = hours * 3600 + minutes * 60
    utc: Ints = seconds - np.where(sign == ord("-"), -ahead_s, ahead_s)
    return utc


def _letters(texts: Sequence[object], width: int) -> NDArray[np.uint8] | None:
    """Shape (n, width), n at least 1, where every text has so many letters of ASCII; else None."""
    try:
        packed = bytearray("".join(texts), "ascii")  # type: ignore[arg-type]
    except (TypeError, UnicodeEncodeError):
        return None
    # One that is too short and one that is too long are no two of this shape.
    if not packed or set(map(len, texts)) != {width}:  # type: ignore[arg-type]
        return None
    return np.frombuffer(packed, np.uint8).reshape(-1, width)


def _of_letters(letters: NDArray[np.uint8], shape: str) -> Ints | None:
    pairs = _pairs(letters, shape)
    if pairs is None:
        return None
    return _from_civil(pairs[:, 0] * 100 + pairs[:, 1], *pairs[:, 2:].T)


def _pairs(letters: NDArray[np.uint8], shape: str) -> Ints | None:
    """The figures where the shape has them, two and two; None where something else stands there."""
    marks = [i for i, letter in enumerate(shape) if letter != "0"]
    digits = [i for i, letter in enumerate(shape) if letter == "0"]
    expected = np.frombuffer(shape.encode(), np.uint8)[marks]
    if not (letters[:, marks] == expected).all():
        return None
    figures = letters[:, digits]
    if figures.min() < ord("0") or figures.max() > ord("9"):
        return None
    numbers = (figures - ord("0")).astype(np.int64)
    pairs: Ints = numbers[:, 0::2] * 10 + numbers[:, 1::2]
    return pairs


def _from_civil(
    year: Ints, month: Ints, day: Ints, hour: Ints, minute: Ints, second: Ints | int = 0
) -> Ints | None:
    """Unix seconds of calendar instants (n,) in UTC; None if any of them does not exist.

    By arithmetic (Hinnant, "chrono-compatible low-level date algorithms", 2013): numpy's own
    reading of texts ends the process at a 30th of February among many.
    """
    is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    is_month = (month >= 1) & (month <= 12)
    longest = _MONTH_DAYS[np.where(is_month, month, 0)] + (is_leap & (month == 2))
    exists = is_month & (day >= 1) & (day <= longest)
    exists &= (hour < 24) & (minute < 60) & (np.asarray(second) < 60)
    if not exists.all():
        return None
    shifted = year - (month <= 2)  # years that begin in March: the leap day comes last
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days = shifted * 365 + shifted // 4 - shifted // 100 + shifted // 400 + of_year - 719_468
    seconds: Ints = days * 86_400 + hour * 3600 + minute * 60 + second
    return seconds


_MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def _one(text: str) -> int:
    try:
        moment = _parse(text)
        return NO_TIME if moment.tzinfo is None else int(moment.timestamp() // 1)
    except (ValueError, OverflowError):
        return NO_TIME


def _one_local(text: object) -> int:
    try:
        moment = _parse(text) if isinstance(text, str) else None
    except ValueError:
        return NO_TIME
    if moment is None or moment.tzinfo is not None:
        return NO_TIME
    return int(moment.replace(tzinfo=UTC).timestamp())


def _parse(text: str) -> datetime:
    return datetime.fromisoformat(text)
