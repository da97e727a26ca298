"""Sudden death at a chosen call to AWS: nothing that the function does comes after it."""

from __future__ import annotations

import random
from typing import Any

import pytest
from botocore.client import BaseClient

from aws.mapper import Killed


class Reaper:
    """Ends functions. `arm` it before a call; after the death it lets nothing through until
    `new_container` is called."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seed: int = 7) -> None:
        self._chance = random.Random(seed)
        self._left: int | None = None
        self._is_dead = False
        self.deaths = 0
        call = BaseClient._make_api_call

        def reaped(client: Any, operation: str, arguments: Any) -> Any:
            if self._is_dead:
                raise Killed
            if self._left is None:
                return call(client, operation, arguments)
            self._left -= 1
            if self._left > 0:
                return call(client, operation, arguments)
            if self._chance.random() < 0.5:  # AWS has done it, and nobody heard
                call(client, operation, arguments)
            self._is_dead, self._left = True, None
            self.deaths += 1
            raise Killed

        monkeypatch.setattr(BaseClient, "_make_api_call", reaped)

    def arm(self, most: int) -> None:
        self._left = self._chance.randint(1, most)

    def disarm(self) -> None:
        self._left = None

    def new_container(self) -> None:
        self._is_dead, self._left = False, None
