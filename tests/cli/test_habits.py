"""What is the same of all commands: one test walks over all of them for each habit."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir
from pathlib import Path
from unittest.mock import patch

import apsw
import pytest

from atalaia.homes.embedded import open_home
from channels.servers import nowhere
from patience import LIMIT_S, slowness, wait_until
from stories import here, objects
from warm import Begun

from .commands import COMMANDS, EXAMPLES, OF_A_HOME, OF_FILES, PERSON, Path_

STORE = "atalaia.sqlite3"

START = "from atalaia.__main__ import main; print('ready', flush=True); main()"


def test_every_command_is_walked_over() -> None:
    assert set(OF_A_HOME) | set(OF_FILES) == set(COMMANDS)


# For programs

NOT_FOR_PROGRAMS = {
    ("run",): "it goes on; its log is lines of fields",
    ("export",): "it is JSON as it stands, for a person to keep",
}


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_answers_programs(path: Path_) -> None:
    options = {name for parameter in COMMANDS[path].params for name in parameter.opts}
    assert ("--json" in options) == (path not in NOT_FOR_PROGRAMS)


CANNOT = {
    ("confirm",): "the code is none of theirs",
    ("deliveries", "acknowledge"): "there is no such message",
    ("api-key", "remove"): "there is no such key",
    ("restore",): "there is no copy",
    ("sources", "try"): "nobody answers",
    ("calibrate",): "three days are too few",
    ("climate",): "three days are too few",
}
"""What cannot be done here, and says so for programs, too, or says nothing to them."""


def test_what_programs_are_answered_is_an_object_a_line(tmp_path: Path) -> None:
    """All commands in turn, over one home with a storm, a person and a message."""
    home, env = tmp_path / "home", os.environ | {
        "ATALAIA_PEOPLE_CONTROLLER": "Port",
        "ATALAIA_PEOPLE_CONTACT": "privacy@harbour.example",
        "ATALAIA_SOURCES_OPEN_METEO_BASE_URL": nowhere(),
    }  # fmt: skip
    with patch.dict(os.environ, env), chdir(tmp_path):
        first = here("replay", *OF_FILES[("replay",)], "--json", "--home", home)
        assert len(objects(first.stdout)) == 1
        wish = ("--contact", "inbox", "--place", "Recife", "--json", "--home", home)
        (somebody,) = objects(here("subscribe", *wish).stdout)
        last = [("stop",), ("key",), ("erase",)]
        walked = [path for path in COMMANDS if path not in {*NOT_FOR_PROGRAMS, *last}]
        for path in [*walked, *last]:
            of_home = ("--home", home) if path in OF_A_HOME else ()
            words = (OF_A_HOME | OF_FILES)[path]
            words = tuple(somebody["person"] if word == PERSON else word for word in words)
            done = here(*path, *words, "--json", *of_home)
            assert done.returncode == (1 if path in CANNOT else 0), (path, done)
            for one in objects(done.stdout):
                assert isinstance(one, dict), (path, done.stdout)
            assert done.stdout or path in {*CANNOT, *SAY_NOTHING}, path


SAY_NOTHING = {("preview",), ("stations",), ("wishes",), ("deliveries",)}
"""Lists that are empty here."""


# Ctrl-C


NOBODY_ASKED = {"ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false"}


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    """A command that has begun."""
    process = subprocess.Popen(
        [sys.executable, "-c", START, *words], cwd=folder, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=os.environ | NOBODY_ASKED,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def holds(process: Begun, name: str) -> bool:
    """Whether it has this file open, or has ended."""
    if process.code is not None:
        return True
    files = Path(f"/proc/{process.pid}/fd").iterdir()
    return any(file.readlink().name == name for file in files)


def interrupted(process: subprocess.Popen[str]) -> tuple[int, str]:
    """What Ctrl-C comes to: the exit code and what was said, within a second."""
    with process:
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        try:
            _, err = process.communicate(timeout=LIMIT_S)
        finally:
            process.kill()
        took = time.monotonic() - began
        assert took < 1.0 * slowness(), (process.args, took)
    return process.returncode, err


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("habits")
    open_home(folder / "home").close()
    return folder / "home"


NOT_HELD_UP = {
    ("doctor",): "it waits for no lock for long: it says that there is one",
    ("map", "import"): "it opens no store: it leaves a file beside it",
}


def test_ctrl_c_ends_each_command_that_waits_for_a_home(home: Path) -> None:
    """The store is locked: the command stands in a call of C, which hears of no signal."""
    if not Path("/proc/self/fd").exists():
        pytest.skip("which files a process has is read from /proc, which is not here")

    def ended(path: Path_) -> tuple[Path_, int | None, str]:
        said = home.parent / "-".join(path)
        words = (*path, *OF_A_HOME[path], "--home", str(home))
        process = Begun(home.parent, *words, said=said, **NOBODY_ASKED)
        try:
            wait_until(lambda: holds(process, STORE))
            began = time.monotonic()
            process.interrupt()
            assert time.monotonic() - began < 1.0 * slowness(), path
        finally:
            process.kill()
        return path, process.code, process.said

    lock = apsw.Connection(str(home / STORE))
    lock.execute("BEGIN IMMEDIATE")
    try:
        with ThreadPoolExecutor(6) as pool:
            found = list(pool.map(ended, set(OF_A_HOME) - set(NOT_HELD_UP)))
    finally:
        lock.close()
    for path, code, said in found:
        assert "Traceback" not in said, (path, said)
        assert code == 130, (path, code, said)


LONG = (
    "SELECT count(*) AS n FROM range(10000000) a, range(10000000) b WHERE a.range * b.range % 7 = 1"
)


@pytest.mark.parametrize(
    "words",
    [
        ("sql", LONG, "--home", "home"),
        ("sql", "-", "--home", "home"),
        ("replay", "--places", str(EXAMPLES / "places.csv"), "pipe"),
        ("replay", "--payloads", "pipe"),
        ("backtest", "--rules", "inmet", "--places", str(EXAMPLES / "places.csv"), "pipe",
         *OF_A_HOME[("backtest",)][2:]),
        ("climate", "--import", "--places", str(EXAMPLES / "places.csv"), "pipe", "--home", "new"),
        ("subscribe", "--file", "pipe", "--home", "home"),
    ],
    ids=lambda words: " ".join(words[:2]),
)  # fmt: skip
def test_ctrl_c_ends_what_computes_and_what_waits_for_input(
    home: Path, words: tuple[str, ...]
) -> None:
    pipe = home.parent / "pipe"
    if not pipe.exists():
        os.mkfifo(pipe)
    process = started(home.parent, *words)
    for delay_s in (0.2, 0.5, 0.5):  # wherever it stands; mostly where it stays
        if process.poll() is None:
            time.sleep(delay_s)
    code, said = interrupted(process)
    assert "Traceback" not in said
    assert code == 130, said


def test_ctrl_c_before_anything_is_loaded(home: Path) -> None:
    """A handful of moments between the first line and the first answer."""
    for moment_s in (0.0, 0.05, 0.1, 0.2):
        process = started(home.parent, "sql", LONG, "--home", "home")
        time.sleep(moment_s)
        code, said = interrupted(process)
        assert "Traceback" not in said
        assert code == 130, (moment_s, said)


# What is seen by a person who waits

QUICK = {
    ("run",): "it says what it does",
    ("replay",): "it has a bar",
    ("tables",): "it reads nothing",
    ("variables",): "it reads nothing",
    ("rules",): "it reads one file",
    ("init",): "it asks",
    ("config", "check"): "it reads one file",
    ("confirm",): "it is of one person",
    ("stop",): "it is of one person",
    ("erase",): "it asks, of one person",
    ("key",): "it is of one person",
    ("wishes",): "a few towns",
    ("deliveries",): "a few rows",
    ("deliveries", "acknowledge"): "one row",
    ("api-key", "add"): "one row",
    ("api-key", "list"): "a few rows",
    ("api-key", "remove"): "one row",
}
"""What takes no second, however much is kept."""


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_what_may_take_long_says_so(path: Path_) -> None:
    assert getattr(COMMANDS[path].callback, "is_slow", False) == (path not in QUICK)


@pytest.mark.parametrize("name", ["sql", "refine", "backup"])
def test_who_waits_at_a_terminal_sees_for_how_long_and_no_line_stays(home: Path, name: str) -> None:
    lock = apsw.Connection(str(home / STORE))
    lock.execute("BEGIN IMMEDIATE")
    ours, theirs = pty.openpty()
    seen = b""
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "atalaia", name, *OF_A_HOME[(name,)], "--home", str(home)],
            cwd=home.parent, stdout=subprocess.PIPE, stderr=theirs, env=os.environ | NO_COLOR,
        )  # fmt: skip
        while b"3 s" not in seen:
            seen += os.read(ours, 1024)
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT_S) == 130
        assert not re.search(COLOUR, seen)
        assert seen.startswith("\r\x1b[K… 1 s".encode())
    finally:
        process.kill()
        process.communicate()
        for end in (ours, theirs):
            os.close(end)
        lock.close()


NO_COLOR = {"NO_COLOR": "1", "TERM": "xterm-256color"}
COLOUR = rb"\x1b\[[\d;]*(?<!\d)(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?!\d)[\d;]*m"

ALL = """
import json, sys
from atalaia.__main__ import main
for words in json.loads(sys.argv[1]):
    sys.argv = ["atalaia", *words]
    try:
        main()
    except SystemExit:
        pass
"""


def at_a_terminal(folder: Path, asked: list[tuple[str, ...]], **env: str) -> bytes:
    """What a person sees of these commands, one after the other, at a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ALL, json.dumps(asked)], cwd=folder,
        stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
        env={**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, **env},
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    try:
        while part := os.read(ours, 65_536):
            seen += part
    except OSError:
        pass  # that is how the end of a terminal is told
    finally:
        os.close(ours)
        process.wait(LIMIT_S)
    return seen


def test_no_command_colours_where_it_is_told_not_to(tmp_path: Path) -> None:
    open_home(tmp_path / "home").close()
    nobody = {("run",), ("sources", "try")}
    asked = [
        (*path, *words, *(("--home", "home") if path in OF_A_HOME else ()))
        for path, words in (OF_A_HOME | OF_FILES).items()
        if path not in nobody
    ]
    asked += [
        ("--help",),
        *((*path, "--help") for path in nobody),
        ("sql", "SELEC 1"),
        ("no-such",),
    ]
    seen = at_a_terminal(tmp_path, asked, **NO_COLOR)
    assert b"Usage: atalaia" in seen
    assert b"Traceback" not in seen
    assert not re.search(COLOUR, seen), re.search(rb".{40}" + COLOUR, seen, re.DOTALL)


def test_a_bar_has_colours_where_nothing_is_said() -> None:
    seen = at_a_terminal(EXAMPLES, [("replay", *OF_FILES[("replay",)])], TERM="xterm-256color")
    assert re.search(COLOUR, seen), "else the test above proves nothing"


# Completion


def completed(words: str, shell: str = "bash") -> str:
    env = {
        **os.environ,
        "_ATALAIA_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
        "_TYPER_COMPLETE_ARGS": words,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    told = subprocess.run(
        [sys.executable, "-c", START.replace("print('ready', flush=True)", "import sys; "
         "sys.argv = ['atalaia']")], env=env, capture_output=True, text=True, check=False,
        timeout=LIMIT_S,
    )  # fmt: skip
    assert not told.stderr
    return told.stdout


@pytest.mark.parametrize("group", [(), *sorted({path[:-1] for path in COMMANDS if path[1:]})])
def test_a_shell_completes_every_command(group: Path_) -> None:
    below = {path[len(group)] for path in COMMANDS if path[: len(group)] == group != path}
    assert set(completed(" ".join(("atalaia", *group, ""))).splitlines()) == below


def test_a_shell_completes_options() -> None:
    assert completed("atalaia sql --fo") == "--format\n"
    assert "backup" in completed("atalaia ba", "zsh")
    assert "backup" in completed("atalaia ba", "fish")
