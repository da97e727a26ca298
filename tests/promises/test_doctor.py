"""`atalaia doctor` names what is wrong and the right next step, and changes nothing."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import apsw
import pytest
from typer.testing import CliRunner

from atalaia.cli import app, examination
from atalaia.cli.examination import examine
from atalaia.cli.signs import Sign, well
from atalaia.errors import HeldByAnother
from atalaia.homes.embedded import STORE, open_home
from atalaia.homes.embedded.database import FORMAT, format_of
from atalaia.homes.embedded.keys import default_folder
from atalaia.settings import load
from people.world import NOW, world
from stories import objects

OLD_HOME = Path(__file__).resolve().parents[1] / "data" / "home-f5522e7.tar.xz"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that nobody watches, with somebody in it. DuckDB is not loaded anew for each question."""
    monkeypatch.setattr(examination, "_duckdb", lambda: well("DuckDB", "it can be loaded"))
    with world(tmp_path / "home") as w:
        w.told("email:ana@example.org")
    return tmp_path / "home"


@pytest.fixture
def old(tmp_path: Path, home: Path) -> Path:
    """A home that f5522e7 made."""
    with tarfile.open(OLD_HOME) as packed:
        packed.extractall(tmp_path / "old", filter="tar")
    return tmp_path / "old" / "home"


def found(home: Path, *, is_quick: bool = True, port: int | None = None) -> dict[str, Sign]:
    """What is wrong, by what it is."""
    port = port or free_port()
    settings = load(None, {"ATALAIA_HOME": str(home), "ATALAIA_API_PORT": str(port)})
    return {s.what: s for s in examine(settings, NOW, is_quick=is_quick) if not s.is_well}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def watched(home: Path) -> Iterator[None]:
    """Another process has it: no store of it is opened by this one."""
    handle = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    os.pwrite(handle, b"77\n", 0)
    try:
        yield
    finally:
        os.close(handle)


@contextmanager
def answering(status: int, told: dict[str, Any]) -> Iterator[int]:
    """The API of a watch, which says this of itself; its port."""

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


def test_the_doctor_says_what_is_wrong_and_what_to_do_next(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATALAIA_API_PORT", str(free_port()))

    def asked() -> dict[str, dict[str, str]]:
        done = CliRunner().invoke(app, ["doctor", "--home", str(home), "--json"])
        assert done.exit_code in (0, 1), done.output
        return {one["what"]: one for one in objects(done.stdout)}

    found = asked()
    assert "port" not in found
    assert found["keys"]["is_well"]
    assert found["store"]["says"] == "every page can be read"
    assert found["watch"]["do_next"] == "start it: atalaia run"
    with open_home(home):
        assert "does not answer" in asked()["watch"]["says"]
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


def test_the_doctor_leaves_a_home_of_an_older_atalaia_in_its_format(old: Path) -> None:
    before = format_of(old / STORE)
    assert before is not None
    assert before < FORMAT
    sign = found(old)["home"]
    assert f"its format is {before}" in sign.says
    assert sign.do_next.startswith("back it up with that Atalaia")
    with watched(old):
        assert "process 77 of that Atalaia watches" in found(old)["home"].do_next
    assert format_of(old / STORE) == before


def test_a_home_takes_no_other_format_under_a_watch_of_an_older_atalaia(old: Path) -> None:
    before = format_of(old / STORE)
    with watched(old), pytest.raises(HeldByAnother, match=r"an older Atalaia made.* process 77"):
        open_home(old, exclusive=False)
    assert format_of(old / STORE) == before
    with open_home(old, exclusive=False), open_home(old):  # which would be refused
        assert format_of(old / STORE) == FORMAT


def test_a_home_of_a_newer_atalaia_is_not_to_be_restored(home: Path) -> None:
    connection = apsw.Connection(str(home / STORE))
    connection.execute(f"PRAGMA user_version={FORMAT + 1}")
    connection.close()
    assert found(home)["home"].do_next.startswith("put that Atalaia in place")


def test_a_store_that_another_process_holds_is_no_damage(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examination, "_LOCKED_MS", 10)
    other = apsw.Connection(str(home / STORE))
    other.execute("BEGIN IMMEDIATE")
    sign = found(home)["store"]
    other.close()
    assert "another process holds it" in sign.says
    assert sign.do_next.endswith(f"fuser -v {home / STORE}")


def test_keys_that_others_may_read_are_closed_to_them_and_not_put_back(home: Path) -> None:
    keys = default_folder(home)
    keys.chmod(0o755)
    assert found(home)["keys"].do_next == "run chmod 700 on it"
    keys.chmod(0o700)
    (keys / "master.key").chmod(0o644)
    assert found(home)["keys"].do_next == "run chmod 600 on it"


@pytest.mark.parametrize(
    ("file", "again"),
    [
        ("gold/readings/date=2026-01-10/part.parquet", "atalaia refine --rebuild"),
        ("gold/climate/climate.parquet", "atalaia climate"),
    ],
)
def test_a_file_of_gold_that_cannot_be_read_is_named(home: Path, file: str, again: str) -> None:
    with open_home(home) as opened:
        opened.lake.write(file, b"PAR1 and no more")
    sign = found(home, is_quick=False)["GOLD"]
    assert file in sign.says
    assert sign.do_next == f"make it again: {again}"


def test_a_source_that_does_not_answer_and_a_slow_clock_are_told_by_the_watch(home: Path) -> None:
    told = {
        "clock": {"behind_s": 90},
        "sources": {
            "metar": {"fresh": False, "fault": "host name not resolved"},
            "inmet": {"fresh": True, "fault": None},
        },
    }
    with watched(home), answering(200, told) as port:
        signs = found(home, port=port)
    assert signs["source"].says == "metar does not answer: host name not resolved"
    assert "90 s slow" in signs["clock"].says
    assert "watch" not in signs


@pytest.mark.parametrize(
    ("fault", "next_step"),
    [
        ("host name not resolved", "look at the network"),
        ("HTTP 401: the key is not accepted", "look at its key"),
        ("HTTP 404", "look at its address"),
        ("HTTP 301", "look at its address"),
        ("HTTP 408", "look at the network"),
        ("HTTP 429: too many calls", "it is asked too often"),
        ("HTTP 503", "its own server has trouble"),
    ],
)
def test_a_source_that_answers_with_a_fault_is_no_matter_of_the_network(
    home: Path, fault: str, next_step: str
) -> None:
    told = {"sources": {"cap:defesa-civil": {"fresh": False, "fault": fault}}}
    with watched(home), answering(200, told) as port:
        assert found(home, port=port)["source"].do_next.startswith(next_step)


def test_a_watch_that_is_not_ready_or_does_not_answer_is_told(home: Path) -> None:
    fault = {"store": {"writable": False, "fault": "the disk is full"}}
    with watched(home), answering(503, fault) as port:
        assert "process 77 is not ready: the disk is full" in found(home, port=port)["watch"].says
    with watched(home):
        sign = found(home)["watch"]
    assert "process 77 watches, and does not answer" in sign.says
    assert "restart it if it stands" in sign.do_next


def test_a_port_that_something_else_has_is_told_before_the_start(home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        sign = found(home, port=other.getsockname()[1])["port"]
    assert "api.port" in sign.do_next


def test_a_home_that_may_not_be_looked_into_is_told(tmp_path: Path, home: Path) -> None:
    (tmp_path / "file").write_text("")
    sign = found(tmp_path / "file")["home"]
    assert "user that the watch runs as" in sign.do_next


def test_a_disk_that_is_nearly_full_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "_LEAST_FREE", 1 << 62)
    assert "make room" in found(home)["disk"].do_next
