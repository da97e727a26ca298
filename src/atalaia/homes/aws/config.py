"""The names of a deployment's parts, from environment variables.

ATALAIA_ENV       prefix of every name: ``prod`` has the table ``prod-state``
ATALAIA_ACCOUNT   the account's number: bucket names end with it
ATALAIA_LANES     in how many lanes places are watched (`stream`); 1 unless set
ATALAIA_STREAM    what the stream is: ``kinesis`` unless set, or ``table``, for one lane
ATALAIA_FIGURES   which go to CloudWatch: ``all`` unless set, or ``alarms``: those that they look at
ATALAIA_EDGE      name of the secret with the words that an edge is known by; empty: there is none
ATALAIA_QUEUES    the front of the queues' addresses, as
                  ``https://sqs.<region>.amazonaws.com/<account>/``

Region and credentials come from AWS's own chain, and `AWS_ENDPOINT_URL` names another service
that speaks its language.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from atalaia.errors import SettingsInvalid


@dataclass(frozen=True)
class Config:
    """Names of one deployment. `queues` is empty where nobody is to be woken; `streams_by` is
    ``kinesis`` or ``table``; `figures` ``all`` or ``alarms``."""

    env: str
    account: str
    lanes: int = 1
    queues: str = ""
    streams_by: str = "kinesis"
    figures: str = "all"
    edge: str = ""

    def table(self, name: str) -> str:
        """One of `tables.TABLES`."""
        return f"{self.env}-{name}"

    def bucket(self, name: str) -> str:
        """``raw`` or ``gold``."""
        return f"{self.env}-{name}-{self.account}"

    def queue(self, name: str) -> str:
        """The address of ``urgent``, ``normal``, ``dead`` or ``poison``."""
        return f"{self.queues}{self.env}-{name}"

    @property
    def stream(self) -> str:
        """Of readings: a stream of Kinesis, or a table."""
        return f"{self.env}-readings"

    @property
    def people_key(self) -> str:
        """The KMS key that people's keys are wrapped with."""
        return f"alias/{self.env}-people"

    @property
    def database(self) -> str:
        """Of GOLD, in the Glue catalogue."""
        return f"{self.env}_gold"

    @property
    def workgroup(self) -> str:
        """Of Athena; it says where results go, and how much a query may read."""
        return self.env


def from_environment(environment: Mapping[str, str] | None = None) -> Config:
    """The deployment that this process is of. Raises SettingsInvalid with all that is wrong."""
    found = os.environ if environment is None else environment
    problems = [
        f"{name} is not set: {what}"
        for name, what in (
            ("ATALAIA_ENV", "give the deployment's prefix"),
            ("ATALAIA_ACCOUNT", "give the AWS account's number"),
        )
        if not found.get(name)
    ]
    lanes = found.get("ATALAIA_LANES", "1")
    if not lanes.isdigit() or int(lanes) < 1:
        problems.append(f"ATALAIA_LANES is {lanes!r}; give a number from 1 on")
    streams_by = found.get("ATALAIA_STREAM", "kinesis")
    if streams_by not in ("kinesis", "table"):
        problems.append(f"ATALAIA_STREAM is {streams_by!r}; give kinesis or table")
    elif streams_by == "table" and lanes != "1":
        problems.append("ATALAIA_STREAM is table, which is for one lane; take kinesis for several")
    figures = found.get("ATALAIA_FIGURES", "all")
    if figures not in ("all", "alarms"):
        problems.append(f"ATALAIA_FIGURES is {figures!r}; give all or alarms")
    if problems:
        raise SettingsInvalid(problems)
    return Config(
        env=found["ATALAIA_ENV"],
        account=found["ATALAIA_ACCOUNT"],
        lanes=int(lanes),
        queues=found.get("ATALAIA_QUEUES", ""),
        streams_by=streams_by,
        figures=figures,
        edge=found.get("ATALAIA_EDGE", ""),
    )
