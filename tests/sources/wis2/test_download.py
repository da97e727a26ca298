"""Linked data are fetched once, whole, from outside; and what is owed outlives everything."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from atalaia.channels.guard import Rules, check_url, guarded_connector
from atalaia.channels.guard import networks as networks_of
from atalaia.domain.payload import Payload
from atalaia.domain.place import Places
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.ports import Stream
from atalaia.sources import decode_all
from atalaia.sources.session import open_session
from atalaia.sources.wis2.download import Downloads
from atalaia.sources.wis2.owed import TRIES, Owed, OwedData
from patience import until
from run.world import Clock

from ..bufr.encode import inmet
from .test_notification import RECEIVED, notice

Story = Callable[["Fetching"], Awaitable[None]]


class Fetching:
    """Downloads that run, of one linked notification, from a server on loopback."""

    def __init__(self, home: EmbeddedHome, owed: Owed, clock: Clock) -> None:
        self.home, self.owed, self.clock = home, owed, clock
        self.answer: Callable[[], web.Response] = lambda: web.Response(body=inmet())
        self.asked = 0

    async def serve(self, _: web.Request) -> web.Response:
        self.asked += 1
        return self.answer()

    def fetched(self) -> list[Payload]:
        return [r.payload for r in self.home.stream.read(0, 99) if r.payload.content == "wnm-data"]


def linked(url: str, data: bytes | None = None, **more: Any) -> dict[str, Any]:
    return notice(
        data,
        links=[{"rel": "canonical", "type": "application/bufr", "href": url, **more}],
        properties={"content": "absent"},
    )


@pytest.fixture
def home(tmp_path: Path) -> Iterator[EmbeddedHome]:
    with open_home(tmp_path / "home") as found:
        yield found


def tell(
    home: EmbeddedHome,
    story: Story,
    *,
    allow: Sequence[str] = ("127.0.0.0/8",),
    href: str | None = None,
    is_indexed: bool = True,
    **more: Any,
) -> None:
    async def run() -> None:
        clock = Clock(RECEIVED)
        owed = Owed(home.state)
        fetching = Fetching(home, owed, clock)
        application = web.Application()
        application.router.add_get("/data", fetching.serve)
        rules = Rules(allow=networks_of(allow))

        async def keep(payloads: Sequence[Payload]) -> int:
            return home.stream.append(payloads)

        async with (
            TestServer(application) as server,
            open_session(guarded_connector(rules)) as session,
        ):
            told = linked(href or str(server.make_url("/data")), **more)
            offset = home.stream.append(
                [
                    Payload(
                        source="wis2:br-inmet",
                        content="wnm",
                        received_at=RECEIVED,
                        body=json.dumps(told).encode(),
                    )
                ]
            )
            [record] = home.stream.read(offset - 1, 1)
            owed.add([OwedData(offset, told=None if is_indexed else record.payload)])
            stream = home.stream if is_indexed else cast(Stream, "nothing is asked of it")
            downloads = Downloads(
                owed, stream, session, lambda url: check_url(url, rules), keep, clock
            )
            task = asyncio.create_task(downloads.run())
            try:
                await story(fetching)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())


@pytest.mark.parametrize("is_indexed", [True, False])
def test_linked_data_are_read_as_inline_ones_are(home: EmbeddedHome, is_indexed: bool) -> None:
    async def story(fetching: Fetching) -> None:
        await until(lambda: fetching.fetched() and not len(fetching.owed))

    tell(home, story, is_indexed=is_indexed)
    payloads = [record.payload for record in home.stream.read(0, 99)]
    assert [one.content for one in payloads] == ["wnm", "wnm-data"]
    decoded = decode_all(Places([]))(payloads, None)
    [told] = decoded.stations
    inline = Payload(
        source="wis2:br-inmet",
        content="wnm",
        received_at=RECEIVED,
        body=json.dumps(notice()).encode(),
    )
    [expected] = decode_all(Places([]))([inline], None).stations
    assert decoded.rejects == []
    assert told.stations == expected.stations
    assert told.readings.report.tolist() == expected.readings.report.tolist()
    assert told.readings.revision.tolist() == expected.readings.revision.tolist()


def test_data_that_are_not_the_published_ones_are_not_used_and_asked_for_again(
    home: EmbeddedHome,
) -> None:
    async def story(fetching: Fetching) -> None:
        fetching.answer = lambda: web.Response(body=inmet(b13011=99.0))
        await until(lambda: fetching.asked == 1)
        assert fetching.fetched() == []
        fetching.answer = lambda: web.Response(body=inmet())
        await until(fetching.fetched, lambda: fetching.clock.turn(30))
        assert fetching.fetched()[0].failure is None

    tell(home, story)


def test_what_was_fetched_is_taken_off_the_note_now_and_then_and_at_the_end(
    home: EmbeddedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    put = home.state.set_note

    def counted(key: str, *more: Any) -> Any:
        written.append(key)
        return put(key, *more)

    monkeypatch.setattr(home.state, "set_note", counted)

    def left() -> int:
        after = Owed(home.state)
        after.load()
        return len(after)

    async def story(fetching: Fetching) -> None:
        before = len(written)
        await until(lambda: not len(fetching.owed))
        assert len(written) == before
        assert left() == 1, "after an end just now it is fetched again"
        await until(lambda: not left(), lambda: fetching.clock.turn(5))
        assert len(written) == before + 1
        fetching.owed.add([OwedData(1)])
        await until(lambda: not len(fetching.owed))

    tell(home, story)
    assert left() == 0


def test_a_server_that_is_down_is_asked_ever_more_seldom_and_then_given_up(
    home: EmbeddedHome,
) -> None:
    async def story(fetching: Fetching) -> None:
        fetching.answer = lambda: web.Response(status=503)
        began = fetching.clock.now()
        await until(lambda: not len(fetching.owed), lambda: fetching.clock.turn(10))
        assert fetching.asked == TRIES
        assert fetching.clock.now() - began >= 1800
        [told] = fetching.fetched()
        assert told.failure == "HTTP 503"

    tell(home, story)


@pytest.mark.parametrize(
    "href",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:22/",
        "file:///etc/passwd",
        "http://user:secret@host.example/x",
        "http://localhost/x",
    ],
)
def test_no_link_leads_inside(home: EmbeddedHome, href: str) -> None:
    async def story(fetching: Fetching) -> None:
        await until(lambda: not len(fetching.owed))
        [told] = fetching.fetched()
        assert told.failure == "the link is refused"
        assert fetching.asked == 0

    tell(home, story, allow=(), href=href)


def test_a_redirection_is_not_followed_and_an_endless_answer_is_cut(home: EmbeddedHome) -> None:
    async def story(fetching: Fetching) -> None:
        fetching.answer = lambda: web.Response(
            status=302, headers={"Location": "http://169.254.169.254/"}
        )
        await until(lambda: fetching.asked == 1)
        fetching.answer = lambda: web.Response(body=b" " * 2_000_001)
        await until(lambda: fetching.asked == 2, lambda: fetching.clock.turn(30))
        assert all(one.failure for one in fetching.fetched())

    tell(home, story)


def test_a_warning_on_wis2_joins_the_official_ones(home: EmbeddedHome, shared: Path) -> None:
    text = (shared / "live/cap/cap_example.xml").read_bytes()
    digest = base64.b64encode(hashlib.sha512(text).digest()).decode()
    inline = notice(
        text,
        links=[{"rel": "canonical", "type": "application/cap+xml", "href": "http://a.example/w"}],
    )
    assert inline["properties"]["integrity"]["value"] == digest
    payload = Payload(
        source="wis2:br-inmet",
        content="wnm",
        received_at=RECEIVED,
        body=json.dumps(inline).encode(),
    )
    decoded = decode_all(Places([]))([payload], None)
    [(received_at, official)] = decoded.officials
    assert received_at == RECEIVED
    assert official.identifier in text.decode()

    async def story(fetching: Fetching) -> None:
        fetching.answer = lambda: web.Response(body=text)
        await until(fetching.fetched)
        [told] = fetching.fetched()
        [(_, again)] = decode_all(Places([]))([told], None).officials
        assert again == official

    tell(home, story, data=text)


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff", b"[" * 9000, b'{"broker": "\xff"}'])
def test_a_gap_that_cannot_be_read_costs_itself(body: bytes) -> None:
    payload = Payload(source="wis2:a", content="gap", received_at=RECEIVED, body=body)
    [reject] = decode_all(Places([]))([payload], None).rejects
    assert reject.reason == "not a gap"
