"""Installed as a service: what is documented works, as far as this machine can say."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
from pathlib import Path, PurePosixPath

import pytest
from typer.testing import CliRunner

from atalaia.cli import app
from atalaia.homes.embedded import open_home
from atalaia.homes.embedded.keys import default_folder
from people.world import world

SERVICE = Path(__file__).resolve().parents[2] / "service"
UNIT = SERVICE / "atalaia.service"


def unit() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(UNIT.read_text("utf-8"))
    return parser["Service"]


def test_home_and_keys_lie_in_the_one_folder_that_the_service_may_write_to() -> None:
    service = unit()
    state = PurePosixPath("/var/lib") / service["StateDirectory"]
    home = Path(service["Environment"].removeprefix("ATALAIA_HOME="))
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


def test_the_doctor_says_what_is_wrong_and_what_to_do_next(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with world(home) as w:
        w.told("email:ana@example.org")

    def asked() -> dict[str, dict[str, str]]:
        done = CliRunner().invoke(app, ["doctor", "--home", str(home), "--json"])
        assert done.exit_code in (0, 1), done.output
        return {one["what"]: one for one in json.loads(done.stdout)}

    found = asked()
    assert found["keys"]["is_well"]
    assert found["store"]["says"] == "every page can be read"
    assert found["watch"]["do_next"] == "start it: atalaia run"
    with open_home(home):
        assert asked()["watch"]["is_well"]
    default_folder(home).rename(tmp_path / "elsewhere")
    found = asked()
    assert not found["keys"]["is_well"]
    assert "people.keys" in found["keys"]["do_next"]
    assert not default_folder(home).exists(), "it changes nothing"


def test_the_doctor_names_a_damaged_store(tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as home:
        home.state.set_note("a", "b" * 100_000)
    file = tmp_path / "home" / "atalaia.sqlite3"
    body = bytearray(file.read_bytes())
    body[4096 * 3 : 4096 * 12] = b"\xff" * 4096 * 9
    file.write_bytes(body)
    done = CliRunner().invoke(app, ["doctor", "--home", str(tmp_path / "home")])
    assert done.exit_code == 1
    assert "WRONG store" in done.output
    assert "atalaia restore" in done.output
