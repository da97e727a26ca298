"""Pushes over HTTP: readings of one's own stations, consoles' uploads, and providers' answers.

Pushing is off unless a key is set. What was accepted is in the stream, on disk, before the answer
goes out; what could not be read of it is kept all the same, and named in the answer.
"""

from __future__ import annotations

import base64
import re
from asyncio import Semaphore
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from atalaia.api import consoles
from atalaia.api.access import Caller, Gate, Scope, bearer
from atalaia.api.problem import Problem, errors
from atalaia.domain.decoded import Decode, Decoded
from atalaia.domain.payload import Payload, Reject
from atalaia.domain.reading import Kind
from atalaia.domain.variable import CATALOGUE
from atalaia.errors import QueueFull, StateConflict
from atalaia.sources import readings_csv
from atalaia.sources.pws import decoder as pws
from atalaia.sources.pws import form

OFF = "push is off; set api.key_file"
RETRY_AFTER_S = 5
DAY_S = 86_400
SHORT_BYTES = 500
"""A push of own readings that is no longer is decoded where it is: to hand it to a thread takes
longer, and most stations push a reading at a time."""

SAMPLE_BYTES = 4_096
"""What is kept of a push of a station's or a person's in which nothing could be read."""

MOST_REJECTS = 100
"""Rejects that an answer lists; it says how many more there were."""

_JSON = ("application/json", "text/json")
_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "text/plain")
_AT = re.compile(r"(record|line) (\d+)\b")


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    """A pushed payload. `body` is the provider's answer: JSON as it is, or any text as a string."""

    source: str
    content: str
    places: list[str] = []
    body: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    body_base64: str | msgspec.UnsetType = msgspec.UNSET


_decode_envelope = msgspec.json.Decoder(list[_Envelope] | _Envelope).decode


class Unread(BaseModel):
    """What could not be read: where, and why."""

    reason: str
    detail: str
    index: int | None = None
    line: int | None = None


class Pushed(BaseModel):
    """What became of a push: it is on disk. `offset` is its number in the stream."""

    accepted: int
    readings: int
    offset: int
    rejected: list[Unread]
    rejected_more: int = 0


_READING: dict[str, Any] = {
    "type": "object",
    "required": ["place_id", "valid_at"],
    "properties": {
        "place_id": {"type": "string"},
        "valid_at": {"type": "string", "format": "date-time"},
        "kind": {"enum": [kind.word for kind in Kind]},
        "issued_at": {"type": "string", "format": "date-time"},
        "period_s": {"type": "integer", "minimum": 0},
        "source": {"type": "string"},
        **{name: {"type": ["number", "null"]} for name in CATALOGUE},
    },
}
_ENVELOPE: dict[str, Any] = {
    "type": "object",
    "required": ["source", "content"],
    "additionalProperties": False,
    "properties": {
        "source": {"type": "string"},
        "content": {"type": "string"},
        "places": {"type": "array", "items": {"type": "string"}},
        "body": {},
        "body_base64": {"type": "string", "contentEncoding": "base64"},
    },
}
_PUSHED = {"/v1/readings": _READING, "/v1/payloads": _ENVELOPE}

PATHS = tuple(_PUSHED)


@dataclass(frozen=True)
class Pushing:
    """Where pushes go.

    is_on       whether anything can be pushed
    accept      keeps payloads durably, all or none, and returns the offset of the last; raises
                QueueFull, or StateConflict where the store cannot be written
    decode      what a push can be read as
    seal        what a person pushes under their own key, sealed with it
    now         Unix seconds
    sources     names that pushed payloads may have
    max_body    bytes that a push may have
    bytes_a_day    bytes that a key may have kept in a day (UTC); the operator's may more
    """

    is_on: bool
    accept: Callable[[Sequence[Payload]], Awaitable[int]]
    decode: Decode
    seal: Callable[[str, bytes], bytes]
    now: Callable[[], int]
    sources: frozenset[str]
    max_body: int
    bytes_a_day: int


def routes(pushing: Pushing, gate: Gate) -> APIRouter:
    """The routes; all under /v1."""
    router = APIRouter()
    push = _Push(pushing, gate)

    @router.post("/v1/readings", **_pushed("/v1/readings"))
    async def readings(request: Request) -> Response:
        """Readings of one's own stations: a JSON array, one object, or one object a line."""
        return await push.readings(request)

    @router.post("/v1/payloads", **_pushed("/v1/payloads"))
    async def payloads(request: Request) -> Response:
        """Providers' answers as they came: envelopes, or a raw body and a query that says whose."""
        return await push.payloads(request)

    @router.get(consoles.WUNDERGROUND, response_class=Response, **consoles.OF_WUNDERGROUND)
    async def wunderground(request: Request) -> Response:
        """A console's upload as Weather Underground takes it; it answers `success`."""
        sent = request.scope["query_string"]
        return await push.upload(request, pws.WUNDERGROUND, sent, "success")

    @router.post(consoles.ECOWITT, response_class=Response, **consoles.OF_ECOWITT)
    async def ecowitt(request: Request) -> Response:
        """A console's upload to its custom server; the key stands at the end of the path."""
        return await push.upload(request, pws.ECOWITT, None, "ok")

    return router


def _pushed(path: str) -> dict[str, Any]:
    """What the description of the API says of a push: its body is read by hand."""
    one = _PUSHED[path]
    body: dict[str, Any] = {"schema": {"anyOf": [one, {"type": "array", "items": one}]}}
    content: dict[str, Any] = {"application/json": body}
    if path == "/v1/readings":
        content["application/x-ndjson"] = {"schema": {"type": "string"}}
    return {
        "status_code": 202,
        "response_class": Response,
        "response_model": Pushed,
        "tags": ["pushing"],
        "responses": errors(400, 401, 403, 404, 413, 415, 422, 429, 503),
        "openapi_extra": {
            "requestBody": {"required": True, "content": content},
            "security": [{"key": []}],
        },
    }


class _Push:
    """From a request to payloads in the stream."""

    def __init__(self, pushing: Pushing, gate: Gate) -> None:
        self._pushing = pushing
        self._gate = gate
        self._day, self._kept = 0, dict[str, int]()
        self._one_at_a_time = Semaphore(1)  # decoding is all that costs memory and time here

    async def readings(self, request: Request) -> Response:
        """``POST /v1/readings``."""
        who = await self._who(request, Scope.PUSH)
        media = _media_type(request)
        if media and media not in _JSON + _LINES:
            raise Problem(415, f"{media} is not read here; send application/json or x-ndjson")
        payload = Payload(
            source=readings_csv.STATION,
            content=readings_csv.content_of(who.source) if who.source else readings_csv.JSON,
            places=who.places,
            received_at=self._pushing.now(),
            body=await self._body(request),
        )
        self._count(who, len(payload.body))
        is_short = len(payload.body) <= SHORT_BYTES
        decoded = (
            self._pushing.decode([payload], None) if is_short else await self._decode([payload])
        )
        rejected = sorted(map(_of_readings, decoded.rejects), key=_position)
        if rejected and not len(decoded.readings) and not who.is_operator:
            payload = msgspec.structs.replace(payload, body=payload.body[:SAMPLE_BYTES])
        if who.person is not None:
            sealed = await run_in_threadpool(self._pushing.seal, who.person, payload.body)
            payload = msgspec.structs.replace(payload, body=sealed)
        return await self._keep([payload], len(decoded.readings), len(decoded.readings), rejected)

    async def payloads(self, request: Request) -> Response:
        """``POST /v1/payloads``."""
        await self._who(request, Scope.PAYLOADS)
        is_raw = "source" in request.query_params
        media = _media_type(request)
        if not is_raw and media and media not in _JSON:
            raise Problem(
                415, f"{media} needs its source in the query: ?source=…&content=…&places=…"
            )
        body = await self._body(request)
        payloads = [self._raw(request, body)] if is_raw else self._enveloped(body)
        rejected: list[dict[str, Any]] = []
        rows = 0
        for i, payload in enumerate(payloads):
            decoded = await self._decode([payload])
            rows += len(decoded.readings)
            rejected += [
                {"index": i, "reason": reject.reason, "detail": reject.detail}
                for reject in decoded.rejects
            ]
        return await self._keep(payloads, len(payloads), rows, rejected)

    async def upload(
        self, request: Request, content: str, sent: bytes | None, said: str
    ) -> Response:
        """What a console says. `sent`: its query; None: it is the body that counts."""
        who = await self._who(request, Scope.PUSH)
        if not who.source or who.person is not None or len(who.places) != 1:
            raise Problem(
                403, "a console needs a station's key with one --place; see docs/stations.md"
            )
        most = min(self._pushing.max_body, form.LONGEST)
        sent = await self._body(request, most) if sent is None else sent
        if len(sent) > most:
            raise Problem(413, f"more than {most} bytes; no console says so much")
        payload = Payload(
            source=pws.NAME,
            content=content,
            places=(who.source, *who.places),
            received_at=self._pushing.now(),
            body=form.without_secrets(sent).body,
        )
        self._count(who, len(payload.body))
        decoded = await self._decode([payload])
        rows = sum(len(part.readings) for part in decoded.stations)
        rejected = [
            {"reason": reject.reason, "detail": reject.detail} for reject in decoded.rejects
        ]
        if rows == 0:
            payload = msgspec.structs.replace(payload, body=payload.body[:SAMPLE_BYTES])
            rejected = rejected or [{"reason": "no values", "detail": "nothing of the weather"}]
        await self._keep([payload], 1, rows, rejected)
        return PlainTextResponse(said)

    async def _decode(self, payloads: list[Payload]) -> Decoded:
        async with self._one_at_a_time:
            return await run_in_threadpool(self._pushing.decode, payloads, None)

    async def _keep(
        self, payloads: list[Payload], accepted: int, rows: int, rejected: list[dict[str, Any]]
    ) -> Response:
        """Put it into the stream, then say what became of it."""
        try:
            offset = await self._pushing.accept(payloads)
        except QueueFull:
            raise Problem(
                503,
                "more comes than can be kept; nothing of this was taken, send it again",
                headers={"Retry-After": str(RETRY_AFTER_S)},
            ) from None
        except StateConflict:
            raise Problem(
                503,
                "the store cannot be written now; nothing of this was taken, send it again",
                headers={"Retry-After": str(6 * RETRY_AFTER_S)},
            ) from None
        told: dict[str, Any] = {"offset": offset, "rejected": rejected[:MOST_REJECTS]}
        if len(rejected) > MOST_REJECTS:
            told["rejected_more"] = len(rejected) - MOST_REJECTS
        if rejected and rows == 0:
            raise Problem(422, "nothing in it could be read; a sample of it is kept", **told)
        return answer({"accepted": accepted, "readings": rows, **told}, 202)

    def _count(self, who: Caller, size: int) -> None:
        """Count bytes that a key has kept here today. A Problem (429) where it is too many."""
        if who.is_operator:
            return
        day = self._pushing.now() // DAY_S
        if day != self._day:
            self._day, self._kept = day, {}
        kept = self._kept.get(who.name, 0) + size
        if kept > self._pushing.bytes_a_day:
            after = (day + 1) * DAY_S - self._pushing.now()
            raise Problem(
                429,
                f"more than {self._pushing.bytes_a_day} bytes of one key in a day (UTC); see "
                "limits.bytes_a_day",
                headers={"Retry-After": str(after)},
            )
        self._kept[who.name] = kept

    # What was asked

    async def _who(self, request: Request, scope: Scope) -> Caller:
        """Who pushes: the operator, a station's key, or a person by their own."""
        if not self._pushing.is_on:
            raise Problem(404, OFF)
        if not bearer(request.headers.get("authorization", "")):
            raise Problem(
                401,
                "send the key: Authorization: Bearer …",
                headers={"WWW-Authenticate": "Bearer"},
            )
        try:
            return await self._gate.admit(scope, request)
        except Problem as problem_:
            if problem_.status == 401:
                raise Problem(403, "this key is not one that is set; see api.key_file") from None
            raise

    async def _body(self, request: Request, most: int | None = None) -> bytes:
        most = self._pushing.max_body if most is None else most
        encoding = request.headers.get("content-encoding", "identity").lower()
        if encoding != "identity":
            raise Problem(415, f"a body in {encoding} is not read here; send it uncompressed")
        stated = request.headers.get("content-length", "0")
        body = bytearray()
        if not stated.isdecimal() or int(stated) <= most:
            async for part in request.stream():
                body += part
                if len(body) > most:
                    break
            else:
                return bytes(body)
        raise Problem(413, f"more than {most} bytes; send it in parts, or raise limits.max_body")

    def _raw(self, request: Request, body: bytes) -> Payload:
        query = request.query_params
        places = tuple(place for place in query.get("places", "").split(",") if place)
        return self._payload(query["source"], query.get("content", ""), places, body)

    def _enveloped(self, body: bytes) -> list[Payload]:
        try:
            envelopes = _decode_envelope(body)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise Problem(
                422, f"not an envelope: {error}; send source, content, places and body"
            ) from None
        if isinstance(envelopes, _Envelope):
            envelopes = [envelopes]
        if not envelopes:
            raise Problem(422, "an empty list; send at least one envelope")
        return [
            self._payload(each.source, each.content, tuple(each.places), _body_of(each, i))
            for i, each in enumerate(envelopes)
        ]

    def _payload(self, source: str, content: str, places: tuple[str, ...], body: bytes) -> Payload:
        if source not in self._pushing.sources:
            known = ", ".join(sorted(self._pushing.sources))
            raise Problem(422, f"unknown source {source[:40]!r}; known are {known}")
        return Payload(
            source=source,
            content=content,
            places=places,
            received_at=self._pushing.now(),
            body=body,
        )


def _body_of(envelope: _Envelope, index: int) -> bytes:
    """The provider's bytes: as they are in the envelope, or unpacked from a string."""
    if (envelope.body is msgspec.UNSET) == (envelope.body_base64 is msgspec.UNSET):
        raise Problem(422, f"envelope {index}: give either body or body_base64")
    if isinstance(envelope.body_base64, str):
        try:
            return base64.b64decode(envelope.body_base64, validate=True)
        except ValueError:
            raise Problem(422, f"envelope {index}: body_base64 is not base64") from None
    body = bytes(envelope.body)  # type: ignore[arg-type]
    return msgspec.json.decode(body, type=str).encode() if body.startswith(b'"') else body


def _of_readings(reject: Reject) -> dict[str, Any]:
    """A reject of pushed readings: with the position in the array (from 0) or the line (from 1)."""
    told: dict[str, Any] = {"reason": reject.reason, "detail": reject.detail}
    at = _AT.match(reject.detail)
    if at is None:
        return told
    number = int(at[2])
    return {"index": number - 1, **told} if at[1] == "record" else {"line": number, **told}


def _position(told: dict[str, Any]) -> int:
    return int(told.get("index", told.get("line", 0)))


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def answer(body: dict[str, Any], status: int) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(body), status, media_type="application/json")
