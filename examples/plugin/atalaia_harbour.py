"""A harbour's weather mast as a source of Atalaia, and the boards along its quays as a channel."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import aiohttp
import msgspec

from atalaia.plugins import (
    ChannelPlugin,
    Limits,
    Outcome,
    Place,
    PluginAnswer,
    PluginMessage,
    PluginRequest,
    PluginRows,
    Secret,
    SourcePlugin,
)


class Mast(msgspec.Struct, frozen=True):
    """The table [sources.harbour]."""

    url: str
    token: Secret
    place: str


def request(mast: Mast, _: Place | None) -> PluginRequest:
    """The mast is asked once, and speaks for one place: that goes with the answer."""
    bearer = {"Authorization": f"Bearer {mast.token.reveal()}"}
    return PluginRequest(url=f"{mast.url}/mast", secret_headers=bearer, note=mast.place)


def decode(answer: PluginAnswer) -> Iterable[PluginRows]:
    """{"gusts": [{"at": "2026-11-30T12:00:00Z", "kn": 31.5}, …]}"""
    gusts = json.loads(answer.body)["gusts"]
    yield PluginRows(
        place=[answer.note] * len(gusts),
        valid_at=[int(datetime.fromisoformat(one["at"]).timestamp()) for one in gusts],
        values={"wind_gust_m_s": [one["kn"] for one in gusts]},
        units={"wind_gust_m_s": "kn"},
    )


SOURCE = SourcePlugin(
    settings=Mast,
    variables=frozenset({"wind_gust_m_s"}),
    request=request,
    decode=decode,
    each_place=False,
    interval_s=300,
)


class Boards(msgspec.Struct, frozen=True):
    """The table [channels.boards]."""

    url: str
    rows: Annotated[int, msgspec.Meta(ge=1, le=8)] = 4


def address(text: str) -> str:
    """A quay's number is where a board stands."""
    if not re.fullmatch(r"[Qq]\d{1,3}", text):
        raise ValueError("a board is named by its quay, for example boards:Q12")
    return text.upper()


async def send(boards: Boards, message: PluginMessage, session: aiohttp.ClientSession) -> Outcome:
    """By its id a board knows a message that it shows already."""
    shown = {
        "id": message.id,
        "quay": message.address,
        "lines": message.text.splitlines()[: boards.rows],
        "until": message.expires_at,
    }
    try:
        async with session.post(f"{boards.url}/show", json=shown) as answer:
            if answer.status < 300:
                return Outcome("sent", provider_id=message.id)
            if answer.status == 404:
                return Outcome("never", "no board there", is_gone=True)
            return Outcome("again", f"HTTP {answer.status}")
    except aiohttp.ClientConnectorError:
        return Outcome("again", "cannot connect")
    except (aiohttp.ClientError, TimeoutError):
        return Outcome("unknown", "no answer")


CHANNEL = ChannelPlugin(
    settings=Boards,
    address=address,
    send=send,
    limits=Limits(a_second=5, at_once=2),
    longest=500,
)
