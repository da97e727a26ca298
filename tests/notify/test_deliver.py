"""From the outbox to the channels: claimed, written, paced, tried, settled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from atalaia.domain.delivery import Letter, Limits, Message, Outcome, Sent, Status
from atalaia.domain.hazard import Level
from atalaia.errors import StateConflict
from atalaia.homes.embedded import EmbeddedHome, open_home
from atalaia.notes import Note
from atalaia.notify.deliver import LEASE_S, Deliverer
from atalaia.notify.last_look import Drafts, Write
from atalaia.notify.pace import Pace, spent_in, sum_of
from atalaia.notify.sender import Tried
from atalaia.notify.together import Bundle
from patience import LIMIT_S, brief, patient
from run.world import Clock
from telling import DAY, NOON, SENT, Post, delivery, letter, message

AGAIN = Outcome("again", "busy")
NEVER = Outcome("never", "no such chat")
UNKNOWN = Outcome("unknown", "no answer in time")


def written(messages: Sequence[Message]) -> list[Letter | Outcome]:
    return [letter(m) for m in messages]


class Watched(Deliverer):
    """Counts its looks for what is due, the tries that began and ended, and the messages that came
    of them and those of these that are kept."""

    looks = began = ended = came = kept = 0

    def _room(self, now: int) -> dict[str, int]:
        self.looks += 1
        return super()._room(now)

    async def _try(self, bundle: Bundle) -> list[Tried]:
        self.began += 1
        try:
            return await super()._try(bundle)
        finally:
            self.ended += 1
            self.came += len(bundle)

    def _give_back(self, rest: Sequence[Any], after_s: float = 0.0) -> None:
        self.came += sum(map(len, rest))
        super()._give_back(rest, after_s)

    def _note_kept(self, batch: Sequence[Any]) -> None:
        super()._note_kept(batch)
        self.kept += len(batch)


class Office:
    """A deliverer that runs, over a home, with a clock that the test turns."""

    def __init__(
        self,
        home: EmbeddedHome,
        posts: Sequence[Post],
        write: Write,
        drafts: Drafts | None = None,
    ) -> None:
        self.home = home
        self.drafts = drafts
        self.outbox = home.outbox
        self.clock = Clock(NOON)
        self.posts = posts
        self.tries: list[Sent] = []
        self.write = write
        self.deliverer: Watched
        self.running: asyncio.Task[None]
        for post in posts:
            post.now = self.clock.now

    def begin(self) -> None:
        """A process that sends begins."""
        self.deliverer = self.opened()
        self.running = asyncio.create_task(self.deliverer.run())

    async def kill(self) -> None:
        """It dies: what it held it holds until its lease ends, or until the next begins."""
        self.running.cancel()
        await asyncio.wait([self.running])

    def opened(self) -> Watched:
        return Watched(
            self.home.outbox,
            self.home.state,
            {post.name: post for post in self.posts},
            self.write,
            clock=self.clock,
            drafts=self.drafts,
            on_sent=self.tries.extend,
        )

    def put(self, *messages: Message) -> None:
        for m in messages:
            self.outbox.put(m, [delivery(m, f"i-{m.id}")])

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with patient():
            while not is_so():
                self.deliverer.wake()
                await asyncio.sleep(0.001)

    async def rest(self) -> None:
        """Until all that is under way waits for time to pass."""
        d, seen, since = self.deliverer, (-1, -1, -1), 0
        async with patient():
            while True:
                d.wake()
                await asyncio.sleep(0.001)
                if seen != (d.began, d.ended, d.kept):
                    seen, since = (d.began, d.ended, d.kept), d.looks
                busy = d.began - d.ended + (d.came != d.kept)
                if busy <= self.clock.waiting and d.looks >= since + 3:
                    return

    async def turn(self, seconds: float, step: float = 1.0) -> None:
        while seconds > 0:
            self.clock.turn(min(step, seconds))
            seconds -= step
            await self.rest()

    def of(self, name: str = "a") -> Message:
        found = self.outbox.message(f"msg_{name}")
        assert found is not None
        return found


def story(
    folder: Path,
    tell: Callable[[Office], Awaitable[None]],
    *posts: Post,
    write: Write = written,
    drafts: Drafts | None = None,
) -> None:
    async def run() -> None:
        with open_home(folder / "home", exclusive=False) as home:
            office = Office(home, posts or (Post(),), write, drafts)
            office.begin()
            try:
                await tell(office)
            finally:
                await office.kill()

    asyncio.run(run())


def test_what_is_due_is_sent_once_and_its_outcome_kept(tmp_path: Path) -> None:
    post = Post()

    async def tell(o: Office) -> None:
        o.put(*(message(str(i), f"p_{i}", seqs=(i,)) for i in range(50)))
        await o.until(lambda: len(o.tries) == 50)
        assert o.outbox.counts() == {("telegram", "sent"): 50}
        assert sorted(post.ids) == sorted(f"msg_{i}" for i in range(50))
        assert (o.of("7").provider_id, o.of("7").attempts, o.of("7").settled_at) == ("x1", 1, NOON)
        assert len(o.tries) == 50
        assert {t.outcome.verdict for t in o.tries} == {"sent"}

    story(tmp_path, tell, post)


def test_each_channel_sends_its_own(tmp_path: Path) -> None:
    posts = [Post("telegram"), Post("email")]

    async def tell(o: Office) -> None:
        o.put(message("t"), message("e", channel="email"), message("s", "p_2", channel="sms"))
        await o.until(lambda: len(o.tries) == 2)
        assert [post.ids for post in posts] == [["msg_t"], ["msg_e"]]
        assert o.of("s").status == Status.DUE

    story(tmp_path, tell, *posts)


def test_a_channel_that_hangs_holds_no_other_up(tmp_path: Path) -> None:
    async def hang(_: Letter) -> Outcome:
        await asyncio.sleep(3600)
        return SENT

    email = Post("email")

    async def tell(o: Office) -> None:
        o.put(*(message(f"t{i}", f"p_{i}", seqs=(i,)) for i in range(9)))
        o.put(*(message(f"e{i}", f"p_{i}", channel="email", seqs=(i,)) for i in range(40)))
        await o.until(lambda: len(email.letters) == 40)

    story(tmp_path, tell, Post("telegram", hang), email)


def test_the_messages_of_an_order_key_go_one_after_the_other_in_order(tmp_path: Path) -> None:
    under_way: set[str] = set()

    async def watch(one: Letter) -> Outcome:
        assert not under_way
        under_way.add(one.id)
        await asyncio.sleep(0.002)
        under_way.remove(one.id)
        return SENT

    post = Post("telegram", watch)

    async def tell(o: Office) -> None:
        ranks = (2, 3, 4, 0, 4)
        o.put(*(message(str(i), seqs=(i,), rank=r) for i, r in enumerate(ranks)))
        await o.until(lambda: len(o.tries) == 5)
        assert post.ids == [f"msg_{i}" for i in range(5)]

    story(tmp_path, tell, post)


def test_a_retry_that_is_near_holds_what_comes_after_it_in_its_order(tmp_path: Path) -> None:
    post = Post(answers=[AGAIN], schedule=(30,))

    async def tell(o: Office) -> None:
        o.put(message("1", seqs=(1,)), message("2", seqs=(2,)), message("3", seqs=(3,)))
        await o.rest()
        assert post.ids == ["msg_1"]
        await o.turn(29)
        assert post.ids == ["msg_1"]
        await o.turn(3)
        assert post.ids == ["msg_1", "msg_1", "msg_2", "msg_3"]

    story(tmp_path, tell, post)


def test_tries_follow_the_schedule_and_then_it_is_dead(tmp_path: Path) -> None:
    post = Post(usual=AGAIN, schedule=(5, 30, 120))

    async def tell(o: Office) -> None:
        o.put(message())
        await o.rest()
        await o.turn(300)
        assert [at - NOON for at in post.at] == [0, 5, 35, 155]
        assert set(post.ids) == {"msg_a"}
        assert (o.of().status, o.of().attempts, o.of().reason) == (Status.DEAD, 4, "busy")
        assert [m.id for m in o.outbox.messages(status=Status.DEAD)] == ["msg_a"]

    story(tmp_path, tell, post)


def test_a_dead_one_that_is_tried_anew_goes_under_the_same_id(tmp_path: Path) -> None:
    post = Post(answers=[NEVER])

    async def tell(o: Office) -> None:
        o.put(message())
        await o.until(lambda: len(o.tries) == 1)
        assert o.of().status == Status.DEAD
        assert o.outbox.retry(["msg_a"], NOON, NOON + 60) == 1
        await o.until(lambda: len(o.tries) == 2)
        assert post.ids == ["msg_a", "msg_a"]
        assert o.of().status == Status.SENT

    story(tmp_path, tell, post)


def test_the_providers_own_wish_counts_where_it_is_longer(tmp_path: Path) -> None:
    post = Post(
        answers=[Outcome("again", after_s=50), Outcome("again", after_s=1)], schedule=(5, 9)
    )

    async def tell(o: Office) -> None:
        o.put(message())
        await o.rest()
        await o.turn(70)
        assert [at - NOON for at in post.at] == [0, 50, 59]

    story(tmp_path, tell, post)


def test_no_answer_is_tried_once_more_under_the_same_id_and_then_stays_unknown(
    tmp_path: Path,
) -> None:
    post = Post(usual=UNKNOWN, schedule=(5, 30, 120))

    async def tell(o: Office) -> None:
        o.put(message())
        await o.rest()
        await o.turn(400, 5)
        assert post.ids == ["msg_a", "msg_a"]
        assert (o.of().status, o.of().unknowns) == (Status.UNKNOWN, 2)

    story(tmp_path, tell, post)


def test_a_rate_limit_pauses_the_channel_and_costs_no_try(tmp_path: Path) -> None:
    limit = Outcome("again", "rate limit", after_s=20, pauses=True)
    post = Post(answers=[limit], schedule=(5,), at_once=1)

    async def tell(o: Office) -> None:
        o.put(*(message(str(i), f"p_{i}", seqs=(i,)) for i in range(5)))
        with capture_logs() as logs:
            await o.rest()
        assert len(post.ids) == 1
        assert [(line["event"], line["channel"]) for line in logs] == [
            ("a channel pauses", "telegram")
        ]
        await o.turn(19)
        assert len(post.ids) == 1
        await o.turn(3)
        assert len(post.ids) == 6
        assert o.outbox.counts() == {("telegram", "sent"): 5}
        assert {m.attempts for m in o.outbox.messages()} == {1}

    story(tmp_path, tell, post)


def test_who_waits_for_a_turn_while_the_channel_is_paused_is_not_sent(tmp_path: Path) -> None:
    limit = Outcome("again", "rate limit", after_s=30, pauses=True)
    post = Post(answers=[limit], a_second=1, at_once=8)

    async def tell(o: Office) -> None:
        o.put(*(message(str(i), f"p_{i}", seqs=(i,)) for i in range(8)))
        await o.rest()
        await o.turn(20)
        assert len(post.ids) == 1
        await o.turn(25)
        assert len(set(post.ids)) == 8

    story(tmp_path, tell, post)


def test_what_expires_before_its_next_try_is_late_and_never_sent(tmp_path: Path) -> None:
    post = Post(usual=AGAIN, schedule=(30, 60))

    async def tell(o: Office) -> None:
        o.put(message(expires_at=NOON + 60), message("old", "p_2", expires_at=NOON - 1))
        await o.rest()
        await o.turn(200, 10)
        assert post.ids == ["msg_a", "msg_a"]
        assert (o.of().status, o.of("old").status) == (Status.LATE, Status.LATE)

    story(tmp_path, tell, post)


def test_what_cannot_be_written_ends_with_its_reason_and_holds_nobody_up(tmp_path: Path) -> None:
    def write(messages: Sequence[Message]) -> list[Letter | Outcome]:
        said = {
            "msg_gone": Outcome("never", "no such address any more"),
            "msg_shut": Outcome("again", "cannot be opened"),
        }
        return [said.get(m.id) or letter(m) for m in messages]

    post = Post(schedule=(5, 30))

    async def tell(o: Office) -> None:
        o.put(message("gone", "p_1"), message("shut", "p_2"), message("fine", "p_3"))
        await o.rest()
        assert post.ids == ["msg_fine"]
        assert (o.of("gone").status, o.of("gone").reason) == ("dead", "no such address any more")
        assert (o.of("shut").status, o.of("shut").due_at) == (Status.DUE, NOON + 5)

    story(tmp_path, tell, post, write=write)


class Blind:
    """Nobody can look at what is told, for so many looks."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def look(self) -> None:
        self.looks -= 1
        if self.looks >= 0:
            raise StateConflict("this process has no more memory; give it more")

    def is_stale(self, _: Message) -> bool:
        return False


@pytest.mark.parametrize("faults", [1, 2, 3, 9, 40])
def test_a_fault_of_our_own_costs_no_try_and_is_over_seconds_after_it(
    tmp_path: Path, faults: int
) -> None:
    """However often nobody could look, the channel's patience is what it was, and what was due
    goes within ten seconds after somebody can."""
    drafts, post = Blind(faults), Post(schedule=(5, 30, 3600))

    async def tell(o: Office) -> None:
        o.put(message(expires_at=NOON + 7200))
        await o.rest()
        while drafts.looks > 0:
            await o.turn(1)
        assert (o.of().status, o.of().attempts, o.of().unknowns) == (Status.DUE, 0, 0)
        assert o.of().reason == "what it tells cannot be looked at"
        assert {one.outcome.verdict for one in o.tries} == {"given_back"}, "counted, and no try"
        assert not post.ids
        await o.turn(10)
        assert (o.of().status, o.of().attempts, post.ids) == (Status.SENT, 1, ["msg_a"])

    story(tmp_path, tell, post, drafts=drafts)


def test_one_whom_we_cannot_open_just_now_is_told_seconds_after_we_can(tmp_path: Path) -> None:
    shut = True

    def write(messages: Sequence[Message]) -> list[Letter | Outcome]:
        return [
            Outcome("given_back", "cannot be opened", 10.0) if shut else letter(m) for m in messages
        ]

    post = Post(schedule=(5, 30, 3600))

    async def tell(o: Office) -> None:
        nonlocal shut
        o.put(message(expires_at=NOON + 7200))
        await o.turn(300)
        assert (o.of().status, o.of().attempts, o.of().reason) == ("due", 0, "cannot be opened")
        shut = False
        await o.turn(10)
        assert (o.of().status, post.ids) == (Status.SENT, ["msg_a"])

    story(tmp_path, tell, post, write=write)


def test_a_fault_in_a_channel_is_one_failed_try_and_shows_no_address(tmp_path: Path) -> None:
    async def broken(_: Letter) -> Outcome:
        raise KeyError("+5581999990000")

    post = Post(answers=[broken], schedule=(5,))

    async def tell(o: Office) -> None:
        o.put(message(), message("b", "p_2"))
        with capture_logs() as logs:
            await o.until(lambda: len(o.tries) == 2)
        assert "5581" not in str(logs)
        failed = next(t for t in o.tries if t.outcome.verdict == "again")
        assert failed.outcome.reason == "fault in the channel: KeyError"
        await o.turn(6)
        assert o.outbox.counts() == {("telegram", "sent"): 2}

    story(tmp_path, tell, post)


def test_the_pace_is_kept(tmp_path: Path) -> None:
    post = Post(a_second=2, at_once=8)

    async def tell(o: Office) -> None:
        o.put(*(message(str(i), f"p_{i}", seqs=(i,)) for i in range(9)))
        await o.rest()
        await o.turn(5, 0.5)
        assert [at - NOON for at in post.at] == pytest.approx([i / 2 for i in range(9)])

    story(tmp_path, tell, post)


def test_letters_that_begin_at_once_share_what_the_first_of_them_sets_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post, change, is_first = Post(a_day=3), Note.change, [True]

    def changed(note: Note[Any], how: Callable[[Any], Any]) -> Any:
        kept = change(note, how)
        if is_first:  # its thread is late: what others were told of it is older than what they hear
            is_first.pop()
            time.sleep(0.2)
        return kept

    monkeypatch.setattr(Note, "change", changed)

    async def tell(o: Office) -> None:
        o.put(*(message(str(i), f"p_{i}", seqs=(i,)) for i in range(3)))
        await o.rest()
        assert sorted(post.ids) == [f"msg_{i}" for i in range(3)]
        assert o.outbox.counts() == {("telegram", "sent"): 3}

    story(tmp_path, tell, post)


def test_a_day_s_people_are_never_passed_and_the_rest_goes_tomorrow(tmp_path: Path) -> None:
    post = Post(a_day=5, at_once=4)

    async def tell(o: Office) -> None:
        o.put(*(message(str(i), f"p_{i}", seqs=(i,), expires_at=NOON + DAY) for i in range(8)))
        await o.rest()
        assert len(post.ids) == 5
        await o.turn(11 * 3600, 3600)
        assert len(post.ids) == 5
        await o.turn(2 * 3600, 3600)
        assert len(set(post.ids)) == 8

    story(tmp_path, tell, post)


def test_what_was_sent_today_is_remembered_by_the_next_process(tmp_path: Path) -> None:
    post = Post(a_day=5, usual=Outcome("sent", cost_usd=0.05), usd_a_month=1)

    async def tell(o: Office) -> None:
        o.put(*(message(str(i), f"p_{i}", seqs=(i,)) for i in range(3)))
        await o.until(lambda: len(o.tries) == 3)
        again = o.opened().senders["telegram"].pace
        assert again.room(NOON) == 2
        assert again._spent.usd == pytest.approx(0.15)

    story(tmp_path, tell, post)


def test_a_month_s_money_is_not_passed(tmp_path: Path) -> None:
    post = Post("sms", Outcome("sent", cost_usd=0.05), usd_a_month=0.1, usd_each=0.05)

    async def tell(o: Office) -> None:
        o.put(*(message(str(i), f"p_{i}", channel="sms", seqs=(i,)) for i in range(5)))
        await o.rest()
        assert len(post.ids) == 2
        assert o.outbox.counts() == {("sms", "sent"): 2, ("sms", "late"): 3}

    story(tmp_path, tell, post)


@pytest.mark.parametrize("limits", [{"usd_a_month": 0.5, "usd_each": 0.05}, {"a_day": 10}])
def test_three_senders_together_pass_no_limit_and_leave_nothing_set_aside(
    tmp_path: Path, limits: dict[str, Any]
) -> None:
    posts = [Post("sms", Outcome("sent", cost_usd=0.05), at_once=3, **limits) for _ in range(3)]

    async def run() -> None:
        with ExitStack() as stack:
            homes = [stack.enter_context(open_home(tmp_path, exclusive=False)) for _ in posts]
            for i in range(40):
                one = message(str(i), f"p_{i}", channel="sms", seqs=(i,), expires_at=NOON + DAY)
                homes[0].outbox.put(one)
            senders = [
                Deliverer(home.outbox, home.state, {"sms": post}, written, clock=Clock(NOON))
                for home, post in zip(homes, posts, strict=True)
            ]
            await asyncio.gather(*(one.run_dry(2 * LIMIT_S, LIMIT_S) for one in senders))

    asyncio.run(run())
    sent = sum(len(post.letters) for post in posts)
    assert 0 < sent <= 10
    with open_home(tmp_path, exclusive=False) as home:
        spent = spent_in(home.state, "sms").get()
        assert spent is not None
        assert (spent.sent, spent.usd) == (sent, pytest.approx(sent * 0.05))


def test_what_a_killed_process_had_set_aside_is_not_spent_by_others() -> None:
    limits = Limits(a_day=10, at_once=4)
    killed, other = Pace(limits, None, NOON), Pace(limits, None, NOON)
    kept, n = killed.set_aside(None, NOON)
    assert n == 4
    killed.hold(n, kept, NOON)
    got = 0
    for _ in range(5):
        kept, n = other.set_aside(kept, NOON)
        other.hold(n, kept, NOON)
        while other.begin(NOON):
            got += 1
    assert got == 6
    assert other.capped_for(NOON) == (12 * 3600, "10 a day are used up")
    kept, n = other.set_aside(kept, NOON + 12 * 3600)
    assert n == 4, "a new day"


def test_what_was_set_aside_before_midnight_is_the_months_again() -> None:
    limits = Limits(a_day=100, usd_a_month=1.0, usd_each=0.05, at_once=4)
    pace = Pace(limits, None, NOON)
    kept, n = pace.set_aside(None, NOON)
    pace.hold(n, kept, NOON)
    assert pace.begin(NOON)
    pace.spend(NOON, 0.05, is_counted=True)
    tomorrow = NOON + DAY
    assert not pace.begin(tomorrow)
    kept = sum_of((kept, pace.take(tomorrow)), tomorrow)
    assert (kept.sent, kept.usd) == (0, pytest.approx(0.05))


def test_of_two_senders_each_message_is_one_s(tmp_path: Path) -> None:
    posts = (Post(), Post())

    async def run() -> None:
        with open_home(tmp_path, exclusive=False) as a, open_home(tmp_path, exclusive=False) as b:
            for i in range(120):
                a.outbox.put(message(str(i), f"p_{i}", seqs=(i,)))
            running = [
                asyncio.create_task(
                    Deliverer(
                        home.outbox, home.state, {"telegram": post}, written, clock=Clock(NOON)
                    ).run()
                )
                for home, post in zip((a, b), posts, strict=True)
            ]
            async with patient():
                while a.outbox.counts() != {("telegram", "sent"): 120}:
                    await asyncio.sleep(0.01)
            for one in running:
                one.cancel()
            await asyncio.wait(running)

    asyncio.run(run())
    ids = posts[0].ids + posts[1].ids
    assert len(ids) == len(set(ids)) == 120


def test_what_a_dead_process_held_goes_when_its_lease_ends_under_the_same_id(
    tmp_path: Path,
) -> None:
    post = Post()

    async def tell(o: Office) -> None:
        o.outbox.put(message())
        o.outbox.claim(NOON, NOON + LEASE_S, {"telegram": 1})
        await o.turn(LEASE_S - 1, 10)
        assert post.ids == []
        await o.turn(1)
        assert post.ids == ["msg_a"]

    story(tmp_path, tell, post)


def test_a_turn_that_comes_after_the_lease_is_given_back_and_not_sent_twice(
    tmp_path: Path,
) -> None:
    post = Post(contact_s=60)

    async def tell(o: Office) -> None:
        o.put(*(message(str(i), seqs=(i,)) for i in range(4)))
        await o.rest()
        assert post.ids == ["msg_0"]
        await o.turn(400, 5)
        assert post.ids == ["msg_0", "msg_1", "msg_2", "msg_3"]
        assert all(b - a >= 60 for a, b in zip(post.at, post.at[1:], strict=False))

    story(tmp_path, tell, post)


def test_a_store_that_cannot_be_written_for_a_while_loses_no_outcome(tmp_path: Path) -> None:
    async def tell(o: Office) -> None:
        settle: Any = o.outbox.settle
        faults = iter([StateConflict("disk full"), StateConflict("disk full")])

        def fails(pairs: object) -> int:
            for fault in faults:
                raise fault
            return int(settle(pairs))

        o.outbox.settle = fails  # type: ignore[method-assign, assignment]
        o.put(message())
        with capture_logs() as logs:
            await o.rest()
            await o.turn(6)
        assert [line["event"] for line in logs] == [
            "outcomes cannot be kept; it is tried again"
        ] * 2
        assert o.of().status == Status.SENT
        assert o.posts[0].ids == ["msg_a"]

    story(tmp_path, tell)


def test_what_was_leased_by_a_claim_that_failed_goes_without_waiting_for_its_lease(
    tmp_path: Path,
) -> None:
    """The claim is on disk, and nobody has heard of it; what was under way goes on, once."""
    go = asyncio.Event()

    async def slow(_: Letter) -> Outcome:
        await go.wait()
        return SENT

    post = Post("telegram", slow, at_once=9)

    async def tell(o: Office) -> None:
        o.put(message("held", "p_held", seqs=(0,)))
        await o.until(lambda: post.ids == ["msg_held"])
        await o.until(lambda: not o.deliverer._is_claiming)  # one under way would not fail
        claim: Any = o.outbox.claim
        faults = iter([StateConflict("no more memory"), StateConflict("no more memory")])

        def fails(*given: object, **more: object) -> list[Message]:
            found = claim(*given, **more)
            if found and (fault := next(faults, None)):
                raise fault
            return list(found)

        o.outbox.claim = fails  # type: ignore[method-assign, assignment]
        o.put(*(message(str(i), f"p_{i}", seqs=(i + 1,)) for i in range(3)))
        go.set()
        began = o.clock.now()
        while len(post.ids) < 4:
            await o.until(lambda: o.clock.waiting > 0 or len(post.ids) == 4)
            o.clock.turn(1.0)
        assert next(faults, None) is None, "both claims failed"
        assert o.clock.now() - began < 10, "a lease is 90 s"
        await o.until(lambda: not o.deliverer.held)
        assert sorted(post.ids) == ["msg_0", "msg_1", "msg_2", "msg_held"]
        assert o.outbox.counts() == {("telegram", "sent"): 4}

    story(tmp_path, tell, post)


def test_a_stop_settles_what_is_under_way_and_begins_nothing(tmp_path: Path) -> None:
    go = asyncio.Event()

    async def slow(_: Letter) -> Outcome:
        await go.wait()
        return SENT

    post = Post("telegram", slow, at_once=2)

    async def tell(o: Office) -> None:
        o.put(*(message(str(i), f"p_{i}", seqs=(i,)) for i in range(9)))
        await o.until(lambda: len(post.ids) == 2)
        closing = asyncio.create_task(o.deliverer.close(5))
        await asyncio.sleep(0.01)
        go.set()
        await closing
        assert len(post.ids) == 2
        assert o.outbox.counts() == {("telegram", "sent"): 2, ("telegram", "due"): 7}

    story(tmp_path, tell, post)


# A home without a process of its own: sent until nothing is due


def dry(folder: Path, tell: Callable[[Office, Post], Awaitable[None]], **limits: Any) -> None:
    async def run() -> None:
        with open_home(folder / "home") as home:
            post = Post("telegram", **limits)
            office = Office(home, [post], written)
            office.deliverer = office.opened()
            await tell(office, post)

    asyncio.run(run())


def closing_of(office: Office) -> asyncio.Event:
    """Set when its time is over, and it begins to close."""
    is_closing, close = asyncio.Event(), office.deliverer.close

    async def closed(within_s: float) -> None:
        is_closing.set()
        await close(within_s)

    office.deliverer.close = closed  # type: ignore[method-assign]
    return is_closing


def test_a_run_ends_when_nothing_is_due_any_more(tmp_path: Path) -> None:
    async def tell(office: Office, post: Post) -> None:
        office.put(*(message(f"m{i}") for i in range(30)))
        await office.deliverer.run_dry(600, 20)
        assert len(set(post.ids)) == 30
        assert all(m.status == Status.SENT for m in office.outbox.messages(limit=99))
        office.put(message("later"))
        await office.deliverer.run_dry(600, 20)
        assert len(post.ids) == 31, "the next call goes on"

    dry(tmp_path, tell)


@pytest.mark.parametrize("where", ["the last look", "the first"])
def test_a_run_that_gave_something_back_by_a_fault_of_ours_says_so_at_its_end(
    tmp_path: Path, where: str
) -> None:
    """It is due again in a moment: a run that ends before that has not sent all, and a function
    that only warned of it would move no alarm."""
    blind = True

    class Drafts(Blind):
        def look(self) -> None:
            if blind and where == "the last look":
                raise StateConflict("access was denied")

    def write(messages: Sequence[Message]) -> list[Letter | Outcome]:
        is_shut = blind and where == "the first"
        shut = Outcome("given_back", "what is kept of the person cannot be opened", 2.0)
        return [shut if is_shut else letter(m) for m in messages]

    async def tell(office: Office, post: Post) -> None:
        nonlocal blind
        office.write, office.drafts = write, Drafts(0)
        office.deliverer = office.opened()
        office.put(message("a"))
        for _ in range(2):
            with pytest.raises(StateConflict, match="1 messages were given back: what"):
                await office.deliverer.run_dry(600, 20)
            office.clock.turn(10)
        assert (office.of().status, office.of().attempts) == (Status.DUE, 0)
        assert {one.outcome.verdict for one in office.tries} == {"given_back"}
        blind = False
        await office.deliverer.run_dry(600, 20)
        assert (office.of().status, post.ids) == (Status.SENT, ["msg_a"])

    dry(tmp_path, tell)


def test_a_run_goes_on_where_all_that_it_held_was_sent_while_it_looked_for_red_ones_alone(
    tmp_path: Path,
) -> None:
    """Where there is no room it looks for those alone. That it finds none says nothing of others,
    though by the time of the answer nothing is held any more."""

    async def tell(office: Office, post: Post) -> None:
        office.put(*(message(f"m{i}") for i in range(100)))
        take, loop = office.deliverer._take, asyncio.get_running_loop()

        def slow_take(now: int, room: Mapping[str, int], *held: Any) -> Any:
            if not room:
                nothing_held = office.until(lambda: not office.deliverer.held)
                asyncio.run_coroutine_threadsafe(nothing_held, loop).result(LIMIT_S)
            return take(now, room, *held)

        office.deliverer._take = slow_take  # type: ignore[method-assign]
        await office.deliverer.run_dry(600, 20)
        assert len(post.ids) == 100

    dry(tmp_path, tell, at_once=2)


def test_red_ones_are_looked_for_where_there_is_no_room_once_a_second_or_when_something_is_new(
    tmp_path: Path,
) -> None:
    """And not whenever something was sent: where a look is a call it would cost as much."""

    async def tell(office: Office, post: Post) -> None:
        looks: list[int] = []
        claim = office.outbox.claim

        def counted(now: int, until: int, room: Mapping[str, int], *rank: int, **other: Any) -> Any:
            looks.extend(rank)
            return claim(now, until, room, *rank, **other)

        office.deliverer._outbox = SimpleNamespace(claim=counted, settle=office.outbox.settle)
        office.put(*(message(f"m{i}") for i in range(200)))
        await office.deliverer.run_dry(600, 20)
        assert len(post.ids) == 200
        assert looks == [Level.RED], "the clock stood still, and nobody said that something is new"

    dry(tmp_path, tell, at_once=1)


def test_what_could_not_be_written_is_claimed_again_by_the_same_run(tmp_path: Path) -> None:
    async def tell(office: Office, post: Post) -> None:
        office.put(*(message(f"m{i}") for i in range(5)))
        write, faults = office.write, iter([StateConflict("people cannot be read")])

        def fails_once(messages: Sequence[Message]) -> list[Letter | Outcome]:
            if fault := next(faults, None):
                raise fault
            return list(write(messages))

        office.deliverer._write = fails_once
        running = asyncio.create_task(office.deliverer.run_dry(600, 20))
        await patient_until(lambda: office.clock.waiting > 0)
        office.clock.turn(2.0)
        await running
        assert len(post.ids) == 5, "and not when their lease has run out"

    dry(tmp_path, tell)


async def patient_until(is_so: Callable[[], bool]) -> None:
    async with patient():
        while not is_so():
            await asyncio.sleep(0.001)


def test_a_run_goes_on_after_messages_of_which_no_letter_came(tmp_path: Path) -> None:
    async def tell(office: Office, post: Post) -> None:
        office.put(*(message(f"m{i}") for i in range(100)))
        write, left = office.write, iter(range(90))

        def refused_at_first(messages: Sequence[Message]) -> list[Letter | Outcome]:
            return [
                said if next(left, None) is None else Outcome("dropped", "it is over")
                for said in write(messages)
            ]

        office.deliverer._write = refused_at_first
        await office.deliverer.run_dry(600, 20)
        assert len(post.ids) == 10

    dry(tmp_path, tell, at_once=2)


def test_at_the_end_of_its_time_a_run_leaves_nothing_claimed_that_nobody_sends(
    tmp_path: Path,
) -> None:
    async def tell(office: Office, post: Post) -> None:
        is_closing = closing_of(office)

        async def slowly(_: Letter) -> Outcome:
            await is_closing.wait()
            return SENT

        post.usual = slowly
        office.put(*(message(f"m{i}") for i in range(20)))
        await office.deliverer.run_dry(LIMIT_S + brief(), LIMIT_S)
        left = office.outbox.messages(limit=99)
        sent = [m for m in left if m.status == Status.SENT]
        assert 0 < len(sent) < 20
        assert len(sent) == len(post.ids), "what had begun came to its outcome"
        now = int(office.clock.now())
        again = office.outbox.claim(now + 5, now + 95, {"telegram": 99})
        assert len(again) == 20 - len(sent), "none waits for a lease to run out"

    dry(tmp_path, tell, at_once=2)


def test_a_claim_that_is_being_made_when_the_run_ends_is_waited_for(tmp_path: Path) -> None:
    async def tell(office: Office, post: Post) -> None:
        office.put(message("a"))
        take, may_answer = office.deliverer._take, closing_of(office)
        loop = asyncio.get_running_loop()

        def slow_take(*of: Any) -> Any:
            asyncio.run_coroutine_threadsafe(may_answer.wait(), loop).result(LIMIT_S)
            return take(*of)

        office.deliverer._take = slow_take  # type: ignore[method-assign]
        await office.deliverer.run_dry(LIMIT_S + brief(), LIMIT_S)
        assert may_answer.is_set()
        assert post.ids == []
        now = int(office.clock.now())
        assert len(office.outbox.claim(now + 5, now + 95, {"telegram": 9})) == 1

    dry(tmp_path, tell)
