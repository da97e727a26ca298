"""The description of the API: OpenAPI 3.1, committed as `docs/openapi.json` and held against it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from atalaia.api import problem

_KEY = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key (`api.key_file`, `atalaia api-key`, `atalaia key`), or a signed token.",
}
_UNUSED = ("HTTPValidationError", "ValidationError")


def describe(app: FastAPI) -> None:
    """Let the app describe itself so, in the order that its routes have now: with problem details
    for every error, and keys."""
    routes = list(app.routes)

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app, routes)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def text(app: FastAPI) -> str:
    """The description as it is committed: the same text for the same API."""
    told = {**app.openapi(), "info": {**app.openapi()["info"], "version": "1"}}
    return msgspec.json.format(msgspec.json.encode(told), indent=1).decode() + "\n"


def _described(app: FastAPI, routes: Sequence[BaseRoute]) -> dict[str, Any]:
    told = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version="3.1.0",
        description="What a running watch shows, and what can be asked of it. See docs/api.md.",
        routes=routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    components = told.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in _UNUSED:
        schemas.pop(name, None)
    schemas["Problem"] = problem.SCHEMA
    components["securitySchemes"] = {"key": _KEY}
    for path, operations in told["paths"].items():
        for operation in operations.values():
            _complete(path, operation)
    return told


def _complete(path: str, operation: dict[str, Any]) -> None:
    """What holds for every operation of its kind, said once."""
    answers = operation["responses"]
    for status in _errors(path, operation):
        answers[str(status)] = problem.errors(status)[status]
    answers.update(sorted(answers.items()))
    if operation.get("tags") == ["reading"]:
        operation["security"] = [{}, {"key": []}]  # a key, where the settings ask for one


def _errors(path: str, operation: dict[str, Any]) -> Iterator[int]:
    """Statuses besides those that the route names; 422 in our own form."""
    if "422" in operation["responses"]:
        yield 422
    if "requestBody" in operation:
        yield from (400, 413)
    if "{" in path:
        yield 404
    if path.startswith(("/v1/", "/feeds/")):
        yield 429
