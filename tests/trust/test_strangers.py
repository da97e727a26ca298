"""What strangers can make this service send is bounded, and bounds no alert."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from atalaia.api.access import OWN_KEY, SIGNED_LINK, Caller, Gate
from atalaia.api.limits import CONFIRMATIONS, SUBSCRIPTIONS, RateLimits
from atalaia.domain.delivery import Letter, Outcome, Status
from atalaia.domain.delivery import Message as Message_
from atalaia.homes.embedded.meter import MemoryMeter
from atalaia.metrics import Metrics
from atalaia.people.admission import admit
from atalaia.people.manage import Signed
from atalaia.people.request import OPEN
from atalaia.settings import load
from notify.test_deliver import Office, story
from people.world import DAY, NOW, World, request
from telling import NOON, Post, letter, message


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class Asker:
    """Requests to the limits alone, of whoever shows which key."""

    def __init__(self, limit: int) -> None:
        self.gate = Gate(lambda _: None, is_public=True)
        self.limits = RateLimits(
            _answer, self.gate, limit, lambda rate: MemoryMeter(rate, lambda: 0.0)
        )

    async def ask(self, method: str, path: str, key: str = "", query: str = "") -> int:
        statuses = []

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        headers = [(b"authorization", f"Bearer {key}".encode())] if key else []
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": headers,
            "client": ("203.0.113.9", 1),
        }
        await self.limits(scope, receive, send)
        return int(statuses[0])

    def know(self, key: str, caller: Caller) -> None:
        self.gate._note(key, caller)


@pytest.mark.parametrize(
    ("path", "most"),
    [("/v1/subscribe", SUBSCRIPTIONS), ("/v1/people/p_x/confirm", CONFIRMATIONS)],
)
@pytest.mark.parametrize("key", ["", "atk_own", "atm_link"])
def test_asking_for_codes_and_guessing_is_limited_whatever_key_is_shown_and_also_at_limit_0(
    path: str, most: int, key: str
) -> None:
    asker = Asker(0)
    asker.know("atk_own", Caller("p_a", OWN_KEY, "p_a"))
    asker.know("atm_link", Caller("p_a", SIGNED_LINK, "p_a", Signed("p_a", ("email",), 1)))

    async def run() -> list[int]:
        return [await asker.ask("POST", path, key) for _ in range(most + 1)]

    assert asyncio.run(run()) == [200] * most + [429]


def test_signed_links_earn_no_buckets(w: World) -> None:
    asker = Asker(10)

    async def run() -> list[int]:
        said = []
        for n in range(12):
            asker.know(f"atm_{n}", Caller(f"p_{n}", SIGNED_LINK, f"p_{n}", Signed(f"p_{n}", (), 1)))
            said.append(await asker.ask("GET", "/v1/places", f"atm_{n}"))
        return said

    assert asyncio.run(run()) == [200] * 10 + [429] * 2


@pytest.mark.parametrize("path", ["/readyz", "/metrics"])
def test_health_and_metrics_are_counted(path: str) -> None:
    async def run() -> list[int]:
        asker = Asker(5)
        return [await asker.ask("GET", path) for _ in range(6)]

    assert asyncio.run(run()) == [200] * 5 + [429]


def test_a_preview_of_years_costs_as_much_as_its_months() -> None:
    async def run(days: int, asks: int) -> list[int]:
        asker = Asker(240)
        return [await asker.ask("POST", "/v1/preview", query=f"days={days}") for _ in range(asks)]

    assert asyncio.run(run(30, 12)) == [200] * 12
    assert asyncio.run(run(360, 2)) == [200, 429]


def test_all_strangers_together_get_so_many_codes_a_day_and_the_operator_is_not_among_them(
    w: World,
) -> None:
    settings = load(None, {"ATALAIA_PEOPLE_CODES_A_DAY": "2"})

    def ask(n: int, now: int = NOW, how: str = OPEN) -> None:
        asked = request(f"email:a{n}@example.org", how=how)
        admit(w.registry, settings, asked, asked.contacts, now)

    ask(1)
    ask(2)
    with pytest.raises(ValueError, match="ask again tomorrow"):
        ask(3)
    ask(4, how="cli")
    ask(5, NOW + DAY)


def test_only_numbers_of_named_countries_are_texted_for_strangers(w: World) -> None:
    settings = load(None, {"ATALAIA_PEOPLE_COUNTRIES": "+55,+351"})
    for contact, is_open in (
        ("sms:+5581999990000", True),
        ("sms:+351911111111", True),
        ("sms:+8821612345678", False),
        ("whatsapp:+8821612345678", False),
    ):
        asked = request(contact, how=OPEN)
        if is_open:
            admit(w.registry, settings, asked, asked.contacts, NOW)
            continue
        with pytest.raises(ValueError, match=r"people\.countries") as refused:
            admit(w.registry, settings, asked, asked.contacts, NOW)
        assert "882" not in str(refused.value)


def test_codes_by_sms_stop_at_their_own_budget(w: World) -> None:
    at = "ATALAIA_CHANNELS_SMS_"
    env = {f"{at}ENABLED": "true", f"{at}PRICE_USD": "0.05", f"{at}CODES_USD_A_MONTH": "0.1"}
    settings = load(None, env)

    def ask(n: int) -> None:
        asked = request(f"sms:+558199999000{n}", how="cli")
        admit(w.registry, settings, asked, asked.contacts, NOW)

    ask(1)
    ask(2)
    with pytest.raises(ValueError, match="money for codes"):
        ask(3)


def test_a_capped_channel_hands_on_at_once_and_says_so_and_codes_count_for_nothing(
    tmp_path: Path,
) -> None:
    async def tell(o: Office) -> None:
        for name in ("a", "b"):
            o.put(message(name, f"p_{name}", channel="sms", seqs=(1,), kind="confirm"))
        await o.until(lambda: len(o.tries) == 2)
        assert o.deliverer.senders["sms"].pace.room(NOON) == 2
        with capture_logs() as logs:
            for n, name in enumerate("cdef"):
                o.put(message(name, f"p_{name}", channel="sms", seqs=(n,)))
            await o.until(lambda: len(o.tries) == 6)
        assert [o.of(name).status for name in "cdef"].count(Status.SENT) == 2
        dead = [o.of(name) for name in "cdef" if o.of(name).status == Status.DEAD]
        assert [one.reason for one in dead] == ["2 a day are used up"] * 2
        said = [log for log in logs if "capped" in log["event"]]
        assert [log["channel"] for log in said] == ["sms"]
        metrics = Metrics()
        metrics.tried(o.tries)
        page = metrics.before_reading(lambda _: None)
        assert b'atalaia_delivery_capped_total{channel="sms"} 2.0' in page

    def write(messages: Sequence[Message_]) -> list[Letter | Outcome]:
        return [msgspec.structs.replace(letter(m), has_more=True) for m in messages]

    story(tmp_path, tell, Post("sms", a_day=2, at_once=1), write=write)
