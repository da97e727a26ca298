"""The API behind API Gateway's HTTP API."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import boto3
import pytest

from atalaia.api.access import Role
from atalaia.api.gateway import respond
from atalaia.api.gold_history import GoldHistory
from atalaia.api.keys import add_key
from atalaia.api.limits import SUBSCRIPTIONS
from atalaia.domain.alert import instant
from atalaia.domain.contact import Contact
from atalaia.domain.reading import Readings
from atalaia.homes.aws.config import Config
from atalaia.homes.aws.meter import DynamoMeters
from atalaia.people.registry import Registry
from atalaia.people.request import Request
from atalaia.people.subscribe import subscribe
from atalaia.ports import Commit
from atalaia.run.aws import api, deployment, detect
from atalaia.sources import status
from atalaia.sources.health import Health
from aws import moto
from aws.mapper import Context, Mapper
from telling import HERE, news

KEY = "p8Zk2mQx7vN4tR1cW9sLbYd3"
SECRET = "v7Qe3uLm9ZxK2pTr5WnB8sYd"
CHAT = 77000111222
SENDER = {"id": CHAT, "is_bot": False, "language_code": "en"}


SETTINGS = """
rules = "inmet"
[people]
controller = "Civil defence"
contact = "privacy@example.org"
[channels.telegram]
token = "123456:token"
webhook_secret = "v7Qe3uLm9ZxK2pTr5WnB8sYd"
[channels.whatsapp]
token = "t"
phone_number_id = "1"
app_secret = "app"
verify_token = "h4Jc8tVy6RfM1gXq3NwZ7kBs"
"""


def event(path: str, method: str = "GET", body: bytes = b"", **headers: str) -> dict[str, Any]:
    """As API Gateway sends it (payload format 2.0)."""
    raw, _, query = path.partition("?")
    return {
        "version": "2.0",
        "rawPath": raw,
        "rawQueryString": query,
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {
            "domainName": "x.execute-api.sa-east-1.amazonaws.com",
            "http": {"method": method, "path": raw, "sourceIp": "192.0.2.1"},
        },
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Config]:
    server, url = moto.start()
    for name, value in moto.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    moto.reset(url)
    config = moto.deploy(url)
    (tmp_path / "atalaia.toml").write_text(SETTINGS)
    for name, value in {
        "ATALAIA_ENV": config.env,
        "ATALAIA_ACCOUNT": config.account,
        "ATALAIA_SETTINGS": str(tmp_path / "atalaia.toml"),
        "ATALAIA_API_KEY": KEY,
    }.items():
        monkeypatch.setenv(name, value)
    for part in (deployment, api, detect):
        part.forget()
    yield config
    server.stop()


def test_behind_an_edge_each_is_counted_by_their_own_address_and_who_goes_past_it_too(
    deployed: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"{deployed.env}-edge"
    text = json.dumps({"words": "the-word-now the-word-before"})
    boto3.client("secretsmanager").create_secret(Name=name, SecretString=text)
    monkeypatch.setenv("ATALAIA_EDGE", name)
    made = DynamoMeters.__call__
    monkeypatch.setattr(DynamoMeters, "__call__", lambda of, rate: made(of, rate, lambda: 1.7e9))
    for part in (deployment, api):
        part.forget()

    def status(word: str, viewer: str) -> int:
        said = {"x_atalaia_edge": word, "x_atalaia_viewer": viewer}
        return int(ask("/v1/subscribe", "POST", b"{}", **said)["statusCode"])

    for word in ("the-word-now", "the-word-before"):
        for i in range(SUBSCRIPTIONS):  # all by the edge's one address
            assert status(word, f"198.51.100.{i}") == 422
    told = [status("a guess", f"203.0.113.{i}") for i in range(SUBSCRIPTIONS + 2)]
    assert told == [422] * SUBSCRIPTIONS + [429] * 2, "whatever they say of themselves"
    assert status("the-word-now", "203.0.113.1") == 422


def ask(*args: Any, **headers: str) -> dict[str, Any]:
    answer = api.handle(event(*args, **headers), Context())
    json.dumps(answer)
    return answer


def test_an_address_subscribes_as_often_as_it_may_whichever_containers_answer(
    deployed: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = DynamoMeters.__call__
    monkeypatch.setattr(DynamoMeters, "__call__", lambda of, rate: made(of, rate, lambda: 1.7e9))
    told = []
    for i in range(SUBSCRIPTIONS + 3):
        if i % 12 == 11:
            api.forget()  # another one
        told.append(ask("/v1/subscribe", "POST", b"{}")["statusCode"])
    assert told == [422] * SUBSCRIPTIONS + [429] * 3
    assert "192.0.2.1" not in str(list(deployment.home().table("state").scan()))


def test_it_is_alive_and_ready_and_what_is_pushed_is_in_the_stream(deployed: Config) -> None:
    assert ask("/healthz")["statusCode"] == 200
    assert json.loads(ask("/readyz")["body"])["ready"] is True
    row = {
        "place_id": deployment.settings().places[0].id,
        "valid_at": "2026-01-10T12:00:00Z",
        "rain_mm": 3,
    }
    body = json.dumps([row]).encode()
    said = {"content_type": "application/json"}
    assert ask("/v1/readings", "POST", body, **said)["statusCode"] == 401
    answer = ask("/v1/readings", "POST", body, authorization=f"Bearer {KEY}", **said)
    assert answer["statusCode"] == 202, answer["body"]
    [record] = deployment.home().stream.read(0, 10)
    assert json.loads(record.payload.body) == [row]


def test_consoles_push_through_the_gateway_and_their_keys_are_not_in_the_stream(
    deployed: Config,
) -> None:
    place = deployment.settings().places[0].id
    state, now = deployment.home().state, int(time.time())
    _, key = add_key(state, Role.STATION, "", now, source="school roof", places=[place])
    said = "ID=KPOA1&dateutc=now&tempf=70&PASSWORD="
    wu = "/weatherstation/updateweatherstation.php?"
    assert ask(f"{wu}{said}wrong")["statusCode"] == 403
    answer = ask(f"{wu}{said}{key}")
    assert (answer["statusCode"], answer["body"]) == (200, "success")
    form = f"PASSKEY=0123456789ABCDEF&{said}".encode()
    how = {"content_type": "application/x-www-form-urlencoded"}
    assert ask("/data/report/wrong", "POST", form, **how)["statusCode"] == 403
    assert ask(f"/data/report/{key}", "POST", form, **how)["statusCode"] == 200
    kept = {record.offset: record.payload for record in deployment.home().stream.read(0, 99)}
    assert [(one.source, one.content) for one in kept.values()] == [
        ("pws", "wunderground"), ("pws", "ecowitt")
    ]  # fmt: skip
    assert {one.places for one in kept.values()} == {("school roof", place)}
    assert {one.body for one in kept.values()} == {b"dateutc=now&tempf=70"}


def test_an_alert_that_was_told_since_is_in_the_next_answer(deployed: Config) -> None:
    before = json.loads(ask("/v1/incidents", authorization=f"Bearer {KEY}")["body"])
    deployment.home().state.commit(Commit("speed/lane-0", 1, entries=[news("i1")]))
    after = ask("/v1/incidents", authorization=f"Bearer {KEY}")
    assert after["statusCode"] == 200
    assert "i1" not in json.dumps(before)
    assert "i1" in after["body"]


def test_how_the_sources_do_is_as_polls_last_round_left_it(deployed: Config) -> None:
    at = int(time.time()) - 60
    assert json.loads(ask("/v1/sources", authorization=f"Bearer {KEY}")["body"])["items"] == []
    state = deployment.home().state
    silent = Health("HTTP 503", at - 3600, at + 600)
    told = [
        status.SourceStatus("open-meteo", 900, Health(None, at), {"minute": 599, "day": 9000}),
        status.SourceStatus("tomorrow-io", 300, silent, {"day": 20}),
    ]
    status.keep(state, told)
    answer = json.loads(ask("/v1/sources", authorization=f"Bearer {KEY}")["body"])
    one, other = answer["items"]
    assert (one["source"], one["fresh"], one["fault"]) == ("open-meteo", True, None)
    assert one["last_success_at"] == instant(at)
    assert 60 <= one["age_s"] < 120
    assert one["calls_left"] == {"minute": 599, "day": 9000}
    assert (other["fresh"], other["fault"]) == (False, "HTTP 503")
    assert other["next_try_at"] == instant(at + 600)
    ready = json.loads(ask("/readyz")["body"])
    assert ready["ready"] is True
    assert ready["sources"]["tomorrow-io"]["fault"] == "HTTP 503"
    assert set(ready["sources"]["open-meteo"]) == set(one) - {"source", "calls_left", "in_words"}
    state.set_note("sources", '{"of": "another version"}')
    assert json.loads(ask("/v1/sources", authorization=f"Bearer {KEY}")["body"])["items"] == []


def test_a_places_readings_come_from_athena(deployed: Config) -> None:
    boto3.client("athena").create_work_group(Name=deployed.workgroup, Tags=[])
    kinds = {"source": "varchar", "kind": "varchar", "valid_at": "timestamp(3)"}
    kinds |= {"received_at": "timestamp(3)", "period_s": "integer", "temperature_c": "double"}
    at = time.strftime("%Y-%m-%d %H:%M:%S.000", time.gmtime(time.time() - 3600))
    cells = ["open-meteo", "analysis", at, at, "900", "31.5"]
    rows = [{"Data": [{"VarCharValue": text} for text in some]} for some in (list(kinds), cells)]
    about = [{"Name": name, "Type": kind} for name, kind in kinds.items()]
    canned = {"results": [{"rows": rows, "column_info": about}], "region": moto.REGION}
    url = f"{os.environ['AWS_ENDPOINT_URL']}/moto-api/static/athena/query-results"
    headers = {"Content-Type": "application/json"}
    urllib.request.urlopen(
        urllib.request.Request(url, json.dumps(canned).encode(), headers)
    ).close()
    place = deployment.settings().places[0].id
    path = f"/v1/places/{place}/readings?hours=3&variables=temperature_c"
    answer = ask(path, authorization=f"Bearer {KEY}")
    assert answer["statusCode"] == 200, answer["body"]
    [series] = json.loads(answer["body"])["series"]
    assert (series["source"], series["values"]) == ("open-meteo", [31.5])
    [query] = boto3.client("athena").list_query_executions(WorkGroup=deployed.workgroup)[
        "QueryExecutionIds"
    ]
    asked = boto3.client("athena").get_query_execution(QueryExecutionId=query)["QueryExecution"]
    assert asked["QueryExecutionContext"]["Database"] == deployed.database
    assert f"place_id = '{place}'" in asked["Query"]


def test_what_was_foretold_and_detect_has_judged_is_shown_before_gold_has_it(
    deployed: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GoldHistory, "_read", lambda *_: Readings.empty())
    place, now = deployment.settings().places[0].id, int(time.time()) // 3600 * 3600
    path = f"/v1/places/{place}/readings?variables=temperature_c"
    mapper = Mapper(deployed.stream, detect.handle, deployed.queue("dead"))
    for values in ((20.0, 21.0, 22.0), (30.0, 31.0)):
        rows = [
            {
                "place_id": place,
                "kind": "forecast",
                "valid_at": instant(now + hours * 3600),
                "issued_at": instant(now - 7200),
                "temperature_c": value,
            }
            for hours, value in enumerate(values, 2)
        ]
        said = {"content_type": "application/json", "authorization": f"Bearer {KEY}"}
        assert ask("/v1/readings", "POST", json.dumps(rows).encode(), **said)["statusCode"] == 202
        mapper.run()
    answer = ask(path, authorization=f"Bearer {KEY}")
    [series] = json.loads(answer["body"])["series"]
    assert (series["kind"], series["values"]) == ("forecast", [30.0, 31.0, 22.0])
    assert series["times"] == [instant(now + hours * 3600) for hours in (2, 3, 4)]


class Telegram(BaseHTTPRequestHandler):
    """What the bot said: (method, parameters)."""

    said: ClassVar[list[tuple[str, Any]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.said.append((self.path.rpartition("/")[2], json.loads(body)))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"ok": true, "result": {"message_id": 1}}')

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def telegram(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Any]]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Telegram)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("ATALAIA_CHANNELS_TELEGRAM_BASE_URL", url)
    Telegram.said.clear()
    yield Telegram.said
    server.shutdown()


def update(number: int, **what: Any) -> dict[str, Any]:
    """A call of Telegram's webhook."""
    chat = {"id": CHAT, "type": "private"}
    if "pressed" in what:
        held = {"message_id": 1, "chat": chat, "from": {"id": 5, "is_bot": True}}
        query = {"id": "q", "from": SENDER, "data": what["pressed"], "message": held}
        body: dict[str, Any] = {"update_id": number, "callback_query": query}
    else:
        message = {"message_id": number, "chat": chat, "from": SENDER} | what
        body = {"update_id": number, "message": message}
    answer: dict[str, Any] = ask(
        "/v1/telegram",
        "POST",
        json.dumps(body).encode(),
        x_telegram_bot_api_secret_token=SECRET,
        content_type="application/json",
    )
    return answer


def test_people_talk_to_telegrams_bot_whichever_container_hears_them(
    telegram: list[tuple[str, Any]], deployed: Config
) -> None:
    assert update(1, text="/start")["statusCode"] == 200
    for number in range(2, 5):  # a place, a level, the consent: each heard by another container
        for part in (deployment, api):
            part.forget()
        what: dict[str, Any] = {"location": {"latitude": -8.05, "longitude": -34.9}}
        if number > 2:
            what = {
                "pressed": telegram[-1][1]["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
            }
        assert update(number, **what)["statusCode"] == 200
    home = deployment.home()
    registry = Registry(home.people, home.keys)
    pseudonym = registry.find(Contact("telegram", str(CHAT)))
    assert pseudonym is not None
    person = registry.person(pseudonym)
    assert person is not None
    assert person.channels == ("telegram",)
    said = len(telegram)
    assert update(4, pressed="agree:x")["statusCode"] == 200
    assert len(telegram) == said, "the same update again is not answered again"
    assert not list(home.table("contacts").query("talk")), "a talk that is over is not kept"
    assert update(5, text="/stop")["statusCode"] == 200
    assert registry.person(pseudonym) is None


def test_a_bots_webhook_believes_nobody_without_the_secret(
    telegram: list[tuple[str, Any]], deployed: Config
) -> None:
    for given in ({}, {"x_telegram_bot_api_secret_token": "x"}):
        body = json.dumps({"update_id": 1, "message": {"text": "/start"}}).encode()
        assert ask("/v1/telegram", "POST", body, **given)["statusCode"] == 403
    assert telegram == []
    body = b'{"entry": []}'
    signed = "sha256=" + hmac.new(b"app", body, hashlib.sha256).hexdigest()
    forged = "sha256=" + hmac.new(b"ppa", body, hashlib.sha256).hexdigest()
    assert ask("/v1/whatsapp", "POST", body, x_hub_signature_256=signed)["statusCode"] == 200
    assert ask("/v1/whatsapp", "POST", body, x_hub_signature_256=forged)["statusCode"] == 403
    query = "/v1/whatsapp?hub.mode=subscribe&hub.challenge=42&hub.verify_token="
    assert ask(query + "h4Jc8tVy6RfM1gXq3NwZ7kBs")["body"] == "42"
    assert ask(query + "other")["statusCode"] == 403


def test_a_reply_by_whatsapp_acknowledges_and_stops(deployed: Config) -> None:
    home = deployment.home()
    registry = Registry(home.people, home.keys)
    contact = Contact("whatsapp", "+5581999990000")
    request = Request(contacts=(contact,), where=(HERE,), proof="form 12")
    pseudonym = subscribe(registry, request, int(time.time()) - 60, lambda *_: None).pseudonym
    assert registry.person(pseudonym) is not None
    value = {"messages": [{"from": "5581999990000", "text": {"body": "PARAR"}}]}
    body = json.dumps({"entry": [{"changes": [{"value": value}]}]}).encode()
    signed = "sha256=" + hmac.new(b"app", body, hashlib.sha256).hexdigest()
    assert ask("/v1/whatsapp", "POST", body, x_hub_signature_256=signed)["statusCode"] == 200
    assert registry.person(pseudonym) is None


def test_bytes_go_as_base64_and_cookies_apart() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked = await receive()
        headers = [(b"content-type", b"image/png"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        said = scope["query_string"] + b"|" + asked["body"]
        await send({"type": "http.response.body", "body": said, "more_body": False})

    answer = asyncio.run(respond(app, event("/x?a=%20b", "POST", b"\xff"), 5))
    assert base64.b64decode(answer["body"]) == b"a=%20b|\xff"
    assert answer["cookies"] == ["a=1", "b"]
    assert answer["headers"] == {"content-type": "image/png"}


def test_an_answer_that_does_not_end_is_none() -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half of it", "more_body": True})
        await asyncio.Event().wait()

    answer = asyncio.run(respond(app, event("/x"), 0.01))
    assert (answer["statusCode"], answer["body"]) == (503, "")
