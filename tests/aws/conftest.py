from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from aws.calls import Calls, counted
from aws.terraform import REGION, Terraform, TerraformMissing, variables

EMULATOR = Path(__file__).with_name("emulator.py")


@pytest.fixture(scope="module")
def url(models_once: None) -> Iterator[str]:
    from aws import moto  # a second to load, and only where the AWS home is tested

    server, url = moto.start()
    yield url
    server.stop()


@pytest.fixture
def calls() -> Iterator[Calls]:
    from atalaia.run.aws import deployment  # only where the AWS home is tested

    with counted() as found:
        deployment.forget()
        yield found


@dataclass(frozen=True)
class Applied:
    """The emulator, and what Terraform said after it had applied ``infra/`` to it.

    resources    the addresses of all that Terraform keeps in its state
    """

    url: str
    outputs: dict[str, Any]
    resources: tuple[str, ...]


@pytest.fixture(scope="session")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """``infra/`` with Terraform and its provider; skipped where they are not on this machine."""
    try:
        return Terraform(tmp_path_factory.mktemp("terraform"))
    except TerraformMissing as missing:
        pytest.skip(f"infra/ is not judged here: {missing}")


@pytest.fixture(scope="session")
def applied(pytestconfig: pytest.Config) -> Applied:
    """The real configuration, applied once a run."""
    if not os.environ.get("ATALAIA_AWS"):
        pytest.skip("infra/ is applied to the emulator by `make test-aws`")
    try:
        return _applying(pytestconfig).wait()
    except TerraformMissing as missing:
        pytest.skip(f"infra/ is not applied here: {missing}")


class Applying:
    """An emulator, and Terraform at work on it. Raises TerraformMissing."""

    def __init__(self) -> None:
        from aws import moto  # as above

        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="atalaia-applied-")))
            # Before the emulator: where Terraform is missing there is nothing to start.
            environment = {**moto.ENVIRONMENT, "AWS_REGION": REGION}
            self._terraform = Terraform(folder, environment)
            self._url = stack.enter_context(alone())
            self._terraform.environment["AWS_ENDPOINT_URL"] = self._url
            self._process = self._terraform.start_apply(variables(folder))
            stack.callback(self._process.kill)
            self._stack = stack.pop_all()
        self._applied: Applied | None = None

    def wait(self) -> Applied:
        """Until all is there."""
        if self._applied is None:
            outputs = self._terraform.applied(self._process)
            resources = tuple(self._terraform.run("state", "list").split())
            self._applied = Applied(self._url, outputs, resources)
        return self._applied

    def close(self) -> None:
        """Take it down."""
        self._stack.close()


_APPLYING = pytest.StashKey[Applying]()


def _applying(config: pytest.Config) -> Applying:
    if _APPLYING not in config.stash:
        config.stash[_APPLYING] = Applying()
    return config.stash[_APPLYING]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin to apply before the first test: it takes a minute and a half, most of it waiting."""
    is_wanted = any("applied" in getattr(item, "fixturenames", ()) for item in session.items)
    if is_wanted and os.environ.get("ATALAIA_AWS") and not session.config.option.collectonly:
        with suppress(TerraformMissing):  # the tests that need it say so
            _applying(session.config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    if _APPLYING in config.stash:
        config.stash[_APPLYING].close()


@contextmanager
def alone() -> Iterator[str]:
    """An emulator in a process of its own: those of one process share all that is in them."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-P", EMULATOR, str(port)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_it_answers(url, process)
            yield url
        finally:
            process.terminate()


def sent(url: str, way: str) -> list[tuple[str, str]]:
    """What an emulator (`alone`) was given to send by ``sms`` or ``mail``: to whom, and what."""
    with urllib.request.urlopen(f"{url}/{way}") as answer:
        return [(to, text) for to, text in json.load(answer)]


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
