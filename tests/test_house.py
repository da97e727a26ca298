"""The house is kept: one meaning a class name, no class and no module that knows everything."""

from __future__ import annotations

import ast
import gc
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

SRC = Path(__file__).parents[1] / "src"

MOST_METHODS = 20
MORE_IN_AN_ADAPTER = 12
"""What a home's adapter may have besides its port's methods."""

MOST_IMPORTS = 15

MOST_LINES_OF_ROOTS = 1300
"""A root chooses; what it chooses, and does with it, stands in a room."""


@cache
def modules() -> dict[str, ast.Module]:
    found = {}
    gc.disable()  # all that is made here stays: to look what could go costs more than to read it
    try:
        for path in SRC.rglob("*.py"):
            parts = path.relative_to(SRC).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(path.read_text("utf-8"))
    finally:
        gc.enable()
    return found


ASKED = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.Import, ast.ImportFrom, ast.Call)


@cache
def nodes() -> dict[str, list[ast.AST]]:
    """What is asked about of each module, found by going through its tree once."""
    return {
        module: [node for node in ast.walk(tree) if isinstance(node, ASKED)]
        for module, tree in modules().items()
    }


def classes() -> Iterator[tuple[str, ast.ClassDef]]:
    for module, found in nodes().items():
        yield from ((module, node) for node in found if isinstance(node, ast.ClassDef))


def methods(found: ast.ClassDef) -> int:
    return sum(isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) for node in found.body)


def imports(module: str) -> set[str]:
    """Modules of ours that it imports, wherever in it: for types alone, and late ones, too.

    The log is none: it stands before a library, and who writes to it knows no more than before.
    """
    found = set()
    for node in nodes()[module]:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports by dots"
            named = {f"{node.module}.{alias.name}" for alias in node.names}
            of_these = {name for name in named if name in modules()}
            found |= of_these if len(of_these) == len(named) else {*of_these, str(node.module)}
    return (found & modules().keys()) - {module, "atalaia.logs"}


def test_a_class_name_has_one_meaning() -> None:
    where = defaultdict(list)
    for module, found in classes():
        if not found.name.startswith("_"):
            where[found.name].append(module)
    twice = {name: sorted(places) for name, places in where.items() if len(places) > 1}
    assert twice == {}


def test_no_class_does_everything() -> None:
    ports = {found.name: methods(found) for module, found in classes() if module == "atalaia.ports"}
    large = {}
    for module, found in classes():
        port = max(
            (ports.get(base.id, 0) for base in found.bases if isinstance(base, ast.Name)), default=0
        )
        is_adapter = module.startswith("atalaia.homes.") and port
        most = max(MOST_METHODS, port + MORE_IN_AN_ADAPTER if is_adapter else 0)
        if methods(found) > most:
            large[f"{module}.{found.name}"] = methods(found)
    assert large == {}


def test_no_module_knows_most_of_the_others() -> None:
    wide = {
        module: len(known)
        for module in modules()
        if not module.startswith("atalaia.run.") and len(known := imports(module)) > MOST_IMPORTS
    }
    assert wide == {}


def test_no_modules_name_each_other_in_a_ring() -> None:
    """For types alone, and late, neither: what is below is understood without what is above."""
    TopologicalSorter({module: imports(module) for module in modules()}).prepare()


def test_the_roots_choose_and_do_nothing_else() -> None:
    roots = (SRC / "atalaia" / "run").rglob("*.py")
    assert sum(len(path.read_text("utf-8").splitlines()) for path in roots) <= MOST_LINES_OF_ROOTS


def test_a_type_is_known_before_any_thread_reads_it() -> None:
    """msgspec looks at a struct when it is first read as one, and the process ends where two
    threads do so at once: decoders are made with their module, not where something is read."""
    late = []
    for module, found in nodes().items():
        for function in found:
            if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            late += [
                f"{module}.{function.name}: {ast.unparse(call)}"
                for call in ast.walk(function)
                if isinstance(call, ast.Call) and _reads_a_struct(call)
            ]
    assert late == []


def _reads_a_struct(call: ast.Call) -> bool:
    """Whether it is msgspec's `decode` with a type that is one of ours."""
    kinds = [ast.unparse(each.value) for each in call.keywords if each.arg == "type"]
    reads = bool(kinds) and ast.unparse(call.func) in (
        "msgspec.json.decode",
        "msgspec.msgpack.decode",
    )
    return reads and any(
        word[0] != word[0].lower() and word not in ("Any", "Raw")
        for kind in kinds
        for word in re.findall(r"[A-Za-z]\w*", kind)
    )
