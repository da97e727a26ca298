"""What all functions of a deployment have: its names, its settings, its home; once a container.

ATALAIA_SETTINGS   the settings file: ``s3://bucket/key``, or a path in the package; files that it
                   names (rules, places) lie below ``beside/`` in the same folder of the bucket
ATALAIA_SECRETS    names of secrets, with commas between; each is a JSON object of variables, as
                   ``{"TOMORROW_API_KEY": "…"}``; one without a value yet is passed over
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath

import msgspec
from botocore.exceptions import ClientError

from atalaia.domain.place import Places
from atalaia.errors import SettingsInvalid
from atalaia.homes.aws import AwsHome, open_home
from atalaia.homes.aws.clients import Clients, code_of, translated
from atalaia.homes.aws.config import from_environment
from atalaia.settings import Settings, beside, load

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
    with tempfile.TemporaryDirectory(prefix="atalaia-settings-") as folder:
        file = _brought(address, Path(folder))
        try:
            return load(file, environment)
        except SettingsInvalid as error:
            problems = [problem.replace(f"{folder}/", "") for problem in error.problems]
            raise SettingsInvalid(problems) from error


def places() -> Places:
    """Where this deployment looks."""
    return settings().places


@lru_cache(1)
def home() -> AwsHome:
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


def _brought(address: str, folder: Path) -> Path:
    """The settings file, put into the folder with what it names. Raises SettingsInvalid."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    file = folder / "atalaia.toml"
    file.write_bytes(_object(bucket, key))
    for path in map(PurePosixPath, beside(file.read_text("utf-8-sig", "replace"))):
        if path.is_absolute() or ".." in path.parts:
            problem = f"{address}: {path}: not a path below the settings; put the file there"
            raise SettingsInvalid([problem])
        one = folder / path
        one.parent.mkdir(parents=True, exist_ok=True)
        one.write_bytes(_object(bucket, str(PurePosixPath(key).parent / "beside" / path)))
    return file


def _object(bucket: str, key: str) -> bytes:
    with translated(f"settings s3://{bucket}/{key}"):
        body: bytes = clients().get("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


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
