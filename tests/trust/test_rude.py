"""The API under one rude client."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import uvicorn
from starlette.types import Message, Send
from structlog.testing import capture_logs
from typer.testing import CliRunner
from uvicorn.server import ServerState

from atalaia.api import shield
from atalaia.api.access import Role
from atalaia.api.connections import bounded
from atalaia.api.events import MOST_OF_AN_ADDRESS, Events
from atalaia.api.keys import add_key
from atalaia.api.push import SAMPLE_BYTES
from atalaia.cli import app
from atalaia.cli.examination import examine
from atalaia.domain.payload import Payload
from atalaia.errors import SettingsInvalid
from atalaia.metrics import MOST_LABELS, Metrics
from atalaia.run.local import run
from atalaia.settings import KEYS, load, strength
from atalaia.settings.strength import SECRETS, refusals, weaknesses
from patience import patient
from run.world import PUSH_KEY, World, watching

ENV = {"ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false", "ATALAIA_API_KEY": PUSH_KEY}


def story(folder: Path, tell: Callable[[World], Awaitable[None]], **env: str) -> None:
    async def run() -> None:
        async with watching(folder, **(ENV | env)) as world:
            await tell(world)

    asyncio.run(run())


async def raw(world: World, text: str, drips: bytes = b"") -> bytes:
    """What is answered to these bytes, and these again and again, until the connection ends."""
    return await answered(world.live.port, text.encode(), drips)


async def answered(port: int, sent: bytes, drips: bytes) -> bytes:
    """The same of a port. Who still sends when the connection is closed meets a reset behind the
    answer: a stream of asyncio would give that in its place."""
    loop = asyncio.get_running_loop()
    answer = b""
    with socket.socket() as mine:
        mine.setblocking(False)
        await loop.sock_connect(mine, ("127.0.0.1", port))
        await loop.sock_sendall(mine, sent)

        async def drip() -> None:
            with suppress(OSError):
                while drips:
                    await asyncio.sleep(0.05)
                    await loop.sock_sendall(mine, drips)

        dripping = asyncio.create_task(drip())
        with suppress(ConnectionResetError):
            async with patient():
                while data := await loop.sock_recv(mine, 65_536):
                    answer += data
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)
    return answer


HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize("before", [b"", HEAD + b"\r\n"], ids=["first", "second on a connection"])
@pytest.mark.parametrize("drips", [b"", b"x"], ids=["stands", "a letter now and then"])
def test_a_head_that_never_ends_is_not_waited_for(before: bytes, drips: bytes) -> None:
    async def app(scope: object, receive: object, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def run() -> bytes:
        config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_keep_alive=1)
        config.load()
        kind = bounded(head_s=0.2)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: kind(config=config, server_state=ServerState(), app_state={}), "127.0.0.1", 0
        )
        port = server.sockets[0].getsockname()[1]
        answer = await answered(port, before + HEAD + b"X-Slow: ", drips)
        server.close()
        return answer

    assert asyncio.run(run()).count(b"HTTP/1.1 204") == (1 if before else 0)


@pytest.mark.parametrize("drips", [b"", b" "], ids=["stands", "a letter now and then"])
def test_a_body_that_does_not_come_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drips: bytes
) -> None:
    monkeypatch.setattr(shield, "BODY_S", 0.2)

    async def tell(world: World) -> None:
        for path in ("/v1/subscribe", "/v1/readings"):
            answer = await raw(
                world,
                f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                f"Authorization: Bearer {PUSH_KEY}\r\nContent-Length: 1000\r\n\r\n{{",
                drips,
            )
            assert answer.startswith(b"HTTP/1.1 408"), (path, answer)

    story(tmp_path, tell)


def test_who_goes_away_in_the_middle_of_a_push_is_one_line_of_the_log(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {PUSH_KEY}\r\nContent-Length: 9000\r\n"
        with capture_logs() as logs:
            _, writer = await asyncio.open_connection("127.0.0.1", world.live.port)
            writer.write(f"POST /v1/readings HTTP/1.1\r\n{head}\r\n[".encode())
            await writer.drain()
            await asyncio.sleep(0.1)
            writer.transport.abort()
            await world.until(lambda: [line for line in logs if line.get("path")])
        [gone] = [line for line in logs if line.get("path")]
        assert gone == {
            "event": "a client went away in the middle of its request",
            "log_level": "info",
            "path": "/v1/readings",
        }
        assert not any("exc_info" in line or "exception" in line for line in logs)

    story(tmp_path, tell)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("can't start new thread")])
def test_where_memory_is_short_a_push_is_to_come_again_and_no_fault_is_told(
    tmp_path: Path, error: Exception
) -> None:
    async def tell(world: World) -> None:
        world.live.ingest._waiting = Mock(side_effect=error)  # type: ignore[method-assign]
        status, said, answer = await world.post("/v1/readings", "[]")
        assert (status, said["detail"]) == (503, "no memory to answer with; try again")
        assert answer.headers["Retry-After"] == "5"

    story(tmp_path, tell)


def test_numbers_that_are_none_are_refused_with_400_and_no_fault(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        for length in ("9" * 5000, "-1", "1e3", "٣", "x"):
            text = (
                f"POST /v1/subscribe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                f"Content-Length: {length}\r\n\r\n"
            )
            answer = await raw(world, text)
            assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431")), (length[:9], answer[:80])
        huge = "9" * 400
        for heard in (huge, "9" * 5000):
            headers = {"Last-Event-ID": heard}
            async with world.http.get(world.url("/v1/events"), headers=headers) as listening:
                assert listening.status == 200, "as one who heard nothing"
        for path in (
            f"/v1/alerts?limit={huge}",
            f"/v1/alerts?after={huge}",
            f"/v1/incidents?cursor={huge}",
            f"/v1/towns?latitude={huge}&longitude=1",
            f"/v1/preview?days={huge}",
        ):
            async with world.http.get(world.url(path)) as answer_:
                assert 400 <= answer_.status < 500, (path[:40], answer_.status)

    story(tmp_path, tell)


def test_a_host_that_is_not_ours_is_refused_and_all_answers_are_nosniff(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        for host, status in (("evil.example", 400), ("localhost", 200), ("127.0.0.1:1", 200)):
            async with world.http.get(world.url("/healthz"), headers={"Host": host}) as answer:
                assert answer.status == status, host
                assert answer.headers["X-Content-Type-Options"] == "nosniff"

    story(tmp_path, tell)


def test_who_was_refused_is_logged_without_an_address_or_a_pseudonym(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        with capture_logs() as logs:
            wrong = {"Authorization": "Bearer CANARY-KEY"}
            url = world.url("/v1/people/p_canary")
            async with world.http.get(url, headers=wrong) as answer:
                assert answer.status == 401
            for _ in range(200):
                async with world.http.get(url) as answer:
                    assert answer.status in (401, 429)
        lines = [line for line in logs if line["event"] == "refused"]
        assert lines[0]["key"] == "unknown"
        assert lines[0]["from_"] == "loopback"
        assert len(lines) <= shield.LINES_A_MINUTE * 2
        said = json.dumps(lines)
        for secret in ("CANARY", "p_canary", "127.0.0.1"):
            assert secret not in said

    story(tmp_path, tell)


def test_listeners_of_one_address_are_bounded() -> None:
    """Also of one customer's network of IPv6; this machine's own are not, nor who has gone."""

    async def run() -> None:
        events = Events(lambda _after, _limit: [])
        statuses: list[int] = []
        gone = asyncio.Event()

        async def receive() -> Message:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        async def listen(address: str, n: int) -> tuple[list[asyncio.Task[None]], list[int]]:
            statuses.clear()
            scope = {"type": "http", "client": (address, 1), "headers": [], "query_string": b""}
            tasks = [
                asyncio.create_task(events.stream(None)(scope, receive, send)) for _ in range(n)
            ]
            while len(statuses) < n:
                assert not any(task.done() and task.exception() for task in tasks)
                await asyncio.sleep(0)
            return tasks, [statuses.count(200), statuses.count(503)]

        most = MOST_OF_AN_ADDRESS
        first, said = await listen("2001:db8::1", most)
        assert said == [most, 0]
        others, said = await listen("2001:db8::2", 1)
        assert said == [0, 1], "a neighbour in the same network"
        others += (await listen("203.0.113.10", 1))[0]
        many, said = await listen("127.0.0.1", most + 1)
        assert said == [most + 1, 0]
        gone.set()
        await asyncio.gather(*first, *others, *many)
        gone.clear()
        again, said = await listen("2001:db8::2", most)
        assert said == [most, 0]
        gone.set()
        await asyncio.gather(*again)

    asyncio.run(run())


STRONG = "p8Zk2mQx7vN4tR1cW9sLbYd3"


def test_an_open_door_is_said_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "atalaia.toml"
    file.write_text(f'[api]\nkey = "{STRONG}"\nhost = "0.0.0.0"\n')
    [said] = weaknesses(load(file, {}))
    assert "TLS" in said


@pytest.mark.parametrize(
    ("text", "next_step"),
    [
        ('[api]\nkey = "password"\n', "api.key: it can be guessed; make one with: head"),
        (f'[api]\nkey = "{"a" * 64}"\n', "api.key: it can be guessed"),
        (
            '[channels.telegram]\ntoken = "t"\nwebhook_secret = "abcabcabcabcabcabcabcabc"\n',
            "channels.telegram.webhook_secret: it can be guessed",
        ),
        (
            '[channels.whatsapp]\ntoken = "t"\nphone_number_id = "1"\nverify_token = "word"\n',
            "channels.whatsapp.verify_token: it can be guessed",
        ),
    ],
)
def test_it_does_not_start_with_a_secret_that_can_be_guessed(
    tmp_path: Path, text: str, next_step: str
) -> None:
    file = tmp_path / "atalaia.toml"
    file.write_text(f'home = "{tmp_path / "home"}"\n{text}')
    file.chmod(0o600)
    with pytest.raises(SettingsInvalid) as refused:
        run(load(file, {}), port=0)
    assert next_step in str(refused.value)
    assert "password" not in str(refused.value)
    assert not (tmp_path / "home").exists()
    assert next_step in config_check(file)


def config_check(file: Path) -> str:
    """What `atalaia config check` says of settings with a problem."""
    looked = CliRunner().invoke(app, ["config", "check", str(file)])
    assert looked.exit_code == 1
    assert isinstance(looked.exception, SettingsInvalid)
    return str(looked.exception)


@pytest.mark.parametrize(
    ("text", "package", "says"),
    [
        ("[channels.apprise]\nenabled = true\n", "apprise", "run: pip install 'atalaia[apprise]'"),
        ("[channels.sms]\nenabled = true\n", "boto3", "channels.sms: boto3 is not installed"),
        (
            '[channels.email]\nvia = "ses"\nsender = "a@example.org"\n',
            "boto3",
            "channels.email: boto3 is not installed",
        ),
    ],
)
def test_a_channel_whose_package_is_missing_is_known_before_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, package: str, says: str
) -> None:
    monkeypatch.setattr(
        strength, "find_spec", lambda name: None if name == package else find_spec(name)
    )
    file = tmp_path / "atalaia.toml"
    file.write_text(f'home = "{tmp_path / "home"}"\n{text}')
    with pytest.raises(SettingsInvalid) as refused:
        run(load(file, {}), port=0)
    assert says in str(refused.value)
    assert says in config_check(file)
    [found] = [one for one in examine(load(file, {}), 0, is_quick=True) if one.what == "settings"]
    assert says in f"{found.says}; {found.do_next}"
    assert not (tmp_path / "home").exists()


def test_on_aws_nothing_is_served_with_a_secret_that_can_be_guessed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("boto3", reason="the AWS home is not installed here")
    from atalaia.run.aws import api, deployment

    monkeypatch.setenv("ATALAIA_API_KEY", "password")
    monkeypatch.setattr(deployment, "home", Mock(side_effect=AssertionError("it was opened")))
    for each in (deployment, api):
        each.forget()
    context = Mock(get_remaining_time_in_millis=lambda: 9_000)
    with pytest.raises(SettingsInvalid, match=r"api\.key: it can be guessed") as refused:
        api.handle({}, context)
    assert "password" not in str(refused.value)
    deployment.forget()


@pytest.mark.parametrize("text", [f'[api]\nkey = "{STRONG}"', f'api.key = "{STRONG}"',
                                  f'api = {{ key = "{STRONG}" }}'])  # fmt: skip
@pytest.mark.parametrize("mode", [0o644, 0o604, 0o620, 0o602])
def test_it_does_not_start_with_settings_whose_secrets_others_may_read_or_change(
    tmp_path: Path, text: str, mode: int
) -> None:
    file = tmp_path / "atalaia.toml"
    file.write_text(text)
    file.chmod(mode)
    [said] = refusals(load(file, {}))
    assert said == f"{file}: others may read api.key in it; run chmod 600 on it"
    for good in (0o600, 0o640, 0o400):  # a service's group may read
        file.chmod(good)
        assert list(refusals(load(file, {}))) == []
    file.write_text("[api]\nport = 8420\n")
    file.chmod(0o644)
    assert list(refusals(load(file, {}))) == [], "it holds no secret"


@pytest.mark.parametrize("variable", ["ATALAIA_API_KEY_FILE", "TOMORROW_API_KEY_FILE"])
def test_a_file_of_a_key_that_others_may_read_is_refused(tmp_path: Path, variable: str) -> None:
    file = tmp_path / "some.key"
    file.write_text(STRONG)
    file.chmod(0o644)
    with pytest.raises(SettingsInvalid, match="others may use it; run chmod 600 on it"):
        load(None, {variable: str(file)})
    file.chmod(0o440)
    load(None, {variable: str(file)})


def test_every_secret_of_the_settings_is_looked_at() -> None:
    words = ("key", "token", "password", "secret")
    named = {key for key in KEYS if key.rpartition(".")[2].endswith(words)}
    assert named == set(SECRETS)


OPERATOR_KEY = {"Authorization": f"Bearer {PUSH_KEY}"}


def test_answers_that_are_of_a_person_are_kept_by_no_cache(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        asked = {
            "contacts": ["email:ana@example.org"],
            "where": [{"latitude": -8.05, "longitude": -34.88}],
            "hazards": {"wind": "red"},
        }
        url = world.url("/v1/subscriptions")
        async with world.http.post(url, json=asked, headers=OPERATOR_KEY) as answer:
            assert answer.status == 201, await answer.text()
            assert answer.headers["Cache-Control"] == "no-store"
            person = (await answer.json())["person"]
        url = world.url(f"/v1/people/{person}")
        async with world.http.get(url, headers=OPERATOR_KEY) as answer:
            assert answer.status == 200
            assert answer.headers["Cache-Control"] == "no-store"

    story(tmp_path, tell)


def test_other_sites_may_read_the_open_feeds_alone(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        allows = "Access-Control-Allow-Origin"
        origin = {"Origin": "https://evil.example"}
        for path in ("/v1/places", "/v1/people/p_x", "/v1/deliveries", "/readyz", "/metrics"):
            for method in ("GET", "OPTIONS", "TRACE"):
                async with world.http.request(method, world.url(path), headers=origin) as answer:
                    assert allows not in answer.headers, (method, path)
                    assert method != "TRACE" or answer.status == 405, path
        async with world.http.get(world.url("/feeds/alerts.atom"), headers=origin) as answer:
            assert answer.headers.get(allows, "*") == "*"

    story(tmp_path, tell)


def test_bytes_that_a_key_may_keep_in_a_day_are_bounded_and_another_keys_are_not_touched(
    tmp_path: Path,
) -> None:
    async def tell(world: World) -> None:
        place = world.live.settings.places[0].id
        state = world.live.home.state
        keys = [add_key(state, Role.STATION, name, 1, places=[place])[1] for name in "ab"]
        row = {"place_id": place, "valid_at": "2024-04-30T11:00:00Z", "temperature_c": 20.0}

        async def push(key: str) -> int:
            headers = {"Authorization": f"Bearer {key}"}
            url = world.url("/v1/readings")
            async with world.http.post(url, json=[row] * 10, headers=headers) as answer:
                return answer.status

        assert [await push(keys[0]) for _ in range(3)] == [202, 202, 429]
        assert await push(keys[1]) == 202

    story(tmp_path, tell, ATALAIA_LIMITS_BYTES_A_DAY="2000")


def test_a_stations_key_pushes_for_its_places_under_its_name_whatever_its_rows_say(
    tmp_path: Path,
) -> None:
    async def tell(world: World) -> None:
        state, decode = world.live.home.state, world.live.services.decode
        mine, other = (place.id for place in world.live.settings.places[:2])
        _, key = add_key(state, Role.STATION, "garden", 1, places=[mine])
        row = {"place_id": mine, "valid_at": "2024-04-30T11:00:00Z", "temperature_c": 20.0}
        rows = [{**row, "source": "open-meteo"}, {**row, "place_id": other}]
        status, said, _ = await world.post("/v1/readings", json.dumps(rows), key=key)
        assert (status, said["readings"], len(said["rejected"])) == (202, 1, 1)
        kept = [record.payload for record in world.live.home.stream.read(0, 99)]
        readings = decode([p for p in kept if p.source == "station"], None).readings
        assert (readings.sources, len(readings)) == (("garden",), 1)

    story(tmp_path, tell)


def test_of_a_push_that_cannot_be_read_a_sample_is_kept_and_no_more(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        _, key = add_key(world.live.home.state, Role.STATION, "a", 1)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        url = world.url("/v1/readings")
        async with world.http.post(url, data=b"x" * 100_000, headers=headers) as answer:
            assert answer.status == 422
        kept = [r.payload for r in world.live.home.stream.read(0, 99)]
        assert [len(p.body) for p in kept if p.source == "station"] == [SAMPLE_BYTES]

    story(tmp_path, tell)


def test_connections_of_one_address_are_bounded() -> None:
    async def run() -> None:
        async def app(scope: object, receive: object, send: object) -> None:
            raise AssertionError("no request came")

        config = uvicorn.Config(app, log_config=None, lifespan="off")
        config.load()
        kind = bounded(most=2)

        def connect(host: str) -> tuple[Any, Mock]:
            transport = Mock()
            transport.get_extra_info.side_effect = lambda name, default=None: (
                (host, 1) if name in ("peername", "sockname") else default
            )
            protocol: Any = kind(config=config, server_state=ServerState(), app_state={})  # type: ignore[call-arg]
            protocol.connection_made(transport)
            return protocol, transport

        made = [connect("203.0.113.9") for _ in range(3)]
        assert [transport.close.called for _, transport in made] == [False, False, True]
        _, other = connect("203.0.113.10")
        assert not other.close.called
        neighbours = [connect(f"2001:db8::{n}")[1].close.called for n in range(3)]
        assert neighbours == [False, False, True], "a customer has a whole network of IPv6"
        assert not any(connect("127.0.0.1")[1].close.called for _ in range(9))
        for protocol, _ in made[1:]:
            protocol.connection_lost(None)
        _, again = connect("203.0.113.9")
        assert not again.close.called

    asyncio.run(run())


def test_labels_of_metrics_are_bounded_whatever_sources_are_called() -> None:
    metrics = Metrics()
    for n in range(5_000):
        metrics.kept([Payload(source=f"made-up-{n}", content="x", received_at=1, body=b"")])
    page = metrics.before_reading(lambda _: None)
    assert page.count(b"atalaia_payloads_total{") <= MOST_LABELS * 3
