"""What detect gave up comes back from RAW, by one call."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from atalaia.domain.alert import instant
from atalaia.lake import raw
from atalaia.run.aws import archive, deployment, detect, recover
from aws import moto
from aws.mapper import Context, Mapper, messages
from aws.test_faults import RULES, settings
from aws.test_table_stream import pushed


def test_what_detect_gave_up_is_lived_through_once_and_raw_stays_as_it_is(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in moto.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    moto.reset(url)
    config = moto.deploy(url)
    (tmp_path / "warm.toml").write_text(RULES)
    (tmp_path / "atalaia.toml").write_text(settings(3))
    for name, value in moto.variables(config, str(tmp_path / "atalaia.toml")).items():
        monkeypatch.setenv(name, value)
    for part in (deployment, detect):
        part.forget()
    home, now = deployment.home(), int(time.time())
    is_away = False

    def detected(event: dict[str, Any], context: Any) -> Any:
        if is_away:
            raise RuntimeError("as where its settings cannot be read")
        return detect.handle(event, context)

    detects = Mapper(config.stream, detected, config.queue("dead"), retries=0)
    archives = Mapper(config.stream, archive.handle, config.queue("dead"))
    home.stream.append([pushed("p0", now - 120)])
    detects.run()
    home.stream.append([pushed("p1", now - 60)])
    is_away = True
    detects.run()
    is_away = False
    assert len(messages(config.queue("dead"))) == 1
    home.stream.append([pushed("p2", now - 30)])
    for mapper in (detects, archives):
        mapper.run()
    told = [entry.alert.place_id for _, entry in home.state.alerts()]
    assert told == ["p0", "p2"]
    kept = {key: home.lake.read(key) for key in home.lake.keys(raw.PAYLOADS)}
    asked = {"from": instant(now - 3600), "to": instant(now)}
    assert recover.handle(asked, Context(900)) == {"payloads": 3, "left": {}}
    for mapper in (detects, archives):
        mapper.run()
    told = [entry.alert.place_id for _, entry in home.state.alerts()]
    assert told == ["p0", "p2", "p1"]
    assert {key: home.lake.read(key) for key in home.lake.keys(raw.PAYLOADS)} == kept
    assert recover.handle(asked, Context(60))["left"] == asked, "there is no time to begin"
    for part in (deployment, detect):
        part.forget()
