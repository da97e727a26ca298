from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from aws import moto
from aws.terraform import REGION, Terraform, TerraformMissing, variables


@dataclass(frozen=True)
class Applied:
    """The emulator, and what Terraform said after it had applied ``infra/`` to it."""

    url: str
    outputs: dict[str, Any]


@pytest.fixture(scope="session")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """``infra/`` with Terraform and its provider; skipped where they are not on this machine."""
    try:
        return Terraform(tmp_path_factory.mktemp("terraform"))
    except TerraformMissing as missing:
        pytest.skip(f"infra/ is not judged here: {missing}")


@pytest.fixture(scope="session")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Applied]:
    """The real configuration, applied once a run. It takes a minute and a half."""
    if not os.environ.get("ATALAIA_AWS"):
        pytest.skip("infra/ is applied to the emulator by `make test-aws`")
    folder = tmp_path_factory.mktemp("applied")
    with alone() as url:
        try:
            environment = {**moto.ENVIRONMENT, "AWS_REGION": REGION, "AWS_ENDPOINT_URL": url}
            yield Applied(url, Terraform(folder, environment).apply(variables(folder)))
        except TerraformMissing as missing:
            pytest.skip(f"infra/ is not applied here: {missing}")


@contextmanager
def alone() -> Iterator[str]:
    """An emulator in a process of its own: those of one process share all that is in them."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_it_answers(url, process)
            yield url
        finally:
            process.terminate()


def wait_until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None, "the emulator did not start"
        try:
            urllib.request.urlopen(f"{url}/moto-api/").close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the emulator does not answer")


collect_ignore_glob = [] if os.environ.get("ATALAIA_AWS") else ["test_*.py"]
"""Moto and Terraform take minutes: `make test-aws` runs these (tests/contracts says so aloud)."""
