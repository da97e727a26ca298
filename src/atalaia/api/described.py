"""The description of the API without a running watch: routes are put together, and never called."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from atalaia.api import wishes
from atalaia.api.access import Gate
from atalaia.api.app import api
from atalaia.api.feeds import routes
from atalaia.api.schema import text
from atalaia.domain.place import Places
from atalaia.rules import load


class _Unplugged:
    """Stands for all that a running watch has. Where something has to be there it is the least."""

    places = Places(())
    rules = load("inmet")

    def __getattr__(self, name: str) -> Any:
        return _Unplugged()

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("there is no watch behind this description")


def described() -> str:
    """OpenAPI 3.1 as JSON, in lines."""
    nothing: Any = _Unplugged()
    gate = Gate(nothing, is_public=False)
    return text(
        api(
            gate,
            1,
            nothing,
            meter=nothing,
            pushing=nothing,
            shown=nothing,
            service=nothing,
            preview=nothing,
            operator=nothing,
            wishes=wishes.routes(nothing, nothing, gate),
            hooks=APIRouter(),
            feeds=routes(nothing, nothing, nothing, nothing, nothing, nothing),
            standing=nothing,
            page=APIRouter(),
        )
    )
