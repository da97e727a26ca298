"""Installed as a service: what is documented works, as far as this machine can say."""

from __future__ import annotations

import asyncio
import configparser
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path, PurePosixPath

import pytest
from structlog.testing import capture_logs
from tools import installed
from typer.testing import CliRunner

from atalaia.cli import app
from atalaia.homes.embedded import open_home
from atalaia.homes.embedded.keys import default_folder
from atalaia.run import local
from patience import patient
from run.world import settings
from stories import objects

SERVICE = Path(__file__).resolve().parents[2] / "service"
UNIT = SERVICE / "atalaia.service"


def unit() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(UNIT.read_text("utf-8"))
    return parser["Service"]


def environment() -> dict[str, str]:
    """The unit's variables, each on a line of its own."""
    return dict(re.findall(r"^Environment=(\w+)=(.*)$", UNIT.read_text("utf-8"), re.MULTILINE))


def test_home_and_keys_lie_in_the_one_folder_that_the_service_may_write_to() -> None:
    service = unit()
    state = PurePosixPath("/var/lib") / service["StateDirectory"]
    home = Path(environment()["ATALAIA_HOME"])
    assert PurePosixPath(home).is_relative_to(state)
    assert PurePosixPath(default_folder(home)).is_relative_to(state)
    assert service["ProtectSystem"] == "strict"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze here")
def test_the_unit_is_valid_and_hardened(tmp_path: Path) -> None:
    text = UNIT.read_text("utf-8").replace("/opt/atalaia/.venv/bin/atalaia", "/bin/true")
    file = tmp_path / "atalaia.service"
    file.write_text(text)
    asked = subprocess.run(
        ["systemd-analyze", "verify", str(file)], capture_output=True, text=True, check=False
    )
    assert "atalaia.service" not in asked.stderr, asked.stderr
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(file)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "Unknown option" in rated.stderr or "unrecognized option" in rated.stderr:
        pytest.skip("this systemd-analyze cannot rate a file")
    assert rated.returncode == 0, rated.stdout[-300:]


def test_the_service_s_command_has_its_home_and_its_settings() -> None:
    command = (SERVICE / "atalaia").read_text("utf-8").replace("\\\n", " ")
    service = unit()
    start = service["ExecStart"].split()
    assert f" ATALAIA_HOME={environment()['ATALAIA_HOME']} " in command
    assert f" ATALAIA_SETTINGS={start[start.index('--settings') + 1]} " in command
    assert f" {start[0]} " in command
    assert f"sudo -u {service['User']} " in command


def test_what_installs_it_finds_its_commands_in_the_page() -> None:
    for section in installed.SECTIONS:
        assert "atalaia" in installed.commands(section)


def test_the_image_runs_without_root_and_copies_what_is_there() -> None:
    lines = (SERVICE / "Containerfile").read_text("utf-8").replace("\\\n", " ").splitlines()
    steps = [line.split(None, 1) for line in lines if line and not line.startswith("#")]
    users = [what for step, what in steps if step == "USER"]
    assert users == ["10001:10001"], "a number, so that Kubernetes can see that it is not root"
    assert any(step == "HEALTHCHECK" for step, _ in steps)
    assert all(
        ":" in what.split()[0] and "latest" not in what for step, what in steps if step == "FROM"
    )
    root = SERVICE.parent
    for step, what in steps:
        if step == "COPY" and not what.startswith("--from"):
            for source in what.split()[:-1]:
                assert (root / source).exists(), source
    ran = " ".join(what for step, what in steps if step == "RUN")
    assert "--require-hashes" in ran
    assert not re.search(r"\b(sudo|curl|wget|apt-get)\b", ran)


def test_duckdb_that_cannot_be_mapped_is_told_at_the_start_and_by_the_doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_duckdb = tmp_path / "path"
    no_duckdb.mkdir()
    (no_duckdb / "duckdb.py").write_text("raise ImportError('failed to map segment')")
    monkeypatch.setenv("PYTHONPATH", str(no_duckdb))

    async def started() -> None:
        set_ = settings(tmp_path, "", ATALAIA_SOURCES_OPEN_METEO_ENABLED="false")
        with open_home(set_.home) as home:
            running = asyncio.create_task(local._run(set_, home))
            async with patient():
                while not any("DuckDB" in line["event"] for line in logs):
                    await asyncio.sleep(0.01)
            os.kill(os.getpid(), signal.SIGTERM)
            await running

    with capture_logs() as logs:
        asyncio.run(started())
    [said] = [line for line in logs if "DuckDB" in line["event"]]
    assert said["event"].startswith("loading DuckDB failed")
    assert "failed to map segment" in said["reason"]
    done = CliRunner().invoke(app, ["doctor", "--home", str(tmp_path / "home"), "--json"])
    [found] = [one for one in objects(done.stdout) if one["what"] == "DuckDB"]
    assert not found["is_well"]
    assert "300 MB" in found["do_next"]
