"""Letters of several messages tell what is true when they go: looked at once more, by the next
channel, after quiet hours."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from atalaia.clock import Clock
from atalaia.domain.delivery import Letter, Message, Outcome, Status, letter_of
from atalaia.domain.silence import Silence
from atalaia.notify.deliver import Deliverer
from atalaia.notify.last_look import Drafts, Write
from atalaia.notify.sender import Tried
from atalaia.notify.together import Bundle
from notify.test_still import MORNING, Desk, standing
from notify.test_together import says, told
from telling import HERE, MIDNIGHT, NIGHT, NOON, THERE, Post, message, news, person

EVERYWHERE = [HERE, THERE]
TOWNS = ("recife", "natal")
GONE = Outcome("never", "blocked", is_gone=True)


def deliverer(
    desk: Desk, *posts: Post, write: Write | None = None, drafts: Drafts | None = None
) -> Deliverer:
    return Deliverer(
        desk.home.outbox,
        desk.home.state,
        {post.name: post for post in posts},
        write or desk.composer.write,
        clock=Clock(lambda: desk.now),
        drafts=drafts or desk.composer,
    )


def send_all(desk: Desk, *posts: Post) -> None:
    asyncio.run(deliverer(desk, *posts).run_dry(20.0, 5.0))


def taken(d: Deliverer, desk: Desk) -> Bundle:
    """The one letter that is to go."""
    rows = d._take(desk.now, {"telegram": 99}, {})
    [[bundle]] = rows["telegram"]
    return bundle


def natal_until(until: int) -> Silence:
    return Silence(
        id="s", hazard=None, place="natal", since=NOON - 60, until=until, reason="", by="x"
    )


def tried(d: Deliverer, bundle: Bundle) -> list[Tried]:
    async def run() -> list[Tried]:
        sender = d.senders["telegram"]
        sender.begin()
        return await sender.send(bundle)

    return asyncio.run(run())


def three_places(desk: Desk, *channels: str) -> list[Message]:
    """Three messages of three moments."""
    desk.join(person("p_ana", *channels, where=EVERYWHERE))
    for i in range(3):
        desk.tell(news(f"i{i}", at=NOON + i, place=TOWNS[i % 2]))
    desk.now = NOON + 5
    return desk.all()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.home.close()


@pytest.fixture
def post() -> Post:
    return Post(letter_chars=9_000, a_day=10)


def test_what_is_over_by_then_is_left_out_and_the_rest_goes_by_the_letters_id(
    desk: Desk, post: Post
) -> None:
    *_, last = three_places(desk)
    d = deliverer(desk, post)
    bundle = taken(d, desk)
    assert [letter_of(m) for m, _ in bundle] == [last.id] * 3
    desk.log(news("i2", 2, "end", at=NOON + 5))
    after = [m for m, _ in tried(d, bundle)]
    [letter] = post.letters
    assert (letter.id, told(letter)) == (last.id, ["i0", "i1"])
    assert [m.status for m in after] == [Status.SENT, Status.SENT, Status.DROPPED]


def two_of_one_instant(desk: Desk, silence: Silence) -> None:
    """One message of two alerts, of which one is silenced."""
    desk.silences.append(silence)
    desk.join(person(where=EVERYWHERE))
    desk.tell(news("i0", at=NOON), news("i1", at=NOON, place="natal"))
    desk.now = NOON + 5


def test_what_was_left_out_of_a_letter_that_may_have_gone_is_in_none_of_its_repeats(
    desk: Desk, post: Post
) -> None:
    two_of_one_instant(desk, natal_until(NOON + 60))
    first = taken(deliverer(desk, post), desk)  # and its sender dies, before the try or after it
    assert told(first[0][1]) == ["i0"]
    desk.now = NOON + 100
    assert {t.incident: t.status for t in desk.home.outbox.told(["i0", "i1"])} == {
        "i0": Status.LEASED,
        "i1": Status.DROPPED,
    }, "when the silence ends, it is told by a message of its own"
    again = taken(deliverer(desk, post), desk)
    assert told(again[0][1]) == ["i0"]
    assert [letter.id for _, letter in again] == [letter.id for _, letter in first]


def test_what_is_left_out_since_a_letter_was_written_is_kept_before_it_goes(
    desk: Desk, post: Post
) -> None:
    two_of_one_instant(desk, natal_until(NOON + 60))
    d = deliverer(desk, post)
    bundle = taken(d, desk)
    desk.silences.clear()
    tries = tried(d, bundle)
    assert (post.letters, [outcome for _, outcome in tries]) == ([], [None])
    desk.home.outbox.settle([(bundle[0][0], tries[0][0])])
    desk.now += 1
    d._mine.clear()
    [(message, _)] = taken(d, desk)
    assert (message.left_out, message.attempts, message.unknowns) == ((), 0, 0)
    assert desk.home.outbox.message(message.id) == message


def test_what_a_message_of_its_own_tells_is_told_by_no_other(desk: Desk, post: Post) -> None:
    two_of_one_instant(desk, natal_until(NOON + 20))
    desk.send(NOON + 10, Outcome("again", "busy", after_s=600))
    tells = standing(desk)
    tells.step((), NOON + 15)
    assert tells.step((), NOON + 30) == 1
    assert desk.send(NOON + 30) == ["telegram: onset orange"], "which a silence kept back"
    assert desk.send(NOON + 620) == ["telegram: onset orange"], "and not both"


def test_the_end_of_what_was_left_out_of_a_message_without_an_address_is_not_told(
    desk: Desk,
) -> None:
    desk.join(person(where=EVERYWHERE, quiet=NIGHT, hazards={"heavy_rain": "orange"}))
    desk.tell(news("i0", at=MIDNIGHT), news("i1", at=MIDNIGHT, place="natal"))
    eased = {"level": "yellow", "reason": "eased", "place": "natal"}
    desk.tell(news("i1", 2, at=MIDNIGHT + 60, **eased))
    desk.directory.gone.add("p_ana")
    assert desk.send(MORNING) == []
    both = next(m for m in desk.all() if len(m.seqs) == 2)
    assert (both.status, both.left_out) == (Status.DEAD, ("i1/1",))
    desk.directory.gone.clear()
    at = MORNING + 60
    desk.tell(*(news(f"i{i}", 3 - (not i), "end", at=at, place=p) for i, p in enumerate(TOWNS)))
    assert desk.send(at) == ["telegram: ended orange"], "of the first, of which they never heard"


def test_where_nothing_is_left_to_tell_nothing_goes_and_nothing_is_spent(
    desk: Desk, post: Post
) -> None:
    three_places(desk)
    d = deliverer(desk, post)
    bundle = taken(d, desk)
    desk.log(*(news(f"i{i}", 2, "end", at=NOON + 5) for i in range(3)))
    assert {m.status for m, _ in tried(d, bundle)} == {Status.DROPPED}
    assert post.letters == []
    assert d.senders["telegram"].pace.room(desk.now) == 10


def test_what_says_more_by_then_than_one_letter_holds_is_bundled_anew(
    desk: Desk, post: Post
) -> None:
    class Stale:
        def look(self) -> None:
            """Nothing is new, and all is stale."""

        def is_stale(self, _: Message) -> bool:
            return True

    def write(messages: Sequence[Message]) -> list[Letter | Outcome]:
        calls.append(len(messages))
        each = [says(m) for m in messages]
        if len(calls) == 1:
            return [*each]
        return [msgspec.structs.replace(one, content=_longer(one)) for one in each]

    def _longer(letter: Letter) -> object:
        parts = [
            msgspec.structs.replace(part, missed="word " * 1_000) for part in letter.content.parts
        ]
        return msgspec.structs.replace(letter.content, parts=tuple(parts))

    calls: list[int] = []
    for i in range(1, 4):
        desk.home.outbox.put(message(str(i), seqs=(i,)))
    d = deliverer(desk, post, write=write, drafts=Stale())
    after = [m for m, _ in tried(d, taken(d, desk))]
    assert [(m.status, m.letter, m.attempts) for m in after] == [(Status.DUE, "", 0)] * 3
    assert post.letters == []
    assert d.senders["telegram"].pace.room(desk.now) == 10


def test_what_did_not_go_by_one_channel_goes_together_by_the_next(
    desk: Desk,
) -> None:
    telegram, email = Post(usual=GONE, letter_chars=9_000), Post("email", letter_chars=9_000)
    three_places(desk, "telegram", "email")
    send_all(desk, telegram, email)
    assert [told(letter) for letter in telegram.letters] == [["i0", "i1", "i2"]]
    assert desk.escalation.hand_on() == 3
    send_all(desk, telegram, email)
    assert [told(letter) for letter in email.letters] == [["i0", "i1", "i2"]]
    assert desk.home.outbox.counts() == {("telegram", "dead"): 3, ("email", "sent"): 3}


def test_what_waits_for_the_end_of_quiet_hours_is_one_letter_then(desk: Desk, post: Post) -> None:
    desk.join(person("p_ana", where=EVERYWHERE, quiet=NIGHT))
    for i in range(4):
        at = MIDNIGHT + 600 * i
        level = "red" if i == 2 else "orange"
        desk.tell(news(f"i{i}", at=at, level=level, place=TOWNS[i % 2]), now=at)
        desk.now = at
        send_all(desk, post)
    assert [told(letter) for letter in post.letters] == [["i2"]], "what is red waits for nobody"
    desk.now = MORNING
    send_all(desk, post)
    assert [told(letter) for letter in post.letters] == [["i2"], ["i0", "i1", "i3"]]
    assert desk.home.outbox.acknowledge("p_ana", post.letters[-1].id, desk.now)
    assert all(m.acknowledged_at for m in desk.all())
