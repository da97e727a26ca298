"""What the command says is said in Portuguese and Spanish, too: no sentence is forgotten, none is
without use, and the English ones are as they are without any of this."""

from __future__ import annotations

import io
import json
import re
from collections import defaultdict
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from atalaia.api.problem import title
from atalaia.cli import main, program
from atalaia.cli.language import language_of
from atalaia.cli.options import sure
from atalaia.domain.variable import CATALOGUE
from atalaia.lake.tables import tables
from atalaia.plurals import chosen
from atalaia.translated import (
    OTHERS,
    Catalogue,
    catalogue_of,
    entries,
    figures,
    speak,
    speaking,
    translated,
)
from sentences import (
    answered,
    handed_to,
    logged,
    printed_in_english,
    refused,
    said_by_the_command,
    statuses,
)

DATA = Path(__file__).parents[2] / "src" / "atalaia" / "data"

OF_TYPER = {
    *("Usage:", "Options:", "Arguments:", "Commands:", "[default:", "required]", "Aborted!"),
    *("Usage: {usage}", "Error: {message}", "Show this message and exit."),
    *("Try '{command} {option}' for help.", "Did you mean {name}?"),
    *("Invalid value: {message}", "Invalid value for {hint}: {message}", "Missing command."),
    *("Missing option {option}.", "Missing argument {argument}.", "No such command {name}."),
    *("No such option: {name}", "(Possible options: {names})"),
    *("Option {name} requires an argument.", "Option {name} does not take a value."),
    "Got unexpected extra argument(s) ({arguments})",
    "Input should be a valid integer, unable to parse string as an integer",
    "Input should be a valid number, unable to parse string as a number",
    "Input should be greater than or equal to {least}",
    "Input should be less than or equal to {most}",
    "Value error, {text} is not one of {choices}.",
}
"""What Typer says, and pydantic in it."""

OF_THE_SYSTEM = {
    *("No such file or directory", "Permission denied", "No space left on device"),
    *("Is a directory", "Not a directory", "Read-only file system", "Address already in use"),
    *("Connection refused", "[Errno 2] No such file or directory: {file}"),
}

OF_PYDANTIC = {
    *("Field required", "Extra inputs are not permitted", "Keys should be strings"),
    *("Input should be a valid string", "Input should be a valid list"),
    *("Input should be a valid dictionary", "Input should be a valid boolean"),
    *("Input should be a valid integer", "Input should be a valid number"),
    "Input should be a valid integer, got a number with a fractional part",
    "Input should be a valid boolean, unable to interpret input",
    "Input should be a valid dictionary or object to extract fields from",
    "Unable to parse input string as an integer, exceeded maximum size",
    "Input should be a finite number",
    *("Input should be greater than {least}", "Input should be less than {most}"),
    *("Input should be {expected}", "String should match pattern '{pattern}'"),
    *("String should have at least {n} character", "String should have at least {n} characters"),
    *("String should have at most {n} character", "String should have at most {n} characters"),
    *("{name} should have at least {n} item after validation, not {m}", "JSON decode error"),
    *("{name} should have at least {n} items after validation, not {m}", "Value error, {error}"),
    *("{name} should have at most {n} item after validation, not {m}",),
    *("{name} should have at most {n} items after validation, not {m}",),
}
"""What it says of a request's parts, of the kinds that our models have."""

OF_MSGSPEC = {
    *("Object missing required field `{name}`", "Object contains unknown field `{name}`"),
    "Expected `{kind}`, got `{other}`",
}
"""What it says of a body."""

OF_A_TABLE = {
    *("hazard", "level", "place", "rule", "month", "year"),
    *("red", "orange", "yellow", "watch", "reading", "watching", "archiving", "refining"),
    *("brier", "miscalibration", "discrimination", "uncertainty", "roc area"),
    *("{n} occurrence", "{n} occurrences", "{n} incident", "{n} incidents", "{n} hit", "{n} hits"),
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    *("withdrawn", "rule changed", "[y/N]"),
    *("hits", "misses", "false", "bias", "frequency bias"),
}
"""Single words that are headings, cells and counts: names of groups, figures, levels and steps."""

OF_THE_DOCTOR = {
    *("home:", "settings:", "people:", "disk:", "watch:", "port:", "keys:", "store:", "clock:"),
    *("stream:", "detector:", "lake:", "messages:", "source:"),
}
"""What it looks at (cli/examination.py); what is not here is a name."""

IN_A_SENTENCE = {"or", "and", "none", "on", "fits"}
"""Single words that stand for a value, and between two."""


def of_tables() -> set[str]:
    """What is said of tables, columns and variables; a name alone needs no words."""
    columns = [each for one in tables().values() for each in one.values()]
    said = {text for each in columns for text in (each.meaning, each.null) if text}
    said |= {text for each in CATALOGUE.values() for text in (each.meaning, each.because)}
    return said - {"cannot_see"}


def of_http() -> set[str]:
    """What statuses are called."""
    return {title(status) for status in (405, *statuses())}


VALUE = re.compile(r"\{(\w+)\}")


def helps(command: Any) -> set[str]:
    """The help of a command, of its options and of its commands, a paragraph each."""
    own = [command.help, *(getattr(option, "help", None) for option in command.params)]
    found = {" ".join(part.split()) for text in own if text for part in text.split("\n\n")}
    return found.union(*map(helps, getattr(command, "commands", {}).values()))


@cache
def needed() -> dict[str, str]:
    """Each sentence, and where it is said."""
    found = said_by_the_command() | logged() | answered() | refused()
    found |= dict.fromkeys(helps(get_command(program())), "help")
    for function in ("translated", "numbers"):
        found |= dict.fromkeys(handed_to(function), f"handed to {function}")
    found |= dict.fromkeys(OF_A_TABLE, "of a table") | dict.fromkeys(of_tables(), "of a column")
    found |= dict.fromkeys(OF_THE_DOCTOR, "of the doctor")
    of_others = OF_TYPER | OF_THE_SYSTEM | IN_A_SENTENCE | OF_PYDANTIC | OF_MSGSPEC | of_http()
    return found | dict.fromkeys(of_others, "of others")


def catalogue(language: str) -> dict[str, tuple[str, ...]]:
    return dict(entries((DATA / f"{language}.po").read_text("utf-8")))


@pytest.mark.parametrize("language", OTHERS)
def test_no_sentence_is_forgotten_and_none_is_without_use(language: str) -> None:
    said, there = needed(), catalogue(language)
    assert {s: where for s, where in said.items() if s not in there} == {}, "not in data/*.po"
    assert there.keys() - said.keys() == set(), "nothing says this any more"


def test_what_commands_print_goes_through_the_catalogues() -> None:
    assert printed_in_english() == {}


@pytest.mark.parametrize("language", OTHERS)
def test_each_translation_has_its_sentence_s_values(language: str) -> None:
    assert {
        sentence: form
        for sentence, forms in catalogue(language).items()
        for form in forms or ("",)
        if not form or sorted(VALUE.findall(form)) != sorted(VALUE.findall(sentence))
    } == {}


@pytest.mark.parametrize("language", OTHERS)
def test_a_sentence_is_found_again_whatever_its_values_are(language: str) -> None:
    words = catalogue_of(language)
    wrong = {}
    for sentence, forms in catalogue(language).items():
        names = dict.fromkeys(VALUE.findall(sentence))
        for values in ([f"v{i}" for i in range(9)], [str(i + 7) for i in range(9)]):
            filled = dict(zip(names, values, strict=False))
            said = VALUE.sub(lambda place: filled[place[1]], sentence)  # noqa: B023
            form = chosen(forms[-1], filled)
            told = VALUE.sub(lambda place: filled[place[1]], form)  # noqa: B023
            for where in ("", "rules.toml:3: ") if " " in said else ("",):
                if words.said(where + said) != where + told:
                    wrong[where + said] = words.said(where + said), told
    assert wrong == {}


@pytest.mark.parametrize("language", OTHERS)
def test_what_is_translated_stays_as_it_is(language: str) -> None:
    words = catalogue_of(language)
    told = [form for forms in catalogue(language).values() for form in forms]
    said = [VALUE.sub("v", chosen(form, defaultdict(str))) for form in told]
    assert {one: words.said(one) for one in said if words.said(one) != one} == {}


def test_names_and_others_words_are_not_touched() -> None:
    words = catalogue_of("es")
    for text in (
        "Recife, PE",
        "database disk image is malformed",
        "SELECT 1 FROM readings",
        "/srv/off/none: on",
        "not found",
        "not a thing that anybody knows",
        "fire_weather",
        "",
        "   ",
    ):
        assert words.said(text) == text


def test_sentences_within_sentences_are_read() -> None:
    words = catalogue_of("pt-BR")
    assert words.said("a.toml:1: unknown key hom (did you mean home?); here go api, home") == (
        "a.toml:1: chave desconhecida hom (quis dizer home?); aqui vão api, home"
    )
    assert words.said(
        "a.toml:4: rule 'w': for: not a number; write one without quotes or a text; "
        "put it in quotes"
    ) == (
        "a.toml:4: regra 'w': for: não é um número; escreva um sem aspas ou um texto; "
        "ponha-o entre aspas"
    )
    assert words.said("api: http://[::1]:80, push is off; set api.key_file") == (
        "api: http://[::1]:80, envio desligado; defina api.key_file"
    )


def test_one_and_many_are_told_apart() -> None:
    words = Catalogue('msgid "{n} rows"\nmsgstr[0] "{n} linha"\nmsgstr[1] "{n} linhas"\n')
    each = Catalogue('msgid "{a} and {b} rows"\nmsgstr "{a} {a|um|uns} e {b} {b|linha|linhas}"\n')
    assert each.said("1 and 2 rows") == "1 um e 2 linhas"
    assert each.said("2 and 1 rows") == "2 uns e 1 linha"
    assert [words.said(f"{n} rows") for n in (0, 1, 2)] == ["0 linhas", "1 linha", "2 linhas"]


def test_in_english_nothing_changes() -> None:
    for language in ("en", "fr", "nothing"):
        speak(language)
        for sentence in needed():
            assert translated(sentence) == sentence


@pytest.mark.parametrize(
    ("asked", "env", "said"),
    [
        ([], {}, "en"),
        ([], {"LANG": "C.UTF-8"}, "en"),
        ([], {"LANG": "fr_FR.UTF-8"}, "en"),
        ([], {"LANG": "pt_BR.UTF-8"}, "pt-BR"),
        ([], {"LANG": "pt_PT"}, "pt-BR"),
        ([], {"LANG": "en_US.UTF-8", "LC_MESSAGES": "es_AR.UTF-8"}, "es"),
        ([], {"LC_ALL": "C", "LC_MESSAGES": "es_AR.UTF-8", "LANG": "pt_BR"}, "en"),
        ([], {"LC_ALL": "", "LANG": "es"}, "es"),
        ([], {"LANG": "pt_BR.UTF-8", "ATALAIA_LANGUAGE": "es"}, "es"),
        ([], {"LANG": "pt_BR.UTF-8", "ATALAIA_LANGUAGE": "en"}, "en"),
        ([], {"LANG": "pt_BR.UTF-8", "ATALAIA_LANGUAGE": "klingon"}, "pt-BR"),
        (["sql", "--settings", "es.toml"], {"LANG": "pt_BR"}, "es"),
        (["sql", "--settings=es.toml"], {}, "es"),
        (["config", "check", "es.toml"], {}, "es"),
        (["config", "check", "--json"], {}, "en"),
        (["sql"], {"ATALAIA_SETTINGS": "es.toml"}, "es"),
        (["sql"], {"ATALAIA_SETTINGS": "es.toml", "ATALAIA_LANGUAGE": "pt-BR"}, "pt-BR"),
        (["sql"], {"ATALAIA_SETTINGS": "none.toml"}, "en"),
        (["report", "--language", "es"], {"LANG": "pt_BR"}, "es"),
        (["report", "--language=pt-BR"], {}, "pt-BR"),
        (["report", "--language"], {"LANG": "es_ES"}, "es"),
        (["report", "--language", "xx"], {"LANG": "es_ES"}, "es"),
        (["subscribe", "--language", "es"], {"LANG": "pt_BR"}, "pt-BR"),
        (["sql", "--", "--language", "es"], {}, "en"),
    ],
)
def test_the_language_is_that_of_the_settings_or_else_of_the_system(
    asked: list[str],
    env: dict[str, str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("es.toml").write_text('home = "a"\nlanguage = "es"\nbroken\n[page]\nlanguage = "en"\n')
    assert language_of(asked, env) == said


def test_the_settings_beside_are_asked_and_only_their_top(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("atalaia.toml").write_text('[page]\nlanguage = "es"\n')
    assert language_of(["run"], {"LANG": "C"}) == "en"
    Path("atalaia.toml").write_text("language = 'es' # of the terminal\n")
    assert language_of(["run"], {"LANG": "C"}) == "es"


def typed(
    words: list[str], language: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> tuple[int, str, str]:
    """What is typed, with the system in a language: exit code, stdout, stderr."""
    monkeypatch.setattr("sys.argv", ["atalaia", *words])
    monkeypatch.setenv("ATALAIA_LANGUAGE", language)
    with pytest.raises(SystemExit) as end:
        main()
    said = capsys.readouterr()
    return int(end.value.code or 0), said.out, said.err


def test_errors_help_and_wrong_words_are_said_in_the_language(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.toml").write_text("hom = 3\n[sources.open-meteo]\ninterval = 3\n")
    check = ["config", "check", "bad.toml"]
    code, out, err = typed(check, "pt-BR", monkeypatch, capsys)
    assert (code, out) == (1, "")
    assert err.startswith("atalaia: bad.toml:1: chave desconhecida hom (quis dizer home?); aqui ")
    assert err.endswith(
        'bad.toml:3: sources.open-meteo.interval: não é uma duração; escreva por exemplo "15min", '
        "entre aspas\n"
    )
    code, out, err = typed(check, "en", monkeypatch, capsys)
    assert err.startswith("atalaia: bad.toml:1: unknown key hom (did you mean home?); here go ")

    code, out, err = typed(["report", "--help"], "es", monkeypatch, capsys)
    assert (code, err) == (0, "")
    assert re.match(r"Uso: .*atalaia report \[OPTIONS\]\n\n  Escribe una página de imágenes: ", out)
    assert "\nOpciones:\n" in out
    assert re.search(r"--help +Muestra este mensaje y sale\.\n", out)
    code, out, err = typed(["map"], "pt-BR", monkeypatch, capsys)
    assert code == 2
    assert "Comandos:\n  import  Dá aos lugares os polígonos de um arquivo" in out + err

    for words, said in (
        (["report", "--colours", "x"], "Erro: Valor inválido para --colours: dê um de ordinary,"),
        (["report", "--days", "0"], "Erro: Valor inválido para '--days': deve ser 1 ou mais"),
        (["nope"], "Erro: Não há o comando 'nope'."),
        (["cut"], "Erro: Falta o argumento 'folder'."),
    ):
        code, out, err = typed(words, "pt-BR", monkeypatch, capsys)
        assert (code, out) == (2, "")
        assert said in err
    assert translated("Options:") == "Options:", "a command leaves its language behind"


def test_what_programs_read_is_the_same_in_all_languages(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATALAIA_HOME", str(tmp_path / "home"))
    for words in (["config", "check", "--json"], ["doctor", "--json", "--quick"]):
        said = {typed(words, language, monkeypatch, capsys)[:2] for language in ("en", *OTHERS)}
        assert len(said) == 1
        (_, out) = said.pop()
        assert all(map(json.loads, out.splitlines()))


def test_numbers_that_are_only_read_stand_in_the_signs_of_the_language() -> None:
    for language in OTHERS:
        words = catalogue_of(language)
        assert "50,4 GB" in words.said("50.4 GB are free for /srv/0.5")
        assert words.said("50.4 GB are free for /srv/0.5").endswith("/srv/0.5")
        calls = "54 calls a round, every 15 min = 5,184 a day (216 an hour), "
        assert " = 5.184 " in words.said(f"{calls}fits in 5,000 an hour")
        assert "-22.9,-43.2,10" in words.said("'x' is not LAT,LON,KM, for example -22.9,-43.2,10")
        with speaking(language):
            told = figures("1,234.5 (0.33 … 2), 0.1.0, 127.0.0.1:80")
            assert told == "1.234,5 (0,33 … 2), 0.1.0, 127.0.0.1:80"
    assert figures("1,234.5") == "1,234.5"


@pytest.mark.parametrize(
    ("language", "said", "is_yes"),
    [
        ("en", "y", True),
        ("pt-BR", "s", True),
        ("pt-BR", "Sim", True),
        ("pt-BR", "n", False),
        ("es", "sí", True),
        ("es", "y", True),
        ("es", "", False),
        ("en", "nonsense", False),
    ],
)
def test_a_question_is_answered_in_any_of_the_languages(
    language: str, said: str, is_yes: bool, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{said}\n"))
    with speaking(language), nullcontext() if is_yes else pytest.raises(typer.Abort):
        sure("Forget p_1? It cannot be undone")
    asked = capsys.readouterr().err
    assert ("[y/N]" in asked, "[s/N]" in asked) == (language == "en", language != "en")
    assert ("Forget" in asked) == (language == "en")


def test_who_speaks_spanish_reads_spanish_where_the_settings_are_silent(
    monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for language, words in (("es", "reglas"), ("pt-BR", "regras")):
        _, out, _ = typed(["rules", "basic"], language, monkeypatch, capsys)
        assert out.startswith(f"basic: {words}: ")
        code, out, _ = typed(["tables", "climate"], language, monkeypatch, capsys)
        assert (code, "the place's id" in out, "null:" in out) == (0, False, False)
        code, out, _ = typed(["variables"], language, monkeypatch, capsys)
        assert (code, "relative humidity" in out, "1,825" in out) == (0, False, False)
