"""What is due together for one person goes as one letter; each message has its own outcome."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from atalaia.domain.contact import Contact
from atalaia.domain.delivery import (
    TOGETHER_MOST,
    Letter,
    Message,
    Outcome,
    Status,
    letter_of,
)
from atalaia.domain.message import Content, compose
from atalaia.notify.together import TRIES_TOGETHER, as_one, bound, bundles
from notify.test_deliver import AGAIN, NEVER, UNKNOWN, Office, story
from telling import NOON, PLACES, SENT, Post, message, news

LONG = 100_000
_NAMES = {place.id: place for place in PLACES}
_LEVELS = {4: "red", 3: "orange", 2: "yellow", 0: "yellow"}


def says(m: Message, **changes: Any) -> Letter:
    """What a message says of incidents of its own."""
    kind = "end" if m.rank == 0 else "alert"
    entries = [news(f"i{seq}", type=kind, at=NOON + seq, level=_LEVELS[m.rank]) for seq in m.seqs]
    fields = {
        "id": letter_of(m),
        "contact": Contact(m.channel, f"at {m.person}"),
        "content": compose(entries, _NAMES, "en", NOON + 60),
        "sent_at": m.due_at,
        "expires_at": m.expires_at,
        "asks": m.rank == 4,
    }
    return Letter(**(fields | changes))


def written(messages: Sequence[Message]) -> list[Letter | Outcome]:
    return [says(m) for m in messages]


def row(*names: str, **changes: Any) -> list[tuple[Message, Letter]]:
    made = [message(name, seqs=(i,), **changes) for i, name in enumerate(names, 1)]
    return [(m, says(m)) for m in made]


def named(found: Sequence[Sequence[tuple[Message, Letter]]]) -> list[str]:
    return [" ".join(m.id.removeprefix("msg_") for m, _ in bundle) for bundle in found]


def told(letter: Letter) -> list[str]:
    return [alert.incident for alert in letter.content.alerts]


# Which go together


def test_messages_that_are_due_together_are_one_letter_by_the_id_of_the_last() -> None:
    found = bundles(row("a", "b", "c"), LONG)
    assert named(found) == ["a b c"]
    assert [m.letter for m, _ in bound(found[0])] == ["msg_c", "msg_c", ""]


def test_where_a_channel_joins_nothing_each_goes_by_itself() -> None:
    assert named(bundles(row("a", "b"), 0)) == ["a", "b"]


def test_what_does_not_fit_goes_in_the_next_letter() -> None:
    each = row("a", "b", "c")
    longest = len(as_one([letter for _, letter in each[:2]]).content.text(LONG))
    assert named(bundles(each, longest)) == ["a b", "c"]
    assert named(bundles(each, longest - 1)) == ["a", "b", "c"]


def test_a_letter_carries_so_many_messages_at_most() -> None:
    found = bundles(row(*(f"{i:02}" for i in range(TOGETHER_MOST + 3))), LONG)
    assert [len(bundle) for bundle in found] == [TOGETHER_MOST, 3]


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "drill:d1"},
        {"kind": "added:sms"},
        {"unknowns": 1},
        {"attempts": TRIES_TOGETHER},
        {"letter": "msg_b"},
    ],
)
def test_what_is_no_alert_or_may_have_gone_or_failed_often_goes_by_itself(changes: Any) -> None:
    each = row("a", "b", "c")
    m, letter = each[1]
    each[1] = (msgspec.structs.replace(m, **changes), letter)
    assert named(bundles(each, LONG)) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "changes",
    [
        {"contact": Contact("telegram", "another")},
        {"content": says(message(seqs=(1,))).content},
        {
            "content": compose(
                [news("i9")], {place.id: place for place in PLACES}, "pt-BR", NOON + 60
            )
        },
    ],
)
def test_another_address_language_or_the_same_incident_is_another_letter(changes: Any) -> None:
    each = row("a", "b")
    each[1] = (each[1][0], msgspec.structs.replace(each[1][1], **changes))
    assert named(bundles(each, LONG)) == ["a", "b"]


def test_what_went_in_one_letter_goes_in_one_again_with_nothing_else() -> None:
    each = row("old", "a", "b", "new", "newer")
    for i, letter in ((1, "msg_b"), (2, "")):
        m = msgspec.structs.replace(each[i][0], letter=letter, unknowns=1)
        each[i] = (m, says(m))
    assert named(bundles(each, LONG)) == ["old", "a b", "new newer"]
    assert named(bundles(each, 0)) == ["old", "a b", "new", "newer"]


# What it says


def test_the_gravest_comes_first_and_gives_the_subject_and_what_is_said_of_all_is_said_once() -> (
    None
):
    ranks = (2, 0, 4, 3)
    messages = [message(str(i), seqs=(i + 1,), rank=rank) for i, rank in enumerate(ranks)]
    letters = [
        says(m, leave=f"leave {m.id}", answer=f"answer {m.id}", reply_to=reply, thread=(reply,))
        for m, reply in zip(messages, ("1", "2", "3", ""), strict=True)
    ]
    one = as_one(letters)
    content: Content = one.content
    assert [(part.level, part.is_over) for part in content.parts] == [
        ("red", False),
        ("orange", False),
        ("yellow", False),
        ("yellow", True),
    ]
    assert content.level == "red"
    assert content.subject.startswith("4 alerts, the worst: ")
    text = content.text(LONG, "To stop: /stop.")
    assert text.count("This is not an official warning") == 1
    assert text.count("/stop") == 1
    assert text.count("What to do:") == len(content.advices()) < 4
    assert told(one) == ["i1", "i2", "i3", "i4"], "for programs, as in the log"
    assert (one.id, one.leave, one.answer) == ("msg_3", "leave msg_3", "answer msg_3")
    assert (one.reply_to, one.thread) == ("3", ("1", "2", "3", ""))
    assert one.asks


# What becomes of it


def test_each_message_of_a_letter_is_settled_as_it_went(tmp_path: Path) -> None:
    post = Post(letter_chars=LONG)

    async def tell(o: Office) -> None:
        o.put(*(message(str(i), seqs=(i,)) for i in range(1, 6)), message("other", "p_bia"))
        await o.until(lambda: len(o.tries) == 6)
        assert sorted(map(told, post.letters)) == [["i1"], [f"i{i}" for i in range(1, 6)]]
        assert {o.of(str(i)).provider_id for i in range(1, 6)} == {"x1"}
        assert {letter_of(o.of(str(i))) for i in range(1, 6)} == {"msg_5"}
        assert {o.of(str(i)).attempts for i in range(1, 6)} == {1}
        assert o.outbox.counts() == {("telegram", "sent"): 6}

    story(tmp_path, tell, post, write=written)


def test_a_letter_counts_once_whatever_it_carries(tmp_path: Path) -> None:
    post = Post(
        letter_chars=LONG,
        usual=Outcome("sent", cost_usd=0.05),
        a_day=3,
        usd_a_month=10.0,
        usd_each=0.05,
    )

    async def tell(o: Office) -> None:
        for who in range(3):
            o.put(*(message(f"{who}-{i}", f"p_{who}", seqs=(i,)) for i in range(1, 5)))
        await o.until(lambda: len(o.tries) == 12)
        assert len(post.letters) == 3
        assert o.outbox.counts() == {("telegram", "sent"): 12}
        assert sum(t.outcome.cost_usd for t in o.tries) == pytest.approx(0.15)
        again = o.opened().senders["telegram"].pace
        assert again.room(NOON) == 0
        assert again._spent.usd == pytest.approx(0.15)

    story(tmp_path, tell, post, write=written)


def test_what_comes_while_one_is_under_way_goes_together_after_it(tmp_path: Path) -> None:
    post = Post(letter_chars=LONG, contact_s=6)

    async def tell(o: Office) -> None:
        for i in range(1, 6):
            o.put(message(str(i), seqs=(i,)))
            await o.rest()
            await o.turn(1)
        await o.turn(8)
        assert list(map(told, post.letters)) == [["i1"], ["i2"], ["i3", "i4", "i5"]]

    story(tmp_path, tell, post, write=written)


def test_what_failed_is_tried_by_its_own_schedule_with_what_is_due_by_then(tmp_path: Path) -> None:
    post = Post(letter_chars=LONG, answers=[AGAIN], schedule=(5, 30))

    async def tell(o: Office) -> None:
        o.put(message("1", seqs=(1,)), message("2", seqs=(2,)))
        await o.rest()
        assert [(m.status, m.letter, m.attempts) for m in (o.of("1"), o.of("2"))] == [
            (Status.DUE, "", 1)
        ] * 2
        o.put(message("3", seqs=(3,)))
        await o.turn(6)
        assert list(map(told, post.letters)) == [["i1", "i2"], ["i1", "i2", "i3"]]
        assert o.outbox.counts() == {("telegram", "sent"): 3}

    story(tmp_path, tell, post, write=written)


def test_what_is_refused_with_others_goes_by_itself_and_only_what_is_bad_is_lost(
    tmp_path: Path,
) -> None:
    async def picky(letter: Letter) -> Outcome:
        return NEVER if "i2" in told(letter) else SENT

    post = Post(usual=picky, letter_chars=LONG)

    async def tell(o: Office) -> None:
        o.put(*(message(str(i), seqs=(i,)) for i in range(1, 4)))
        await o.rest()
        await o.turn(4)
        assert [one.id for one in post.letters] == ["msg_3", "msg_1", "msg_2", "msg_3"]
        assert [len(told(one)) for one in post.letters] == [3, 1, 1, 1]
        assert [o.of(str(i)).status for i in (1, 2, 3)] == ["sent", "dead", "sent"]

    story(tmp_path, tell, post, write=written)


def test_an_address_that_is_gone_ends_all_at_once(tmp_path: Path) -> None:
    gone = Outcome("never", "blocked", is_gone=True)
    post = Post(usual=gone, letter_chars=LONG)

    async def tell(o: Office) -> None:
        o.put(*(message(str(i), seqs=(i,)) for i in range(1, 4)))
        await o.until(lambda: len(o.tries) == 3)
        assert len(post.letters) == 1
        assert o.outbox.counts() == {("telegram", "dead"): 3}

    story(tmp_path, tell, post, write=written)


def test_without_an_answer_the_same_letter_goes_once_more_whole_by_the_same_id(
    tmp_path: Path,
) -> None:
    post = Post(letter_chars=LONG, answers=[UNKNOWN], schedule=(5, 30))

    async def tell(o: Office) -> None:
        o.put(message("1", seqs=(1,), attempts=1), message("2", seqs=(2,)))
        await o.rest()
        o.put(message("3", seqs=(3,)))
        await o.turn(40)
        assert [(one.id, told(one)) for one in post.letters] == [
            ("msg_2", ["i1", "i2"]),
            ("msg_2", ["i1", "i2"]),
            ("msg_3", ["i3"]),
        ]
        assert o.outbox.counts() == {("telegram", "sent"): 3}

    story(tmp_path, tell, post, write=written)


def test_a_letter_that_a_dead_process_may_have_sent_goes_again_as_it_was(tmp_path: Path) -> None:
    async def dies(_: Letter) -> Outcome:
        await o_[0].kill()
        raise AssertionError

    post = Post(letter_chars=LONG, answers=[dies])
    o_: list[Office] = []

    async def tell(o: Office) -> None:
        o_.append(o)
        o.put(message("1", seqs=(1,)), message("2", seqs=(2,)))
        o.deliverer.wake()
        await o.until(o.running.done)
        assert (o.of("1").status, o.of("1").letter) == (Status.LEASED, "msg_2")
        o.put(message("3", seqs=(3,)))
        o.outbox.begin(NOON + 1)
        o.begin()
        await o.until(lambda: len(o.tries) == 3)
        assert [(one.id, told(one)) for one in post.letters] == [
            ("msg_2", ["i1", "i2"]),
            ("msg_2", ["i1", "i2"]),
            ("msg_3", ["i3"]),
        ]

    story(tmp_path, tell, post, write=written)


def test_where_a_message_is_anothers_by_now_nothing_of_it_goes_from_here(tmp_path: Path) -> None:
    post = Post(letter_chars=LONG)

    def taken(messages: Sequence[Message]) -> list[Letter | Outcome]:
        if len(messages) > 1 and not taken_by:
            taken_by.append(messages[0])
            other = msgspec.structs.replace(messages[0], status=Status.SENT, lease_until=0)
            office[0].outbox.settle([(messages[0], other)])
        return written(messages)

    taken_by: list[Message] = []
    office: list[Office] = []

    async def tell(o: Office) -> None:
        office.append(o)
        o.put(message("1", seqs=(1,)), message("2", seqs=(2,)), message("3", seqs=(3,)))
        await o.rest()
        await o.turn(2)
        assert list(map(told, post.letters)) == [["i2", "i3"]]

    story(tmp_path, tell, post, write=taken)
