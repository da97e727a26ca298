"""A call of `deliver` ends when nothing is due, and leaves nothing claimed that nobody sends."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from atalaia.domain.delivery import Message
from atalaia.run.aws.tell import _Watched
from telling import message


class Slow:
    """An outbox with messages, whose claim takes until it is let go."""

    def __init__(self, *messages: Message) -> None:
        self.messages = list(messages)
        self.asked, self.may_answer = threading.Event(), threading.Event()

    def claim(self, now: int, until: int, room: Mapping[str, int]) -> list[Message]:
        self.asked.set()
        assert self.may_answer.wait(10)
        taken, self.messages = self.messages, []
        return taken

    def settle(self, pairs: Sequence[Any]) -> int:
        return len(pairs)


def watched(slow: Slow) -> _Watched:
    outbox: Any = slow
    made = _Watched(outbox)
    made.begin()
    return made


def test_a_claim_that_is_being_made_is_waited_for_and_what_it_brings_is_sent() -> None:
    slow = Slow(message("a"))
    outbox = watched(slow)
    with ThreadPoolExecutor() as threads:
        claiming = threads.submit(outbox.claim, 0, 90, {})
        assert slow.asked.wait(10)
        resting = threads.submit(outbox.rest, is_late=False)
        assert not resting.done()
        slow.may_answer.set()
        [claimed] = claiming.result(10)
        assert resting.result(10) is False, "something is under way"
    outbox.settle([(claimed, claimed)])
    assert outbox.rest(is_late=False) is True


def test_after_its_end_nothing_more_is_claimed() -> None:
    slow = Slow(message("a"))
    slow.may_answer.set()
    outbox = watched(slow)
    assert outbox.rest(is_late=False) is True
    assert outbox.claim(0, 90, {}) == []
    assert slow.messages
    outbox.begin()
    assert len(outbox.claim(0, 90, {})) == 1, "a new call goes on"


def test_towards_the_end_of_its_time_what_is_under_way_is_waited_for_and_no_more_begun() -> None:
    slow = Slow(message("a"))
    slow.may_answer.set()
    outbox = watched(slow)
    [claimed] = outbox.claim(0, 90, {})
    slow.messages.append(message("b"))
    assert outbox.rest(is_late=True) is False
    assert outbox.claim(0, 90, {}) == []
    outbox.settle([(claimed, claimed)])
    assert outbox.rest(is_late=True) is True
