"""How the running program is: alive, ready, and in figures."""

from typing import Any, Protocol

from fastapi import APIRouter, Response
from starlette.responses import PlainTextResponse

from atalaia.api.operator import LagItem
from atalaia.api.push import answer
from atalaia.api.read_models import SourceItem
from atalaia.metrics import CONTENT_TYPE_LATEST, Metrics

_ANY_JSON: dict[str, Any] = {"content": {"application/json": {"schema": {"type": "object"}}}}


class ProgramStanding(Protocol):
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

    async def metrics(self) -> bytes:
        """The page of metrics."""
        ...


class Listening(Protocol):
    """What listens to brokers, as it stands."""

    @property
    def name(self) -> str:
        """As logs and metrics call it."""
        ...

    def shown(self) -> dict[str, Any]:
        """As `/readyz` shows it."""
        ...

    def set_gauges(self, metrics: Metrics) -> None:
        """As `/metrics` does."""
        ...


def routes(standing: ProgramStanding) -> APIRouter:
    """The routes, which need no key."""
    router = APIRouter(tags=["service"])

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process is alive."""
        return {"status": "ok"}

    @router.get(
        "/readyz",
        response_class=Response,
        responses={200: _ANY_JSON, 503: _ANY_JSON},
    )
    async def readyz() -> Response:
        """Whether the store is writable (else 503), and how each source is doing."""
        is_ready, state = await standing.readiness()
        return answer(state, 200 if is_ready else 503)

    @router.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """In Prometheus' text format."""
        return Response(await standing.metrics(), media_type=CONTENT_TYPE_LATEST)

    return router
