"""The running service's HTTP: all routes put together."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from fastapi import APIRouter, FastAPI

from atalaia import __version__
from atalaia.api import operate, people, probes, problem, push, read
from atalaia.api.access import Gate
from atalaia.api.guards import Meters, guard
from atalaia.api.once import Once
from atalaia.api.operator import Operator
from atalaia.api.previews import Preview
from atalaia.api.schema import describe
from atalaia.api.shown import Shown
from atalaia.people.service import PeopleService


def api(
    gate: Gate,
    rate_limit: int,
    now: Callable[[], int],
    *,
    meter: Meters,
    hosts: Collection[str] = (),
    pushing: push.Pushing,
    shown: Shown,
    service: PeopleService,
    preview: Preview,
    operator: Operator,
    wishes: APIRouter,
    hooks: APIRouter,
    feeds: APIRouter,
    standing: probes.ProgramStanding,
    page: APIRouter,
) -> FastAPI:
    """The application. It holds no state of its own.

    rate_limit   requests a minute a key or address; 0: as many as they like
    now          Unix seconds
    meter      by which it is counted how often who asks
    hosts        names that a request's Host may have; none: any
    service      what can be asked of people
    preview      what somebody would have had
    wishes       for towns that nobody watches yet
    hooks        what takes the requests of Meta, of Telegram, and of mail programs
    feeds        the open ones
    """
    # No pages of documentation: they would load scripts from a stranger's host.
    app = FastAPI(title="Atalaia", version=__version__, docs_url=None, redoc_url=None)
    problem.install(app)
    once = Once(time.monotonic)
    app.include_router(read.routes(shown, gate))
    app.include_router(people.routes(service, preview, now, gate, once))
    app.include_router(wishes)
    app.include_router(hooks)
    app.include_router(operate.routes(operator, gate, once))
    app.include_router(feeds)
    app.include_router(page)
    guard(app, gate, rate_limit, meter, hosts, push.PATHS)
    app.include_router(probes.routes(standing))
    app.include_router(push.routes(pushing, gate))
    describe(app)
    # They are tried one by one, and nothing is asked for as often as a push.
    app.router.routes.insert(0, app.router.routes.pop())
    return app
