"""Webhooks that hang, beside one that does not."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from atalaia.domain.contact import Contact
from atalaia.domain.delivery import Letter, Message, Outcome, Status
from atalaia.notify.deliver import LEASE_S
from notify.test_deliver import Office, story
from patience import LIMIT_S
from telling import NOON, SENT, Post, letter, message

HEALTHY = "p_healthy"


class Hanging(Post):
    """Answers one person at once; the others' servers take the letter and never answer."""

    def __init__(self, at_once: int) -> None:
        super().__init__("webhook", at_once=at_once, is_apart=True)
        self.now_hanging: Counter[str] = Counter()
        self.most_hanging: Counter[str] = Counter()
        self.tries: Counter[str] = Counter()

    async def send(self, letter: Letter) -> Outcome:
        person = letter.contact.address
        self.tries[person] += 1
        if person == HEALTHY:
            self.letters.append(letter)
            return SENT
        self.now_hanging[person] += 1
        self.most_hanging[person] = max(self.most_hanging[person], self.now_hanging[person])
        try:
            async with asyncio.timeout(self.hangs_s):
                await asyncio.Event().wait()
        except TimeoutError:
            return Outcome("unknown", "no answer in time")
        finally:
            self.now_hanging[person] -= 1
        raise AssertionError

    hangs_s = 3600.0


def addressed(messages: Sequence[Message]) -> list[Letter | Outcome]:
    """Letters whose address says whose they are."""
    return [
        msgspec.structs.replace(letter(m), contact=Contact(m.channel, m.person)) for m in messages
    ]


def storm(o: Office, hanging: int, each: int) -> None:
    """Everybody has so many messages; those of the healthy one are the newest."""
    for n in range(each):
        for i in range(hanging):
            name = f"{i}-{n}"
            o.put(message(name, f"p_{i}", channel="webhook", order_key=f"p_{i}/{n}", seqs=(n + 1,)))
    for n in range(each):
        o.put(message(f"h-{n}", HEALTHY, channel="webhook", order_key=f"h/{n}", seqs=(1000 + n,)))


async def until_told(o: Office, post: Hanging, letters: int) -> None:
    """Until the healthy one has so many; time passes meanwhile."""
    async with asyncio.timeout(LIMIT_S):
        while len(post.letters) < letters:
            o.deliverer.wake()
            o.clock.turn(0.05)
            await asyncio.sleep(0.01)


def test_fifty_webhooks_that_hang_do_not_hold_up_a_healthy_one(tmp_path: Path) -> None:
    post = Hanging(at_once=64)

    async def tell(o: Office) -> None:
        storm(o, hanging=50, each=24)
        await until_told(o, post, 24)
        assert o.clock.now() - NOON < 15, "of the watch's own time"
        assert all(o.of(f"h-{n}").status in (Status.SENT, Status.LEASED) for n in range(24))
        assert max(post.most_hanging.values()) == 1, "an unknown server has a share of one"
        unsent = [o.of(f"{i}-{n}") for i in range(50) for n in range(24)]
        assert {m.status for m in unsent} <= {Status.DUE, Status.LEASED}
        assert all(m.unknowns == 0 for m in unsent), "no lease ran out in a queue"

    story(tmp_path, tell, post, write=addressed)


def test_more_than_can_be_tried_at_once_hang_and_the_healthy_one_is_told(tmp_path: Path) -> None:
    post = Hanging(at_once=4)

    async def tell(o: Office) -> None:
        storm(o, hanging=12, each=2)
        await until_told(o, post, 2)

    story(tmp_path, tell, post, write=addressed)


def test_who_never_answers_is_left_alone_and_tried_again_later(tmp_path: Path) -> None:
    post = Hanging(at_once=4)
    post.hangs_s = 0.01

    async def tell(o: Office) -> None:
        storm(o, hanging=1, each=10)
        await o.until(lambda: post.tries["p_0"] >= 2)
        await o.rest()
        assert post.tries["p_0"] == 2, "two without an answer, and it is left alone"
        await o.turn(12)
        assert post.tries["p_0"] == 3, "one finds out"
        await o.turn(12)
        assert post.tries["p_0"] == 3, "longer each time"

    story(tmp_path, tell, post, write=addressed)


def test_who_answers_gets_a_larger_share(tmp_path: Path) -> None:
    post = Post("webhook", at_once=64, is_apart=True)

    async def tell(o: Office) -> None:
        for n in range(300):
            o.put(message(str(n), "p_a", channel="webhook", order_key=f"a/{n}", seqs=(n + 1,)))
        async with asyncio.timeout(LIMIT_S):
            while len(o.tries) < 300:
                o.deliverer.wake()
                o.clock.turn(0.1)
                await asyncio.sleep(0.005)
        assert sorted(post.ids) == sorted(f"msg_{n}" for n in range(300))

    story(tmp_path, tell, post)


class Cold(Post):
    """Well, but for the first try of each process, which takes so long by the watch's clock."""

    def __init__(self, takes_s: float) -> None:
        super().__init__("webhook", at_once=64, is_apart=True)
        self.takes_s = takes_s
        self.is_cold = True

    async def send(self, letter: Letter) -> Outcome:
        is_first, self.is_cold = self.is_cold, False
        if is_first:
            await self.sleep(self.takes_s)
        return await super().send(letter)

    sleep = staticmethod(asyncio.sleep)


def put(o: Office, letters: int) -> None:
    for n in range(letters):
        o.put(message(f"h-{n}", HEALTHY, channel="webhook", order_key=f"h/{n}", seqs=(n + 1,)))


async def all_told_after(o: Office, post: Cold, letters: int) -> float:
    """Seconds until the last of so many was taken by its server; a look a second."""
    began = o.clock.now()
    for _ in range(90):
        await o.rest()
        if len(set(post.ids)) == letters:
            return o.clock.now() - began
        o.clock.turn(1)
    raise AssertionError(f"{len(set(post.ids))} of {letters} were told within 90 s")


def most_s(takes_s: float) -> float:
    """As `targets` adds it up: the try, what was put off at its end, rounding and a look."""
    return takes_s + max(2.0, min(10.0, takes_s)) + 1.5


SLOWEST_S = 15
"""A webhook that takes longer has not answered."""


@pytest.mark.parametrize("takes_s", [1, 8, SLOWEST_S])
def test_a_slow_answer_delays_what_comes_after_it_by_little_more_than_itself(
    tmp_path: Path, takes_s: int
) -> None:
    post = Cold(takes_s)

    async def tell(o: Office) -> None:
        post.sleep = o.clock.sleep
        put(o, 12)
        assert await all_told_after(o, post, 12) <= most_s(takes_s) < 35

    story(tmp_path, tell, post)


def test_what_was_put_off_before_a_crash_waits_no_longer_after_the_start(tmp_path: Path) -> None:
    post = Cold(SLOWEST_S)

    async def begin_anew(o: Office) -> None:
        await o.kill()
        post.is_cold = True
        o.outbox.begin(o.clock.second())
        o.begin()

    async def tell(o: Office) -> None:
        post.sleep = o.clock.sleep
        await o.kill()
        put(o, 12)
        o.outbox.claim(NOON, NOON + LEASE_S, {"webhook": 99})  # and it dies: may they have gone?
        await begin_anew(o)
        await o.turn(SLOWEST_S)  # meanwhile all but three are put off
        await begin_anew(o)
        assert await all_told_after(o, post, 12) <= most_s(SLOWEST_S)

    story(tmp_path, tell, post)
