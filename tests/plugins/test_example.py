"""The example of docs/plugins.md: installed, and followed from a reading to a board."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from atalaia import plugins
from channels.servers import Provider, says, serve
from patience import LIMIT_S, until
from stories import objects
from test_recipes import blocks, page, section

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "plugin"


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the example is installed into, without a network."""
    folder = tmp_path_factory.mktemp("site")
    copy = shutil.copytree(EXAMPLE, folder / "from")
    told = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--no-index", "--no-deps", "--no-build-isolation"),
            *("--target", str(folder / "site"), str(copy)),
        ],
        capture_output=True, text=True, check=False, timeout=LIMIT_S,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    return folder / "site"


class Harbour(Provider):
    """The mast, and the boards."""

    def __init__(self, gusts: object) -> None:
        super().__init__(says({"gusts": gusts}))
        self.shown: list[dict[str, object]] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        answer = await super().handle(request)
        path, body = self.asked[-1]
        if path == "/show" and answer.status < 300:
            self.shown.append(body)
        return answer


class Told:
    """The documented commands, in a folder, with the package beside Atalaia."""

    def __init__(self, folder: Path, target: Path) -> None:
        self.folder = folder
        self.env = {**os.environ, "PYTHONPATH": str(target), "NO_COLOR": "1"}

    def write(self, url: str, more: str = "") -> None:
        """The page's settings, with this server in the place of both."""
        (text,) = blocks(section(page("plugins.md"), "An example"), "toml")
        for name in ("mast", "boards"):
            text = text.replace(f"https://{name}.example.org", url)
        alone = "\n[sources.open-meteo]\nenabled = false\n[api]\nport = 0\n"
        (self.folder / "harbour.toml").write_text(f'home = "home"\n{text}{alone}{more}', "utf-8")
        key = self.folder / "mast.key"
        key.touch(mode=0o600)
        key.write_text("c4nary-token")

    async def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
            subprocess.run, [sys.executable, "-m", "atalaia", *words], cwd=self.folder,
            env=self.env, capture_output=True, text=True, check=False, timeout=LIMIT_S,
        )  # fmt: skip


def shown_blocks() -> list[str]:
    return blocks(section(page("plugins.md"), "An example"), "text")


def typed(begins: str) -> tuple[str, ...]:
    (found,) = re.findall(
        rf"^atalaia ({begins}.*)$", section(page("plugins.md"), "An example"), re.MULTILINE
    )
    return tuple(re.sub(r'"', "", word) for word in re.findall(r'"[^"]*"|\S+', found))


def test_settings_and_one_try_are_as_the_page_says(tmp_path: Path, target: Path) -> None:
    answer = re.findall(r"answers `(\{.*\})`$", page("plugins.md"), re.MULTILINE)[0]
    checked, tried = shown_blocks()

    async def story() -> None:
        harbour = Harbour([])
        harbour.usual = says(answer)
        async with serve(harbour):
            told = Told(tmp_path, target)
            told.write(harbour.url)
            check = await told(*typed("config check"))
            assert check.returncode == 0, check.stderr
            for line in checked.splitlines():
                assert line in check.stdout.splitlines()
            one = await told(*typed("sources try"))
            assert one.stdout.replace(harbour.url, "https://mast.example.org") == tried
            assert harbour.headers[-1]["Authorization"] == "Bearer c4nary-token"

            told.write(harbour.url)
            file = told.folder / "harbour.toml"
            text = file.read_text("utf-8").replace("rows = 4", "rows = 40")
            file.write_text(text.replace('place = "26', 'plaice = "26'), "utf-8")
            wrong = await told(*typed("config check"))
            assert wrong.returncode == 1
            line = 1 + text[: text.index("rows =")].count("\n")
            documented = re.findall(r"`harbour.toml:\d+: (channels.boards.rows.*mend it)`", ALL)[0]
            assert f"harbour.toml:{line}: {documented}" in wrong.stderr.replace("`", "")
            assert "unknown key sources.harbour.plaice (did you mean place?)" in wrong.stderr
            assert "sources.harbour.place: missing; the plug-in needs it" in wrong.stderr

    asyncio.run(story())


ALL = page("plugins.md")


def test_a_reading_becomes_an_alert_and_a_message_on_a_board(tmp_path: Path, target: Path) -> None:
    """The board is down at first: the message waits, and goes under the same id; then all of it is
    read again from RAW, by a process that has nothing but the home and the package."""
    now = datetime.now(UTC)
    gusts = [{"at": (now - timedelta(minutes=m)).isoformat(), "kn": 80} for m in (20, 10, 0)]

    async def story() -> None:
        harbour = Harbour(gusts)
        async with serve(harbour):
            told = Told(tmp_path, target)
            told.write(harbour.url)
            enrolled = await told(*typed("subscribe"))
            assert "boards: told from now on" in enrolled.stdout, enrolled.stderr
            harbour.answers = [says({"gusts": gusts}), says("busy", 503)]
            run = subprocess.Popen(
                [sys.executable, "-m", "atalaia", "run", "--settings", "harbour.toml"],
                cwd=tmp_path, env=told.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            try:
                await until(lambda: harbour.shown or run.poll() is not None)
            finally:
                run.send_signal(signal.SIGINT)
                out = await asyncio.to_thread(run.communicate, None, LIMIT_S)
            assert harbour.shown, out
            shown = harbour.shown[0]
            tries = [body for path, body in harbour.asked if path == "/show"]
            assert [one["id"] for one in tries[:2]] == [shown["id"]] * 2
            assert shown["quay"] == "Q12"
            assert "Recife" in " ".join(shown["lines"])
            assert b"Q12" not in out[0]
            assert b"c4nary" not in out[0]

            again = await told("replay", "--from-stream", "home", "--json")
            assert json.loads(again.stdout)["as_live"] is True, again.stderr
            asked = await told("refine", "--settings", "harbour.toml")
            assert asked.returncode == 0, asked.stderr
            ask = "SELECT source, place_id, wind_gust_m_s FROM readings ORDER BY valid_at LIMIT 1"
            rows = await told("sql", ask, "--json", "--settings", "harbour.toml")
            (row,) = objects(rows.stdout)
            assert (row["source"], row["place_id"]) == ("plugin:harbour", "2611606")
            assert row["wind_gust_m_s"] == pytest.approx(80 * 1852 / 3600, abs=1e-3)

            # Without its package what was kept is still there, and says what is missing.
            told.env = {**os.environ}
            without = await told("replay", "--from-stream", "home", "--json")
            assert json.loads(without.stdout)["rejected"] == {"no such plug-in": 1}

    asyncio.run(story())


def test_a_plug_in_imports_one_module_and_it_has_what_the_page_says() -> None:
    code = (EXAMPLE / "atalaia_harbour.py").read_text("utf-8")
    assert set(re.findall(r"^(?:from|import) (atalaia[\w.]*)", code, re.MULTILINE)) == {
        "atalaia.plugins"
    }
    rows = re.findall(r"^\| (`[A-Z].*?) \| (.*) \|$", ALL, re.MULTILINE)
    named = [name for cell, _ in rows for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == sorted(plugins.__all__)
    for cell, what in rows:
        for name in re.findall(r"`(Plugin\w+|\w+Plugin)`", cell):
            fields = re.findall(r"`(\w+)`", what)
            assert fields == list(getattr(plugins, name).__dataclass_fields__), name


def test_the_example_is_short() -> None:
    lines = [line for file in EXAMPLE.iterdir() for line in file.read_text("utf-8").splitlines()]
    assert len(lines) < 120
