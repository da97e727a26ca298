"""Payloads as they arrived, as files of lines: what a replay of any kind of past reads.

A line is an object: `received_at` (ISO 8601 with an offset), `source`, `content`, `places` (ids,
where the request named them), and the body as `body` (a text, or JSON as it came), `body_text`,
`body_base64` or `body_file` (a path beside the file); `status`, `failure` and `is_recorded` as in
`domain.payload`. A line with nothing but `received_at` is time passing. RAW's parts
(`lake.raw`), packed or not, are lines of the same form.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from atalaia.domain.alert import instant
from atalaia.domain.payload import Payload, Reject
from atalaia.errors import PayloadInvalid
from atalaia.lake import raw
from atalaia.people.bodies import is_sealed
from atalaia.sources import CLOCK
from atalaia.sources.cap import decoder as cap
from atalaia.sources.pws import decoder as pws
from atalaia.sources.pws.form import without_secrets

FILE = "payloads"
"""The source of rejects that name a line of such a file."""

_TICK = "tick"


class _Line(msgspec.Struct, frozen=True):
    """A line as it is written by hand or by RAW. At most one of the bodies is given."""

    received_at: datetime
    offset: int | None = None
    source: str | None = None
    content: str = ""
    places: tuple[str, ...] = ()
    status: int = 200
    failure: str | None = None
    is_recorded: bool = False
    body: msgspec.Raw = msgspec.Raw(b"")
    body_text: str | None = None
    body_base64: bytes | None = None
    body_file: str | None = None


_decode = msgspec.json.Decoder(_Line).decode
_decode_text = msgspec.json.Decoder(str).decode


def read_payloads(paths: Sequence[Path]) -> Iterator[Payload | Reject]:
    """What stands in the files, each file in its own order, several merged by `received_at`.

    A line that is no payload is a Reject with the file and the line. Raises PayloadInvalid for a
    file that cannot be opened, or a damaged part of RAW.
    """
    if len(paths) == 1:
        yield from _read_file(paths[0])
        return
    # A reject has no time of its own: it stands where it was found, after what came before it.
    yield from (one for _, one in heapq.merge(*map(_timed, paths), key=lambda timed: timed[0]))


def _timed(path: Path) -> Iterator[tuple[int, Payload | Reject]]:
    at = 0
    for one in _read_file(path):
        at = max(at, one.received_at) if isinstance(one, Payload) else at
        yield at, one


def _read_file(path: Path) -> Iterator[Payload | Reject]:
    try:
        if path.suffix == ".zst":
            yield from (record.payload for record in raw.read_part(path.read_bytes()))
            return
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _payload(line, path, number)
    except OSError as error:
        raise PayloadInvalid(f"{path}: {error.strerror}; give a file that can be read") from error


def _payload(line: bytes, path: Path, number: int) -> Payload | Reject:
    try:
        return _read_line(_decode(line.strip().removeprefix(b"\xef\xbb\xbf")), path.parent)
    except msgspec.ValidationError as error:
        reason, detail = "not a payload", str(error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason, detail = "not JSON", str(error)
    except OSError as error:
        reason, detail = "no body file", f"{error.filename}: {error.strerror}"
    except ValueError as error:
        reason, detail = "not a payload", str(error)
    return Reject(source=FILE, reason=reason, detail=f"{path.name}:{number}: {detail}"[:200])


def _read_line(said: _Line, folder: Path) -> Payload:
    """The payload of a line; ValueError where it is none, OSError where its file is not there."""
    if said.received_at.tzinfo is None:
        raise ValueError("received_at has no offset: end it with Z")
    received_at = int(said.received_at.timestamp() // 1)
    body = _body(said, folder)
    if said.source is None:
        if body or said.content or said.places:
            raise ValueError("no source: say who answered this")
        return Payload(source=CLOCK, content=_TICK, received_at=received_at, body=b"")
    if said.source == pws.NAME:
        body = without_secrets(body).body
    is_warning = said.source.partition(":")[0] == cap.NAME
    return Payload(
        source=cap.NAME if is_warning else said.source,
        content=said.content,
        places=said.places,
        received_at=received_at,
        body=body,
        status=said.status,
        failure=said.failure,
        is_recorded=said.is_recorded,
    )


def _body(said: _Line, folder: Path) -> bytes:
    """The body's bytes; ValueError where there are several, OSError where its file is not there."""
    as_it_is = bytes(said.body)
    given = (as_it_is or None, said.body_text, said.body_base64, said.body_file)
    if sum(one is not None for one in given) > 1:
        raise ValueError("several bodies: give one of body, body_text, body_base64, body_file")
    if said.body_file is not None:
        return _beside(folder, said.body_file).read_bytes()
    if as_it_is:
        # RAW keeps JSON as it came, and such a body may itself be a text.
        is_text = said.offset is None and as_it_is.startswith(b'"')
        return _decode_text(as_it_is).encode() if is_text else as_it_is
    return said.body_base64 or (said.body_text or "").encode()


def _beside(folder: Path, name: str) -> Path:
    """A file beside the lines or below; a file from somebody else must not name any other."""
    try:
        path = (folder / name).resolve()
    except RuntimeError:  # so Python before 3.13 says it; later ones when it is opened
        raise ValueError(f"body_file {name!r} is a link that leads to itself") from None
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(f"body_file {name!r} does not lie beside the file")
    return path


def lines_of(payloads: Iterable[Payload]) -> Iterator[bytes]:
    """Payloads as lines that `read_payloads` reads back, without what belongs to a person.

    A body that a person pushed is sealed with their key and left out: its line is time passing.
    """
    for payload in payloads:
        yield _line(payload) + b"\n"


def _line(payload: Payload) -> bytes:
    received_at = instant(payload.received_at).replace("+00:00", "Z")
    if payload.source == CLOCK or is_sealed(payload.body):
        return msgspec.json.encode({"received_at": received_at})
    line: dict[str, Any] = {
        "received_at": received_at,
        "source": payload.source,
        "content": payload.content,
    }
    if payload.places:
        line["places"] = payload.places
    if payload.status != 200:
        line["status"] = payload.status
    if payload.failure is not None:
        line["failure"] = payload.failure
    if payload.is_recorded:
        line["is_recorded"] = True
    try:
        line["body"] = payload.body.decode()
    except UnicodeDecodeError:
        line["body_base64"] = payload.body
    return msgspec.json.encode(line)
