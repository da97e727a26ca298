"""A small home as some Atalaia leaves it, packed: for the test that a later one goes on in it.

    python tests/data/make_home.py ATALAIA FILE.tar.xz

ATALAIA is the command of the Atalaia that makes it (a worktree of another commit has one in
.venv/bin). Only what people type and programs send is used, so that any commit can be asked.
``home-f5522e7.tar.xz`` is of the commit in its name. It holds home, home.keys, places.csv and
facts.json (what the test expects to find); its people and keys are made up.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PUSH_KEY = "push-s3cret"
PLACES = "place_id,name,latitude,longitude,timezone\n" + "".join(
    f"p{i},Place {i},-{i}.5,0,UTC\n" for i in range(3)
)
WISH = ["--place", "-1.5,0", "--hazard", "all=yellow", "--language", "en"]
GUSTS_M_S = (4.0, 21.0, 22.0)
WAIT_S = 120


def main(atalaia: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "places.csv").write_text(PLACES)
        facts = made(atalaia.absolute(), folder)
        (folder / "facts.json").write_text(json.dumps(facts, indent=1))
        with tarfile.open(target, "w:xz") as packed:
            for part in ("home", "home.keys", "places.csv", "facts.json"):
                packed.add(folder / part, part, filter=_nobodys)
    print(f"{target}: {target.stat().st_size} bytes, {facts}")


def made(atalaia: Path, folder: Path) -> dict[str, Any]:
    """A watch that told of a gust, to somebody who asked for it; and what was kept of both."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = os.environ | {
        "ATALAIA_HOME": str(folder / "home"),
        "ATALAIA_PLACES": str(folder / "places.csv"),
        "ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false",
        "ATALAIA_API_KEY": PUSH_KEY,
        "ATALAIA_PEOPLE_CONTROLLER": "Defesa Civil",
        "ATALAIA_PEOPLE_CONTACT": "+55 81 3355-0000",
        "ATALAIA_API_PORT": str(port),
        "ATALAIA_ARCHIVE_INTERVAL": "60s",
    }

    def ask(*words: str) -> str:
        done = subprocess.run(
            [atalaia, *words], env=env, capture_output=True, text=True, check=True
        )
        return done.stdout

    asked = ("subscribe", *WISH, "--json", "--proof", "form 12", "--contact")
    ana = json.loads(ask(*asked, "inbox:"))["person"]
    bia = json.loads(ask("subscribe", *WISH, "--json", "--contact", "email:bia@example.org"))
    key = ask("key", ana).strip()
    watch = subprocess.Popen([atalaia, "run"], env=env, stdout=subprocess.DEVNULL)
    try:
        at = int(time.time()) // 60 * 60
        for i, gust in enumerate(GUSTS_M_S):
            when = at - 60 * (len(GUSTS_M_S) - 1 - i)
            _push(port, {"place_id": "p1", "valid_at": _iso(when), "wind_gust_m_s": gust})
            if i == 1:  # so that RAW has a part of the stream, and not all of it
                _until(lambda: any((folder / "home" / "lake" / "raw").rglob("*.*")))
        _until(lambda: "sent" in ask("deliveries", "--person", ana, "--json"))
    finally:
        watch.send_signal(signal.SIGINT)
        watch.wait(WAIT_S)
    ask("refine")
    return {
        "ana": ana,
        "bia": bia["person"],
        "key": key,
        "at": at,
        "alerts": [json.loads(line) for line in ask("alerts", "--json").splitlines()],
        "readings": json.loads(ask("sql", "SELECT count(*) AS n FROM readings", "--json"))[0]["n"],
        "messages": [json.loads(m) for m in ask("deliveries", "--json").splitlines()],
        "export": json.loads(ask("export", ana)),
    }


def _push(port: int, reading: dict[str, Any]) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/readings",
        json.dumps([reading]).encode(),
        {"Authorization": f"Bearer {PUSH_KEY}", "Content-Type": "application/json"},
    )

    def is_taken() -> bool:
        try:
            with urllib.request.urlopen(request) as answer:
                return bool(answer.status == 202)
        except OSError:
            return False

    _until(is_taken)


def _until(is_so: Any) -> None:
    until = time.monotonic() + WAIT_S
    while not is_so():
        if time.monotonic() > until:
            raise SystemExit("the watch did not get there")
        time.sleep(0.2)


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def _nobodys(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Without the owner's name, and without locks."""
    if Path(entry.name).name.endswith("lock"):
        return None
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
