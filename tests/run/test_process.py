"""The watch as a process of its own: what a signal, and its size, come to."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from atalaia.homes.embedded import open_home
from atalaia.notify.fanout import position
from atalaia.report.welcome import page_of
from atalaia.settings import load
from patience import LIMIT_S, slowness, wait_until

from .world import PUSH_KEY, places_csv

RUN = (
    "import os, sys; from atalaia.settings import load; from atalaia.run.local import run;"
    "sys.exit(run(load(None, os.environ)))"
)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


RUN_AHEAD = (
    "import os, time; from pathlib import Path; from atalaia import clock;"
    "clock._ONWARD._wall = lambda: time.time() + float(Path(os.environ['AHEAD']).read_text());"
) + RUN
"""By a clock that is as many seconds ahead as a file says."""


@contextmanager
def _running(
    folder: Path, out: int = subprocess.PIPE, run: str = RUN, **more: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A watch without sources, and the address of its API once that answers. `out`: where what it
    says goes."""
    port = _free_port()
    env = {
        **os.environ,
        "ATALAIA_HOME": str(folder / "home"),
        "ATALAIA_PLACES": str(places_csv(folder, 3)),
        "ATALAIA_API_PORT": str(port),
        "ATALAIA_API_KEY": PUSH_KEY,
        "ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false",
        **more,
    }
    with subprocess.Popen(
        [sys.executable, "-c", run], env=env, stdout=out, stderr=out, text=True, cwd=folder,
    ) as process:  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_for(url + "/readyz", process)
            yield process, url
        finally:
            process.kill()


def _wait_for(url: str, process: subprocess.Popen[str]) -> None:
    def answers() -> bool:
        assert process.poll() is None, process.stderr and process.stderr.read()
        with urllib.request.urlopen(url, timeout=LIMIT_S):
            return True

    wait_until(answers)


def _push(url: str, number: int) -> int:
    reading = {"place_id": "p0", "valid_at": "2026-01-10T12:00:00Z", "wind_gust_m_s": number}
    request = urllib.request.Request(
        url + "/v1/readings",
        json.dumps([reading]).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {PUSH_KEY}"},
    )
    with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
        return int(json.load(answer)["offset"])


def test_what_was_accepted_survives_kill_9(tmp_path: Path) -> None:
    with _running(tmp_path) as (process, url):
        offsets = {_push(url, number): number for number in range(12)}
        process.send_signal(signal.SIGKILL)  # right after the last answer
        process.wait(LIMIT_S)
    with open_home(tmp_path / "home") as home:
        kept = {r.offset: json.loads(r.payload.body) for r in home.stream.read(0, 99)}
        for offset, number in offsets.items():
            assert kept[offset][0]["wind_gust_m_s"] == number


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_stops_within_five_seconds_when_it_is_asked_to(
    tmp_path: Path, stop: signal.Signals, code: int
) -> None:
    with _running(tmp_path) as (process, url):
        _push(url, 25)
        began = time.monotonic()
        process.send_signal(stop)
        out, err = process.communicate(timeout=LIMIT_S)
        assert process.returncode == code, err
        assert time.monotonic() - began < 5 * slowness()
        assert "Traceback" not in err
        assert PUSH_KEY not in out + err


@pytest.mark.parametrize("ahead_s", [12 * 3600, 30 * 86_400])
def test_a_clock_that_was_ahead_by_hours_and_is_put_right_keeps_no_storm_from_being_told(
    tmp_path: Path, ahead_s: int
) -> None:
    ahead = tmp_path / "ahead"
    ahead.write_text(str(ahead_s))

    def gust(url: str, value: float) -> bool:
        """Whether it was taken; while the watch begins anew nobody answers."""
        at = datetime.now(UTC).replace(microsecond=0).isoformat()
        reading = {"place_id": "p0", "valid_at": at, "wind_gust_m_s": value}
        key = {"Content-Type": "application/json", "Authorization": f"Bearer {PUSH_KEY}"}
        body = json.dumps([reading]).encode()
        request = urllib.request.Request(url + "/v1/readings", body, key)
        try:
            with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
                return bool(json.load(answer)["accepted"])
        except (urllib.error.URLError, ConnectionError):
            return False

    def is_told(url: str) -> bool:
        winds = f"{url}/v1/incidents?hazard=wind"
        try:
            with urllib.request.urlopen(winds, timeout=LIMIT_S) as told:
                return [one["level"] for one in json.load(told)["items"]] == ["red"]
        except (urllib.error.URLError, ConnectionError):
            return False

    with _running(tmp_path, run=RUN_AHEAD, AHEAD=str(ahead)) as (process, url):
        assert gust(url, 5)
        (tmp_path / "right").write_text("0")
        (tmp_path / "right").replace(ahead)  # it is read all the time
        wait_until(lambda: gust(url, 35) and is_told(url))
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 0, err
        assert "the clock was set back by hours; the watch begins anew by it" in err
        assert "Traceback" not in err
        assert "wind" in out or "vento" in out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_for_what_it_says_stops_neither_watching_nor_telling(tmp_path: Path) -> None:
    """Its log, its terminal: what it says there is for whoever looks, and nobody's warning."""
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        with _running(tmp_path, full, ATALAIA_SOURCES_CAP_FEEDS="http://127.0.0.1:9/") as (p, url):
            for number in range(3):
                _push(url, 20 + number)
                with urllib.request.urlopen(url + "/v1/alerts", timeout=LIMIT_S) as answer:
                    json.load(answer)
            with open_home(tmp_path / "home", exclusive=False) as home:
                wait_until(lambda: position(home.outbox).done == home.state.latest(1)[0][0] > 0)
            p.send_signal(signal.SIGTERM)
            assert p.wait(LIMIT_S) == 0
    finally:
        os.close(full)


def test_an_idle_watch_is_small_and_has_not_loaded_duckdb(tmp_path: Path) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("memory is read from /proc, which is not here")
    with _running(tmp_path) as (process, url):
        _push(url, 25)
        proc = Path(f"/proc/{process.pid}")
        status = proc.joinpath("status").read_text()
        kilobytes = int(next(x for x in status.splitlines() if x.startswith("VmRSS")).split()[1])
        assert kilobytes < 150_000
        assert "duckdb" not in proc.joinpath("maps").read_text()


def test_a_port_that_is_in_use_is_told_with_the_next_step(tmp_path: Path) -> None:
    with _running(tmp_path) as (_, url):
        port = url.rsplit(":", 1)[1]
        env = {**os.environ, "ATALAIA_API_PORT": port, "ATALAIA_HOME": str(tmp_path / "other")}
        code = "from atalaia.cli import main; import sys; sys.argv = ['atalaia', 'run']; main()"
        told = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False,
            timeout=LIMIT_S, cwd=tmp_path,
        )  # fmt: skip
        assert told.returncode == 1
        assert f"127.0.0.1:{port}" in told.stderr
        assert "use another --port" in told.stderr
        assert "Traceback" not in told.stderr


def test_the_terminal_says_first_which_page_to_open_and_what_a_calm_hour_looks_like(
    tmp_path: Path,
) -> None:
    with _running(tmp_path, ATALAIA_LANGUAGE="en") as (process, url):
        assert process.stdout is not None
        assert process.stdout.readline() == f"The page: {url}\n"
        assert process.stdout.readline().startswith("3 places, none has answered yet")


@pytest.mark.parametrize(
    ("env", "page"),
    [
        ({}, "http://127.0.0.1:1"),
        ({"ATALAIA_API_HOST": "0.0.0.0"}, "http://localhost:1"),
        ({"ATALAIA_API_HOST": "::1"}, "http://[::1]:1"),
        ({"ATALAIA_API_PUBLIC_URL": "https://alerts.example.org"}, "https://alerts.example.org"),
    ],
)
def test_the_page_is_named_as_a_browser_opens_it(env: dict[str, str], page: str) -> None:
    assert page_of(load(None, env), 1) == page


def test_duckdb_that_cannot_be_mapped_is_told_at_the_start_and_not_at_the_first_question(
    tmp_path: Path,
) -> None:
    words = "failed to map segment from shared object: Operation not permitted"
    (tmp_path / "duckdb.py").write_text(f"raise ImportError({words!r})")
    with _running(tmp_path, PYTHONPATH=str(tmp_path)) as (process, _):
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        told = next(line for line in lines if "loading DuckDB failed" in line)
        assert words in told
        assert "level=warning" in told
        assert process.poll() is None, "it watches all the same"
