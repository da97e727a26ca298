"""AWS's clients, made when they are first asked for: importing this costs nothing."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from atalaia.errors import SettingsInvalid, StateConflict

_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 2.0
_TRIES = 12


class Clients:
    """One client a service, shared by all threads.

    sleep, jitter    how a pause is made, and what share of it (0 to 1)
    """

    def __init__(
        self,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._sleep = sleep
        self._jitter = jitter
        self._made: dict[str, Any] = {}
        self._making = threading.Lock()

    def get(self, service: str) -> Any:
        """The client of ``dynamodb``, ``s3`` … Raises SettingsInvalid without boto3 or region."""
        with self._making:
            if service not in self._made:
                self._made[service] = _client(service)
            return self._made[service]

    def tries(self, n: int = _TRIES) -> Iterator[int]:
        """So many tries, with a pause before each but the first, for those who share a thing that
        has no room for all of them: 11 s in all at most, 5 s mostly.

        A pause is as long as chance has it, up to a bound that doubles ("full jitter"): who was
        refused together does not come again together.

        Reference: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
        """
        for i in range(n):
            if i:
                most = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** (i - 1))
                self._sleep(most * self._jitter())
            yield i


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
    session = get_session()
    session.register_component("data_loader", _models(session.get_config_variable("data_path")))
    try:
        return session.create_client(service, config=options)
    except NoRegionError as error:
        raise SettingsInvalid(["no AWS region is set; set AWS_DEFAULT_REGION"]) from error


@lru_cache(1)
def _models(folders: str | None) -> Any:
    """What botocore knows of services and of where they are: read once a process, and not once a
    client, of which a function makes up to six while somebody waits."""
    from botocore.loaders import create_loader  # noqa: PLC0415

    return create_loader(folders)


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
    """AWS's own code of an error; empty: it is none of AWS's."""
    # An answer that never came is an attribute as well, and None.
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))
