"""In which language the command speaks to who typed it, and the command itself in that language.

`--language` where it says how an answer reads; else what the settings say (`ATALAIA_LANGUAGE`
before their file); else what the system speaks (`LC_ALL`, `LC_MESSAGES`, `LANG`); else English.
`--json`, names of keys, tables, columns and states are the same in all of them.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from atalaia.errors import AtalaiaError
from atalaia.translated import ENGLISH, OTHERS, speak, translated

LANGUAGES = (ENGLISH, *OTHERS)

_FOR_SOMEBODY_ELSE = ("subscribe", "preview")
"""Here `--language` is that of the person who is told."""

_SAID = re.compile(r"""^\s*language\s*=\s*["']([\w-]+)["']""", re.MULTILINE)
_HELP = re.compile(r"^(?:Usage|Options|Arguments|Commands):|\[default:|required\]", re.MULTILINE)


def main(program: Callable[[Sequence[str]], typer.Typer]) -> None:
    """Run what was typed; errors that people can mend are told without a traceback."""
    asked = sys.argv[1:]
    speak(language_of(asked, os.environ))
    try:
        _run(program(asked))
    except AtalaiaError as error:
        print(f"atalaia: {translated(str(error))}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    finally:
        speak(ENGLISH)


def language_of(asked: Sequence[str], env: Mapping[str, str]) -> str:
    """The language of a command, by its arguments and its environment."""
    if not set(asked[:1]) & set(_FOR_SOMEBODY_ELSE) and _option(asked, "--language") in LANGUAGES:
        return str(_option(asked, "--language"))
    if (given := env.get("ATALAIA_LANGUAGE")) in LANGUAGES:
        return str(given)
    if (written := _of_settings(asked, env)) in LANGUAGES:
        return str(written)
    system = next(filter(None, map(env.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return next((one for one in OTHERS if system[:2] == one[:2]), ENGLISH)


def _of_settings(asked: Sequence[str], env: Mapping[str, str]) -> str | None:
    """What the settings' file says, whatever else is wrong with it."""
    checked = asked[2:3] if [*asked[:2]] == ["config", "check"] else ()
    named = next((one for one in checked if not one.startswith("-")), None)
    file = named or _option(asked, "--settings") or env.get("ATALAIA_SETTINGS") or "atalaia.toml"
    try:
        with Path(file).open(encoding="utf-8", errors="replace") as opened:
            top, _, _ = f"\n{opened.read(100_000)}".partition("\n[")
    except OSError:
        return None
    found = _SAID.search(top)
    return found[1] if found else None


def _option(asked: Sequence[str], name: str) -> str | None:
    """What stands for an option: after it, or after its equals sign."""
    for word, following in zip(asked, [*asked[1:], None], strict=False):
        if word == "--":
            return None
        if word == name:
            return following
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return None


def _run(app: typer.Typer) -> None:
    if translated("Options:") == "Options:":
        app()
        return
    command = typer.main.get_command(app)
    _translate(command)
    try:
        code = command(standalone_mode=False)
    except typer.Abort:
        print(translated("Aborted!"), file=sys.stderr)
        raise SystemExit(1) from None
    except Exception as error:
        # What Typer says of wrong words is of no class that it makes known.
        show = getattr(error, "show", None)
        if show is None:
            raise
        said = io.StringIO()
        show(file=said)
        print(translated(said.getvalue()), file=sys.stderr, end="")
        raise SystemExit(getattr(error, "exit_code", 1)) from None
    raise SystemExit(code or 0)


def _translate(command: Any) -> None:
    """A command's help, its options' and its commands' own, in the language that is spoken."""
    for holder in (command, *command.params):
        for name in ("help", "short_help"):
            if text := getattr(holder, name, None):
                setattr(holder, name, in_paragraphs(text))
    in_english = command.get_help

    def get_help(context: Any) -> str:
        if option := command.get_help_option(context):
            option.help = translated(option.help)
        return _HELP.sub(lambda part: translated(part[0]), in_english(context))

    command.get_help = get_help
    for each in getattr(command, "commands", {}).values():
        _translate(each)


def in_paragraphs(text: str) -> str:
    """A help text, however its lines are broken."""
    return "\n\n".join(translated(" ".join(part.split())) for part in text.split("\n\n"))
