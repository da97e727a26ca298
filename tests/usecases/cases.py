"""What a person or an operator can do, once, for every home. A home says only how it is driven."""

from __future__ import annotations

import json
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

import ensembles
from atalaia.domain.alert import instant
from atalaia.domain.payload import Payload
from ensembles import HOUR, answer, payload
from patience import wait_until
from pushing import PushService
from stories import rule_text

KEY = "p8Zk2mQx7vN4tR1cW9sLbYd3"

SETTINGS = """
rules = "inmet"
language = "en"
[sources.open-meteo]
enabled = false
[api]
url = "https://alerts.example.org"
[people]
controller = "Defesa Civil"
contact = "https://example.org/contact"
[channels.webhook]
enabled = true
allow = ["127.0.0.0/8"]
[channels.webpush]
allow = ["127.0.0.0/8"]
[[place]]
id = "recife"
name = "Recife"
latitude = -8.05
longitude = -34.9
timezone = "America/Recife"
[[place]]
id = "olinda"
name = "Olinda"
latitude = -8.0
longitude = -34.85
timezone = "America/Recife"
"""

POSSIBLE = {
    "name": "rain-24h",
    "hazard": "heavy_rain",
    "variable": "rain_mm",
    "measure": "sum",
    "window": "24h",
    "limits": {"yellow": 30, "orange": 80},
    "chance": 0.3,
}

HERE = [{"latitude": -8.05, "longitude": -34.9, "radius_km": 2}]


class Target:
    """Somebody's webhook: a server on loopback that notes what it is sent."""

    path = "/hook"

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        target = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                target.bodies.append(json.loads(self.rfile.read(size)))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}{self.path}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def texts(self) -> list[str]:
        return [json.dumps(body, ensure_ascii=False) for body in self.bodies]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def decoded(said: bytes | str) -> Any:
    """JSON as what it says; a page as its text."""
    try:
        return json.loads(said) if said else None
    except ValueError:
        return said if isinstance(said, str) else said.decode()


def answers(watch: Driven, link: str, what: str) -> int:
    """Open a message's link, which does nothing but show buttons, and press one."""
    path = link.removeprefix("https://alerts.example.org")
    status, page = watch.ask("GET", path, None, None)
    assert (status, f"/{what}" in page) == (200, True), page
    return watch.ask("POST", f"{path}/{what}", None, None)[0]


class Driven(ABC):
    """A home with the program on it, as its outside meets it."""

    @abstractmethod
    def ask(
        self, method: str, path: str, body: Any = None, key: str | None = KEY
    ) -> tuple[int, Any]:
        """A request of the API; JSON comes decoded."""

    @abstractmethod
    def settle(self) -> None:
        """Let all that has come go all the way: to the alert log, the outbox, the channels."""

    @abstractmethod
    def events(self, after: int | None) -> list[dict[str, Any]]:
        """Alerts that ``GET /v1/events``, or what it leads to where nothing can be streamed, tells
        who heard up to a number: ``seq`` and ``alert``; in bounded time. None: from now on."""

    @abstractmethod
    def hear(self, payload: Payload) -> None:
        """As if a source had answered so; and let it go all the way."""

    @abstractmethod
    def minutes_later(self) -> None:
        """Let all who look every minute have looked: what somebody asked for is known to them."""

    @abstractmethod
    def another(self) -> None:
        """From now on other processes do the work, where a home has several."""


class UseCases:
    """To be run on each home: a subclass has the fixture ``begin``."""

    @pytest.fixture
    def target(self) -> Iterator[Target]:
        target = Target()
        yield target
        target.close()

    @pytest.fixture
    def push_service(self) -> Iterator[PushService]:
        service = PushService()
        yield service
        service.close()

    @pytest.fixture
    def begin(self, tmp_path: Path) -> Iterator[Callable[[str], Driven]]:
        """Begins a watch by these settings, in whose folder the test may have put files; it ends
        with the test."""
        raise NotImplementedError

    @pytest.fixture
    def watch(self, begin: Callable[[str], Driven]) -> Driven:
        return begin(SETTINGS)

    @pytest.fixture(autouse=True)
    def _nobodys_address_is_logged(self) -> Iterator[None]:
        """Whatever is done: before the last net (`redact`) is asked."""
        with capture_logs() as logs:
            yield
        said = json.dumps(logs, default=repr)
        assert [a for a in (Target.path, "/push/", "whsec_") if a in said] == []

    def test_who_subscribes_and_confirms_is_told_once_and_acknowledges(
        self, watch: Driven, target: Target
    ) -> None:
        person = subscribed(watch, target)
        storm(watch, 21.0)
        assert [text.count("Recife") > 0 for text in target.texts()[1:]] == [True]
        storm(watch, 21.5)
        assert len(target.bodies) == 2, "the same level is no news"
        storm(watch, 34.0)
        assert len(target.bodies) == 3, "a higher one is"
        watch.another()
        watch.settle()
        assert len(target.bodies) == 3
        status, page = watch.ask("GET", f"/v1/deliveries?person={person}")
        assert status == 200
        sent = [one for one in page["items"] if one["kind"] != "confirm"]
        assert [one["status"] for one in sent] == ["sent", "sent"]
        message = sent[0]["id"]
        path = f"/v1/people/{person}/messages/{message}/acknowledge"
        assert watch.ask("POST", path)[0] == 204
        page = watch.ask("GET", f"/v1/deliveries?person={person}")[1]
        assert all(one["acknowledged_at"] for one in page["items"] if one["kind"] != "confirm")

    def test_a_browser_subscribes_without_an_address_is_told_and_ends_by_being_gone(
        self, watch: Driven, push_service: PushService
    ) -> None:
        terms = watch.ask("GET", "/v1/subscribe?language=en", None, None)[1]
        assert "Defesa Civil" in terms["consent"]
        assert "webpush" in terms["channels"]
        browser = push_service.browser(terms["push_key"])
        wish = {
            "contacts": [browser.contact],
            "where": HERE,
            "hazards": {"wind": "yellow"},
            "language": "en",
        }
        status, told = watch.ask("POST", "/v1/subscribe", wish, None)
        assert (status, told["to_confirm"]) == (201, ["webpush"]), told
        watch.another()
        watch.settle()
        [asked] = browser.came
        confirm = f"/v1/people/{told['person']}/confirm"
        status, confirmed = watch.ask("POST", confirm, {"code": asked.body["code"]}, None)
        assert (status, confirmed["person"]) == (200, told["person"])
        watch.settle()
        storm(watch, 12.0)
        storm(watch, 21.0)
        levels = [(one.body["level"], one.urgency) for one in browser.came[1:]]
        assert levels == [("yellow", "normal"), ("orange", "high")]
        assert [one.body["level"] for one in browser.waits[1:]] == ["orange"], "in its place"
        assert push_service.refused == []
        for _ in range(2):  # the fourth code of a day goes to nobody, whoever asks for it
            assert watch.ask("POST", "/v1/subscribe", wish, None)[0] == 201
        status, told = watch.ask("POST", "/v1/subscribe", wish, None)
        assert (status, "3 codes in a day" in told["detail"]) == (422, True)
        held = watch.ask("GET", f"/v1/people/{confirmed['person']}")[1]
        assert browser.endpoint in json.dumps(held)
        [*_, newest] = [one for one in browser.came if one.body["kind"] == "alert"]
        assert answers(watch, newest.body["answer"], "received") == 200
        page = watch.ask("GET", f"/v1/deliveries?person={confirmed['person']}")[1]
        assert all(one["acknowledged_at"] for one in page["items"] if one["kind"] == "alert")
        push_service.browsers.clear()  # its owner took the leave back
        storm(watch, 34.0)
        held_at = f"/v1/people/{confirmed['person']}"
        wait_until(lambda: watch.settle() or browser.endpoint not in str(watch.ask("GET", held_at)))
        held = watch.ask("GET", held_at)[1]
        assert {one["status"] for one in held["contacts"]} == {"stopped"}

    def test_who_lost_their_link_gets_another_by_the_contact_that_they_have_and_nobody_else_does(
        self, watch: Driven, push_service: PushService
    ) -> None:
        key = watch.ask("GET", "/v1/subscribe?language=en", None, None)[1]["push_key"]
        browser, strangers = push_service.browser(key), push_service.browser(key)
        wish = {"contacts": [browser.contact], "where": HERE, "language": "en"}
        person = watch.ask("POST", "/v1/subscribe", wish, None)[1]["person"]
        watch.settle()
        code = {"code": browser.came[0].body["code"]}
        assert watch.ask("POST", f"/v1/people/{person}/confirm", code, None)[0] == 200
        watch.another()
        told = [
            watch.ask("POST", "/v1/links", {"contact": one.contact}, None)
            for one in (browser, strangers)
        ]
        assert told == [(202, {"channel": "webpush"})] * 2, "the same where nobody is told"
        watch.settle()
        assert strangers.came == []
        assert len(browser.came) == 2
        link = browser.came[1].body["answer"].removeprefix("https://alerts.example.org")
        status, page = watch.ask("GET", link, None, None)
        assert (status, "/change" in page) == (200, True)
        items = watch.ask("GET", f"/v1/deliveries?person={person}")[1]["items"]
        assert sorted((one["kind"], one["status"]) for one in items) == [
            ("confirm", "sent"),
            ("link", "sent"),
        ]
        statuses = [watch.ask("POST", "/v1/links", {"contact": browser.contact}, None)[0]]
        statuses += [watch.ask("POST", "/v1/links", {"contact": browser.contact}, None)[0]]
        assert statuses == [202, 422], "as codes: three a day"

    def test_a_contact_is_added_by_the_link_and_its_code_and_the_other_is_told(
        self, watch: Driven, target: Target, push_service: PushService
    ) -> None:
        key = watch.ask("GET", "/v1/subscribe?language=en", None, None)[1]["push_key"]
        browser = push_service.browser(key)
        wish = {
            "contacts": [browser.contact],
            "where": HERE,
            "hazards": {"wind": "yellow"},
            "language": "en",
        }
        person = watch.ask("POST", "/v1/subscribe", wish, None)[1]["person"]
        watch.settle()
        code = {"code": browser.came[0].body["code"]}
        link = watch.ask("POST", f"/v1/people/{person}/confirm", code, None)[1]["manage"]
        token = link.partition("#")[2]
        hook = {"contact": f"webhook:{target.url}"}
        assert watch.ask("POST", f"/v1/people/{person}/contacts", hook, None)[0] == 401
        watch.another()
        status, added = watch.ask("POST", f"/v1/people/{person}/contacts", hook, token)
        assert (status, added["to_confirm"]) == (202, "webhook"), added
        assert added["secrets"]["webhook"].startswith("whsec_")
        watch.settle()
        [asked] = target.bodies
        confirm = f"/v1/people/{person}/confirm"
        code = {"code": asked["data"]["code"]}
        assert watch.ask("POST", confirm, code, None)[0] == 403, "not without the link"
        status, done = watch.ask("POST", confirm, code, token)
        assert (status, done["person"]) == (200, person)
        assert watch.ask("GET", f"/v1/people/{person}", key=token)[0] == 401, "links of before end"
        watch.settle()
        assert "webhook" in browser.came[-1].body["body"], "the other is told so"
        fresh = done["manage"].partition("#")[2]
        held = watch.ask("GET", f"/v1/people/{person}", key=fresh)[1]
        assert held["person"]["channels"] == ["webpush", "webhook"]
        watch.minutes_later()
        first = {"channels": ["webhook"]}
        assert watch.ask("PATCH", f"/v1/people/{person}", first, fresh)[0] == 204
        watch.minutes_later()
        storm(watch, 21.0)
        assert len(target.bodies) == 2, "the code, and then the storm"

    def test_a_silence_holds_wherever_the_work_is_done_and_is_lost_to_no_other(
        self, watch: Driven, target: Target
    ) -> None:
        subscribed(watch, target)
        storm(watch, 10.0)  # all parts are warm
        asked = {"hazard": "wind", "seconds": 600, "reason": "a gauge is broken"}
        assert watch.ask("POST", "/v1/silences", asked)[0] == 201
        watch.another()
        other = {"place": "olinda", "seconds": 600, "reason": "an exercise of the city"}
        assert watch.ask("POST", "/v1/silences", other)[0] == 201
        watch.another()
        listed = watch.ask("GET", "/v1/silences")[1]["items"]
        assert [one["reason"] for one in listed] == [other["reason"], asked["reason"]]
        storm(watch, 21.0)
        assert len(target.bodies) == 1, "only the code"
        incidents = watch.ask("GET", "/v1/incidents?active=true")[1]["items"]
        assert [one["hazard"] for one in incidents] == ["wind"], "it is recorded all the same"
        ended = watch.ask("DELETE", f"/v1/silences/{listed[1]['id']}")[0]
        assert ended == 204
        wait_until(lambda: watch.settle() or len(target.bodies) == 2)  # what stood when it ended
        storm(watch, 34.0)
        assert len(target.bodies) == 3, "and then the worse"

    def test_a_limit_of_ones_own_between_two_levels_is_told_at_once_and_to_nobody_else(
        self, watch: Driven, target: Target
    ) -> None:
        limits = ["wind_gust_m_s >= 24", "wind_gust_m_s >= 27"]
        others = Target()
        try:
            subscribed(watch, others)
            person = subscribed(watch, target, hazards={}, thresholds=limits)
            watch.minutes_later()
            storm(watch, 21.0)
            assert [len(one.bodies) for one in (others, target)] == [2, 1], "orange, and below 24"
            storm(watch, 23.0)
            storm(watch, 25.0)
            assert [len(one.bodies) for one in (others, target)] == [2, 2]
            assert "The limit you asked for: 24 m/s" in target.texts()[-1]
            entries = watch.ask("GET", "/v1/alerts")[1]["items"]
            assert sorted(one["type"] for one in entries) == ["alert", "step"]
            assert watch.ask("DELETE", f"/v1/people/{person}")[0] == 204
            watch.minutes_later()
            storm(watch, 27.5)
            assert watch.ask("GET", "/v1/alerts")[1]["items"] == entries, "nobody asked for it"
            assert [len(one.bodies) for one in (others, target)] == [2, 2]
        finally:
            others.close()

    def test_a_chance_of_ones_own_is_told_as_soon_as_it_is_reached(
        self, begin: Callable[[str], Driven], target: Target, tmp_path: Path
    ) -> None:
        """The rule warns of 30 mm in 3 of 10 runs; they asked for 50 mm in 5 of 10."""
        (tmp_path / "mine.toml").write_text(rule_text(POSSIBLE))
        watch = begin(SETTINGS.replace('rules = "inmet"', 'rules = "mine.toml"'))
        wish = {"hazards": {}, "thresholds": ["rain_mm over 24h >= 50 chance 50 %"]}
        person = subscribed(watch, target, **wish)
        data = watch.ask("GET", f"/v1/people/{person}")[1]["person"]
        [held] = data["subscriptions"]
        assert held["thresholds"][0]["chance"] == 50
        watch.minutes_later()
        at = int(time.time())
        for i, (passing, told) in enumerate(((20, 0), (24, 0), (30, 1), (34, 1))):
            mm = ensembles.storm(at + 30 * HOUR, lambda run, n=passing: 60.0 if run < n else 4.0)
            watch.hear(payload(at + i, answer(at, mm, where=(-8.05, -34.9)), ("recife",)))
            assert len(target.bodies) == 1 + told, f"{passing} of 51 runs"
        said = target.texts()[-1]
        assert "50 mm or more in 5 of 10 model runs" in said
        assert "The limit you asked for: 50 mm, chance of 50 %" in said

    def test_a_drill_reaches_the_organisations_that_it_is_for(
        self, watch: Driven, target: Target
    ) -> None:
        subscribed(watch, target, organisation=True)
        watch.another()
        asked = {"hazard": "wind", "level": "orange", "place": "recife"}
        reach = watch.ask("POST", "/v1/drills/reach", asked)
        assert reach == (200, {"people": 1, "channels": {"webhook": 1}})
        watch.settle()
        assert len(target.bodies) == 1, "it was only asked whom it would reach"
        status, told = watch.ask("POST", "/v1/drills", asked)
        assert (status, told["people"], told["status"]) == (201, 1, "Exercise")
        watch.settle()
        assert len(target.bodies) == 2
        assert "EXERCISE" in target.texts()[1]
        assert watch.ask("GET", "/v1/alerts")[1]["items"] == []

    def test_what_is_held_can_be_seen_stopped_and_erased(
        self, watch: Driven, target: Target
    ) -> None:
        person = subscribed(watch, target)
        status, held = watch.ask("GET", f"/v1/people/{person}")
        assert status == 200
        assert target.url in json.dumps(held)
        assert watch.ask("DELETE", f"/v1/people/{person}")[0] == 204
        watch.another()
        assert watch.ask("GET", f"/v1/people/{person}")[0] == 404
        storm(watch, 21.0)
        assert len(target.bodies) == 1, "who was erased is told nothing more"

    def test_an_operator_sees_who_is_kept_by_pseudonym_and_channel_and_which_rules_hold(
        self, watch: Driven, target: Target
    ) -> None:
        person = subscribed(watch, target)
        status, page = watch.ask("GET", "/v1/people")
        assert status == 200
        [one] = page["items"]
        assert one["person"] == person
        assert one["confirmed_at"]
        assert one["contacts"] == [{"channel": "webhook", "status": "confirmed"}]
        assert target.url not in json.dumps(page)
        assert "recife" not in json.dumps(page).lower()
        assert [watch.ask("GET", "/v1/people", key=key)[0] for key in (None, "x")] == [401, 401]
        told = watch.ask("GET", "/v1/rules", key=None)[1]
        assert told["name"] == "inmet"
        gust = next(one for one in told["items"] if one["variable"] == "wind_gust_m_s")
        assert all("wind_gust_m_s ≥" in gust["in_words"][one] for one in ("pt-BR", "en", "es"))
        assert watch.ask("DELETE", f"/v1/people/{person}")[0] == 204
        watch.another()
        assert watch.ask("GET", "/v1/people")[1] == {"items": [], "next": None}

    def test_events_tell_what_is_newer_than_a_listener_has(
        self, watch: Driven, target: Target
    ) -> None:
        assert watch.events(None) == []
        storm(watch, 21.0)
        [first] = watch.events(0)
        assert (first["alert"]["hazard"], first["alert"]["level"]) == ("wind", "orange")
        storm(watch, 34.0)
        watch.another()
        [second] = watch.events(first["seq"])
        assert (second["alert"]["type"], second["alert"]["level"]) == ("update", "red")
        assert watch.events(second["seq"]) == []
        ahead = watch.events(second["seq"] + 1_000)
        assert ahead == [first, second], "they heard a log that is no more: nothing would be worse"

    def test_an_operator_sees_how_far_behind_each_stage_is(
        self, watch: Driven, target: Target
    ) -> None:
        subscribed(watch, target)
        storm(watch, 21.0)
        assert watch.ask("GET", "/v1/summary")[1]["active"]["orange"] == 1
        lag = watch.ask("GET", "/v1/lag")[1]
        assert {name: lag[name] for name in ("speed", "board", "fan_out", "deliveries")} == {
            "speed": 0,
            "board": 0,
            "fan_out": 0,
            "deliveries": 0,
        }
        assert watch.ask("GET", "/v1/lag", key=None)[0] == 401

    def test_a_preview_tells_what_one_would_have_had(self, watch: Driven, target: Target) -> None:
        storm(watch, 21.0)
        wish = {"where": HERE, "hazards": {"wind": "yellow"}, "language": "en"}
        status, told = watch.ask("POST", "/v1/preview", wish)
        assert status == 200
        assert ["strong wind" in one["text"] for one in told["messages"]] == [True], told


def subscribed(watch: Driven, target: Target, **more: Any) -> str:
    """Somebody with a webhook, who has confirmed it by the code that came there."""
    wish = {
        "contacts": [f"webhook:{target.url}"],
        "where": HERE,
        "hazards": {"wind": "yellow"},
        "language": "en",
        **more,
    }
    status, told = watch.ask("POST", "/v1/subscriptions", wish)
    assert status == 201, told
    assert told["to_confirm"] == ["webhook"]
    watch.settle()
    [asked] = target.bodies
    code = asked["data"]["code"]
    person = str(told["person"])
    assert watch.ask("POST", f"/v1/people/{person}/confirm", {"code": code}, None)[0] == 200
    watch.settle()
    return person


def storm(watch: Driven, gust: float) -> None:
    """A gust at Recife, in a later second than whatever came before."""
    time.sleep(1.001 - time.time() % 1)
    row = {"place_id": "recife", "valid_at": instant(int(time.time())), "wind_gust_m_s": gust}
    status, told = watch.ask("POST", "/v1/readings", [row])
    assert status == 202, told
    watch.settle()
