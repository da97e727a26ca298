"""RAW and GOLD on S3: the same keys and formats as in a folder, in one bucket each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from atalaia.errors import StateConflict
from atalaia.homes.aws.clients import Clients, code_of, translated
from atalaia.ports import Lake

_LONGEST_KEY = 1024
_MOST_AT_ONCE = 1_000
_LATER = ("InternalError", "ServiceUnavailable", "SlowDown")


class S3Lake(Lake):
    """Fills `ports.Lake`. What is written is whole or not there at all, as S3 has it.

    buckets    by the first part of a key: ``raw``, ``gold``, ``damaged`` for what was set aside,
               and ``recipients`` for who is told
    """

    def __init__(self, clients: Clients, buckets: dict[str, str]) -> None:
        self._clients = clients
        self._buckets = buckets

    @property
    def _client(self) -> Any:
        return self._clients.get("s3")

    def write(self, key: str, body: bytes) -> None:
        bucket = self._bucket(key)
        with translated(f"bucket {bucket}"):
            self._client.put_object(Bucket=bucket, Key=key, Body=body)

    def read(self, key: str) -> bytes:
        bucket = self._bucket(key)
        with translated(f"bucket {bucket}"):
            try:
                body: bytes = self._client.get_object(Bucket=bucket, Key=key)["Body"].read()
            except ClientError as error:
                if code_of(error) in ("NoSuchKey", "404"):
                    raise KeyError(key) from None
                raise
        return body

    def keys(self, prefix: str) -> list[str]:
        found: list[str] = []
        for first, bucket in self._buckets.items():
            is_inside = prefix.startswith(f"{first}/")
            if not is_inside and not f"{first}/".startswith(prefix):
                continue
            with translated(f"bucket {bucket}"):
                pages = self._client.get_paginator("list_objects_v2").paginate(
                    Bucket=bucket, Prefix=prefix if is_inside else f"{first}/"
                )
                found += [one["Key"] for page in pages for one in page.get("Contents", ())]
        return sorted(found)

    def delete(self, key: str) -> None:
        """An older version stays until the bucket's rules end it."""
        bucket = self._bucket(key)
        with translated(f"bucket {bucket}"):
            self._client.delete_object(Bucket=bucket, Key=key)

    def delete_all(self, keys: Iterable[str]) -> None:
        """A thousand a call. What S3 could not remove just then is asked for again."""
        by_bucket: dict[str, list[str]] = {}
        for key in keys:
            by_bucket.setdefault(self._bucket(key), []).append(key)
        for bucket, mine in by_bucket.items():
            for first in range(0, len(mine), _MOST_AT_ONCE):
                self._remove(bucket, mine[first : first + _MOST_AT_ONCE])

    def _remove(self, bucket: str, keys: Sequence[str]) -> None:
        """S3 answers 200 and says of each key apart what came of it."""
        refused: list[dict[str, str]] = []
        left = keys
        for _ in self._clients.tries():
            asked = {"Objects": [{"Key": key} for key in left], "Quiet": True}
            with translated(f"bucket {bucket}"):
                answer = self._client.delete_objects(Bucket=bucket, Delete=asked)
            refused = answer.get("Errors", [])
            left = [one["Key"] for one in refused]
            if not left or any(one["Code"] not in _LATER for one in refused):
                break
        if refused:
            one = refused[0]
            raise StateConflict(
                f"bucket {bucket} keeps {one['Key']}: {one['Code']}: {one.get('Message', '')}; "
                "it is tried again, else see the function's role"
            )

    def path(self, key: str) -> str:
        first = key.partition("/")[0]
        if first not in self._buckets:
            raise ValueError(f"{key!r} is not a key of the lake: it begins with {self._known}")
        return f"s3://{self._buckets[first]}/{key}"

    @property
    def _known(self) -> str:
        return " or ".join(f"{first}/" for first in self._buckets)

    def _bucket(self, key: str) -> str:
        if len(key.encode()) > _LONGEST_KEY:
            raise ValueError(f"{key[:80]!r}… is longer than a key of S3 may be")
        parts = key.split("/")
        if any(part in ("", ".", "..") or "\0" in part or "\\" in part for part in parts):
            raise ValueError(f"{key!r} is not a key of the lake: no empty, '.' or '..' parts")
        if parts[0] not in self._buckets:
            raise ValueError(f"{key!r} is not a key of the lake: it begins with {self._known}")
        return self._buckets[parts[0]]
