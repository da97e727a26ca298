"""What the command says to a person, in their language: the last thing that happens to a sentence.

Everything is written, raised, kept and answered to programs in English. Where it is shown to a
person, `translated` looks its sentence up in a catalogue (``data/pt-BR.po``, ``data/es.po``), whose
ids are the English sentences with ``{name}`` where a value stands. What stands in a value's place
may be a sentence itself. What no catalogue has (a library's words, names, another language) stays
as it is.

Of one thing a sentence reads otherwise than of many (`plurals`). The English ids speak of
many: where a text has a 1 before a word, ``data/en.po`` is looked into, and else in English nothing
is loaded and nothing changes.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from atalaia.plurals import chosen

ENGLISH = "en"
OTHERS = ("pt-BR", "es")
"""Languages that there is a catalogue of."""

_FOLDER = Path(__file__).with_name("data")
_ENTRY = re.compile(r'^(msg\w+(?:\[\d\])?) ((?:"(?:[^"\\]|\\.)*"\n)+)', re.MULTILINE)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_VALUE = re.compile(r"\{(\w+)\}")
_ONE = re.compile(r"(?<![\w.,:/-])1 [a-z(]")
"""In English: it may be of one."""
_JOINTS = (": ", "; ", " or ", " and ", " (")
"""Where sentences meet, or a file, a line, a key stand before one."""
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_DECIMAL = re.compile(r"\d+\.\d+")
_UNIT = re.compile(r" (?:GB|MB|kB|s|min|h|km|mm|%)(?!\w)")
"""A number that was measured is read, and never typed again."""
_FIGURE = re.compile(r"(?<![\w.,])(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+)(?!\.?\w)")
_SIGNS = str.maketrans(".,", ",.")
_LONGEST, _MOST_JOINTS = 600, 16
"""Letters and joints of what somebody else may have written a part of."""
_MOST_READ = 400
"""Parts of such a text that are looked at, all ways to read it together; a sentence of ours with
its values has some thirty."""
_WORDS = ("none", "off", "on", "fits")
"""Single words that are said in a value's place; all others there are names."""
_SAYS_NOTHING = 4
"""With fewer letters than this, words that stand in a sentence have to be understood."""
_WEAK = 5
"""With fewer letters than this, and a value first, a sentence is known by single words alone."""


class _Speaking:
    """What this process speaks, its threads included; None: English."""

    language = ENGLISH
    catalogue: Catalogue | None = None


def speak(language: str) -> None:
    """From now on this process speaks so; English if there is no such language."""
    _Speaking.language = language if language in OTHERS else ENGLISH
    _Speaking.catalogue = catalogue_of(language) if language in OTHERS else None


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """For a while this process speaks so."""
    before = spoken()
    speak(language)
    try:
        yield
    finally:
        speak(before)


def spoken() -> str:
    """The language that this process speaks."""
    return _Speaking.language


def translated(text: str) -> str:
    """A text for a person in the language that is spoken, line by line.

    >>> speak("es")
    >>> translated("home: /srv/a: no such file; mend it")
    'casa: /srv/a: no such file; corríjalo'
    >>> speak("en")
    """
    if _Speaking.catalogue is not None:
        return _Speaking.catalogue.said(text)
    return _of_one(text)


def figures(text: str) -> str:
    """A text that is only read, with its numbers in the signs of the language that is spoken.

    >>> speak("pt-BR")
    >>> figures("1,234.5, ou 0.3")
    '1.234,5, ou 0,3'
    >>> speak("en")
    """
    if _Speaking.catalogue is None:
        return text
    return _FIGURE.sub(lambda number: number[0].translate(_SIGNS), text)


def translated_for(language: str, text: str) -> str:
    """A text for who is not of this process but asks it, in their language.

    They may have written a part of it, and to read a text takes longer than to write it: what is
    long, joined of many parts, or can be read in very many ways, stays in English.
    """
    is_readable = len(text) <= _LONGEST and sum(map(text.count, _JOINTS)) <= _MOST_JOINTS
    if not is_readable:
        return text
    if language not in OTHERS:
        return _of_one(text, _MOST_READ)
    return catalogue_of(language).said(text, _MOST_READ)


def _of_one(text: str, most: float = math.inf) -> str:
    return catalogue_of(ENGLISH).said(text, most) if _ONE.search(text) else text


@cache
def catalogue_of(language: str) -> Catalogue:
    """The catalogue of a language."""
    text = (_FOLDER / f"{language}.po").read_text("utf-8")
    return Catalogue(text, {} if language == ENGLISH else _SIGNS)


def entries(catalogue: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each id of a catalogue (gettext's PO), and what it reads: of one and of many where they
    differ. The head, whose id is empty, is none."""
    sentence = ""
    forms: list[str] = []
    for match in [*_ENTRY.finditer(catalogue), None]:
        key = match[1] if match else "msgid"
        if key == "msgid":
            if sentence:
                yield sentence, tuple(forms)
            sentence, forms = "", []
        if match is None:
            return
        text = "".join(_QUOTED.findall(match[2]))
        text = re.sub(r"\\(.)", lambda sign: {"n": "\n"}.get(sign[1], sign[1]), text)
        if key == "msgid":
            sentence = text
        elif key.startswith("msgstr"):
            forms.append(text)


class _TakesTooLong(Exception):
    """A text can be read in too many ways."""


class _Patience(threading.local):
    """How many parts may still be looked at in this thread."""

    left: float = math.inf


class Catalogue:
    """A catalogue, made ready to find a sentence by what it became. `signs`: those of its numbers
    in place of the English ones."""

    def __init__(self, catalogue: str, signs: dict[int, int] = _SIGNS) -> None:
        self._patience = _Patience()
        self._whole: dict[str, str] = {}
        self._patterns: list[_Pattern] = []
        self._best = lru_cache(4096)(self._read)  # parts of a sentence come many times
        for sentence, forms in entries(catalogue):
            if _VALUE.search(sentence):
                self._patterns.append(_Pattern(sentence, forms, signs))
            else:
                self._whole[sentence] = forms[0]

    def said(self, text: str, most: float = math.inf) -> str:
        """A text, line by line; as it is where more parts than `most` would have to be read."""
        self._patience.left = most
        try:
            return "\n".join(map(self._line, text.split("\n")))
        except _TakesTooLong:
            return text

    def _line(self, line: str) -> str:
        text = line.strip(" ")
        before = len(line) - len(line.lstrip(" "))
        return line[:before] + self._best(text).text + line[before + len(text) :]

    def _read(self, text: str) -> _Reading:
        """All ways to read a text are tried, and the one that understands most is taken: as a
        sentence with its values, or as sentences in a row."""
        self._patience.left -= 1
        if self._patience.left < 0:
            raise _TakesTooLong
        whole = self._whole.get(text)
        if whole is not None:
            return _Reading(_letters(text), -1, whole)
        best = _Reading(0, 0, text)
        for joint in _JOINTS:
            at = text.find(joint)
            while at >= 0:
                read = self._joined(text[:at], joint, text[at + len(joint) :])
                best = max(best, read, key=_understood)
                at = text.find(joint, at + 1)
        for pattern in self._patterns:
            values = pattern.values(text)
            if values is not None:
                read_values = {name: self._value(value) for name, value in values.items()}
                inside = read_values.values()
                if pattern.says_nothing and any(_is_strange(one) for one in inside):
                    continue
                read = _Reading(
                    pattern.weight + sum(one.letters for one in inside),
                    sum(one.sentences for one in inside) - 1,
                    pattern.filled(values, {name: one.text for name, one in read_values.items()}),
                )
                best = max(best, read, key=_understood)
        return best

    def _joined(self, before: str, joint: str, after: str) -> _Reading:
        if joint == " (":
            joint, after = " ", f"({after}"
        one, other = (
            self._best(part) if " " in part else _Reading(0, 0, part) for part in (before, after)
        )
        if joint in (" or ", " and "):
            if not (one.letters and other.letters):
                return _Reading(0, 0, before + joint + after)
            joint = f" {self._whole[joint.strip()]} "
        return _Reading(
            one.letters + other.letters,
            one.sentences + other.sentences,
            one.text + joint + other.text,
        )

    def _value(self, value: str) -> _Reading:
        text = value.strip(" ")
        if " " not in text and text not in _WORDS:
            return _Reading(0, 0, value)
        return self._best(text)._replace(text=value.replace(text, self._best(text).text, 1))


class _Reading(NamedTuple):
    """What a text says in the other language: how many of its letters are understood, minus how
    many sentences it is taken for, and how it reads."""

    letters: int
    sentences: int
    text: str


def _understood(read: _Reading) -> tuple[int, int]:
    return read[:2]


def _is_strange(read: _Reading) -> bool:
    return not read.letters and re.search(r"[^\W\d_]{2}", read.text) is not None


def _letters(text: str) -> int:
    return sum(letter.isalpha() for letter in text)


class _Pattern:
    """A sentence with values in it."""

    def __init__(self, sentence: str, forms: tuple[str, ...], signs: dict[int, int]) -> None:
        parts = _VALUE.split(sentence)
        self._signs = signs
        self._forms = forms
        self._literals, self._names = parts[::2], parts[1::2]
        self._longest = max(self._literals, key=len)
        self._regex: re.Pattern[str] | None = None
        self.weight = sum(map(_letters, self._literals))

    @property
    def says_nothing(self) -> bool:
        """Whether it is known by a word such as "not"."""
        return bool(self._literals[0]) and self.weight < _SAYS_NOTHING

    def values(self, text: str) -> dict[str, str] | None:
        """What stands in the place of each value, if the text is this sentence."""
        first, *between, last = self._literals
        if self._longest not in text or not text.startswith(first):
            return None
        if self.weight < _WEAK and not first:
            match = self._of_words(text)
            return match.groupdict() if match else None
        # Each as soon as it can be: where there is a way, this is one, and no other is tried.
        at, values = len(first), []
        for literal in between:
            found = text.find(literal, at)
            if found < 0:
                return None
            values.append(text[at:found])
            at = found + len(literal)
        end = len(text) - len(last)
        if at > end or not text.endswith(last):
            return None
        return dict(zip(self._names, [*values, text[at:end]], strict=True))

    def _of_words(self, text: str) -> re.Match[str] | None:
        """The same where each value is one word."""
        if self._regex is None:  # most sentences are never met
            rest = zip(self._names, self._literals[1:], strict=True)
            self._regex = re.compile(
                "".join(rf"(?P<{name}>\S*?){re.escape(literal)}" for name, literal in rest)
            )
        return self._regex.fullmatch(text)

    def filled(self, values: dict[str, str], read: dict[str, str]) -> str:
        """The sentence in this language. The first whole number in it says whether it is of one."""
        form = self._forms[0]
        if len(self._forms) > 1:
            number = next((one for one in values.values() if one.isdigit()), "")
            form = self._forms[number != "1"]
        parts = _VALUE.split(chosen(form, values))
        for at in range(1, len(parts), 2):
            value = read[parts[at]]
            is_measured = _DECIMAL.fullmatch(value) and _UNIT.match(parts[at + 1])
            is_read = is_measured or _GROUPED.fullmatch(value)
            parts[at] = value.translate(self._signs) if is_read else value
        return "".join(parts)
