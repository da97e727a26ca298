"""What a deployment's settings are read from: a file in a bucket, and secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import msgspec
from botocore.exceptions import ClientError

from atalaia.errors import SettingsInvalid
from atalaia.homes.aws.clients import Clients, code_of, translated

Beside = Callable[[str], list[str]]
"""The text of a settings file → files that it names."""


def brought(clients: Clients, address: str, folder: Path, beside: Beside) -> Path:
    """The settings file, put into the folder with what it names. Raises SettingsInvalid."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    file = folder / "atalaia.toml"
    file.write_bytes(_object(clients, bucket, key))
    read = [PurePosixPath(file.name)]
    for name in read:  # it grows: a rule file names those that it extends
        for named in beside((folder / name).read_text("utf-8-sig", "replace")):
            path = name.parent / named
            if path.is_absolute() or ".." in path.parts:
                problem = f"{address}: {path}: not a path below the settings; put the file there"
                raise SettingsInvalid([problem])
            if path in read:
                continue
            one = folder / path
            one.parent.mkdir(parents=True, exist_ok=True)
            at = str(PurePosixPath(key).parent / "beside" / path)
            one.write_bytes(_object(clients, bucket, at))
            read.append(path)
    return file


def _object(clients: Clients, bucket: str, key: str) -> bytes:
    with translated(f"settings s3://{bucket}/{key}"):
        body: bytes = clients.get("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def edge_words(clients: Clients, name: str) -> list[str]:
    """By which an edge in front of the API is known, of the secret of this name; none: there is no
    edge."""
    return dict(secret(clients, name)).get("words", "").split() if name else []


def secret(clients: Clients, name: str) -> Iterator[tuple[str, str]]:
    """A secret's variables; none of one without a value yet. Raises SettingsInvalid."""
    with translated(f"secret {name}"):
        try:
            said = clients.get("secretsmanager").get_secret_value(SecretId=name)
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":  # or it has no value yet
                return
            raise
    try:
        yield from msgspec.json.decode(said["SecretString"], type=dict[str, str]).items()
    except msgspec.MsgspecError as error:
        problem = f"secret {name}: it is no JSON object of texts; see docs/aws.md"
        raise SettingsInvalid([problem]) from error
