from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from aiohttp import web

from atalaia.channels.telegram_updates import Updates, read_update
from atalaia.domain.conversation import Button, Incoming, Reply
from patience import patient

from . import servers
from .servers import CHAT, TOKEN, Answer, Provider, says

SENDER = {"id": int(CHAT), "is_bot": False, "first_name": "canary", "language_code": "es"}
CHATS = {"id": int(CHAT), "type": "private", "first_name": "canary"}


def message(number: int, **what: Any) -> dict[str, Any]:
    body = {"message_id": number, "date": 1, "chat": CHATS, "from": SENDER}
    return {"update_id": number, "message": body | what}


def pressed(number: int, data: str) -> dict[str, Any]:
    query = {"id": f"q{number}", "from": SENDER, "data": data, "chat_instance": "1"}
    held = {"message_id": 1, "date": 0, "chat": CHATS, "from": {"id": 5, "is_bot": True}}
    return {"update_id": number, "callback_query": query | {"message": held}}


def member(number: int, status: str) -> dict[str, Any]:
    change = {"chat": CHATS, "from": SENDER, "new_chat_member": {"status": status, "user": {}}}
    return {"update_id": number, "my_chat_member": change}


def read(update: object) -> tuple[int, Incoming | None, str]:
    return read_update(msgspec.Raw(json.dumps(update).encode()))


class Bot(Provider):
    """Telegram, with updates waiting: what was confirmed by an offset is not given again."""

    def __init__(self, waiting: list[Any]) -> None:
        super().__init__(self._answer)
        self.waiting = waiting
        self.faults: list[Answer] = []  # answers to getUpdates, before all others
        self.questions: list[dict[str, Any]] = []
        self.refused: Answer | None = None  # to all that the bot says

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        _, method = request.path.removeprefix("/bot").split("/")
        if method != "getUpdates":
            said = says({"ok": True, "result": {"message_id": 1}})
            return await (self.refused or said)(request)
        question = self.asked.pop()[1]
        self.questions.append(question)
        if self.faults:
            return await self.faults.pop(0)(request)
        since = question.get("offset", 0)
        left = [one for one in self.waiting if number_of(one) >= since]
        while not left:
            await asyncio.sleep(0.005)
            left = [one for one in self.waiting if number_of(one) >= since]
        return await says({"ok": True, "result": left[: question["limit"]]})(request)

    def said(self) -> list[tuple[str, Any]]:
        return [(path.rpartition("/")[2], body) for path, body in self.asked]


def number_of(update: Any) -> int:
    return update.get("update_id", 0) if isinstance(update, dict) else 0


async def echo(incoming: Incoming) -> list[Reply]:
    return [Reply(text=f"got {incoming.text or incoming.pressed or incoming.position}")]


def listening(
    waiting: list[Any],
    handler: Callable[[Incoming], Awaitable[list[Reply]]] = echo,
    *,
    faults: list[Answer] | None = None,
    offset: int = 0,
    refused: Answer | None = None,
) -> tuple[Bot, Updates, list[float], list[int]]:
    """Let the bot listen until all is done with; also how long it waited, and what was kept."""
    bot, waits, kept = Bot(waiting), [], []
    bot.faults, bot.refused = faults or [], refused

    def is_done() -> bool:
        last = max((number_of(one) for one in waiting), default=0) + 1
        return any(question.get("offset") == last for question in bot.questions)

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    async def load() -> int:
        return offset

    async def keep(number: int) -> None:
        kept.append(number)

    async def story() -> Updates:
        async with servers.serve(bot):
            updates = Updates(
                bot.session,
                TOKEN,
                handler,
                load=load,
                keep=keep,
                base_url=bot.url,
                poll_s=0,
                timeout_s=0.4,
                sleep=sleep,
            )
            running = asyncio.create_task(updates.run())
            async with patient():
                while not is_done():
                    await asyncio.sleep(0.002)
                    assert not running.done()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            return updates

    with servers.nothing_leaks() as shown:
        updates = asyncio.run(story())
        shown.append(updates)
    return bot, updates, waits, kept


def test_what_people_do_becomes_one_kind_of_value() -> None:
    _, written, _ = read(message(1, text="Recife"))
    assert written is not None
    assert (written.text, written.language, written.contact.address) == ("Recife", "es", CHAT)
    _, shared, _ = read(message(2, location={"latitude": -8.05, "longitude": -34.9}))
    assert shared is not None
    assert shared.position == (-8.05, -34.9)
    number, push, query = read(pressed(3, "agree:12"))
    assert push is not None
    assert (number, push.pressed, query) == (3, "agree:12", "q3")
    _, gone, _ = read(member(4, "kicked"))
    assert gone is not None
    assert gone.is_gone
    for one in (written, shared, push, gone):
        assert CHAT not in repr(one)
        assert "Recife" not in repr(one)


@pytest.mark.parametrize(
    "update",
    [
        member(1, "member"),
        message(1, photo=[{"file_id": "x"}]),
        message(1, text="hello", chat={"id": -5, "type": "group"}),
        message(1, text="hello", **{"from": {"id": 9, "is_bot": True}}),
        {"update_id": 1, "edited_message": {}},
        {"update_id": 1, "message": {"chat": {"id": "x"}}},
        {"update_id": 1, "callback_query": {"id": "1", "from": SENDER, "data": "x"}},
    ],
)
def test_what_is_not_meant_for_the_bot_is_of_no_use(update: object) -> None:
    assert read(update) == (1, None, "")


def test_in_a_group_the_bot_hears_commands_and_answers_to_itself() -> None:
    group = {"id": -5, "type": "supergroup"}
    _, command, _ = read(message(1, text="/start@AtalaiaBot", chat=group))
    assert command is not None
    assert command.contact.address == "-5"
    to_bot = {"message_id": 1, "from": {"id": 5, "is_bot": True}, "chat": group, "date": 1}
    _, answer, _ = read(message(2, text="Recife", chat=group, reply_to_message=to_bot))
    assert answer is not None
    assert answer.text == "Recife"


def test_updates_are_answered_in_order_and_their_number_is_kept() -> None:
    bot, updates, waits, kept = listening(
        [message(10, text="one"), message(11, text="two"), pressed(12, "three")], offset=10
    )
    assert bot.questions[0] == {
        "timeout": 0,
        "limit": 50,
        "allowed_updates": ["message", "callback_query", "my_chat_member"],
        "offset": 10,
    }
    assert [(method, body.get("text")) for method, body in bot.said()] == [
        ("sendMessage", "got one"),
        ("sendMessage", "got two"),
        ("answerCallbackQuery", ""),
        ("sendMessage", "got three"),
    ]
    assert {body["chat_id"] for method, body in bot.said() if method == "sendMessage"} == {CHAT}
    assert kept == [13]
    assert waits == []
    assert (updates.seen, updates.skipped, updates.faults) == (3, 0, 0)


def test_replies_have_buttons_a_position_key_documents_and_passing_notes() -> None:
    replies = {
        "buttons": Reply(text="which", buttons=((Button("A", "a"), Button("B", "b")),)),
        "where": Reply(text="where", asks_position="Share"),
        "data": Reply(text="all", file_name="data.json", file=b'{"a": "canary-file"}'),
        "ack": Reply(text="Noted", is_passing=True),
    }

    async def handler(incoming: Incoming) -> list[Reply]:
        return [replies[incoming.text or incoming.pressed]]

    bot, *_ = listening(
        [
            message(1, text="buttons"),
            message(2, text="where"),
            message(3, text="data"),
            pressed(4, "ack"),
        ],
        handler,
    )
    said = bot.said()
    assert [method for method, _ in said] == [
        "sendMessage",
        "sendMessage",
        "sendDocument",
        "answerCallbackQuery",
    ]
    assert said[0][1]["reply_markup"]["inline_keyboard"] == [
        [{"text": "A", "callback_data": "a"}, {"text": "B", "callback_data": "b"}]
    ]
    keyboard = said[1][1]["reply_markup"]["keyboard"]
    assert keyboard == [[{"text": "Share", "request_location": True}]]
    assert b"canary-file" in said[2][1]
    assert b'filename="data.json"' in said[2][1]
    assert CHAT.encode() in said[2][1]
    assert said[3][1] == {"callback_query_id": "q4", "text": "Noted"}


def test_bad_updates_are_skipped_and_counted_and_stop_no_other() -> None:
    bot, updates, _, kept = listening(
        [
            {"update_id": 1, "message": {"chat": "canary"}},
            {"nonsense": CHAT},
            message(2, text=7),
            message(3, text="good"),
            {"update_id": 4, "unknown_kind": {}},
        ]
    )
    assert [body["text"] for _, body in bot.said()] == ["got good"]
    assert (updates.seen, updates.skipped) == (5, 4)
    assert kept == [5]


FAULTS: list[tuple[str, Answer]] = [
    ("conflict", says({"ok": False, "error_code": 409, "description": TOKEN}, 409)),
    ("wrong token", says({"ok": False, "error_code": 401}, 401)),
    ("html", says("<html>", 502)),
    ("html with 200", says("<html>hello</html>")),
    ("cut short", says('{"ok": true, "result": [')),
    ("reset", servers.resets),
    ("breaks off", servers.breaks_off),
    ("hang", servers.hangs),
]


@pytest.mark.parametrize(("name", "fault"), FAULTS)
def test_the_bot_outlives(name: str, fault: Answer) -> None:
    bot, updates, waits, kept = listening([message(1, text="hi")], faults=[fault, fault])
    assert [body["text"] for _, body in bot.said()] == ["got hi"]
    assert waits[:2] == [1, 2]  # ever longer
    assert updates.faults >= 2
    assert kept == [2]


def test_the_bot_waits_ever_longer_and_as_long_as_it_is_told() -> None:
    busy = {"ok": False, "error_code": 429, "parameters": {"retry_after": 33}}
    faults = [says("", 500)] * 7 + [says(busy, 429)] + [says(busy | {"parameters": {}}, 429)]
    _, _, waits, _ = listening([message(1, text="hi")], faults=faults)
    assert waits[:9] == [1, 2, 5, 15, 30, 60, 60, 60, 60]
    _, _, waits, _ = listening([message(1, text="hi")], faults=[says(busy, 429)])
    assert waits[0] == 33


def test_what_could_not_be_answered_is_tried_again_and_then_given_up() -> None:
    tried: list[str] = []

    async def handler(incoming: Incoming) -> list[Reply]:
        tried.append(incoming.text)
        if incoming.text == "bad" or (incoming.text == "locked" and tried.count("locked") < 2):
            raise RuntimeError(f"canary {CHAT} {incoming.text}")
        return [Reply(text=incoming.text)]

    waiting = [message(1, text="locked"), message(2, text="bad"), message(3, text="good")]
    bot, updates, waits, kept = listening(waiting, handler)
    assert tried == ["locked", "locked", "bad", "bad", "bad", "good"]
    assert [body["text"] for _, body in bot.said()] == ["locked", "good"]
    assert updates.skipped == 1
    assert kept[-1] == 4
    assert waits  # it did not go round without rest


def test_an_answer_that_cannot_be_sent_stops_nothing() -> None:
    blocked = says({"ok": False, "error_code": 403, "description": "blocked"}, 403)
    waiting = [message(1, text="a"), message(2, text="b")]
    bot, updates, _, kept = listening(waiting, refused=blocked)
    assert [body["text"] for _, body in bot.said()] == ["got a", "got b"]
    assert kept == [3]
    assert updates.skipped == 0


def test_a_place_that_cannot_be_kept_does_not_end_the_bot() -> None:
    async def run() -> list[int]:
        bot = Bot([message(1, text="a")])

        async def load() -> int:
            return 0

        async def keep(_: int) -> None:
            raise OSError("disk full")

        async with servers.serve(bot):
            updates = Updates(
                bot.session,
                TOKEN,
                echo,
                load=load,
                keep=keep,
                base_url=bot.url,
                poll_s=0,
            )
            running = asyncio.create_task(updates.run())
            async with patient():
                while len(bot.questions) < 2:
                    await asyncio.sleep(0.002)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        return [question.get("offset", 0) for question in bot.questions]

    assert asyncio.run(run()) == [0, 2]
