"""What SMS by SNS and e-mail by SES share: a client of Amazon's, and what its errors mean.

Reference: AWS, "Common errors" of its APIs. A reason quotes no more of an error than its code.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from atalaia.channels.outcomes import MISTAKE_WAIT_S
from atalaia.domain.delivery import MINUTE, Outcome
from atalaia.errors import SettingsInvalid

OWNER = Outcome("again", "AWS refuses the account", after_s=MISTAKE_WAIT_S, pauses=True)
"""What its owner has to mend: keys, rights, quotas."""

Row = tuple[str, Outcome]
"""A pattern that the whole of AWS's error code fits, and what that means."""

_LATER = Outcome("again", "AWS is busy", after_s=30.0, pauses=True)

COMMON: tuple[Row, ...] = (
    (r"(KMS)?Throttl(ed|ing)(Exception)?|TooManyRequests(Exception)?|RequestLimitExceeded", _LATER),
    (
        r"InternalError|InternalFailure|(Internal)?Service(Unavailable|Error)(Exception)?",
        Outcome("again", "AWS fails"),
    ),
    (r"Invalid(Parameter|ParameterValue)(Exception)?|ValidationError", Outcome("never", "refused")),
    (r".*(SpendingLimit|SpendLimit|Quota|LimitExceeded).*", OWNER),
    (r"AuthorizationError|AccessDenied(Exception)?|InvalidSecurity|UserError", OWNER),
    (r"InvalidClientTokenId|UnrecognizedClientException|(Invalid)?Signature\w*", OWNER),
    (r"ExpiredToken(Exception)?|RequestExpired|OptInRequired|MissingAuthenticationToken", OWNER),
    (r"5\d\d", Outcome("again", "AWS fails")),
    (r".*", Outcome("never", "refused")),
)
"""One row a meaning; the first that fits holds. A channel puts its own before them."""

# The same for what ends without an answer, by the names of botocore's errors.
_NO_ANSWER: dict[str, Outcome] = {
    "EndpointConnectionError": Outcome("again", "cannot connect"),
    "ConnectTimeoutError": Outcome("again", "no connection in time"),
    "ProxyConnectionError": Outcome("again", "cannot connect"),
    "SSLError": Outcome("again", "TLS failed"),
    "NoCredentialsError": Outcome("again", "no AWS keys", after_s=MISTAKE_WAIT_S, pauses=True),
    "PartialCredentialsError": Outcome("again", "no AWS keys", after_s=MISTAKE_WAIT_S, pauses=True),
    "NoRegionError": Outcome("again", "no AWS region", after_s=MISTAKE_WAIT_S, pauses=True),
    "CredentialRetrievalError": Outcome("again", "no AWS keys", after_s=MINUTE, pauses=True),
    "ReadTimeoutError": Outcome("unknown", "no answer in time"),
    "ConnectionClosedError": Outcome("unknown", "connection closed without an answer"),
}


class Amazon:
    """A client of one service, used in threads of its own. What it tries, it tries once.

    channel       whose settings an error names
    region        empty: as AWS's own tools are set
    endpoint_url  another service that speaks its language
    access_key, secret_key    empty: as AWS's own chain finds them

    Raises SettingsInvalid where boto3 is not installed.
    """

    def __init__(
        self,
        channel: str,
        service: str,
        *,
        region: str,
        endpoint_url: str,
        access_key: str,
        secret_key: str,
        timeout_s: float,
        at_once: int,
    ) -> None:
        self._boto3 = _boto3(channel)
        self._service = service
        self._options = {
            "region_name": region or None,
            "endpoint_url": endpoint_url or None,
            "aws_access_key_id": access_key or None,
            "aws_secret_access_key": secret_key or None,
        }
        self._timeout_s = timeout_s
        self._at_once = at_once
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix=channel)
        self._making = threading.Lock()
        self._client: Any = None

    async def run(self, do: Callable[[], Outcome]) -> Outcome:
        """Do it in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, do)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def client(self) -> Any:
        """The client, made when it is first asked for. Raises what botocore raises."""
        with self._making:  # making a client is not safe in two threads; using one is
            if self._client is None:
                from botocore.config import (  # noqa: PLC0415
                    Config,
                )

                # boto would write numbers and texts to a log that is open for debugging.
                logging.getLogger("botocore").setLevel(logging.WARNING)
                config = Config(
                    connect_timeout=self._timeout_s / 2,
                    read_timeout=self._timeout_s,
                    retries={"total_max_attempts": 1},  # retries are the outbox's
                    max_pool_connections=self._at_once,
                )
                self._client = self._boto3.session.Session().client(
                    self._service, config=config, **self._options
                )
            return self._client


def code_of(response: Mapping[str, Any]) -> str:
    """AWS's own code of an error; the HTTP status of an answer that is not AWS's."""
    code = str(response.get("Error", {}).get("Code", ""))
    if re.fullmatch(r"[A-Za-z]{1,60}", code):
        return code
    return str(int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)))


def refused(service: str, code: str, own: Sequence[Row]) -> Outcome:
    """What this code means: by the channel's own rows, else by the common ones."""
    rows = (*own, *COMMON)
    found = next(outcome for pattern, outcome in rows if re.fullmatch(pattern, code))
    return Outcome(
        found.verdict,
        f"{service} {code}: {found.reason}",
        after_s=found.after_s,
        is_gone=found.is_gone,
        pauses=found.pauses,
    )


def no_answer(error: Exception) -> Outcome:
    """What it means that a call ended with this instead of an answer."""
    return _NO_ANSWER.get(type(error).__name__, Outcome("unknown", type(error).__name__))


def _boto3(channel: str) -> Any:
    try:
        import boto3  # noqa: PLC0415
    except ImportError as error:
        raise not_installed(channel) from error
    return boto3


def not_installed(channel: str) -> SettingsInvalid:
    """What is said where the channel is on without boto3."""
    return SettingsInvalid(
        [f"channels.{channel}: boto3 is not installed; run: pip install 'atalaia[aws]'"]
    )
