"""Any text → the letters that an SMS holds 160 of: GSM-7 (3GPP TS 23.038), without accents.

One letter outside that alphabet turns the whole message into UCS-2, of which 70 fit. GSM-7 has some
accented letters and not others (é but not ê, Ç but not ç), so that all are written without.
"""

from __future__ import annotations

import unicodedata

SEGMENT = 160
"""Septets that one SMS holds."""

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
BASIC = frozenset(_LETTERS + "@$_ !\"#%&'()*+,-./:;<=>?\n")
EXTENDED = frozenset("^{}\\[~]|")
"""Each of these is two septets: an escape and a letter."""

# What has no decomposition in Unicode, or a better one than Unicode's.
_WRITTEN = {
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("‘’‚‛′`´", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("\t\u00a0\u2009\u202f", " "),
    "€": "EUR",
    "°": "",
    "º": "o",
    "ª": "a",
    "·": ".",
    "•": "-",
    "×": "x",
    "µ": "u",
    "μ": "u",
    "ß": "ss",
    "Æ": "AE",
    "æ": "ae",
    "Œ": "OE",
    "œ": "oe",
    "Ø": "O",
    "ø": "o",
    "Ð": "D",
    "ð": "d",
    "Đ": "D",
    "đ": "d",
    "Þ": "Th",
    "þ": "th",
    "Ł": "L",
    "ł": "l",
    "ı": "i",
    "≥": ">=",
    "≤": "<=",
    "→": "->",
}


def plain(text: str) -> str:
    """The text in the alphabet above: accents fall away, symbols are dropped.

    A letter of another script becomes ``?``, so that nobody takes what is left for the whole.
    """
    return "".join(_plain(letter) for letter in text)


def septets(text: str) -> int:
    """How many of a segment's 160 septets a plain text takes."""
    return len(text) + sum(letter in EXTENDED for letter in text)


def cut(text: str, room: int) -> str:
    """As much of a plain text as fits `room` septets, with ``..`` where something is missing."""
    if septets(text) <= room:
        return text
    kept = text
    while kept and septets(kept) > room - 2:
        kept = kept[:-1]
    return kept.rstrip(" .,") + ".."


def _plain(letter: str) -> str:
    if letter in BASIC or letter in EXTENDED:
        return letter
    if letter in _WRITTEN:
        return _WRITTEN[letter]
    bare = "".join(
        part for part in unicodedata.normalize("NFKD", letter) if part in BASIC or part in EXTENDED
    )
    if bare or unicodedata.category(letter)[0] != "L":
        return bare
    return "?"
