"""Nobody's number leaks: canaries in every field, and a search of all that a run wrote."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from patience import LIMIT_S, wait_until
from stories import command, here, objects

pytest.importorskip("boto3", reason="boto3 is not installed; `make test` installs it")

CONTACTS = {
    "telegram": "77123456701",
    "whatsapp": "+5581977123402",
    "sms": "+5581977123403",
    "email": "canary.mailbox@canary-host.example",
    "webhook": "http://127.0.0.1:9/canary-path?token=canary-query",
}
SECRETS = {
    "ATALAIA_API_KEY": "canary-api-key-8Kq3vXz7",
    "ATALAIA_CHANNELS_TELEGRAM_TOKEN": "771234567:canary-telegram-token-0123456789abcdef",
    "ATALAIA_CHANNELS_WHATSAPP_TOKEN": "canary-whatsapp-token",
    "ATALAIA_CHANNELS_WHATSAPP_APP_SECRET": "canary-app-secret",
    "ATALAIA_CHANNELS_WHATSAPP_VERIFY_TOKEN": "canary-verify-token-8Kq3",
    "ATALAIA_CHANNELS_EMAIL_PASSWORD": "canary-password",
    "AWS_SECRET_ACCESS_KEY": "canary-aws-secret",
}
CANARIES = (
    *(b"77123456701", b"5581977123402", b"5581977123403", b"977123402", b"977123403"),
    *(b"canary", b"Canary", b"771234567:"),
)


def test_no_address_and_no_secret_is_in_anything_that_a_run_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = _environment(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in os.environ.keys() - env.keys():
        monkeypatch.delenv(name)
    said: list[bytes] = []

    def atalaia(*arguments: str, is_shown: bool = False) -> bytes:
        done = here(*arguments, **env)
        assert done.returncode == 0, done.stderr
        if not is_shown:
            said.extend((done.stdout.encode(), done.stderr.encode()))
        return done.stdout.encode()

    for channel, address in CONTACTS.items():
        atalaia(
            *("subscribe", "--contact", f"{channel}:{address}", "--place", "10,10"),
            *("--radius", "50", "--proof", "form 1"),
        )
    port = int(env["ATALAIA_API_PORT"])
    with subprocess.Popen(
        command("run"), env=env, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as watch:
        try:
            _until(lambda: _get(port, "/readyz"), watch)
            _push(port)
            _until(lambda: _tries(atalaia) >= len(CONTACTS), watch)
            for path in ("/metrics", "/readyz", "/v1/people/p_nobody", "/openapi.json"):
                said.append(_get(port, path))
            said.append(_get(port, "/v1/deliveries", key=SECRETS["ATALAIA_API_KEY"]))
            said.append(_get(port, "/v1/deliveries", key="wrong"))
        finally:
            watch.send_signal(signal.SIGTERM)
            said.extend(watch.communicate(timeout=LIMIT_S))
    assert b"fan-out" not in said[-1]
    atalaia("refine")
    atalaia("sql", "SELECT * FROM alerts", "--format", "json")
    kept = objects(atalaia("sql", "SELECT * FROM deliveries", "--format", "json"))
    assert {row["place_id"] for row in kept} <= {"p0"}
    atalaia("deliveries", "--json")
    atalaia("preview", "--place", "10,10", "--days", "0")
    atalaia("backup", str(tmp_path / "copy"))
    for text in said:
        assert _found(text) == [], text.decode("utf-8", "replace")
    files = [file for file in tmp_path.rglob("*") if file.is_file() and file.name != "places.csv"]
    assert any(file.suffix == ".parquet" for file in files)
    assert [(file, found) for file in files if (found := _found(file.read_bytes()))] == []
    # And they are there, for who may see them.
    held = atalaia("export", f"email:{CONTACTS['email']}", is_shown=True)
    assert CONTACTS["email"].encode() in held


def _environment(folder: Path) -> dict[str, str]:
    (folder / "places.csv").write_text(
        "place_id,name,latitude,longitude,timezone\np0,Place,10.0,10.0,UTC\n", "utf-8"
    )
    closed = _free_port()
    nowhere = f"http://127.0.0.1:{closed}"
    names = ("ATALAIA_", "AWS_", "TOMORROW_")
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith(names)},
        "ATALAIA_HOME": str(folder / "home"),
        "ATALAIA_PLACES": str(folder / "places.csv"),
        "ATALAIA_API_PORT": str(_free_port()),
        "ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false",
        "ATALAIA_PEOPLE_CONTROLLER": "Defesa Civil",
        "ATALAIA_PEOPLE_CONTACT": "+55 81 3355-0000",
        "ATALAIA_CHANNELS_TELEGRAM_BASE_URL": nowhere,
        "ATALAIA_CHANNELS_WHATSAPP_BASE_URL": nowhere,
        "ATALAIA_CHANNELS_WHATSAPP_PHONE_NUMBER_ID": "1",
        "ATALAIA_CHANNELS_EMAIL_HOST": "127.0.0.1",
        "ATALAIA_CHANNELS_EMAIL_PORT": str(closed),
        "ATALAIA_CHANNELS_EMAIL_SECURITY": "none",
        "ATALAIA_CHANNELS_EMAIL_SENDER": "atalaia@example.org",
        "ATALAIA_CHANNELS_EMAIL_USER": "atalaia",
        "ATALAIA_CHANNELS_SMS_ENABLED": "true",
        "ATALAIA_CHANNELS_SMS_BASE_URL": nowhere,
        "ATALAIA_CHANNELS_WEBHOOK_ALLOW": "127.0.0.0/8",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_EC2_METADATA_DISABLED": "true",
        "COLUMNS": "200",
        **SECRETS,
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _get(port: int, path: str, key: str = "") -> bytes:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        return error.read()


def _push(port: int) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    reading = {"place_id": "p0", "valid_at": now.isoformat(), "wind_gust_m_s": 25.0}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/readings",
        json.dumps([reading]).encode(),
        {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {SECRETS['ATALAIA_API_KEY']}",
        },
    )
    with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
        assert answer.status == 202


def _tries(atalaia: Any) -> int:
    """How many messages were tried and came to nothing: nobody listens."""
    lines = atalaia("deliveries", "--json").splitlines()
    return sum(json.loads(line)["reason"] != "" for line in lines)


def _until(is_so: Any, watch: subprocess.Popen[bytes]) -> None:
    def is_so_while_it_runs() -> bool:
        assert watch.poll() is None, watch.stderr and watch.stderr.read()
        return bool(is_so())

    wait_until(is_so_while_it_runs)


def _found(text: bytes) -> list[bytes]:
    return [canary for canary in CANARIES if canary in text]
