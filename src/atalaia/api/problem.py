"""Errors of the API as problem details (RFC 9457): a status, what is wrong, and what to do.

What is wrong is raised in English, wherever it arises, and said in the language of who asks
(`Accept-Language`) as it leaves; who names none, as programs do, reads English.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import Receive, Scope, Send

from atalaia.api.speaking import language_of
from atalaia.errors import StateConflict
from atalaia.logs import Logger
from atalaia.translated import ENGLISH, translated_for

T = TypeVar("T")
log = Logger()

_TITLES = {413: "Request Entity Too Large", 422: "Unprocessable Entity"}
"""As clients know them since v1: RFC 9110 and, with it, Python from 3.13 on call them otherwise."""

_WORD = re.compile(r"|v1|[a-z][a-z-]{0,19}(\.[a-z]{2,4})?")
_LONGEST_ROUTE = 60


def route_of(path: str) -> str:
    """A path as it may be logged, cut to `_LONGEST_ROUTE` letters: plain words stay, and all else
    (a pseudonym, an address, the token of a link, which is a key) is an ellipsis."""
    parts = (part if _WORD.fullmatch(part) else "…" for part in path.split("/"))
    return "/".join(parts)[:_LONGEST_ROUTE]


def title(status: int) -> str:
    """What a status is called, whatever Python says it."""
    return _TITLES.get(status) or HTTPStatus(status).phrase


class Problem(Exception):
    """Ends a request. `detail` says what is wrong and what to do; `more` are further members."""

    def __init__(
        self, status: int, detail: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers
        self.more = more

    def response(self) -> JSONResponse:
        """As ``application/problem+json``. Its type is about:blank: the status says the kind."""
        return _Told(self)

    def told(self, language: str) -> dict[str, Any]:
        """Its members, what is to be read by a person in their language."""

        def said(text: str) -> str:
            return translated_for(language, text)

        told = {
            "title": said(title(self.status)),
            "status": self.status,
            "detail": said(self.detail),
            **self.more,
        }
        if "faults" in told:
            told["faults"] = [{**one, "problem": said(one["problem"])} for one in told["faults"]]
        return told


class _Told(JSONResponse):
    """A problem, in the language of whom it is sent to."""

    media_type = "application/problem+json"

    def __init__(self, problem: Problem) -> None:
        said = {**(problem.headers or {}), "Content-Language": ENGLISH, "Vary": "Accept-Language"}
        super().__init__(problem.told(ENGLISH), problem.status, said)
        self._problem = problem

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        language = language_of(HTTPConnection(scope), ENGLISH)
        if language != ENGLISH:
            self.body = self.render(self._problem.told(language))
            self.headers["Content-Length"] = str(len(self.body))
            self.headers["Content-Language"] = language
        await super().__call__(scope, receive, send)


def wished(do: Callable[[], T]) -> T:
    """What cannot be asked for is told as such."""
    try:
        return do()
    except ValueError as error:
        raise Problem(422, str(error)) from None


SCHEMA = {
    "title": "Problem",
    "description": "RFC 9457: a status, what is wrong, and what to do.",
    "type": "object",
    "required": ["title", "status", "detail"],
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}
"""Of `Problem` in the description of the API."""

_CONTENT = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Errors that a route may answer, for the description of the API."""
    return {status: {"description": title(status), "content": _CONTENT} for status in statuses}


def install(app: FastAPI) -> None:
    """Answer every error of this app as problem details; a fault of ours without its insides."""

    @app.exception_handler(Problem)
    async def tell(_request: Request, problem: Problem) -> JSONResponse:
        return problem.response()

    @app.exception_handler(RequestValidationError)
    async def tell_invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        # Where and why, and never what was given: it may be an address.
        faults = [
            {"where": "/".join(map(str, each["loc"])), "problem": each["msg"]}
            for each in error.errors()
        ]
        return Problem(422, "the request cannot be read", faults=faults).response()

    @app.exception_handler(HTTPException)
    async def tell_http(_request: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers) if error.headers else None
        return Problem(error.status_code, str(error.detail), headers=headers).response()

    @app.exception_handler(StateConflict)
    async def tell_again(request: Request, error: StateConflict) -> JSONResponse:
        log.warning(
            "a request has to come again", path=route_of(request.url.path), reason=str(error)
        )
        detail = "others are at the same, or the store cannot be used just now; try again"
        return Problem(503, detail, headers={"Retry-After": "2"}).response()

    @app.exception_handler(ClientDisconnect)
    async def note_gone(request: Request, _gone: ClientDisconnect) -> JSONResponse:
        log.info("a client went away in the middle of its request", path=route_of(request.url.path))
        return Problem(400, "the request is not whole").response()  # nobody is there to read it

    @app.exception_handler(Exception)
    async def tell_fault(request: Request, error: Exception) -> JSONResponse:
        if _is_for_memory(error):
            log.warning(
                "no memory to answer with", path=route_of(request.url.path), error=repr(error)
            )
            again = {"Retry-After": "5"}
            return Problem(503, "no memory to answer with; try again", headers=again).response()
        log.error("fault in the API", path=route_of(request.url.path), exc_info=error)
        return Problem(500, "a fault of Atalaia's; please report it").response()


def _is_for_memory(error: Exception) -> bool:
    """Whether memory is short: a thread that cannot be started lacks a stack."""
    return isinstance(error, MemoryError) or "can't start new thread" in str(error)
