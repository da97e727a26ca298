"""Of one thing nobody reads "1 days", in any language: each sentence with a count, with 0, 1 and 2.

Sentences are those of the catalogues, said as the command says them, and every text in the source
that people read without one. What looks like a plural is one unless `NO_PLURALS` has it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from atalaia.plurals import chosen, filled
from atalaia.translated import entries, speak, speaking, translated, translated_for

SRC = Path(__file__).parents[1] / "src" / "atalaia"
LANGUAGES = ("en", "pt-BR", "es")
VALUE = re.compile(r"\{(\w+)\}")

_SMALL = "of in with that to and or on at as by for is e o u y em en com con de a ou no se há hay"
_NOT = rf"(?!(?:{_SMALL.replace(' ', '|')})\b)"
PLURAL = {
    "en": rf"1 (?:{_NOT}[a-z]+ )?{_NOT}[a-z]{{2,}}(?<![isu])s\b|1 (?:other )?people\b",
    "pt-BR": rf"1 (?:{_NOT}[a-zà-ú]+ )?{_NOT}[a-zà-ú]{{2,}}(?:[aeo]s|ões|ais|eis|ns|res)\b",
    "es": rf"1 (?:{_NOT}[a-zà-ú]+ )?{_NOT}[a-zà-ú]{{2,}}(?:[aeo]s|nes|res)\b",
}
"""What of one reads as if it were many: a noun, or one after an adjective."""

NO_PLURALS = {
    "en": r"\b(?:hears|requires|asks|does|lies|says|needs|watches|has|was|sends|takes|tells"
    r"|holds|makes)\b",
    "pt-BR": r"\b(?:antes|mais|menos|depois|dos|das|nas|nos)\b",
    "es": r"\b(?:antes|más|menos|después|los|las)\b",
}
"""Verbs, and what stands after another number than this one."""

MANY = re.compile(r"most|longest|shortest|key_bytes|bytes_a_day|seconds")
"""How the names of limits of ours begin, each far above one."""


NEVER_OF_ONE = {
    # Of 1 the source has another sentence, or the library that says it.
    *("{n} hits", "{n} incidents", "{n} messages {over}", "{n} occurrences"),
    *("String should have at least {n} characters", "String should have at most {n} characters"),
    "{name} should have at least {n} items after validation, not {m}",
    "{name} should have at most {n} items after validation, not {m}",
    # Two or more, or none.
    "one SELECT, please: this is {statements} statements",
    "{named} places are called {given}; give an id: {some}{more}",
    # A model's runs, years of a return level, more than the most that are asked, a file's length.
    "of {runs} runs each",
    "asked because rules measure what it tells of {runs} runs each: {least} calls a day while no "
    "forecast comes near a limit (each place every {calm_rounds}), {most} where all do (every "
    "{every_s}); counted at the most in the line of open-meteo",
    "{extreme} {variable}{over}, {return_years} years",
    "unknown norm {text}; there are {means}, percentile(1) … percentile(99), and return_level(N "
    "years) of {years} years",
    *("{found} stations; at most {most_asked} are asked",),
    *("{stations} stations; at most {most_asked} are asked",),
    "this PMTiles file is cut short: {body} of {whole} bytes; fetch it anew",
}


def sentences() -> Iterator[str]:
    """Those of the catalogues that have a value."""
    for sentence, _ in entries((SRC / "data" / "es.po").read_text("utf-8")):
        if VALUE.search(sentence):
            yield sentence


def of_many(sentence: str) -> list[str]:
    """The names of its values that a noun in the plural follows."""
    names = dict.fromkeys(VALUE.findall(sentence))
    found = []
    for name in names:
        said = VALUE.sub(lambda one: "1" if one[1] == name else "v", sentence)  # noqa: B023
        if plural_in(said, "en"):
            found.append(name)
    return found


def plural_in(text: str, language: str) -> list[str]:
    found = [one[0] for one in re.finditer(rf"(?<![\w.,:/%-])(?:{PLURAL[language]})", text)]
    return [one for one in found if not re.search(NO_PLURALS[language], one)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_count_of_one_is_told_as_of_many_by_the_command(language: str) -> None:
    wrong = {}
    with speaking(language):
        for sentence in sentences():
            for name in of_many(sentence):
                if MANY.match(name) or sentence in NEVER_OF_ONE:
                    continue
                filling = dict.fromkeys(VALUE.findall(sentence), "v") | {name: "1"}
                said = translated(VALUE.sub(lambda one: filling[one[1]], sentence))  # noqa: B023
                if plural := plural_in(said, language):
                    wrong[sentence] = plural
    assert wrong == {}


def test_of_none_and_of_many_the_command_says_what_stands_in_the_source() -> None:
    speak("en")
    for sentence in sentences():
        for count in ("0", "2", "17", "1,001", "1.5", "v"):
            said = VALUE.sub(count, sentence)
            assert translated(said) == said
            assert translated_for("en", said) == said


def test_each_english_sentence_of_one_is_said_and_reads_otherwise() -> None:
    there = set(sentences())
    ours = dict(entries((SRC / "data" / "en.po").read_text("utf-8")))
    assert ours.keys() - there == {"and", "or"}, "nothing says this any more"
    for sentence, (form,) in ours.items():
        names = VALUE.findall(sentence)
        assert sorted(VALUE.findall(chosen(form, dict.fromkeys(names, 2)))) == sorted(names)
        assert chosen(form, dict.fromkeys(names, 2)) == sentence, (
            "of many it is the sentence itself"
        )
        assert not names or chosen(form, dict.fromkeys(names, 1)) != sentence


def test_who_asks_over_the_api_reads_it_too() -> None:
    said = "it would reach 1 people, and at most 20 are drilled at once; choose a higher level, or"
    said += " organisations alone"
    assert translated_for("en", said).startswith("it would reach 1 person, and")
    assert "1 pessoa," in translated_for("pt-BR", said)


# Words that stand in three languages in the source, without a catalogue

WORDED = (
    *("domain/words.py", "domain/message.py", "domain/rule_words.py", "domain/official.py"),
    *("domain/whereabouts.py", "domain/drill.py", "report/words.py", "report/welcome.py"),
    *("people/consent.py", "people/bot_words.py", "page/glance_words.py", "notify/own_limit.py"),
)
SEVERAL = {
    "; ou em {chances} das rodadas dos modelos",
    "Fonte: {source}, dado de {at} ({age} antes deste aviso); {sure}",
    "Fuente: {source}, dato de {at} ({age} antes de este aviso); {sure}",
    "{n} avisos, o mais grave: {head}", "{n} alerts, the worst: {head}",
    "{n} avisos, el más grave: {head}",
    "{term} em {n} lugares", "{term} at {n} places", "{term} en {n} lugares",
    "otros {} estados", "mais {} estados", "{} more states",
    "Sem dados em {n} de {of} lugares", "No data from {n} of {of} places",
    "Sin datos en {n} de {of} lugares",
    " em {n} de seus lugares", " at {n} of its places", " en {n} de sus lugares",
}  # fmt: skip
"""They are said of two and more alone, or of some among several, or have no count."""


@cache
def texts(file: str) -> list[str]:
    tree = ast.parse((SRC / file).read_text("utf-8"))
    found = [
        "".join(p.value if isinstance(p, ast.Constant) else "{}" for p in one.values)  # type: ignore[misc]
        for one in ast.walk(tree)
        if isinstance(one, ast.JoinedStr)
    ]
    return found + [
        one.value
        for one in ast.walk(tree)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]


@pytest.mark.parametrize("file", WORDED)
def test_no_words_of_ours_tell_of_one_as_of_many(file: str) -> None:
    wrong = {}
    for text in texts(file):
        if text in SEVERAL or re.search(r"\{[^}|]*[ :!]", text):
            continue
        names = {*re.findall(r"\{(\w*)[}|]", text)}
        for name in names:
            one = chosen(text, dict.fromkeys(names, "v") | {name: "1"})
            one = one.replace(f"{{{name}}}", "1")
            plural = [p for language in LANGUAGES for p in plural_in(one, language)]
            if plural:
                wrong[text] = plural
    assert wrong == {}


@pytest.mark.parametrize("count", [0, 1, 2, 21])
def test_a_choice_is_of_one_and_else_of_many(count: int) -> None:
    assert filled("{n} {n|day|days} of {of}", n=count, of=1) == (
        f"{count} day{'s' * (count != 1)} of 1"
    )
