"""Each package of functions has what its functions import: nothing else is in their reach here."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = {
    "watch": ("poll", "detect", "archive", "refine"),
    "people": ("tell",),
    "serving": ("api",),
}
LATER = {
    "watch": ("atalaia.homes.climate", "atalaia.homes.compact", "atalaia.homes.aws.lake"),
    "people": ("atalaia.homes.aws.keys", "atalaia.channels.sms", "atalaia.channels.email"),
    "serving": ("atalaia.homes.aws.sql", "atalaia.people.gazetteer"),
}
"""What functions import only when it is needed."""

ALONE = """
import sys
sys.modules.update(dict.fromkeys({absent!r}))  # as if they were not installed
for module in {modules!r}:
    __import__(module)
"""


def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lambda_zip", ROOT / "tools/lambda_zip.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.mark.parametrize("name", MODULES)
def test_a_package_has_what_its_functions_import(name: str) -> None:
    packed = set(tool().PACKAGES[name])
    absent = [
        module
        for module, distributions in packages_distributions().items()
        if module != "atalaia"
        and not packed & {one.lower().replace("_", "-") for one in distributions}
    ]
    modules = [*(f"atalaia.aws.{module}" for module in MODULES[name]), *LATER[name]]
    code = ALONE.format(absent=sorted(absent), modules=modules)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_package_that_is_packed_is_locked() -> None:
    lambda_zip = tool()
    for wanted in lambda_zip.PACKAGES.values():
        assert all("--hash=sha256:" in block for block in lambda_zip._locked(wanted))
