from __future__ import annotations

import os
from collections.abc import Iterator
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
    server, url = moto.start()
    try:
        environment = {**moto.ENVIRONMENT, "AWS_REGION": REGION, "AWS_ENDPOINT_URL": url}
        yield Applied(url, Terraform(folder, environment).apply(variables(folder)))
    except TerraformMissing as missing:
        pytest.skip(f"infra/ is not applied here: {missing}")
    finally:
        server.stop()


collect_ignore_glob = [] if os.environ.get("ATALAIA_AWS") else ["test_*.py"]
"""Moto and Terraform take minutes: `make test-aws` runs these (tests/contracts says so aloud)."""
