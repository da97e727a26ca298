"""What the source says to a person in English, found by reading it: the ids of the catalogues.

A sentence is a text with a word in it, as it stands in the source, with ``{name}`` where a value
comes in; of several lines each is one. What only says where (``{path}:1: ``, ``{name}: ``) stands
before it and is none of it.
"""

from __future__ import annotations

import ast
import gc
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SRC = Path(__file__).parents[1] / "src" / "atalaia"

WHOLE = ("cli", "settings", "rules", "given.py", "batch/doubts.py", "replay/summary.py")
"""Here every text with two words or more is for a person, but for what is named in NOT_SAID."""

SAYING = {
    "batch/history.py": ("unjudged",),
    "domain/norm_tables.py": ("in_words",),
    "domain/place.py": ("faults",),
    "domain/rule.py": ("strangers", "nowhere", "unseen_in_words"),
    "homes/aws/sql.py": ("in_words",),
    "homes/embedded/__init__.py": ("_in_use", "_older_in_use", "_task_in_use"),
    "notify/preview.py": ("previewed",),
    "people/coverage.py": ("closed_channels", "unwatched"),
    "replay/readings.py": ("_claim",),
    "report/gather.py": ("_no_such", "_newest"),
    "run/local.py": ("faults",),
    "sources/described/description.py": ("faults", "_faults_of", "parted"),
    "sources/feed.py": ("_own_address",),
    "sources/fetch.py": ("_failure",),
    "sources/gazetteer.py": ("find_town",),
    "sources/mqtt/standing.py": ("in_words",),
    "sources/plugged/asked.py": ("told",),
    "sources/poller.py": ("_unreachable", "_useless"),
    "sources/pws/mapped.py": ("faults",),
    "sources/readings_csv.py": ("_lacking",),
    "sources/recorded.py": ("_unread", "_of_others"),
    "sources/schedule.py": ("sentence",),
    "sources/wis2/centres.py": ("faults",),
}
"""Functions elsewhere that make sentences which a command prints, or ends with."""

CONSTANTS = {
    "channels/mail.py": ("_NO_SENDER",),
    "detect/consumer.py": ("FAULT",),
    "people/admission.py": ("_ENOUGH",),
    "threads.py": ("_NO_MEMORY",),
}

NOT_SAID = {
    "cli/__init__.py": ("atalaia {version} (time zones: tzdata {version_2})",),
    "cli/examination.py": (
        *("BEGIN IMMEDIATE", "import duckdb", "atalaia climate", "atalaia refine --rebuild"),
    ),
    "cli/init.py": ("--settings {file}", "Idioma / Language"),
    "cli/language.py": ("atalaia: {error}",),
    "homes/embedded/database.py": ("PRAGMA user_version",),
    "replay/summary.py": (
        *("bold red", "bold dark_orange"),
        *("chegou a", "llegó a", "desceu a", "went down to", "bajó a"),
    ),
    "report/gather.py": ("SELECT CAST(epoch(max({column})) AS BIGINT) FROM {table}",),
    "rules/read.py": ("limits.{place}.{what}: {fault}",),
    "rules/written.py": (
        *("- at `$", "Invalid enum value", "Expected `([^`]*)`, got `\\w+`"),
        *("Object contains unknown field `([^`]*)`", "Object missing required field `([^`]*)`"),
        "Expected `\\w+` (of length )?([<>]=?) (\\S+)",
    ),
    "rules/written_score.py": ("window: {error}",),
    "settings/described.py": (
        *("Bearer {text}", "{at}.values:"),
        'station = { id = "code", latitude = "lat", longitude = "lon" }',
    ),
    "settings/document.py": ("\\(at line (\\d+), column \\d+\\)",),
    "settings/listening.py": ("wis2 downloads", "wis2 archives"),
}
"""What is for a machine, or the same in every language: commands, keys, patterns, units."""

NOT_WORDS = {"HTTP", "RAW", "GOLD", "POD", "CSI", "FAR", "km", "min", "bytes"}
"""A text of these and of values alone needs no words."""

RAISED = {
    "AtalaiaError",
    "BadParameter",
    "HeldByAnother",
    "PluginBroken",
    "QueryInvalid",
    "QueryMistaken",
    "SettingsInvalid",
    "StateConflict",
}
"""Errors that end a command. PayloadInvalid is kept with RAW, Overtaken and QueueFull are met."""

NOT_OF_THE_COMMAND = ("api/", "homes/aws/", "notify/", "run/aws/")
"""What is raised here is answered to programs, or logged by functions; nothing of it ends a
command (`atalaia sql --aws` alone asks AWS: ASKED_OF_AWS)."""

ASKED_OF_AWS = ("homes/aws/clients.py", "homes/aws/sql.py")

REFUSING = (
    *("api/keys.py", "domain/", "people/request.py", "people/service.py", "people/importing.py"),
    *("people/admission.py", "channels/guard.py", "sources/gazetteer.py", "sources/described/"),
    *("sources/mqtt/broker.py", "batch/occurrences.py", "replay/lines.py"),
)
"""Where a ValueError says what is wrong with what a person wrote."""

ANSWERED = (
    "api/",
    "channels/",
    "domain/",
    "notify/",
    "page/",
    "people/",
    "sources/municipalities.py",
)
"""Where a ValueError may become a problem that the API answers (`api.problem.wished`)."""

NOT_ANSWERED = (
    *("notify/crowd.py", "notify/snapshots.py", "people/bodies.py"),
    *("page/mvt.py", "page/pmtiles.py", "page/shapes.py", "page/tiled.py"),
)
"""There, these are of what is stored, or was brought, and end within."""

HANDED_ON = {
    "api/problem.py": ("str(error)", "str(error.detail)"),
    "page/reports.py": ("str(error)",),
    "people/adding.py": ("closed[0]",),
    "people/admission.py": ("_ENOUGH.format(channel=contact.channel)",),
}
"""What is raised again as it came: of `ANSWERED`, `SAYING`, `CONSTANTS`, or a status's name."""

LOGGED = {"warning", "error", "exception"}

_WHERE = re.compile(r"(?:\{\w+\}(?::\d+)?: |^\{inside\})+(?=.)")


def in_rooms(path: str, rooms: tuple[str, ...]) -> bool:
    return any(path == room or path.startswith(f"{room.rstrip('/')}/") for room in rooms)


@cache
def trees() -> dict[str, tuple[ast.Module, list[ast.Call]]]:
    """Each file of the source, with the calls in it."""
    found = {}
    gc.disable()  # all that is made here stays: to look what could go costs more than to read it
    try:
        for path in sorted(SRC.rglob("*.py")):
            tree = ast.parse(path.read_text("utf-8"))
            calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
            found[path.relative_to(SRC).as_posix()] = tree, calls
    finally:
        gc.enable()
    return found


def said_by_the_command() -> dict[str, str]:
    """Sentences, and where each stands first: what commands print, ask and end with."""
    found: dict[str, str] = {}
    for path, (tree, calls) in trees().items():
        if in_rooms(path, WHOLE):
            texts = [*_texts(tree)]
        else:
            saying = [call for call in calls if _ends_a_command(path, name_of(call.func))]
            said = [named for call in saying for part in call.args for named in _named(tree, part)]
            texts = [each for part in said for each in _texts(part)]
            texts += [each for part in _saying(path, tree) for each in _texts(part)]
        for node, text in texts:
            if " " not in text.strip():
                continue
            for sentence in lines_of(text):
                if not _is_for_a_machine(path, sentence):
                    found.setdefault(sentence, f"{path}:{node.lineno}")
    return found


def handed_to(function: str) -> Iterator[str]:
    """Each sentence that is handed to a function as it is called, one word or many."""
    for path, (_, calls) in trees().items():
        for node in calls if in_rooms(path, WHOLE) else ():
            if name_of(node.func) == function:
                for part in node.args:
                    for _, text in _texts(part):
                        yield from lines_of(text)


PRINTING = {"typer.echo", "print", "typer.prompt", "typer.confirm", "console.print"}


def printed_in_english() -> dict[str, str]:
    """What commands print as it stands, although it has a sentence in it."""
    found: dict[str, str] = {}
    for path, (_, calls) in trees().items():
        for call in calls if path.startswith("cli/") else ():
            if ast.unparse(call.func) not in PRINTING or not call.args:
                continue
            shown = call.args[0]
            if any(
                isinstance(part, ast.Call) and name_of(part.func) == "translated"
                for part in ast.walk(shown)
            ):
                continue
            for _, text in _texts(shown):
                for sentence in lines_of(text):
                    if " " in sentence and not _is_for_a_machine(path, sentence):
                        found[sentence] = f"{path}:{call.lineno}"
    return found


def logged() -> dict[str, str]:
    """Events of level warning and above."""
    found: dict[str, str] = {}
    for path, (_, calls) in trees().items():
        for node in calls:
            if not isinstance(node.func, ast.Attribute) or node.func.attr not in LOGGED:
                continue
            if node.args and "log" in ast.unparse(node.func.value).lower():
                for _, text in _texts(node.args[0]):
                    for sentence in lines_of(text):
                        found.setdefault(sentence, f"{path}:{node.lineno}")
    return found


def answered() -> dict[str, str]:
    """What the API answers a person with, where it does not do what was asked."""
    found: dict[str, str] = {}
    for path, (tree, calls) in trees().items():
        for call in calls:
            kind = name_of(call.func)
            is_refused = kind == "ValueError" and in_rooms(path, ANSWERED)
            if kind != "Problem" and not (is_refused and not in_rooms(path, NOT_ANSWERED)):
                continue
            said = call.args[kind == "Problem"]
            if ast.unparse(said) in HANDED_ON.get(path, ()):
                continue
            texts = [text for part in _named(tree, said) for _, text in _texts(part)]
            sentences = [each for text in texts for each in lines_of(text) if " " in each]
            assert sentences, f"{path}:{call.lineno}: what does it say?"
            for sentence in sentences:
                found.setdefault(sentence, f"{path}:{call.lineno}")
    return found


def refused() -> dict[str, str]:
    """Why a part of a source's answer is not used, as `sources try` and operators' pages say."""
    found: dict[str, str] = {}
    for path, (_, calls) in trees().items():
        for call in calls if path.startswith("sources/") else ():
            kind, of = name_of(call.func), ast.unparse(call.func)
            if kind not in ("Reject", "Unreadable") and not of.endswith("rejects.add"):
                continue
            named = [word.value for word in call.keywords if word.arg == "reason"]
            for said in named or ([] if kind == "Reject" else call.args[:1]):
                for _, text in _texts(said):
                    if " " in text:
                        found.setdefault(text, f"{path}:{call.lineno}")
    return found


def statuses() -> set[int]:
    """Those that problems have."""
    firsts = [
        call.args[0]
        for _, calls in trees().values()
        for call in calls
        if name_of(call.func) == "Problem"
    ]
    return {int(str(one.value)) for one in firsts if isinstance(one, ast.Constant)}


def _named(tree: ast.Module, said: ast.expr) -> Iterator[ast.expr]:
    """An expression, and what each name in it stands for in its file."""
    yield said
    names = {part.id for part in ast.walk(said) if isinstance(part, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and {name_of(one) for one in node.targets} & names:
            yield from (each for each in (node.value,) if any(_texts(each)))
        elif isinstance(node, ast.AugAssign) and name_of(node.target) in names:
            yield node.value
        elif isinstance(node, ast.Call) and name_of(_owner(node)) in names:
            yield from node.args


def _owner(call: ast.Call) -> ast.expr:
    """The list to which a call appends; of another call the function itself."""
    is_appending = isinstance(call.func, ast.Attribute) and call.func.attr in ("append", "extend")
    return call.func.value if is_appending else call.func  # type: ignore[attr-defined]


def _ends_a_command(path: str, kind: str) -> bool:
    if kind == "ValueError":
        return in_rooms(path, REFUSING)
    is_elsewhere = path.startswith(NOT_OF_THE_COMMAND) and path not in ASKED_OF_AWS
    # What is set ends `run` wherever it is found out, but for that of functions.
    is_of_run = kind == "SettingsInvalid" and "aws/" not in path
    return kind in RAISED and (is_of_run or not is_elsewhere)


def _saying(path: str, tree: ast.Module) -> Iterator[ast.AST]:
    functions, constants = SAYING.get(path, ()), CONSTANTS.get(path, ())
    for node in ast.walk(tree) if functions or constants else ():
        if isinstance(node, ast.FunctionDef) and node.name in functions:
            yield node
        elif isinstance(node, ast.Assign) and {name_of(one) for one in node.targets} & {*constants}:
            yield node.value


def _is_for_a_machine(path: str, sentence: str) -> bool:
    return (
        sentence in NOT_SAID.get(path, ())
        or (path == "settings/first.py" and not sentence.startswith("# "))
        or sentence.startswith(("SELECT ", "# [", "# key_file", "# feeds", "# token_file"))
        or re.fullmatch(r"# \w+ = .*", sentence) is not None
    )


def lines_of(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        sentence = re.sub(r"^[;:] ", "", line.strip())  # it goes on from another one
        where = _WHERE.match(sentence)
        if where and " " in sentence[where.end() :]:
            sentence = sentence[where.end() :]
        words = re.findall(r"[^\W\d_]{2,}", re.sub(r"\{\w+\}", "", sentence))
        if {*words} - NOT_WORDS:
            yield sentence


def _texts(tree: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """Each text but docstrings; of an f-string the whole, and what is within its values."""
    passed_over: set[int] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for part in body if isinstance(body, list) else ():
            if isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant):
                passed_over.add(id(part.value))
        if isinstance(node, ast.Dict) and any(_is_language(key) for key in node.keys):
            passed_over |= {id(part) for part in ast.walk(node)}
        if isinstance(node, ast.JoinedStr):
            for part in ast.walk(node):
                if isinstance(part, ast.FormattedValue) and part.format_spec is not None:
                    passed_over |= {id(each) for each in ast.walk(part.format_spec)}
            passed_over |= {id(part) for part in node.values if isinstance(part, ast.Constant)}
    for node in ast.walk(tree):
        if id(node) in passed_over:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node, node.value
        elif isinstance(node, ast.JoinedStr):
            yield node, template(node)


def _is_language(key: ast.expr | None) -> bool:
    return isinstance(key, ast.Constant) and key.value == "pt-BR"


def template(text: ast.JoinedStr) -> str:
    """An f-string with ``{name}`` for each value."""
    out, names = "", []
    for part in text.values:
        if isinstance(part, ast.Constant):
            out += str(part.value)
            continue
        assert isinstance(part, ast.FormattedValue)
        name = name_of(part.value).strip("_").lower() or "x"
        names.append(name)
        n = names.count(name)
        out += "{" + (name if n == 1 else f"{name}_{n}") + "}"
    return out


def name_of(value: ast.expr) -> str:
    """What a value is called: of a call with one argument what that is called."""
    name = "x"
    match value:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            pass
        case ast.Call(func=ast.Attribute(attr="join"), args=[inner, *_]):
            name = name_of(inner)
        case ast.Call(func=ast.Name() as func, args=[inner, *_]):
            name = name_of(inner)
            name = name_of(func) if name == "x" else name
        case (
            ast.Call(func=inner)
            | ast.Subscript(value=inner)
            | ast.Starred(value=inner)
            | ast.BinOp(left=inner)
            | ast.UnaryOp(operand=inner)
            | ast.IfExp(body=inner)
            | ast.BoolOp(values=[inner, *_])
            | ast.GeneratorExp(elt=inner)
            | ast.ListComp(elt=inner)
        ):
            name = name_of(inner)
    return name
