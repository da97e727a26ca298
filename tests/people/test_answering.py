"""The link in each message by which one answers it: what it does, and for whom it does nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from fastapi import FastAPI

from atalaia.api import answering, problem
from atalaia.api.gateway import respond
from atalaia.channels.sms import text
from atalaia.domain.delivery import Message, Status, message_id
from atalaia.people.answering import PATH, Answering, ways_of
from atalaia.people.manage import LASTS_S, whose
from atalaia.people.rotation import rotate_lookups
from atalaia.people.service import PeopleService
from atalaia.settings import load
from channels.letters import content
from people.world import NOW, World, world

BASE = "https://alerts.example.org"
ANA = "email:ana@example.org"


@pytest.fixture
def w(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path / "home") as found:
        yield found


class Asked:
    """Answering of a home at an instant, and a browser that asks for them."""

    def __init__(self, w: World, now: int = NOW) -> None:
        self.w = w
        service = PeopleService(w.registry, w.home, load(None, {}))
        self.answers = Answering(service, w.registry, w.home, lambda: now)
        app = FastAPI()
        problem.install(app)
        app.include_router(answering.routes(self.answers, "en"), prefix="/v1")
        self._app = app

    def ask(self, method: str, link: str) -> tuple[int, dict[str, str]]:
        http = {"method": method, "sourceIp": "192.0.2.1"}
        event = {"rawPath": link.removeprefix(BASE), "requestContext": {"http": http}}
        answer = asyncio.run(respond(self._app, event, 5))
        return answer["statusCode"], answer["headers"]

    def press(self, link: str, what: str) -> tuple[int, str]:
        status, headers = self.ask("POST", f"{link}/{what}")
        return status, headers.get("location", "")


def told(
    w: World, person: str, channel: str = "email", about: str = "one", *, under_way: bool = False
) -> Message:
    """A message that went to somebody, or is about to."""
    one = Message(
        id=message_id(person, channel, about),
        person=person,
        channel=channel,
        order_key=person,
        status=Status.LEASED if under_way else Status.SENT,
        due_at=NOW,
        settled_at=0 if under_way else NOW,
    )
    w.home.outbox.put(one)
    return one


def link(w: World, message: Message) -> str:
    found = ways_of(BASE, w.registry, w.home.people.contacts)(message).answer
    assert found.startswith(BASE + PATH)
    return found


def acknowledged(w: World, message: Message) -> bool:
    found = w.home.outbox.message(message.id)
    assert found is not None
    return bool(found.acknowledged_at)


def test_who_only_looks_at_it_does_nothing_and_who_presses_does_what_is_said(w: World) -> None:
    ana = w.told(ANA, "sms:+5551999990000")
    message, asked = told(w, ana), Asked(w)
    mine = link(w, message)
    for _ in range(3):  # a scanner, a preview, and then she
        status, headers = asked.ask("GET", mine)
        assert (status, headers["cache-control"]) == (200, "no-store")
        assert asked.ask("HEAD", mine)[0] == 405
    assert not acknowledged(w, message)
    assert w.person(ana).channels == ("email", "sms")
    assert asked.press(mine, "received") == (200, "")
    assert acknowledged(w, message)
    status, place = asked.press(mine, "change")
    assert (status, place.partition("#")[0]) == (303, "/manage")
    signed = whose(w.registry, place.partition("#")[2], NOW)
    assert signed is not None
    assert signed[:2] == (ana, ("email",)), "it opens what this address earned, and no other"
    assert asked.press(mine, "stop")[0] == 200
    assert w.person(ana).channels == ("sms",)


def test_it_opens_nothing_a_week_later_and_still_acknowledges_and_stops(w: World) -> None:
    ana = w.told(ANA)
    mine = link(w, told(w, ana))
    late = Asked(w, NOW + LASTS_S + 1)
    assert late.press(mine, "change")[0] == 404
    assert late.press(mine, "received")[0] == 200
    assert late.press(mine, "stop")[0] == 200


def test_who_presses_before_it_is_written_down_that_it_went_is_let_in(w: World) -> None:
    """The message has come, and its sender is about to keep that."""
    ana = w.told(ANA)
    mine = link(w, told(w, ana, under_way=True))
    assert [Asked(w).press(mine, what)[0] for what in ("change", "received", "stop")] == [
        303,
        200,
        200,
    ]
    assert Asked(w, NOW + LASTS_S + 1).press(mine, "change")[0] == 404


def test_it_ends_with_the_contact_and_who_comes_back_is_not_opened_by_it(w: World) -> None:
    ana = w.told(ANA)
    mine, asked = link(w, told(w, ana)), Asked(w)
    assert w.registry.stop(ana, "email", NOW + 1)
    assert [asked.press(mine, what)[0] for what in ("received", "change", "stop")] == [404] * 3
    [ask] = w.subscribe(ANA, now=NOW + 2).asks
    w.confirm(ask.person, w.code(ask, NOW + 2), NOW + 2)
    assert [asked.press(mine, what)[0] for what in ("received", "change", "stop")] == [404] * 3
    w.registry.erase(ana, NOW + 3)
    assert asked.press(mine, "change")[0] == 404


def test_nobody_makes_one_of_what_they_can_know(w: World) -> None:
    ana, bia = w.told(ANA), w.told("email:bia@example.org")
    mine, hers = link(w, told(w, ana)), link(w, told(w, bia))
    asked = Asked(w)
    mixed = hers[: len(BASE + PATH) + 20] + mine[len(BASE + PATH) + 20 :]
    changed = [mine[:-1] + ("A" if mine[-1] != "A" else "B"), mine[:-1], mixed, BASE + PATH + "x"]
    for wrong in changed:
        assert asked.ask("GET", wrong)[0] == 404
        assert asked.press(wrong, "stop")[0] == 404
    assert asked.ask("GET", mine + ".")[0] == 200, "with its sentence's full stop"
    rotate_lookups(w.registry, NOW)
    assert asked.press(mine, "received")[0] == 200, "while the key of before still finds"


def test_what_has_buttons_or_a_program_has_no_link_and_codes_have_none(w: World) -> None:
    ana = w.told(ANA, "telegram:1", "webhook:https://example.org/x")
    ways = ways_of(BASE, w.registry, w.home.people.contacts)
    for channel in ("telegram", "webhook"):
        assert ways(told(w, ana, channel)).answer == ""
    assert ways(msgspec.structs.replace(told(w, ana), kind="confirm")).answer == ""
    assert ways_of("", w.registry, w.home.people.contacts)(told(w, ana)) == ("", "")


def test_an_sms_that_asks_to_be_acknowledged_says_where_in_its_one_segment() -> None:
    where = f"{BASE}{PATH}{'x' * 32}"
    for language in ("pt-BR", "en", "es"):
        said = text(content(language=language), "Stop: reply STOP", f"OK: {where}")
        assert f"OK: {where}." in said
        assert len(said) <= 160
        assert "Recife" in said
