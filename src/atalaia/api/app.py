"""The running service's HTTP: all routes put together, and health and metrics."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from fastapi import APIRouter, FastAPI, Response
from starlette.responses import PlainTextResponse

from atalaia import __version__
from atalaia.api import hooks, operate, people, problem, push, read
from atalaia.api.access import Gate
from atalaia.api.bodies import BodyLimit
from atalaia.api.limits import RateLimits
from atalaia.api.once import Once
from atalaia.api.operator import LagItem, Operator
from atalaia.api.previews import Preview
from atalaia.api.read import Shown
from atalaia.api.read_models import SourceItem
from atalaia.api.schema import describe
from atalaia.metrics import CONTENT_TYPE_LATEST
from atalaia.people.service import PeopleService

MOST_BODY = 1_000_000
"""Bytes of a body that is no push; pushes have a limit of their own."""

_ANY_JSON: dict[str, Any] = {"content": {"application/json": {"schema": {"type": "object"}}}}


class Standing(Protocol):
    """How the running program stands, as its root knows it."""

    def sources(self) -> list[SourceItem]:
        """How each source is doing."""
        ...

    def lag(self) -> LagItem:
        """How far each stage is behind."""
        ...

    async def readiness(self) -> tuple[bool, dict[str, Any]]:
        """Whether the store can be written, and the JSON that says so, with each source's state."""
        ...

    def metrics(self) -> bytes:
        """The page of metrics."""
        ...


def api(
    gate: Gate,
    rate_limit: int,
    now: Callable[[], int],
    *,
    pushing: push.Pushing,
    shown: Shown,
    service: PeopleService,
    preview: Preview,
    whatsapp: hooks.Heard,
    telegram: hooks.Heard,
    operator: Operator,
    feeds: APIRouter,
    standing: Standing,
    page: APIRouter,
) -> FastAPI:
    """The application. It holds no state of its own.

    rate_limit   requests a minute a key or address; 0: as many as they like
    now          Unix seconds
    service      what can be asked of people
    preview      what somebody would have had
    whatsapp, telegram   what takes the requests of Meta and of Telegram
    feeds        the open ones
    """
    # No pages of documentation: they would load scripts from a stranger's host.
    app = FastAPI(title="Atalaia", version=__version__, docs_url=None, redoc_url=None)
    problem.install(app)
    once = Once(time.monotonic)
    app.include_router(read.routes(shown, gate))
    app.include_router(people.routes(service, preview, now, gate, once))
    app.include_router(hooks.routes(whatsapp, telegram))
    app.include_router(operate.routes(operator, gate, once))
    app.include_router(feeds)
    app.include_router(page)
    app.add_middleware(BodyLimit, most=MOST_BODY, free=push.PATHS)
    app.add_middleware(RateLimits, gate=gate, limit=rate_limit, now=time.monotonic)
    describe(app)

    @app.get("/healthz", tags=["service"])
    async def healthz() -> dict[str, str]:
        """The process is alive."""
        return {"status": "ok"}

    @app.get(
        "/readyz",
        tags=["service"],
        response_class=Response,
        responses={200: _ANY_JSON, 503: _ANY_JSON},
    )
    async def readyz() -> Response:
        """Whether the store is writable (else 503), and how each source is doing."""
        is_ready, state = await standing.readiness()
        return push.answer(state, 200 if is_ready else 503)

    @app.get("/metrics", tags=["service"], response_class=PlainTextResponse)
    async def metrics() -> Response:
        """In Prometheus' text format."""
        return Response(standing.metrics(), media_type=CONTENT_TYPE_LATEST)

    app.include_router(push.routes(pushing, gate))
    return app
