"""The running service's HTTP: all routes put together, and health and metrics."""

from __future__ import annotations

import time
from typing import Any

from fastapi import FastAPI, Response
from starlette.responses import PlainTextResponse

from atalaia import __version__
from atalaia.api import feeds, hooks, operate, people, problem, push, read
from atalaia.api.access import Gate
from atalaia.api.bodies import BodyLimit
from atalaia.api.limits import RateLimits
from atalaia.api.metrics import CONTENT_TYPE_LATEST
from atalaia.api.once import Once
from atalaia.api.ports import Ports
from atalaia.api.schema import describe

MOST_BODY = 1_000_000
"""Bytes of a body that is no push; pushes have a limit of their own."""

_ANY_JSON: dict[str, Any] = {"content": {"application/json": {"schema": {"type": "object"}}}}


def api(ports: Ports) -> FastAPI:
    """The application. It holds no state of its own."""
    # No pages of documentation: they would load scripts from a stranger's host.
    app = FastAPI(title="Atalaia", version=__version__, docs_url=None, redoc_url=None)
    problem.install(app)
    gate = Gate(ports.who, is_public=ports.is_public)
    once = Once(time.monotonic)
    app.include_router(read.routes(ports.read, gate))
    app.include_router(people.routes(ports.people, ports.preview, ports.now, gate, once))
    app.include_router(hooks.routes(ports.whatsapp, ports.telegram))
    app.include_router(operate.routes(ports.operate, gate, once))
    app.include_router(feeds.routes(ports.feeds))
    app.include_router(ports.page)
    app.add_middleware(BodyLimit, most=MOST_BODY, free=push.PATHS)
    app.add_middleware(RateLimits, gate=gate, limit=ports.rate_limit, now=time.monotonic)
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
        is_ready, state = await ports.readiness()
        return push.answer(state, 200 if is_ready else 503)

    @app.get("/metrics", tags=["service"], response_class=PlainTextResponse)
    async def metrics() -> Response:
        """In Prometheus' text format."""
        return Response(ports.metrics(), media_type=CONTENT_TYPE_LATEST)

    app.include_router(push.routes(ports, gate))
    return app
