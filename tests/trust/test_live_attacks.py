"""Attacks on a running watch, over HTTP: many at the same moment, and links that were stolen."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

from atalaia.domain.contact import read_contact
from atalaia.domain.delivery import Outcome, settled
from atalaia.people.manage import Signed
from atalaia.people.tally import CODES_A_DAY
from run.test_people_api import ask, story
from run.world import NOON, World

PHONE = "sms:+5581999990000"
HERE = [{"latitude": -1.5, "longitude": 0.0}]


def wish(*contacts: str) -> dict[str, Any]:
    return {"where": HERE, "hazards": {"wind": "yellow"}, "contacts": list(contacts)}


async def asked(world: World, *contacts: str) -> tuple[str, str]:
    """Anybody asks for these; their codes go out. Return the name of the request, and its link."""
    status, told = await ask(world, "POST", "/v1/subscribe", wish(*contacts), key=None)
    assert status == 201, told
    outbox = world.home.outbox
    for one in outbox.claim(NOON, NOON + 90, {"sms": 9, "email": 9, "webhook": 9}):
        outbox.settle([(one, settled(one, Outcome("sent"), (5,), NOON))])
    return told["person"], told["manage"].partition("#")[2]


def code(world: World, person: str, channel: str) -> dict[str, str]:
    question = world.live.services.registry.question(person, channel, NOON)
    assert question is not None
    return {"code": question.code}


def test_many_who_ask_for_one_inbox_at_once_get_three_codes_out(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        names = ["Ana", "ana", "ana+rain", "ANA", "ana+2", "aNa"]
        asks = [
            ask(world, "POST", "/v1/subscribe", wish(f"email:{name}@example.org"), key=None)
            for name in names * 3
        ]
        said = Counter([status for status, _ in await asyncio.gather(*asks)])
        assert said[201] <= CODES_A_DAY
        assert said.keys() <= {201, 422, 503}
        more = [
            await ask(world, "POST", "/v1/subscribe", wish("email:ana@example.org"), key=None)
            for _ in range(CODES_A_DAY + 1 - said[201])
        ]
        assert more[-1][0] == 422
        kinds = [message.kind for message in world.home.outbox.messages(limit=99)]
        assert kinds == ["confirm"] * CODES_A_DAY

    story(tmp_path, tell)


def test_of_many_who_give_one_code_at_once_one_confirms(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        person, _ = await asked(world, PHONE)
        path, right = f"/v1/people/{person}/confirm", code(world, person, "sms")
        said = await asyncio.gather(*[ask(world, "POST", path, right, key=None) for _ in range(4)])
        assert Counter(status for status, _ in said) == {200: 1, 403: 3}
        assert world.live.services.registry.find(read_contact(PHONE)) == person

    story(tmp_path, tell)


def test_who_is_told_that_they_confirmed_is_not_erased_by_an_earlier_link(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        registry = world.live.services.registry
        for n in range(6):
            phone = f"sms:+558199999000{n}"
            person, link = await asked(world, phone)
            path, right = f"/v1/people/{person}", code(world, person, "sms")
            erased = ask(world, "DELETE", path, key=link)
            confirmed = ask(world, "POST", f"{path}/confirm", right, key=None)
            first, then = await asyncio.gather(
                *([erased, confirmed] if n % 2 else [confirmed, erased])
            )
            of_erase, of_confirm = (first, then) if n % 2 else (then, first)
            is_told = registry.find(read_contact(phone)) is not None
            assert is_told == (of_confirm[0] == 200)
            assert of_erase[0] in ({401, 403, 404} if is_told else {204}), (of_confirm, of_erase)

    story(tmp_path, tell)


def test_a_stolen_link_is_dead_after_what_its_person_does_next(tmp_path: Path) -> None:
    """Whichever of these it is: another request of theirs comes to them, they stop, are erased."""

    async def tell(world: World) -> None:
        people = world.live.services.people

        async def opens(person: str, link: str) -> set[int]:
            path = f"/v1/people/{person}"
            tries: list[tuple[str, str, Any]] = [
                ("GET", path, None),
                ("POST", f"{path}/stop", {}),
                ("DELETE", path, None),
                ("POST", f"{path}/confirm", {"code": "000000"}),
                ("POST", f"{path}/messages/msg_x/acknowledge", None),
            ]
            return {(await ask(world, *one, key=link))[0] for one in tries}

        async def confirmed(person: str, channel: str, key: str | None = None) -> tuple[str, str]:
            path, right = f"/v1/people/{person}/confirm", code(world, person, channel)
            status, told = await ask(world, "POST", path, right, key=key)
            assert status == 200
            return told["person"], told["manage"].partition("#")[2]

        person, early = await asked(world, PHONE, "email:ana@example.org")
        person, stolen = await confirmed(person, "sms")
        assert await opens(person, early) == {401}
        _, both = await confirmed(person, "email", stolen)  # another address is added
        assert await opens(person, stolen) == {401}
        more, _ = await asked(world, PHONE)  # another request of theirs comes to them
        merged, newest = await confirmed(more, "sms")
        assert merged == person
        assert await opens(person, both) == {401}
        assert (await ask(world, "GET", f"/v1/people/{person}", key=newest))[0] == 200
        people.stop(read_contact(PHONE), NOON)  # they write STOP from the phone
        assert await opens(person, newest) == {401}
        held = world.live.services.registry.held(person)
        assert held is not None
        last = people.manage(Signed(person, ("email",), held.kept.epoch), NOON)
        assert (await ask(world, "GET", f"/v1/people/{person}", key=last))[0] == 200
        people.erase(person, NOON)
        assert await opens(person, last) == {401}

    story(tmp_path, tell)
