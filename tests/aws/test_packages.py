"""Each package of functions has what its functions import: nothing else is in their reach here."""

from __future__ import annotations

import importlib.util
import platform
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = {
    "watch": ("poll", "detect"),
    "listen": ("listen",),
    "batch": ("archive", "recover", "refine"),
    "people": ("fan_out", "deliver", "returns", "retention"),
    "serving": ("api",),
    "rebuild": ("rebuild",),
}
LATER = {
    "watch": (
        "atalaia.detect.consumer",
        "atalaia.people.bodies",
        "atalaia.homes.aws.lake",
        "atalaia.homes.aws.keys",
    ),
    "listen": (
        "atalaia.homes.aws.stream",
        "atalaia.sources.mqtt.session",
        "atalaia.sources.wis2.archives",
        "paho.mqtt.client",
    ),
    "batch": (
        "atalaia.people.bodies",
        "atalaia.lake.climate",
        "atalaia.homes.aws.lake",
        "atalaia.homes.aws.refining",
        "atalaia.homes.aws.keys",
    ),
    "people": (
        "atalaia.homes.aws.keys",
        "atalaia.notify.channels",
        "atalaia.notify.compose",
        "atalaia.notify.notifier",
        "atalaia.notify.silences",
        "atalaia.people.registry",
        "atalaia.sources.session",
        "atalaia.channels.sms",
        "atalaia.channels.email",
        "atalaia.channels.ses",
    ),
    "serving": (
        "atalaia.api.app",
        "atalaia.api.keys",
        "atalaia.api.previews",
        "atalaia.api.telegram_hook",
        "atalaia.api.whatsapp_hook",
        "atalaia.homes.aws.sql",
        "atalaia.notify.drills",
        "atalaia.page.web",
        "atalaia.people.conversation",
        "atalaia.sources.gazetteer",
    ),
    "rebuild": ("atalaia.lake.climate", "atalaia.homes.aws.lake", "atalaia.homes.aws.keys"),
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


GLUES_OWN = (
    "boto3",
    "botocore",
    "jmespath",
    "pyspark",
    "py4j",
    "python-dateutil",
    "six",
    "urllib3",
)


def packages() -> dict[str, tuple[str, ...]]:
    found = tool()
    return {**found.PACKAGES, "rebuild": (*found.GLUE, *GLUES_OWN)}


@pytest.mark.parametrize("name", MODULES)
def test_a_package_has_what_its_functions_import(name: str) -> None:
    packed = set(packages()[name])
    absent = [
        module
        for module, distributions in packages_distributions().items()
        if module != "atalaia"
        and not packed & {one.lower().replace("_", "-") for one in distributions}
    ]
    modules = [*(f"atalaia.run.aws.{module}" for module in MODULES[name]), *LATER[name]]
    code = ALONE.format(absent=sorted(absent), modules=modules)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", [name for name in MODULES if name != "rebuild"])
def test_a_package_starts_and_is_well_below_what_lambda_takes(name: str, tmp_path: Path) -> None:
    """Built for this machine and this Python, libraries stripped, and nothing else in reach."""
    lambda_zip = tool()
    lambda_zip.PLATFORM = f"{platform.machine()}-manylinux_2_28"
    lambda_zip.PYTHON = "{}.{}".format(*sys.version_info)
    folder = tmp_path / "package"
    lambda_zip.assemble(name, folder)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < lambda_zip.MOST_BYTES
    assert any(path.suffix == ".pyc" for path in files)
    modules = [*(f"atalaia.run.aws.{module}" for module in MODULES[name]), *LATER[name]]
    code = f"""
import sys
sys.path[:] = [{str(folder)!r}, *(p for p in sys.path if "site-packages" not in p)]
for module in {modules!r}:
    __import__(module)
print(sys.modules["atalaia"].__file__)
"""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))


def test_every_package_that_is_packed_is_locked() -> None:
    lambda_zip = tool()
    for wanted in (*lambda_zip.PACKAGES.values(), lambda_zip.GLUE):
        assert all("--hash=sha256:" in block for block in lambda_zip._locked(wanted))


def test_of_two_locked_versions_the_one_for_glues_python_is_taken() -> None:
    lambda_zip = tool()
    for python in ("3.11", "3.12"):
        chosen = lambda_zip._of_python(lambda_zip._locked(("numpy", "cffi")), python)
        assert len(chosen) == 2
        assert not any(" ; " in block for block in chosen)
