"""AWS's clients, made when they are first asked for: importing this costs nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from atalaia.errors import SettingsInvalid, StateConflict


class Clients:
    """One client a service, shared by all threads."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}
        self._making = threading.Lock()

    def get(self, service: str) -> Any:
        """The client of ``dynamodb``, ``s3`` … Raises SettingsInvalid without boto3 or region."""
        with self._making:
            if service not in self._made:
                self._made[service] = _client(service)
            return self._made[service]


def _client(service: str) -> Any:
    try:
        # Not boto3, which is made of it: it would take twice as long, and a cold start counts.
        from botocore.config import Config as Options  # noqa: PLC0415
        from botocore.exceptions import NoRegionError  # noqa: PLC0415
        from botocore.session import get_session  # noqa: PLC0415
    except ImportError as error:
        raise SettingsInvalid(
            ["the AWS home needs boto3; install it with: pip install 'atalaia[aws]'"]
        ) from error
    options = Options(
        connect_timeout=3,
        read_timeout=20,
        retries={"mode": "standard", "total_max_attempts": 5},
        max_pool_connections=32,
        tcp_keepalive=True,
    )
    try:
        return get_session().create_client(service, config=options)
    except NoRegionError as error:
        raise SettingsInvalid(["no AWS region is set; set AWS_DEFAULT_REGION"]) from error


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Let what AWS refuses, or a network cannot do, come out as StateConflict."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        yield
    except ClientError as error:
        said = error.response.get("Error", {})
        raise StateConflict(
            f"{what} cannot be used: {said.get('Code', 'refused')}: {said.get('Message', '')}; "
            "it is tried again, else see the function's role and the service's quotas"
        ) from error
    except BotoCoreError as error:
        raise StateConflict(f"{what} cannot be used: {error}; it is tried again") from error


def code_of(error: Any) -> str:
    """AWS's own code of an error."""
    return str(error.response.get("Error", {}).get("Code", ""))
