"""A deployment at work: its functions under Lambda's runtime client, woken by what wakes them."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aws import moto
from aws.deployed import Deployed
from aws.kills import Reaper
from aws.mapper import ChangesSource, KinesisSource, Mapper, Mapping, QueueMapper
from aws.runtime import Died, Runtime


class Cloud:
    """Its clock is set by whoever uses it; nothing happens by itself.

    times      how often each batch comes that went well
    reaper     ends functions in the middle of what they do
    """

    def __init__(self, deployed: Deployed, folder: Path, reaper: Reaper, times: int) -> None:
        self.deployed = deployed
        self.reaper = reaper
        lambdas = {
            "AWS_ACCESS_KEY_ID": moto.ENVIRONMENT["AWS_ACCESS_KEY_ID"],
            "AWS_SECRET_ACCESS_KEY": moto.ENVIRONMENT["AWS_SECRET_ACCESS_KEY"],
            "AWS_REGION": deployed.region,
            "AWS_DEFAULT_REGION": deployed.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": deployed.url,
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
        }
        self.functions = {
            name: Runtime(one.handler, lambdas | one.variables, one.timeout_s, folder)
            for name, one in deployed.functions.items()
        }
        self._mappers = [self._mapper(one, times) for one in deployed.mappings]
        self._ahead_s = 0.0

    def __enter__(self) -> Cloud:
        return self

    def __exit__(self, *_: object) -> None:
        self.restart()

    def set_clock(self, at: float) -> None:
        """Of all functions; it goes on from there."""
        self._ahead_s = at - time.time()
        for function in self.functions.values():
            function.strings.ahead_s = self._ahead_s

    @property
    def now(self) -> float:
        """By the functions' clock."""
        return time.time() + self._ahead_s

    def restart(self) -> None:
        """New containers, as after a deployment."""
        for function in self.functions.values():
            function.restart()

    def call(self, name: str, event: dict[str, Any]) -> Any:
        """One call of a function. Raises FunctionFailed."""
        function = self.functions[name]
        self.reaper.arm(name, function)
        is_dead = False
        try:
            return function(event)
        except Died:
            is_dead = True
            raise
        finally:
            self.reaper.disarm(name, function, is_dead=is_dead)

    def tick(self, name: str) -> Any:
        """The clock starts it. What fails then is not tried again; None: it died."""
        try:
            return self.call(name, self.deployed.schedules[name])
        except Died:
            return None

    def flow(self) -> None:
        """All that waits in streams and queues goes where it leads, until nothing moves."""
        calls = -1
        while calls < (calls := self._run()):
            pass

    def _run(self) -> int:
        for mapper in self._mappers:
            mapper.run()
        return sum(mapper.calls for mapper in self._mappers)

    def request(self, method: str, path: str, body: Any = None, key: str = "") -> tuple[int, Any]:
        """A request that comes by the HTTP API: its status, and the answer's JSON."""
        parts = urlsplit(path)
        headers = {"content-type": "application/json"}
        if key:
            headers["authorization"] = f"Bearer {key}"
        event = {
            "version": "2.0",
            "rawPath": parts.path,
            "rawQueryString": parts.query,
            "headers": headers,
            "requestContext": {
                "domainName": "x.execute-api.amazonaws.com",
                "http": {"method": method, "path": parts.path, "sourceIp": "192.0.2.1"},
            },
            "body": base64.b64encode(b"" if body is None else json.dumps(body).encode()).decode(),
            "isBase64Encoded": True,
        }
        answer = self.call(self.deployed.front, event)
        text = answer["body"]
        if answer["isBase64Encoded"]:
            text = base64.b64decode(text).decode()
        return answer["statusCode"], json.loads(text) if text else None

    def _mapper(self, mapping: Mapping, times: int) -> Mapper | QueueMapper:
        def handler(event: dict[str, Any], _: Any) -> Any:
            return self.call(mapping.function, event)

        service, what = mapping.source.split(":")[2], mapping.source.rpartition(":")[2]
        if service == "sqs":
            url = self._queue(mapping.source)
            return QueueMapper(
                url, handler, size=mapping.size, reports=mapping.reports, times=times
            )
        source = (
            KinesisSource(what.removeprefix("stream/"))
            if service == "kinesis"
            else ChangesSource(mapping.source)
        )
        return Mapper(
            source,
            handler,
            self._queue(mapping.destination) if mapping.destination else "",
            size=mapping.size,
            retries=mapping.retries,
            max_age_s=mapping.max_age_s,
            bisects=mapping.bisects,
            reports=mapping.reports,
            times=times,
        )

    def _queue(self, arn: str) -> str:
        account, name = arn.split(":")[4:6]
        return f"{self.deployed.url}/{account}/{name}"
