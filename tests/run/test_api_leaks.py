"""Two people, every object, every verb: what is one's is out of the other's reach."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from atalaia.api.access import Role
from atalaia.api.keys import add_key
from atalaia.domain.delivery import Outcome, settled
from atalaia.people import manage
from atalaia.people.manage import Signed, make_key

from .world import NOON, PUSH_KEY, World, watching

ENV = {
    "ATALAIA_SOURCES_OPEN_METEO_ENABLED": "false",
    "ATALAIA_API_KEY": PUSH_KEY,
    "ATALAIA_API_RATE_LIMIT": "0",
}
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
CANARIES = ("ana.canary@example.org", "bia.canary@example.org")
WISH = {"where": [{"latitude": -1.5, "longitude": 0.0, "name": "canary-place"}]}


def story(folder: Path, tell: Callable[[World], Awaitable[None]], **env: str) -> None:
    async def run() -> None:
        async with watching(folder, **(ENV | env)) as world:
            await tell(world)

    asyncio.run(run())


async def ask(
    world: World, method: str, path: str, body: Any = None, key: str | None = None
) -> tuple[int, str, dict[str, str]]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with world.http.request(method, world.url(path), json=body, headers=headers) as answer:
        return answer.status, await answer.text(), dict(answer.headers)


class Somebody:
    """A person with a contact, a subscription, a message, a key and a signed token."""

    def __init__(self, person: str, key: str, token: str, message: str) -> None:
        self.person, self.key, self.token, self.message = person, key, token, message


async def somebody(world: World, address: str) -> Somebody:
    registry = world.live.services.registry
    body = {**WISH, "contacts": [f"email:{address}", "inbox:"], "hazards": {"wind": "watch"}}
    status, text, _ = await ask(world, "POST", "/v1/subscriptions", body, PUSH_KEY)
    assert status == 201, text
    person = json.loads(text)["person"]
    held = registry.held(person)
    assert held is not None
    token = manage.sign(registry, Signed(person, (), held.kept.epoch), NOON)
    messages = world.home.outbox.messages(person=person)
    return Somebody(person, make_key(registry, person, NOON), token, messages[0].id)


def paths(document: dict[str, Any], whose: Somebody) -> list[str]:
    """Every path of the description, with their objects in it."""
    named = {
        "person": whose.person,
        "message": whose.message,
        "place_id": "p1",
        "key": "0" * 16,
        "name": "none",
        "silence_id": "sil_none",
        "system": "none",
    }
    # Events never end, and are the same for all.
    return [path.format(**named) for path in document["paths"] if path != "/v1/events"]


def bodies(path: str, whose: Somebody) -> list[Any]:
    """What may be asked with their names in it."""
    if path.endswith("/confirm"):
        return [{"code": "000000"}]
    if path.endswith("/contacts"):
        return [{"contact": "email:mallory@example.org"}]
    return [None, {}, {"channel": "inbox"}, {**WISH, "contacts": [f"inbox:{whose.person}"]}]


def test_nothing_of_one_person_is_given_to_another_or_changed_by_them(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        ana, bia = [await somebody(world, address) for address in CANARIES]
        document = json.loads((await ask(world, "GET", "/openapi.json"))[1])
        asked, leaks = 0, []
        for mine, theirs, canary in ((ana, bia, CANARIES[1]), (bia, ana, CANARIES[0])):
            held = await kept(world, theirs)  # with what they pushed themselves meanwhile
            for key in (mine.key, mine.token, None, "atk_nobody", forged(theirs.token)):
                for path in paths(document, theirs):
                    for verb in VERBS:
                        for body in bodies(path, theirs) if verb == "POST" else [None]:
                            status, text, _ = await ask(world, verb, path, body, key)
                            asked += 1
                            assert status < 500 or status == 503, (verb, path, status)
                            if canary in text or "canary-place" in text:
                                leaks.append((verb, path, "told"))
                            is_theirs = f"/people/{theirs.person}" in path
                            if is_theirs and status < 400 and verb != "OPTIONS":
                                leaks.append((verb, path, status))
            assert await kept(world, theirs) == held
        assert leaks == []
        assert asked > 1000
        for one in (ana, bia):
            for key in (one.key, one.token):
                status, text, headers = await ask(
                    world, "GET", f"/v1/people/{one.person}", None, key
                )
                assert (status, headers["Cache-Control"]) == (200, "no-store")

    story(tmp_path, tell)


async def kept(world: World, one: Somebody) -> Any:
    """All that is kept of somebody, but for tries of codes."""
    status, text, _ = await ask(world, "GET", f"/v1/people/{one.person}", None, PUSH_KEY)
    assert status == 200
    told = json.loads(text)
    told.pop("exported_at", None)
    return told


def forged(token: str) -> str:
    """The same token with another signature."""
    return token[:-4] + ("AAAA" if not token.endswith("AAAA") else "BBBB")


def test_a_key_opens_what_its_role_says_and_no_more(tmp_path: Path) -> None:
    async def tell(world: World) -> None:
        ana = await somebody(world, CANARIES[0])
        keys = {role: add_key(world.home.state, role, "", NOON)[1] for role in Role}
        keys[None] = ana.key  # type: ignore[index]
        tries = {
            ("GET", "/v1/places"): {*Role, None},
            ("POST", "/v1/readings"): {Role.STATION, Role.OPERATOR, None},
            ("POST", "/v1/payloads"): {Role.OPERATOR},
            ("POST", "/v1/subscriptions"): {Role.REGISTRAR, Role.OPERATOR},
            ("GET", "/v1/deliveries"): {Role.OPERATOR},
            ("GET", "/v1/lag"): {Role.OPERATOR},
            ("GET", "/v1/silences"): {Role.OPERATOR},
            ("POST", "/v1/silences"): {Role.OPERATOR},
            ("DELETE", "/v1/silences/sil_none"): {Role.OPERATOR},
            ("POST", "/v1/deliveries/msg_none/retry"): {Role.OPERATOR},
        }
        for (verb, path), allowed in tries.items():
            assert (await ask(world, verb, path, {} if verb == "POST" else None))[0] in (401, 422)
            for role, key in keys.items():
                status, _, _ = await ask(world, verb, path, {} if verb == "POST" else None, key)
                assert (status != 403) == (role in allowed), (verb, path, role, status)

    story(tmp_path, tell, ATALAIA_API_PUBLIC="false")


def test_a_removed_key_and_a_token_that_has_run_out_open_nothing(tmp_path: Path) -> None:
    from atalaia.api.keys import keys_of, remove_key

    async def tell(world: World) -> None:
        made, key = add_key(world.home.state, Role.OPERATOR, "weekend", NOON)
        assert key not in (world.home.state.note("api-keys") or "")
        assert (await ask(world, "GET", "/v1/lag", None, key))[0] == 200
        assert remove_key(world.home.state, made.id)
        assert keys_of(world.home.state) == []
        assert (await ask(world, "GET", "/v1/lag", None, key))[0] == 401
        ana = await somebody(world, CANARIES[0])
        path = f"/v1/people/{ana.person}"
        assert (await ask(world, "GET", path, None, ana.token))[0] == 200
        world.clock._now += 7 * 86_400
        assert (await ask(world, "GET", path, None, ana.token))[0] == 401

    story(tmp_path, tell)


def test_a_token_of_before_the_confirmation_ends_with_it(tmp_path: Path) -> None:
    """Who asked for an address need not be the one who has it."""

    async def tell(world: World) -> None:
        body = {**WISH, "contacts": [f"email:{CANARIES[0]}"]}
        status, text, headers = await ask(world, "POST", "/v1/subscribe", body)
        assert (status, headers["Cache-Control"]) == (201, "no-store")
        told = json.loads(text)
        assert told["to_confirm"] == ["email"]
        path, before = f"/v1/people/{told['person']}", told["manage"].partition("#")[2]
        assert (await ask(world, "GET", path, None, before))[0] == 200
        registry = world.live.services.registry
        code = registry.question(told["person"], "email", NOON).code
        [ask_] = world.home.outbox.claim(NOON, NOON + 90, {"email": 9})
        world.home.outbox.settle([(ask_, settled(ask_, Outcome("sent"), (5,), NOON))])
        status, text, _ = await ask(world, "POST", f"{path}/confirm", {"code": code})
        assert status == 200
        after = json.loads(text)["manage"].partition("#")[2]
        assert (await ask(world, "GET", path, None, before))[0] == 401
        assert (await ask(world, "GET", path, None, after))[0] == 200
        status, text, _ = await ask(world, "POST", f"{path}/stop", {}, after)
        assert status == 200
        last = json.loads(text)["manage"].partition("#")[2]
        for ended in (before, after):
            assert (await ask(world, "GET", path, None, ended))[0] == 401
        assert (await ask(world, "DELETE", path, None, last))[0] == 204
        assert (await ask(world, "GET", path, None, last))[0] == 401

    story(tmp_path, tell)


def test_keys_of_programs_are_made_listed_and_removed_by_command(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from atalaia.cli import app

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["api-key", *words, "--home", str(tmp_path / "home")])
        return done.exit_code, done.stdout

    code, key = run("add", "station", "--label", "school roof")
    assert (code, key.startswith("atp_")) == (0, True)
    _, listed = run("list")
    assert ("school roof" in listed, "station" in listed, key.strip() in listed) == (
        True,
        True,
        False,
    )
    assert run("remove", listed.split()[0])[0] == 0
    assert run("list") == (0, "")
    assert run("remove", "k_none")[0] == 1
    assert run("add", "king")[0] == 1
