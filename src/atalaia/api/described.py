"""The description of the API without a running watch: routes are put together, and never called."""

from __future__ import annotations

from typing import Any, cast

from fastapi import APIRouter

from atalaia.api.app import api
from atalaia.api.ports import Ports
from atalaia.api.schema import text
from atalaia.domain.place import Places
from atalaia.rules import load


class _Unplugged:
    """Stands for all that a running watch has. Where something has to be there it is the least."""

    is_public = False
    rate_limit = 1
    places = Places(())
    rules = load("inmet")
    page = APIRouter()

    def __getattr__(self, name: str) -> Any:
        return _Unplugged()

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("there is no watch behind this description")


def described() -> str:
    """OpenAPI 3.1 as JSON, in lines."""
    return text(api(cast(Ports, _Unplugged())))
