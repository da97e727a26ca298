"""What a job of Glue is given. It gives no variables of an environment to a job: the deployment's
come as arguments of the same names, and so do others of Glue's own, which are passed over.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_OURS = ("ENV", "ACCOUNT", "LANES", "STREAM", "FIGURES", "QUEUES", "SETTINGS")
_NAMES = (*(f"ATALAIA_{name}" for name in _OURS), "AWS_DEFAULT_REGION")
_ENDPOINT = "AWS_ENDPOINT_URL"


class Asked(NamedTuple):
    """What a job is to do.

    work             ``rebuild`` or ``climate``
    least_years      climate: a place with fewer has none
    only_if_named    climate: learn only if a rule goes by it
    variables        of the environment, as its arguments give them
    """

    work: str
    least_years: int
    only_if_named: bool
    variables: Mapping[str, str]

    def enter(self) -> Mapping[str, str]:
        """Put the variables into this process's environment; those that a worker has to have."""
        os.environ.update(self.variables)
        return {name: os.environ[name] for name in (*_NAMES, _ENDPOINT) if name in os.environ}


def asked(arguments: Sequence[str] | None = None) -> Asked:
    """By a command line; None: this process's."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--work", choices=("rebuild", "climate"), default="rebuild")
    parser.add_argument("--least-years", type=int, default=10)
    parser.add_argument("--only-if-named", default="false")
    for name in _NAMES:
        parser.add_argument(f"--{name}")
    found, _ = parser.parse_known_args(arguments)
    given = {name: value for name in _NAMES if (value := getattr(found, name))}
    return Asked(found.work, found.least_years, found.only_if_named == "true", given)
