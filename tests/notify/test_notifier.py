"""The second half of the speed layer put together: who is told next, and who is told no more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from structlog.testing import capture_logs

from atalaia import clock as clock_of
from atalaia.domain.alert import LogEntry
from atalaia.domain.delivery import Outcome, Sent, Status
from atalaia.errors import StateConflict
from atalaia.notify import notifier
from atalaia.notify.compose import Composer
from atalaia.notify.deliver import Deliverer
from atalaia.notify.escalate import Escalation
from atalaia.notify.fanout import Fan
from atalaia.notify.notifier import Notifier
from atalaia.notify.recipients import Recipients
from atalaia.ports import Commit
from patience import until
from people.world import RECIFE, World, world
from run.world import Clock
from telling import NOON, PLACES, Post, news

GONE = Outcome("never", "blocked", is_gone=True)


class Town:
    """Outreach over a home and a registry, by channels that answer as told."""

    def __init__(self, w: World, *posts: Post) -> None:
        self.w = w
        self.posts = {post.name: post for post in posts}
        self.clock = Clock(NOON)
        self.outbox = w.home.outbox
        self.tries: list[Sent] = []
        self.recipients_seen: list[Recipients] = []
        self.faults = 0
        self._escalating_sleeps = False
        for post in posts:
            post.now = self.clock.now
        state, outbox, clock = w.home.state, w.home.outbox, self.clock
        recipients = Recipients(w.registry.load, self.posts)
        escalation = Escalation(state, outbox, w.registry, recipients, clock)

        def on_sent(tries: Sequence[Sent]) -> None:
            escalation.hear(tries)
            self.tries.extend(tries)

        self.reach = Notifier(
            recipients,
            Fan(state, outbox, recipients.audience, recipients, PLACES),
            Deliverer(
                outbox,
                state,
                self.posts,
                Composer(state, outbox, PLACES, recipients, w.registry, clock).write,
                clock=clock,
                on_sent=on_sent,
            ),
            escalation,
            self.posts,
            clock=clock_of.Clock(clock.now, self._sleep),
            wake=lambda _: None,  # who sends looks by itself
            on_changed=self._see,
        )

    def _see(self, recipients: Recipients) -> None:
        if self.faults:
            self.faults -= 1
            raise StateConflict("the store does not answer")
        self.recipients_seen.append(recipients)

    def told(self, *contacts: str, **wishes: object) -> str:
        given = {"where": (RECIFE,), "language": "en", "hazards": {"heavy_rain": "yellow"}}
        return self.w.told(*contacts, now=int(self.clock.now()), **(given | wishes))

    def log(self, *entries: LogEntry) -> None:
        number = self.w.home.state.offset("speed") + 1
        self.w.home.state.commit(Commit("speed", number, entries=entries))
        self.reach.wake()

    async def until(self, is_so: Callable[[], bool]) -> None:
        await until(is_so, self.reach.wake)

    async def turn(self, seconds: float) -> None:
        """Time passes in steps of five seconds, so that whoever looks has looked."""
        for _ in range(int(seconds // 5)):
            self.clock.turn(5)
            await self._rest()

    async def _sleep(self, seconds: float) -> None:
        is_escalation = seconds == notifier._ESCALATE_S
        self._escalating_sleeps |= is_escalation
        await self.clock.sleep(seconds)
        self._escalating_sleeps &= not is_escalation

    async def _rest(self) -> None:
        """Until escalation has looked, and what is due has gone out."""
        await asyncio.sleep(0)  # who waited for this moment wakes up
        await until(lambda: self._escalating_sleeps and not self._busy(), self.reach.wake)

    def _busy(self) -> bool:
        due = self.outbox.messages(status=Status.DUE, limit=99)
        leased = self.outbox.messages(status=Status.LEASED, limit=1)
        return bool(leased) or any(message.due_at <= self.clock.now() for message in due)

    def went(self) -> list[tuple[str, int]]:
        """By which channel, and how many seconds after noon."""
        found = [(round(at - NOON), name) for name, post in self.posts.items() for at in post.at]
        return [(name, at) for at, name in sorted(found)]


def story(folder: Path, tell: Callable[[Town], Awaitable[None]], *posts: Post) -> None:
    async def run() -> None:
        with world(folder / "home") as w:
            town = Town(w, *(posts or (Post("telegram"), Post("sms"), Post("email"))))
            running = [asyncio.create_task(part()) for part in town.reach.parts().values()]  # type: ignore[arg-type]
            try:
                await tell(town)
            finally:
                for task in running:
                    task.cancel()
                await asyncio.wait(running)

    asyncio.run(run())


def test_from_the_log_to_the_address(tmp_path: Path) -> None:
    async def tell(t: Town) -> None:
        t.told("telegram:77")
        t.told("email:ana@example.org", where=(RECIFE,))
        t.log(news())
        await t.until(lambda: len(t.tries) == 2)
        assert [letter.contact.address for letter in t.posts["telegram"].letters] == ["77"]
        assert [letter.contact.address for letter in t.posts["email"].letters] == [
            "ana@example.org"
        ]

    story(tmp_path, tell)


def test_who_subscribes_while_it_runs_is_told_of_what_comes_and_not_of_what_was(
    tmp_path: Path,
) -> None:
    async def tell(t: Town) -> None:
        t.log(news("i1"))
        t.clock.turn(60)
        t.told("telegram:77")
        await t.turn(5)
        t.log(news("i2", at=int(t.clock.now())))
        await t.until(lambda: len(t.tries) == 1)
        assert [m.seqs for m in t.outbox.messages()] == [(2,)]
        assert t.recipients_seen, "own limits are looked up anew"

    story(tmp_path, tell)


def test_what_recipients_come_to_is_told_again_where_that_failed_and_people_are_told_meanwhile(
    tmp_path: Path,
) -> None:
    async def tell(t: Town) -> None:
        t.faults = 2
        t.told("telegram:77")
        t.log(news())
        await t.until(lambda: len(t.tries) == 1)
        assert t.recipients_seen == []
        for _ in range(3):
            await t.turn(5)
        await t.until(lambda: len(t.recipients_seen) == 1)

    story(tmp_path, tell)


def test_what_recipients_come_to_is_looked_through_every_ten_minutes_and_else_where_they_changed(
    tmp_path: Path,
) -> None:
    async def tell(t: Town) -> None:
        t.told("telegram:77")
        await t.until(lambda: len(t.recipients_seen) == 1)
        await t.turn(300)
        assert len(t.recipients_seen) == 1
        t.told("telegram:78")
        await t.until(lambda: len(t.recipients_seen) == 2)
        await t.turn(590)
        assert len(t.recipients_seen) == 2
        await t.turn(15)
        await t.until(lambda: len(t.recipients_seen) == 3)

    story(tmp_path, tell)


def test_when_the_first_channel_fails_for_good_the_next_has_its_turn(tmp_path: Path) -> None:
    dead = Post("telegram", Outcome("never", "refused"))

    async def tell(t: Town) -> None:
        person = t.told("telegram:77", "sms:+5581999990000", "email:ana@example.org")
        t.log(news())
        await t.until(lambda: len(t.tries) == 1)
        await t.until(lambda: not t.outbox.messages(status=Status.DUE))
        await t.turn(10)
        await t.until(lambda: len(t.tries) == 2)
        await t.turn(900)
        assert [name for name, _ in t.went()] == ["telegram", "sms"]
        told = t.outbox.told(["i1"], [person])
        assert {(one.channel, one.status) for one in told} == {
            ("telegram", "dead"),
            ("sms", "sent"),
        }

    story(tmp_path, tell, dead, Post("sms"), Post("email"))


def test_a_red_alert_that_nobody_acknowledges_goes_by_one_channel_after_the_other(
    tmp_path: Path,
) -> None:
    async def tell(t: Town) -> None:
        t.told("telegram:77", "sms:+5581999990000", "email:ana@example.org", escalate_after_s=300)
        t.log(news(level="red"))
        await t.until(lambda: len(t.tries) == 1)
        await t.turn(295)
        assert t.went() == [("telegram", 0)]
        await t.turn(1200)
        names = [name for name, _ in t.went()]
        assert names == ["telegram", "sms", "email"]
        (_, first), (_, second), (_, third) = t.went()
        assert 300 <= second - first <= 310
        assert 300 <= third - second <= 310

    story(tmp_path, tell)


def test_an_acknowledgement_stops_it(tmp_path: Path) -> None:
    async def tell(t: Town) -> None:
        person = t.told("telegram:77", "sms:+5581999990000", escalate_after_s=300)
        t.log(news(level="red"))
        await t.until(lambda: len(t.tries) == 1)
        [m] = t.outbox.messages()
        assert t.outbox.acknowledge(person, m.id, NOON + 10)
        await t.turn(900)
        assert t.went() == [("telegram", 0)]

    story(tmp_path, tell)


def test_orange_asks_for_no_acknowledgement(tmp_path: Path) -> None:
    async def tell(t: Town) -> None:
        t.told("telegram:77", "sms:+5581999990000", escalate_after_s=300)
        t.log(news(level="orange"))
        await t.until(lambda: len(t.tries) == 1)
        await t.turn(900)
        assert t.went() == [("telegram", 0)]

    story(tmp_path, tell)


def test_what_was_over_meanwhile_does_not_escalate(tmp_path: Path) -> None:
    async def tell(t: Town) -> None:
        t.told("telegram:77", "sms:+5581999990000", escalate_after_s=300)
        t.log(news(level="red"))
        await t.until(lambda: len(t.tries) == 1)
        await t.turn(60)
        t.log(news(version=2, type="end", level="red", at=int(t.clock.now())))
        await t.until(lambda: len(t.tries) == 2)
        await t.turn(900)
        assert [name for name, _ in t.went()] == ["telegram", "telegram"]

    story(tmp_path, tell)


def test_what_has_expired_does_not_escalate(tmp_path: Path) -> None:
    async def tell(t: Town) -> None:
        t.told("telegram:77", "sms:+5581999990000", escalate_after_s=300)
        t.log(news(level="red", expires_s=200))
        await t.until(lambda: len(t.tries) == 1)
        await t.turn(900)
        assert t.went() == [("telegram", 0)]

    story(tmp_path, tell)


def test_an_address_of_no_more_use_is_given_up_and_the_next_channel_takes_over(
    tmp_path: Path,
) -> None:
    async def tell(t: Town) -> None:
        person = t.told("telegram:77", "sms:+5581999990000")
        t.log(news())
        await t.until(lambda: len(t.tries) == 1)
        await t.turn(10)
        await t.until(lambda: len(t.tries) == 2)
        assert t.w.person(person).channels == ("sms",)
        assert t.w.registry.contact(person, "telegram") is None
        t.log(news(version=2, level="red", at=int(t.clock.now())))
        await t.until(lambda: len(t.tries) == 3)
        assert [name for name, _ in t.went()] == ["telegram", "sms", "sms"]

    story(tmp_path, tell, Post("telegram", GONE), Post("sms"))


def test_a_store_that_fails_for_a_moment_forgets_no_address_to_give_up(tmp_path: Path) -> None:
    async def tell(t: Town) -> None:
        person = t.told("telegram:77", "sms:+5581999990000")
        gone = t.w.registry.gone
        faults = iter([StateConflict("disk full")])

        def fails(*of: object) -> bool:
            for fault in faults:
                raise fault
            return gone(*of)  # type: ignore[arg-type]

        t.w.registry.gone = fails  # type: ignore[method-assign, assignment]
        with capture_logs() as logs:
            t.log(news())
            await t.until(lambda: len(t.tries) == 1)
            await t.turn(30)
        assert any("escalation failed" in line["event"] for line in logs)
        assert t.w.person(person).channels == ("sms",)

    story(tmp_path, tell, Post("telegram", GONE), Post("sms"))


def test_an_erased_person_is_told_nothing_more(tmp_path: Path) -> None:
    async def tell(t: Town) -> None:
        person = t.told("telegram:77", "sms:+5581999990000")
        await t.turn(5)
        t.w.keys.destroy(person, NOON)
        t.w.home.people.erase(person, NOON)
        t.log(news())
        await t.turn(30)
        assert t.went() == []
        assert t.outbox.messages() == []

    story(tmp_path, tell)


def test_a_long_send_is_told_before_it_begins_and_names_nobody(tmp_path: Path) -> None:
    async def tell(t: Town) -> None:
        for i in range(4):
            t.told(f"telegram:77{i}")
        with capture_logs() as logs:
            t.log(news())
            await t.until(lambda: len(t.outbox.messages()) == 4)
        [line] = [line for line in logs if line["event"] == "a long send"]
        assert line["takes"] == "4 people take 1 min 20 s by Telegram"
        assert "77" not in str(logs)

    story(tmp_path, tell, Post("telegram", a_second=0.05))
