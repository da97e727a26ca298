"""Secrets: each function is given those that its settings need, by its own role, and shows none."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from atalaia.errors import SettingsInvalid
from atalaia.run.aws import deployment
from atalaia.settings import Settings
from aws import moto
from aws.conftest import Applied
from aws.policies import is_allowed
from aws.terraform import ENVIRONMENT, REGION
from aws.test_infra import Services

VALUES: dict[str, dict[str, str]] = {
    "api": {"ATALAIA_API_KEY": "c4nary-api"},
    "tomorrow-io": {"TOMORROW_API_KEY": "c4nary-tomorrow"},
    "telegram": {
        "ATALAIA_CHANNELS_TELEGRAM_TOKEN": "c4nary-telegram",
        "ATALAIA_CHANNELS_TELEGRAM_WEBHOOK_SECRET": "c4nary-telegram-webhook",
    },
    "whatsapp": {
        "ATALAIA_CHANNELS_WHATSAPP_TOKEN": "c4nary-whatsapp",
        "ATALAIA_CHANNELS_WHATSAPP_APP_SECRET": "c4nary-app",
        "ATALAIA_CHANNELS_WHATSAPP_VERIFY_TOKEN": "c4nary-verify",
    },
}
"""By name without the environment, as docs/aws.md says."""

GIVEN: dict[str, set[str]] = {
    "poll": {"tomorrow-io"},
    "deliver": {"telegram", "whatsapp"},
    "api": {"api", "telegram", "whatsapp"},
}
"""All others are given none."""

NEEDED: dict[str, list[Callable[[Settings], object]]] = {
    "poll": [lambda kept: kept.tomorrow_io.key],
    "deliver": [
        lambda kept: kept.channels.telegram and kept.channels.telegram.token,
        lambda kept: kept.channels.whatsapp and kept.channels.whatsapp.token,
    ],
    "api": [
        lambda kept: kept.api.key,
        lambda kept: kept.channels.telegram and kept.channels.telegram.webhook_secret,
        lambda kept: kept.channels.whatsapp and kept.channels.whatsapp.app_secret,
        lambda kept: kept.channels.whatsapp and kept.channels.whatsapp.verify_token,
    ],
}
"""What a function does nothing without."""


def variables(applied: Applied) -> dict[str, dict[str, str]]:
    """Of each function's environment."""
    found = Services(applied.url).__getattr__("lambda").list_functions()["Functions"]
    return {
        one["FunctionName"].removeprefix(f"{ENVIRONMENT}-"): one["Environment"]["Variables"]
        for one in found
    }


def test_a_function_is_given_its_own_secrets_and_may_read_no_others(applied: Applied) -> None:
    arns = {
        name.removeprefix(f"{ENVIRONMENT}-"): arn
        for name, arn in applied.outputs["secrets"].items()
    }
    assert set(arns) == {*VALUES, "brokers"}  # which the task that listens is given, no function
    for function, given in variables(applied).items():
        names = {
            name.removeprefix(f"{ENVIRONMENT}-")
            for name in given.get("ATALAIA_SECRETS", "").split(",")
            if name
        }
        assert names == GIVEN.get(function, set()), function
        policy = applied.outputs["policies"][function]
        read = "secretsmanager:GetSecretValue"
        assert {name for name, arn in arns.items() if is_allowed(policy, read, arn)} == names


def test_no_key_stands_in_a_functions_variables(applied: Applied) -> None:
    for function, given in variables(applied).items():
        keys = [value for name, value in given.items() if name.endswith(("_TOKEN", "_KEY"))]
        assert all(value.startswith("not-for-") for value in keys), function


@pytest.fixture
def valued(applied: Applied) -> Iterator[Applied]:
    """With a copy of each secret that has a value: what was applied stays as it was made."""
    client = Services(applied.url).secretsmanager
    for name, value in VALUES.items():
        client.create_secret(Name=f"valued-{name}", SecretString=json.dumps(value))
    yield applied
    for name in VALUES:
        client.delete_secret(SecretId=f"valued-{name}", ForceDeleteWithoutRecovery=True)


def copies(applied: Applied, function: str) -> str:
    """The copies of the secrets that a function is given."""
    return variables(applied)[function]["ATALAIA_SECRETS"].replace(f"{ENVIRONMENT}-", "valued-")


def settings_of(
    applied: Applied, function: str, monkeypatch: pytest.MonkeyPatch, **more: str
) -> Settings:
    """What a function would go by."""
    given = moto.ENVIRONMENT | {
        "AWS_ENDPOINT_URL": applied.url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "ATALAIA_CHANNELS_WHATSAPP_PHONE_NUMBER_ID": "1",
    }
    for name, value in (given | variables(applied)[function] | more).items():
        monkeypatch.setenv(name, value)
    deployment.forget()
    return deployment.settings()


@pytest.mark.parametrize("function", NEEDED)
def test_with_its_secrets_a_function_has_what_it_needs_and_shows_none_of_it(
    valued: Applied,
    function: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG, "atalaia")
    with structlog.testing.capture_logs() as logs:
        names = copies(valued, function)
        found: Any = settings_of(valued, function, monkeypatch, ATALAIA_SECRETS=names)
    for needed in NEEDED[function]:
        secret: Any = needed(found)
        assert secret.reveal().startswith("c4nary")
    printed = capsys.readouterr()
    for shown in (repr(found), repr(logs), caplog.text, printed.out, printed.err):
        assert "c4nary" not in shown


def test_a_secret_that_is_no_object_is_named_and_not_shown(
    valued: Applied, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Services(valued.url).secretsmanager
    for body in ("c4nary", '{"ATALAIA_API_KEY": ["c4nary"]}', '{"ATALAIA_API_KEY": "c4 nary"}'):
        client.put_secret_value(SecretId="valued-api", SecretString=body)
        with pytest.raises(SettingsInvalid) as told:
            settings_of(valued, "api", monkeypatch, ATALAIA_SECRETS=copies(valued, "api"))
        assert "c4" not in str(told.value)


def test_secrets_without_a_value_are_passed_over(
    applied: Applied, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ",".join(applied.outputs["secrets"])
    found = settings_of(applied, "api", monkeypatch, ATALAIA_SECRETS=f"{names},absent")
    assert found.api.key is None
    assert found.channels.telegram is None


def test_each_function_reads_rules_and_places_of_ones_own(
    applied: Applied, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = applied.outputs["policies"]
    bucket = f"arn:aws:s3:::{ENVIRONMENT}-code-{moto.ACCOUNT}"
    for function in variables(applied):
        found = settings_of(applied, function, monkeypatch, ATALAIA_SECRETS="")
        (rule,) = found.rules.rules
        assert (rule.name, rule.enter) == ("own-gusts", (None, 12, None, 30))
        assert [place.id for place in found.places] == ["poa"]
        for key, is_its in (
            ("beside/rules/own.toml", True),
            ("beside/rules/regions/coast.toml", True),
            ("beside/x", False),
        ):
            assert is_allowed(allowed[function], "s3:GetObject", f"{bucket}/{key}") is is_its
