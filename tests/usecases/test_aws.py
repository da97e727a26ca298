"""The use cases on the AWS home: functions, called as Lambda calls them, on emulated services."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from atalaia.domain.payload import Payload

from .cases import KEY, Driven, UseCases, decoded

if "ATALAIA_AWS" in os.environ:
    from aws.conftest import url  # noqa: F401  a fixture
    from aws.dynalite import dynalite  # noqa: F401  a fixture

pytestmark = pytest.mark.skipif(
    "ATALAIA_AWS" not in os.environ, reason="the AWS home is tested by `make test-aws`"
)


class Functions(Driven):
    """All functions, in a container each that can be taken away."""

    def __init__(self, deployed: Any) -> None:
        from atalaia.run.aws import detect
        from aws.mapper import Context, Mapper

        self._context = Context()
        self._detect = Mapper(deployed.stream, detect.handle, deployed.queue("dead"))

    def ask(
        self, method: str, path: str, body: Any = None, key: str | None = KEY
    ) -> tuple[int, Any]:
        answer = self._answer(method, path, body, key)
        said = answer["body"]
        if answer["isBase64Encoded"]:
            said = base64.b64decode(said).decode()
        return answer["statusCode"], decoded(said)

    def _answer(
        self, method: str, path: str, body: Any = None, key: str | None = KEY
    ) -> dict[str, Any]:
        raw, _, query = path.partition("?")
        headers = {"content-type": "application/json"}
        if key is not None:
            headers["authorization"] = f"Bearer {key}"
        event = {
            "version": "2.0",
            "rawPath": raw,
            "rawQueryString": query,
            "headers": headers,
            "requestContext": {
                "domainName": "x.execute-api.sa-east-1.amazonaws.com",
                "http": {"method": method, "path": raw, "sourceIp": "192.0.2.1"},
            },
            "body": "" if body is None else json.dumps(body),
            "isBase64Encoded": False,
        }
        from atalaia.run.aws import api

        return api.handle(event, self._context)

    def settle(self) -> None:
        from atalaia.run.aws import deliver, fan_out

        self._detect.run()
        fan_out.handle({}, self._context)
        deliver.handle({}, self._context)

    def events(self, after: int | None) -> list[dict[str, Any]]:
        refused = self._answer("GET", "/v1/events")
        assert refused["statusCode"] == 501
        assert "/v1/alerts" in refused["body"]
        assert "/feeds/alerts.geojson" in refused["headers"]["link"]
        if after is None:
            return []
        _, told = self.ask("GET", f"/v1/alerts?after={after}")
        return [{"seq": one["seq"], "alert": one} for one in told["items"]]

    def hear(self, payload: Payload) -> None:
        from atalaia.run.aws import deployment

        deployment.home().stream.append([payload])
        self.settle()

    def minutes_later(self) -> None:
        self.settle()  # what the clock does every minute
        self.another()  # a container's look of a minute ago is forgotten

    def another(self) -> None:
        from atalaia.run.aws import api, deployment, detect

        for part in (deployment, api, detect):
            part.forget()


class TestAws(UseCases):
    @pytest.fixture
    def begin(  # type: ignore[override]
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        url: str,
        dynalite: str,
    ) -> Iterator[Callable[[str], Driven]]:
        from aws import moto

        for name, value in moto.ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        moto.reset(url)
        config = moto.deploy(url)
        file = tmp_path / "atalaia.toml"
        for name, value in moto.variables(config, str(file)).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("ATALAIA_API_KEY", KEY)
        watch = Functions(config)

        def begin(settings: str) -> Driven:
            file.write_text(settings)
            watch.another()
            return watch

        yield begin
        watch.another()
