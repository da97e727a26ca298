"""What all functions of a deployment have: its names, its settings, its home; once a container.

ATALAIA_SETTINGS   the settings file: ``s3://bucket/key``, or a path in the package
ATALAIA_SECRETS    names of secrets, with commas between; each is a JSON object of variables, as
                   ``{"TOMORROW_API_KEY": "…"}``; one without a value yet is passed over
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import msgspec
from botocore.exceptions import ClientError

from atalaia.domain.place import Places
from atalaia.errors import SettingsInvalid
from atalaia.homes.aws import Home, open_home
from atalaia.homes.aws.clients import Clients, code_of, translated
from atalaia.homes.aws.config import from_environment
from atalaia.settings import Settings, load

_FILE = "ATALAIA_SETTINGS"
_SECRETS = "ATALAIA_SECRETS"


@lru_cache(1)
def clients() -> Clients:
    """Of AWS's services."""
    return Clients()


@lru_cache(1)
def settings() -> Settings:
    """As the deployment's file and secrets say. Raises SettingsInvalid."""
    environment = dict(os.environ)
    for name in filter(None, environment.pop(_SECRETS, "").split(",")):
        environment |= dict(_secret(name))
    address = environment.get(_FILE, "")
    if not address.startswith("s3://"):
        return load(None, environment)
    bucket, _, key = address.removeprefix("s3://").partition("/")
    with translated(f"settings {address}"):
        body = clients().get("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tempfile.TemporaryDirectory(prefix="atalaia-settings-") as folder:
        file = Path(folder) / "atalaia.toml"
        file.write_bytes(body)
        return load(file, environment)


def places() -> Places:
    """Where this deployment looks."""
    return settings().places


@lru_cache(1)
def home() -> Home:
    """The deployment's home."""
    return open_home(from_environment(), places(), clients())


@lru_cache(1)
def loop() -> asyncio.AbstractEventLoop:
    """The one loop of a container: connections live as long as it."""
    return asyncio.new_event_loop()


def forget() -> None:
    """Begin anew, as a new container does."""
    for each in (clients, settings, home, loop):
        each.cache_clear()


def _secret(name: str) -> Iterator[tuple[str, str]]:
    with translated(f"secret {name}"):
        try:
            said = clients().get("secretsmanager").get_secret_value(SecretId=name)
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":  # or it has no value yet
                return
            raise
    try:
        yield from msgspec.json.decode(said["SecretString"], type=dict[str, str]).items()
    except msgspec.MsgspecError as error:
        problem = f"secret {name}: it is no JSON object of texts; see docs/aws.md"
        raise SettingsInvalid([problem]) from error
