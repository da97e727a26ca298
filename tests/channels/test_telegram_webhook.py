"""Telegram's webhook: who is believed, what is answered, and what comes again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from atalaia.channels.telegram_voice import Voice
from atalaia.channels.telegram_webhook import Hook, is_ours
from atalaia.domain.conversation import Incoming, Reply
from atalaia.errors import StateConflict
from patience import LIMIT_S

from . import servers
from .servers import CHAT, TOKEN, says
from .test_telegram_updates import message, pressed


async def echo(incoming: Incoming) -> list[Reply]:
    return [Reply(text=f"got {incoming.text or incoming.pressed}")]


def heard(
    *updates: Any,
    handler: Callable[[Incoming], Awaitable[list[Reply]]] = echo,
    answered: int = -1,
) -> tuple[list[tuple[str, Any]], list[int]]:
    """What the bot says to these calls, and which numbers it keeps."""
    kept = [answered]

    async def load() -> int:
        return kept[-1]

    async def keep(number: int) -> None:
        kept.append(number)

    async def story() -> list[tuple[str, Any]]:
        async with servers.serving(says({"ok": True, "result": {"message_id": 1}})) as telegram:
            voice = Voice(telegram.session, TOKEN, base_url=telegram.url, timeout_s=LIMIT_S)
            hook = Hook(voice, handler, load=load, keep=keep)
            for update in updates:
                body = update if isinstance(update, bytes) else json.dumps(update).encode()
                await hook.take(body)
            return [(path.rpartition("/")[2], body) for path, body in telegram.asked]

    with servers.nothing_leaks():
        said = asyncio.run(story())
    return said, kept[1:]


def test_only_who_has_the_secret_is_believed() -> None:
    assert is_ours("s3cret-s3cret-s3cret", "s3cret-s3cret-s3cret")
    for given, secret in (("", ""), ("x", ""), ("", "s3cret"), ("S3cret", "s3cret"), ("é", "e")):
        assert not is_ours(given, secret)


def test_what_people_do_is_answered_and_its_number_kept() -> None:
    said, kept = heard(message(7, text="hi"), pressed(8, "ack:1"))
    assert [method for method, _ in said] == ["sendMessage", "answerCallbackQuery", "sendMessage"]
    assert said[0][1] == {"chat_id": CHAT, "text": "got hi"}
    assert kept == [7, 8]


def test_the_update_that_was_answered_last_is_not_answered_again() -> None:
    said, kept = heard(message(7, text="hi"), message(7, text="hi"))
    assert len(said) == 1
    assert kept == [7]
    # After a quiet week Telegram begins to count anew, perhaps lower.
    assert len(heard(message(3, text="hi"), answered=7)[0]) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"update_id": 1, "message": 3}', b"\xff"])
def test_what_cannot_be_read_is_passed_over(body: bytes) -> None:
    assert heard(body) == ([], [])


def test_a_store_that_is_locked_is_told_so_that_it_comes_again_and_else_it_is_given_up() -> None:
    async def locked(_: Incoming) -> list[Reply]:
        raise StateConflict("locked")

    async def broken(_: Incoming) -> list[Reply]:
        raise RuntimeError(f"canary {CHAT}")

    with pytest.raises(StateConflict):
        heard(message(7, text="/stop"), handler=locked)
    assert heard(message(7, text="/stop"), handler=broken) == ([], [7])
