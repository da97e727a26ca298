"""DynamoDB and Kinesis, played a second time: by dynalite and kinesalite, which have validators of
their own (`simulator/serve.mjs`). Moto plays the other services."""

from __future__ import annotations

import atexit
import subprocess
from functools import lru_cache

import pytest

from aws.policies import FETCHED, NODE, program

_VARIABLES = ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_KINESIS")


@lru_cache(1)
def started() -> str:
    """The address of the one of this run: each deployment in it has tables of its own names. Skips
    where Node or the packages could not be fetched."""
    if not NODE.exists() or not (FETCHED / "node_modules/dynalite").exists():
        pytest.skip("DynamoDB and Kinesis are played by moto alone: dynalite could not be fetched")
    command = [NODE, program("serve.mjs")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(process.terminate)
    assert process.stdout is not None
    port = process.stdout.readline().strip()
    assert port.isdigit(), "dynalite did not start"
    return f"http://127.0.0.1:{port}"


def use(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clients that are made from here on ask there; an empty address: moto, for all."""
    for name in _VARIABLES if address else ():
        monkeypatch.setenv(name, address)


@pytest.fixture(params=["moto", "dynalite"])
def dynalite(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A test on it runs on both; the address of the second, which is used then, or nothing."""
    address = started() if request.param == "dynalite" else ""
    use(address, monkeypatch)
    return address
