"""WIS2's messages by a real broker: how many a second are kept, and who else does it how fast?

    python bench/bench_wis2.py FOLDER [--messages 1500] [--peers PYTHON]

FOLDER has recorded notifications (`global_broker_*.jsonl`, `node_archive_*.json`); those with data
inline are repeated with new ids, names and times. mosquitto (Debian's) runs on loopback; another
process publishes, and a third one listens: it knows copies again, checks the data, keeps each
notification as it came (SQLite, synced to disk before it is acknowledged) and makes rows of it.

Peers download what a link leads to and keep it as files; they decode nothing. They run in an
environment of their own, with a server on loopback that has the data:

    python -m venv peers && peers/bin/pip install pywis-pubsub wis2downloader
    python bench/bench_wis2.py FOLDER --peers peers/bin/python

Seconds are from the first message published to the last one kept; memory is the listener's peak.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests")]

from mosquitto import PROGRAM, Mosquitto, broker, free_port  # noqa: E402
from wis2_listener import FILTER, peak_of  # noqa: E402

TOPIC = "cache/a/wis2/{}/data/core/weather/surface-based-observations/synop"
IDLE_S = 20.0


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--messages", type=int, default=1500)
    arguments.add_argument("--peers", type=Path)
    asked = arguments.parse_args()
    if PROGRAM is None:
        sys.exit("no mosquitto is here: apt-get install mosquitto")
    recorded = list(with_data(asked.folder))
    print(f"{asked.messages} messages made of {len(recorded)} recorded ones")
    with tempfile.TemporaryDirectory() as name:
        atalaia(Path(name), messages(recorded, asked.messages, "http://a.example"))
    if asked.peers is None:
        print("no peers: see --peers")
        return
    with server() as (url, bodies):
        made = messages(recorded, asked.messages, url, bodies)
        for peer in (pywis_pubsub, wis2downloader):
            with tempfile.TemporaryDirectory() as name:
                peer(asked.peers, Path(name), made)


# What is published


def with_data(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(centre, notification) of those whose data are BUFR, inline."""
    for file in sorted(folder.glob("global_broker_*.jsonl")):
        for line in file.read_text("utf-8").splitlines():
            told = json.loads(line)
            if told["topic"].endswith("/synop"):
                yield told["topic"].split("/")[3], told["payload"]
    for file in sorted(folder.glob("node_archive_*.json")):
        for notice in json.loads(file.read_text("utf-8"))["features"]:
            told = notice["properties"].get("content", {})
            if base64.b64decode(told.get("value", "")).startswith(b"BUFR"):
                yield notice["properties"]["data_id"].partition(":")[0], notice


def messages(
    recorded: Sequence[tuple[str, dict[str, Any]]],
    n: int,
    url: str,
    bodies: dict[str, bytes] | None = None,
) -> list[tuple[str, bytes]]:
    """So many, each of its own; `bodies`: what the server at `url` answers."""
    made = []
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    for i in range(n):
        centre, notice = recorded[i % len(recorded)]
        told = json.loads(json.dumps(notice))
        told["id"] = str(uuid.uuid4())
        told["properties"]["data_id"] += f"-{i}"
        told["properties"]["pubtime"] = now
        told["links"] = [{**told["links"][0], "rel": "canonical", "href": f"{url}/{i}.bufr"}]
        if bodies is not None:
            bodies[f"/{i}.bufr"] = base64.b64decode(told["properties"]["content"]["value"])
        made.append((TOPIC.format(centre), json.dumps(told).encode()))
    return made


def publish(mosquitto: Mosquitto, made: Sequence[tuple[str, bytes]]) -> float:
    """Publish from a process of its own; return when the first was."""
    file = tempfile.NamedTemporaryFile("w", suffix=".json", delete=False)  # noqa: SIM115
    with file:
        json.dump([(topic, body.decode()) for topic, body in made], file)
    code = (
        "import json, sys, time; sys.path[:0] = [sys.argv[2]]; from mosquitto import Mosquitto;"
        "import paho.mqtt.client; made = json.load(open(sys.argv[1]));"
        "one = Mosquitto.__new__(Mosquitto); one.port = int(sys.argv[3]); print(time.time());"
        "one.publish([(topic, body.encode()) for topic, body in made])"
    )
    command = [sys.executable, "-c", code, file.name, str(ROOT / "tests"), str(mosquitto.port)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    Path(file.name).unlink()
    return float(done.stdout)


# Atalaia


def atalaia(folder: Path, made: Sequence[tuple[str, bytes]]) -> None:
    with broker(folder / "broker") as mosquitto:
        listener = Path(__file__).with_name("wis2_listener.py")
        command = [sys.executable, listener, folder / "home", mosquitto.url, str(len(made))]
        env = {**os.environ, "MALLOC_ARENA_MAX": "2"}  # as service/ has it
        child = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        lines = iter(child.stdout.readline, "")
        next(line for line in lines if line == "ready\n")
        began = publish(mosquitto, made)
        ended, cpu, peak_mb, (kept, rows, rejects) = json.loads(
            next(line for line in lines if line.startswith("["))
        )
        child.wait()
    what = f"{rows} rows, {rejects} rejects"
    show("atalaia", kept, len(made), ended - began, cpu, peak_mb, what)


def show(
    name: str, kept: int, n: int, seconds: float, cpu: float, peak_mb: float, what: str
) -> None:
    print(
        f"{name:28s} {kept}/{n} kept, {kept / seconds:7.0f}/s, {seconds:6.2f} s, CPU {cpu:5.2f} s "
        f"({kept / cpu if cpu else 0:6.0f} a CPU second), {peak_mb:4.0f} MB; {what}"
    )


# Peers


@contextlib.contextmanager
def server() -> Iterator[tuple[str, dict[str, bytes]]]:
    """Where peers find the data."""
    bodies: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = bodies.get(self.path, b"")
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{found.server_port}", bodies
    found.shutdown()


def version(python: Path, package: str) -> str:
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def pywis_pubsub(python: Path, folder: Path, made: Sequence[tuple[str, bytes]]) -> None:
    told = version(python, "pywis-pubsub")
    if not told:
        print("pywis-pubsub is not in that environment")
        return
    with broker(folder / "broker") as mosquitto:
        config = folder / "config.yml"
        config.write_text(
            f"broker: mqtt://127.0.0.1:{mosquitto.port}\nqos: 1\n"
            f'subscribe_topics: ["{FILTER}"]\nverify_data: true\n'
            f"storage:\n  type: fs\n  options:\n    basedir: {folder}/data\n"
        )
        command = [python.parent / "pywis-pubsub", "subscribe", "--config", config, "--download"]
        measured(f"pywis-pubsub {told}", command, {}, mosquitto, folder / "data", made)


def wis2downloader(python: Path, folder: Path, made: Sequence[tuple[str, bytes]]) -> None:
    told = version(python, "wis2downloader")
    if not told:
        print("wis2downloader is not in that environment")
        return
    with broker(folder / "broker") as mosquitto:
        port = free_port()
        (folder / "session.json").write_text(
            json.dumps({"topics": {FILTER: "$TOPIC"}, "client_id": str(uuid.uuid4())})
        )
        config = {
            "log_level": "ERROR", "save_logs": False, "log_path": str(folder),
            "download_workers": 1, "download_dir": str(folder / "data"), "min_free_space": 0,
            "mqtt_session_info": str(folder / "session.json"), "validate_topics": False,
            "broker_hostname": "127.0.0.1", "broker_port": mosquitto.port,
            "broker_username": "everyone", "broker_password": "everyone",
            "broker_protocol": "tcp", "base_url": f"http://127.0.0.1:{port}",
            "flask_host": "127.0.0.1", "flask_port": port,
        }  # fmt: skip
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "data").mkdir()
        command = [python, "-m", "flask", "--app", "wis2downloader.app", "run", "--port", str(port)]
        env = {"WIS2DOWNLOADER_CONFIG": str(folder / "config.json")}
        measured(f"wis2downloader {told}", command, env, mosquitto, folder / "data", made)


def measured(
    name: str,
    command: Sequence[object],
    env: dict[str, str],
    mosquitto: Mosquitto,
    data: Path,
    made: Sequence[tuple[str, bytes]],
) -> None:
    """Until all is there, or nothing more comes for a while."""
    child = subprocess.Popen(
        [str(word) for word in command],
        env={**os.environ, **env, "NO_PROXY": "127.0.0.1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(8)
        before = cpu_of(child.pid)
        began = publish(mosquitto, made)
        kept, newest = 0, time.time()
        while kept < len(made) and time.time() - newest < IDLE_S:
            n = sum(1 for each in data.rglob("*") if each.is_file())
            if n > kept:
                kept, newest = n, time.time()
            time.sleep(0.05)
        cpu = cpu_of(child.pid) - before
        peak_mb = peak_of(child.pid)
        show(name, kept, len(made), newest - began, cpu, peak_mb, "files, not decoded")
    finally:
        child.terminate()
        child.wait()


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
