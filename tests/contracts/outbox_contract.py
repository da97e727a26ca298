"""What every home's outbox must do. A home's test subclasses this and says how to make one."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import Counter

import msgspec
import pytest

from atalaia.domain.delivery import TOGETHER_MOST, Message, Status, first_seq
from atalaia.errors import HeldByAnother, Overtaken
from atalaia.ports import FanOut, Outbox
from telling import DAY, NOON, delivery, message

LEASE = NOON + 90
ALL = {"telegram": 1_000, "email": 1_000}


def changed(before: Message, status: Status, **changes: object) -> tuple[Message, Message]:
    """As it was leased, and as a try leaves it."""
    fields = {"status": status, "lease_until": 0, "settled_at": NOON, "attempts": 1}
    return before, msgspec.structs.replace(before, **(fields | changes))


class OutboxContract(ABC):
    crowd = 200
    """Messages that many claim at once."""
    night = (500, 10_000, 1_000)
    """How many are dropped, told and settled together."""

    @abstractmethod
    def reopened(self) -> Outbox:
        """The same outbox, opened anew."""

    @pytest.fixture
    def outbox(self) -> Outbox:
        return self.reopened()

    def fill(self, outbox: Outbox, *messages: Message) -> None:
        for one in messages:
            assert outbox.put(one, [delivery(one, f"i-{one.id}")])

    def claim(self, outbox: Outbox, now: int = NOON, most: int = 1_000) -> list[str]:
        room = dict.fromkeys(ALL, most)
        return [m.id for m in outbox.claim(now, now + 90, room)]

    def end(self, outbox: Outbox, status: Status, now: int = NOON, **changes: object) -> list[str]:
        """Claim all that is due and settle it so."""
        claimed = outbox.claim(now, now + 90, ALL)
        pairs = [changed(m, status, settled_at=now, **changes) for m in claimed]
        assert outbox.settle(pairs) == len(pairs)
        return [m.id for m in claimed]

    def status(self, outbox: Outbox, id_: str) -> Status:
        found = outbox.message(id_)
        assert found is not None
        return found.status

    # Fan-out

    def test_a_new_outbox_is_empty(self, outbox: Outbox) -> None:
        assert outbox.position() == ""
        assert outbox.claim(NOON, LEASE, ALL) == []
        assert outbox.messages() == []
        assert outbox.message("msg_a") is None
        assert outbox.told(["i1"]) == []
        assert outbox.counts() == {}
        assert outbox.settled(0, 10) == []

    def test_a_step_is_there_as_a_whole_after_reopening(self, outbox: Outbox) -> None:
        new = message(seqs=(3, 4))
        rows = [delivery(new, "i1"), delivery(new, "i2", 7)]
        step = FanOut(before="", position="one", now=NOON, messages=[new], deliveries=rows)
        assert outbox.fan_out(step) == 1
        again = self.reopened()
        assert again.position() == "one"
        assert again.message(new.id) == new
        assert [(t.person, t.incident, t.version, t.size) for t in again.told(["i2", "i1"])] == [
            ("p_ana", "i1", 1, 2),
            ("p_ana", "i2", 7, 2),
        ]

    def test_of_two_who_fan_out_the_second_is_refused_with_all_it_brings(
        self, outbox: Outbox
    ) -> None:
        outbox.fan_out(FanOut(before="", position="one", now=NOON))
        late = message("late")
        with pytest.raises(HeldByAnother, match="another process"):
            outbox.fan_out(
                FanOut(
                    before="",
                    position="two",
                    now=NOON,
                    messages=[late],
                    deliveries=[delivery(late)],
                )
            )
        assert outbox.position() == "one"
        assert outbox.messages() == []
        assert outbox.told(["i1"]) == []

    def test_what_is_known_is_neither_doubled_nor_changed(self, outbox: Outbox) -> None:
        self.fill(outbox, message())
        assert self.end(outbox, Status.SENT) == ["msg_a"]
        assert not outbox.put(message())
        step = FanOut(before="", position="one", now=NOON, messages=[message()])
        assert outbox.fan_out(step) == 0
        assert self.status(outbox, "msg_a") == Status.SENT
        assert self.claim(outbox, NOON + DAY) == []

    def test_what_is_dropped_is_kept_with_its_reason_and_never_given(self, outbox: Outbox) -> None:
        self.fill(outbox, message(status=Status.WAITING, due_at=NOON + 60))
        step = FanOut(before="", position="one", now=NOON, dropped={"msg_a": "it was over"})
        outbox.fan_out(step)
        found = self.reopened().message("msg_a")
        assert found is not None
        assert (found.status, found.reason, found.settled_at) == (
            Status.DROPPED,
            "it was over",
            NOON,
        )
        assert self.claim(outbox, NOON + 60) == []
        assert [m.id for _, m, _ in outbox.settled(0, 10)] == ["msg_a"]

    def test_what_went_out_meanwhile_is_not_dropped_and_the_step_is_refused(
        self, outbox: Outbox
    ) -> None:
        self.fill(outbox, message())
        assert self.claim(outbox) == ["msg_a"]
        new = message("b", seqs=(2,))
        with pytest.raises(Overtaken, match="meanwhile"):
            outbox.fan_out(
                FanOut(before="", position="1", now=NOON, messages=[new], dropped={"msg_a": "x"})
            )
        assert outbox.position() == ""
        assert outbox.message("msg_b") is None
        assert self.status(outbox, "msg_a") == Status.LEASED

    def step(self, outbox: Outbox, new: Message, incident: str, joins_from: int = 1) -> int:
        """Fan one message out, of the instant that began with this number."""
        before = outbox.position()
        return outbox.fan_out(
            FanOut(
                before=before,
                position=f"{before}+",
                now=NOON,
                messages=[new],
                deliveries=[delivery(new, incident)],
                joins_from=joins_from,
            )
        )

    def test_what_comes_of_one_instant_later_joins_the_message_that_nobody_took(
        self, outbox: Outbox
    ) -> None:
        waits = {"status": Status.WAITING, "due_at": NOON + 600}
        self.fill(outbox, message("a", seqs=(1, 2), **waits))
        new = message("b", seqs=(4,), rank=4, escalate_at=NOON + 300, expires_at=NOON + 2 * DAY)
        assert self.step(outbox, new, "i2") == 0
        again = self.reopened()
        both = msgspec.structs.replace(new, id="msg_a", seqs=(1, 2, 4))
        assert again.message("msg_a") == both
        assert again.message("msg_b") is None
        assert {t.incident: t.message for t in again.told(["i-msg_a", "i2"])} == {
            "i-msg_a": "msg_a",
            "i2": "msg_a",
        }
        assert again.claim(NOON, LEASE, ALL) == [
            msgspec.structs.replace(both, status=Status.LEASED, lease_until=LEASE)
        ]

    def test_what_is_taken_tried_or_handed_on_is_joined_by_nothing(self, outbox: Outbox) -> None:
        leased = message("taken", "p_1")
        self.fill(outbox, leased, message("tried", "p_2"), message("on", "p_3", escalate_at=1))
        claimed = {m.id: m for m in outbox.claim(NOON, LEASE, ALL)}
        outbox.settle([changed(claimed["msg_tried"], Status.DUE, due_at=NOON + 600)])
        outbox.settle([changed(claimed["msg_on"], Status.DUE, due_at=NOON + 600, attempts=0)])
        assert outbox.hand_on("msg_on")
        for i, who in enumerate(("p_1", "p_2", "p_3")):
            assert self.step(outbox, message(f"n{i}", who, seqs=(2,)), f"i{i}") == 1
        assert {m.id: m.seqs for m in self.reopened().messages()} == {
            "msg_taken": (1,),
            "msg_tried": (1,),
            "msg_on": (1,),
            "msg_n0": (2,),
            "msg_n1": (2,),
            "msg_n2": (2,),
        }

    def test_nothing_joins_another_instant_channel_or_order_key(self, outbox: Outbox) -> None:
        self.fill(
            outbox,
            message("early", "p_1", seqs=(1,)),
            message("mail", "p_2", seqs=(2,), channel="email"),
            message("lane", "p_3", seqs=(2,), order_key="p_3/i"),
        )
        for i, who in enumerate(("p_1", "p_2", "p_3")):
            assert self.step(outbox, message(f"n{i}", who, seqs=(3,)), f"i{i}", 2) == 1
        assert sorted(len(m.seqs) for m in outbox.messages()) == [1] * 6

    def test_a_known_message_joins_nothing_anew(self, outbox: Outbox) -> None:
        self.fill(outbox, message("a"), message("b", seqs=(2,)))
        assert self.step(outbox, message("b", seqs=(2,)), "i2") == 0
        assert {m.id: m.seqs for m in outbox.messages()} == {"msg_a": (1,), "msg_b": (2,)}

    def test_a_whole_town_of_one_instant_is_told_once_each_or_twice_and_of_all(
        self, outbox: Outbox
    ) -> None:
        names = [f"p_{i:03}" for i in range(120)]
        self.fill(outbox, *(message(f"a{name}", name) for name in names))
        new = [message(f"b{name}", name, seqs=(2,)) for name in names]
        step = FanOut(
            before="",
            position="1",
            now=NOON,
            messages=new,
            deliveries=[delivery(one, "i2") for one in new],
            joins_from=1,
        )
        outbox.fan_out(step)
        carried = Counter((m.person, seq) for m in outbox.messages(limit=1_000) for seq in m.seqs)
        assert carried == {(name, seq): 1 for name in names for seq in (1, 2)}
        assert [m.seqs for m in outbox.messages(person="p_000")] == [(1, 2)]
        assert {t.person for t in outbox.told(["i2"])} == set(names)

    def test_told_is_by_incident_in_the_order_of_versions(self, outbox: Outbox) -> None:
        for version in (2, 1, 3):
            for name in ("p_ana", "p_bia"):
                one = message(f"{name}{version}", name, seqs=(version,))
                outbox.put(one, [delivery(one, "i1", version), delivery(one, "other", version)])
        told = outbox.told(["i1"])
        assert [t.version for t in told] == [1, 1, 2, 2, 3, 3]
        assert [t.version for t in outbox.told(["i1"], ["p_bia"])] == [1, 2, 3]
        assert outbox.told(["i1"], []) == []
        assert outbox.told([]) == []

    def test_a_step_of_any_size_is_one_step(self, outbox: Outbox) -> None:
        dropped, many, settled = self.night
        night = [
            message(f"w{i}", f"p_{i}", seqs=(1,), status=Status.WAITING, due_at=NOON + DAY)
            for i in range(dropped)
        ]
        rows = [delivery(one, "i1") for one in night]
        first = FanOut(before="", position="one", now=NOON, messages=night, deliveries=rows)
        assert outbox.fan_out(first) == dropped
        told = [message(f"t{i}", f"p_{i}", seqs=(2,)) for i in range(many)]
        step = FanOut(
            before="one",
            position="two",
            now=NOON,
            messages=told,
            deliveries=[delivery(one, "i2") for one in told],
            dropped={one.id: "it was over before it could be told" for one in night},
        )
        assert outbox.fan_out(step) == many
        again = self.reopened()
        assert again.position() == "two"
        assert again.counts() == {("telegram", "dropped"): dropped, ("telegram", "due"): many}
        assert len(again.told(["i2"])) == many
        assert {one.status for one in again.told(["i1"])} == {Status.DROPPED}
        claimed = again.claim(NOON, LEASE, {"telegram": settled})
        assert len(claimed) == settled
        assert again.settle([changed(one, Status.SENT) for one in claimed]) == settled
        assert len(again.settled(0, 1_000_000)) == dropped + settled

    def test_a_large_step_that_is_made_anew_after_a_part_of_it_was_dropped_is_done_as_a_whole(
        self, outbox: Outbox
    ) -> None:
        night = [
            message(f"w{i}", f"p_{i:03}", seqs=(1,), status=Status.WAITING, due_at=NOON + DAY)
            for i in range(100)
        ]
        last = message("due", "p_last", seqs=(1,))
        outbox.fan_out(FanOut(before="", position="one", now=NOON, messages=[*night, last]))
        [leased] = outbox.claim(NOON, LEASE, ALL)
        dropped = {one.id: "it was over" for one in (*night, last)}
        step = FanOut(before="one", position="two", now=NOON, dropped=dropped)
        with pytest.raises(Overtaken, match="meanwhile"):
            outbox.fan_out(step)
        assert outbox.position() == "one"
        outbox.settle([changed(leased, Status.SENT)])
        del dropped["msg_due"]
        outbox.fan_out(step)
        assert self.reopened().counts() == {("telegram", "dropped"): 100, ("telegram", "sent"): 1}

    def test_since_when_the_oldest_is_due_is_known(self, outbox: Outbox) -> None:
        assert outbox.oldest_due(NOON) is None
        self.fill(
            outbox,
            message("1", "p_1", seqs=(1,), due_at=NOON - 60),
            message("2", "p_2", seqs=(2,), channel="email", due_at=NOON - 600),
            message("3", "p_3", seqs=(3,), due_at=NOON + 1),
        )
        assert outbox.oldest_due(NOON) == NOON - 600
        assert outbox.oldest_due(NOON - 601) is None
        assert outbox.claim(NOON, LEASE, {"email": 9})
        assert outbox.oldest_due(NOON) == NOON - 60

    # Claiming

    def test_what_is_due_is_given_once_and_not_before(self, outbox: Outbox) -> None:
        self.fill(outbox, message())
        assert self.claim(outbox, NOON - 1) == []
        [leased] = outbox.claim(NOON, LEASE, ALL)
        assert (leased.status, leased.lease_until) == (Status.LEASED, LEASE)
        assert outbox.message("msg_a") == leased
        assert self.claim(outbox) == []
        assert self.claim(self.reopened()) == []

    def test_only_channels_with_room_are_served(self, outbox: Outbox) -> None:
        self.fill(outbox, message("t"), message("e", "p_bia", channel="email"))
        assert outbox.claim(NOON, LEASE, {}) == []
        assert outbox.claim(NOON, LEASE, {"telegram": 0}) == []
        assert [m.id for m in outbox.claim(NOON, LEASE, {"email": 5})] == ["msg_e"]

    def test_the_gravest_goes_first_then_the_oldest(self, outbox: Outbox) -> None:
        ranks = (2, 4, 0, 3, 4, 1)
        self.fill(
            outbox,
            *(message(str(i), f"p_{i}", seqs=(9 - i,), rank=r) for i, r in enumerate(ranks)),
        )
        assert self.claim(outbox, most=2) == ["msg_4", "msg_1"]
        assert self.claim(outbox, most=3) == ["msg_3", "msg_0", "msg_5"]
        assert self.claim(outbox) == ["msg_2"]

    def test_an_order_key_keeps_its_order_whatever_is_graver(self, outbox: Outbox) -> None:
        self.fill(
            outbox,
            message("1", seqs=(1,), rank=2),
            message("2", seqs=(2,), rank=3),
            message("3", seqs=(3,), rank=4),
            message("other", "p_bia", seqs=(4,), rank=4),
        )
        given = self.claim(outbox, most=1)
        assert given == ["msg_1", "msg_2", "msg_3"], "those before the gravest come with it"
        assert self.claim(outbox) == ["msg_other"]

    def test_an_order_key_waits_while_an_older_one_is_under_way(self, outbox: Outbox) -> None:
        self.fill(outbox, message("1", seqs=(1,)))
        [first] = outbox.claim(NOON, LEASE, ALL)
        self.fill(outbox, message("2", seqs=(2,), rank=4))
        assert self.claim(outbox) == []
        outbox.settle([changed(first, Status.SENT)])
        assert self.claim(outbox) == ["msg_2"]

    @pytest.mark.parametrize(("wait_s", "given"), [(60, []), (61, ["msg_2"])])
    def test_an_order_key_waits_for_a_retry_that_is_near_and_not_for_one_that_is_far(
        self, outbox: Outbox, wait_s: int, given: list[str]
    ) -> None:
        self.fill(outbox, message("1", seqs=(1,)))
        [first] = outbox.claim(NOON, LEASE, ALL)
        outbox.settle([changed(first, Status.DUE, due_at=NOON + wait_s)])
        self.fill(outbox, message("2", seqs=(2,)))
        assert self.claim(outbox) == given

    def test_those_who_wait_for_their_order_take_nobody_s_room(self, outbox: Outbox) -> None:
        for i in range(5):
            self.fill(outbox, message(f"old{i}", f"p_{i}", seqs=(1,), due_at=NOON + 30))
            self.fill(outbox, message(f"new{i}", f"p_{i}", seqs=(2,)))
        self.fill(outbox, message("other", "p_9", seqs=(9,)))
        assert self.claim(outbox, most=2) == ["msg_other"]

    def test_order_keys_of_other_channels_do_not_wait(self, outbox: Outbox) -> None:
        self.fill(outbox, message("t", seqs=(1,), due_at=NOON + 30))
        self.fill(outbox, message("e", seqs=(2,), channel="email"))
        assert self.claim(outbox) == ["msg_e"]

    def test_red_alone_can_be_claimed_with_what_goes_before_it(self, outbox: Outbox) -> None:
        self.fill(
            outbox,
            message("1", seqs=(1,), rank=2),
            message("2", seqs=(2,), rank=4),
            message("other", "p_bia", seqs=(3,), rank=3),
        )
        claimed = outbox.claim(NOON, LEASE, ALL, 4)
        assert [m.id for m in claimed] == ["msg_1", "msg_2"]

    def test_what_else_of_an_order_key_is_due_is_given_with_it_where_it_goes_in_one_letter(
        self, outbox: Outbox
    ) -> None:
        self.fill(
            outbox,
            *(message(f"{i:02}", seqs=(i,), rank=(2, 4)[i == 2]) for i in range(1, 5)),
            message("later", seqs=(9,), due_at=NOON + 5),
            message("e1", seqs=(1,), channel="email"),
            message("e2", seqs=(2,), channel="email"),
        )
        claimed = outbox.claim(NOON, LEASE, dict.fromkeys(ALL, 1), together=("telegram",))
        given = [[m.id for m in claimed if m.channel == name] for name in ALL]
        assert given == [["msg_01", "msg_02", "msg_03", "msg_04"], ["msg_e1"]]

    def test_no_more_is_given_with_one_than_a_letter_carries(self, outbox: Outbox) -> None:
        self.fill(outbox, *(message(f"{i:02}", seqs=(i,)) for i in range(1, 21)))
        given = outbox.claim(NOON, LEASE, {"telegram": 1}, together=("telegram",))
        assert [m.id for m in given] == [f"msg_{i:02}" for i in range(1, TOGETHER_MOST + 1)]

    def test_a_leased_one_is_bound_to_a_letter_and_its_lease_goes_on(self, outbox: Outbox) -> None:
        self.fill(outbox, *(message(str(i), seqs=(i,)) for i in range(1, 4)))
        claimed = outbox.claim(NOON, LEASE, ALL, together=("telegram",))
        bound = [msgspec.structs.replace(m, letter="msg_3") for m in claimed[:2]]
        assert outbox.settle(list(zip(claimed, bound, strict=False))) == 2
        assert outbox.message("msg_1") == bound[0]
        assert {one.letter for one in outbox.told(["i-msg_1", "i-msg_3"])} == {"msg_3"}
        assert self.claim(outbox, LEASE - 1) == []
        again = self.reopened().claim(LEASE, LEASE + 90, {"telegram": 1}, together=("telegram",))
        assert [(m.id, m.letter, m.unknowns) for m in again] == [
            ("msg_1", "msg_3", 1),
            ("msg_2", "msg_3", 1),
            ("msg_3", "", 1),
        ]

    def test_a_letter_is_given_whole_whatever_else_is_due(self, outbox: Outbox) -> None:
        n = TOGETHER_MOST + 4
        self.fill(outbox, *(message(f"{i:02}", seqs=(i,)) for i in range(1, n + 1)))
        claimed = outbox.claim(NOON, LEASE, ALL)
        last = claimed[-1].id
        named = [(m, msgspec.structs.replace(m, letter=last)) for m in claimed[10:-1]]
        assert outbox.settle(named) == n - 11
        again = outbox.claim(LEASE, LEASE + 90, {"telegram": 1}, together=("telegram",))
        assert [m.id for m in again] == [m.id for m in claimed]

    def test_whether_one_went_whose_lease_ran_out_nobody_knows(self, outbox: Outbox) -> None:
        self.fill(outbox, message())
        [first] = outbox.claim(NOON, LEASE, ALL)
        [second] = outbox.claim(LEASE, LEASE + 90, ALL)
        assert (first.unknowns, second.unknowns) == (0, 1)
        assert outbox.message("msg_a") == second
        assert [t.is_heard for t in outbox.told(["i-msg_a"])] == [True]

    def test_a_lease_that_ran_out_is_given_anew_in_order(self, outbox: Outbox) -> None:
        self.fill(outbox, message("1", seqs=(1,)), message("2", seqs=(2,), rank=4))
        assert self.claim(outbox) == ["msg_1", "msg_2"]
        assert self.claim(outbox, LEASE - 1) == []
        assert self.claim(self.reopened(), LEASE) == ["msg_1", "msg_2"]

    def test_what_was_settled_by_a_stale_lease_writes_nothing(self, outbox: Outbox) -> None:
        self.fill(outbox, message())
        [first] = outbox.claim(NOON, LEASE, ALL)
        [second] = outbox.claim(LEASE, LEASE + 90, ALL)
        assert outbox.settle([changed(first, Status.DEAD)]) == 0
        assert outbox.message("msg_a") == second
        assert outbox.settle([changed(second, Status.SENT, provider_id="x")]) == 1
        assert outbox.settle([changed(second, Status.DEAD), changed(first, Status.DEAD)]) == 0
        found = outbox.message("msg_a")
        assert found is not None
        assert (found.status, found.provider_id) == (Status.SENT, "x")

    def test_what_has_expired_is_kept_as_late_and_not_given(self, outbox: Outbox) -> None:
        self.fill(outbox, message("old", expires_at=NOON - 1), message("new", "p_b"))
        assert self.claim(outbox) == ["msg_new"]
        found = outbox.message("msg_old")
        assert found is not None
        assert (found.status, found.settled_at) == (Status.LATE, NOON)
        assert [m.id for _, m, _ in outbox.settled(0, 10)] == ["msg_old"]

    def test_nothing_is_given_only_where_nothing_may_be_taken(self, outbox: Outbox) -> None:
        """However much has expired that came before what is due."""
        old = [message(f"old{i}", f"p_{i}", seqs=(i + 1,), expires_at=NOON - 1) for i in range(9)]
        self.fill(outbox, *old, message("new", "p_new", seqs=(90,)))
        assert self.claim(outbox, most=2) == ["msg_new"]
        assert self.claim(outbox, most=2) == []
        assert len(outbox.settled(0, 10)) == 9

    def test_what_waits_is_given_when_its_time_comes(self, outbox: Outbox) -> None:
        self.fill(outbox, message(status=Status.WAITING, due_at=NOON + DAY, expires_at=NOON + DAY))
        assert self.claim(outbox, NOON + DAY - 1) == []
        assert self.claim(outbox, NOON + DAY) == ["msg_a"]

    def test_of_many_who_claim_at_once_each_gets_others(self, outbox: Outbox) -> None:
        self.fill(outbox, *(message(str(i), f"p_{i}", seqs=(i,)) for i in range(self.crowd)))
        given: list[str] = []

        def work(mine: Outbox) -> None:
            while found := self.claim(mine, most=7):
                given.extend(found)

        senders = [threading.Thread(target=work, args=(self.reopened(),)) for _ in range(2)]
        senders += [threading.Thread(target=work, args=(outbox,)) for _ in range(2)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        assert len(given) == self.crowd
        assert max(Counter(given).values()) == 1

    # What becomes of them

    def test_what_a_try_came_to_is_kept_as_a_whole(self, outbox: Outbox) -> None:
        self.fill(outbox, message())
        [leased] = outbox.claim(NOON, LEASE, ALL)
        pair = changed(leased, Status.DUE, due_at=NOON + 5, reason="busy", attempts=3, unknowns=1)
        outbox.settle([pair])
        assert self.reopened().message("msg_a") == pair[1]
        assert self.claim(outbox, NOON + 4) == []
        assert self.claim(outbox, NOON + 5) == ["msg_a"]

    def test_dead_late_and_unknown_ones_can_be_tried_anew(self, outbox: Outbox) -> None:
        for i, status in enumerate((Status.DEAD, Status.UNKNOWN, Status.SENT)):
            self.fill(outbox, message(str(i), f"p_{i}", seqs=(i,)))
            self.end(outbox, status, attempts=7, unknowns=2)
        self.fill(outbox, message("3", "p_3", expires_at=NOON - 1))
        assert self.claim(outbox) == []
        later = NOON + 2 * DAY
        ids = ["msg_0", "msg_1", "msg_2", "msg_3", "msg_none"]
        assert outbox.retry(ids, later, later + 60) == 3
        assert sorted(self.claim(outbox, later)) == ["msg_0", "msg_1", "msg_3"]
        found = outbox.message("msg_0")
        assert found is not None
        assert (found.attempts, found.unknowns, found.expires_at) == (0, 0, later + 60)

    def test_messages_are_listed_newest_first_by_status_person_and_channel(
        self, outbox: Outbox
    ) -> None:
        self.fill(
            outbox,
            message("1", seqs=(1,)),
            message("2", seqs=(2,), channel="email"),
            message("3", "p_bia", seqs=(3,)),
        )
        assert [m.id for m in outbox.messages()] == ["msg_3", "msg_2", "msg_1"]
        assert [m.id for m in outbox.messages(limit=1)] == ["msg_3"]
        assert [m.id for m in outbox.messages(after="msg_3", limit=1)] == ["msg_2"]
        assert outbox.messages(after="msg_1") == outbox.messages(after="msg_none") == []
        assert [m.id for m in outbox.messages(after="msg_3")] == ["msg_2", "msg_1"]
        assert outbox.messages(after="msg_1") == []
        assert [m.id for m in outbox.messages(person="p_ana", channel="email")] == ["msg_2"]
        outbox.claim(NOON, LEASE, {"email": 9})
        assert [m.id for m in outbox.messages(status=Status.LEASED)] == ["msg_2"]
        assert outbox.counts() == {("email", "leased"): 1, ("telegram", "due"): 2}
        assert outbox.counts([Status.DUE, Status.SENT]) == {("telegram", "due"): 2}

    def test_the_list_goes_on_from_any_message_also_of_one_alert_to_many(
        self, outbox: Outbox
    ) -> None:
        for i in range(7):
            self.fill(outbox, message(str(i), f"p_{i}", seqs=(i // 3,)))
        self.end(outbox, Status.DEAD)
        self.fill(outbox, *(message(f"new{i}", f"p_{i}", seqs=(i,)) for i in range(3)))
        everything = outbox.messages()
        assert len(everything) == 10
        assert [first_seq(m) for m in everything] == sorted(map(first_seq, everything))[::-1]
        for status in (None, Status.DEAD, Status.DUE):
            wanted = [m for m in everything if status in (None, m.status)]
            listed: list[Message] = []
            while some := outbox.messages(
                status=status, after=listed[-1].id if listed else None, limit=2
            ):
                listed += some
            assert listed == wanted

    def test_an_acknowledgement_holds_for_all_that_went_before(self, outbox: Outbox) -> None:
        for i in (1, 2, 3):
            self.fill(outbox, message(str(i), seqs=(i,)))
        self.fill(outbox, message("b", "p_bia", seqs=(1,)))
        assert not outbox.acknowledge("p_bia", "msg_2", NOON), "not theirs"
        assert not outbox.acknowledge("p_ana", "msg_none", NOON)
        assert outbox.acknowledge("p_ana", "msg_2", NOON + 7)
        assert outbox.acknowledge("p_ana", "msg_1", NOON + 9), "again: nothing changes"
        at = {m.id: m.acknowledged_at for m in outbox.messages()}
        assert at == {"msg_1": NOON + 7, "msg_2": NOON + 7, "msg_3": 0, "msg_b": 0}

    def test_dead_ones_and_red_ones_without_an_answer_are_a_next_channels_turn_once(
        self, outbox: Outbox
    ) -> None:
        self.fill(
            outbox,
            message("dead", "p_1"),
            message("red", "p_2", rank=4, escalate_at=NOON + 600),
            message("read", "p_3", rank=4, escalate_at=NOON + 600),
            message("plain", "p_4"),
            message("ask", "p_5", kind="confirm", seqs=()),
        )
        for m in outbox.claim(NOON, LEASE, ALL):
            is_dead = m.id in ("msg_dead", "msg_ask")
            outbox.settle([changed(m, Status.DEAD if is_dead else Status.SENT)])
        outbox.acknowledge("p_3", "msg_read", NOON + 5)
        assert [m.id for m in outbox.unanswered(NOON + 599, 10)] == ["msg_dead"]
        found = [m.id for m in outbox.unanswered(NOON + 600, 10)]
        assert sorted(found) == ["msg_dead", "msg_red"]
        assert len(outbox.unanswered(NOON + 600, 1)) == 1
        for one in found:
            assert outbox.hand_on(one)
        assert outbox.unanswered(NOON + DAY, 10) == []
        assert not outbox.hand_on("msg_dead"), "it had its turn"

    def test_what_goes_by_the_next_channel_is_kept_with_its_being_handed_on(
        self, outbox: Outbox
    ) -> None:
        self.fill(outbox, message())
        self.end(outbox, Status.DEAD)
        next_ = message("n", channel="email")
        assert outbox.hand_on("msg_a", next_, [delivery(next_)])
        again = message("m", channel="sms")
        assert not outbox.hand_on("msg_a", again, [delivery(again)])
        assert not outbox.hand_on("msg_none", again, [delivery(again)])
        assert self.reopened().message("msg_n") == next_
        assert outbox.message("msg_m") is None
        assert [t.message for t in outbox.told(["i1"])] == ["msg_n"]

    def test_what_was_put_off_for_long_and_what_is_late_is_a_next_channels_turn(
        self, outbox: Outbox
    ) -> None:
        self.fill(outbox, message("late", "p_1", expires_at=NOON - 1), message("off", "p_2"))
        [off] = outbox.claim(NOON, LEASE, ALL)
        outbox.settle([changed(off, Status.DUE, due_at=NOON + 600, escalate_at=NOON)])
        assert sorted(m.id for m in outbox.unanswered(NOON, 10)) == ["msg_late", "msg_off"]

    def test_what_a_letter_left_out_was_not_told(self, outbox: Outbox) -> None:
        one = message(seqs=(1, 2))
        outbox.put(one, [delivery(one, "i1"), delivery(one, "i2", 3)])
        self.end(outbox, Status.SENT, left_out=("i2/3",))
        told = {t.incident: t.status for t in outbox.told(["i1", "i2"])}
        assert told == {"i1": Status.SENT, "i2": Status.DROPPED}
        found = self.reopened().message("msg_a")
        assert found is not None
        assert found.left_out == ("i2/3",)

    def test_a_try_without_an_answer_told_nothing_of_what_its_letter_left_out(
        self, outbox: Outbox
    ) -> None:
        one = message(seqs=(1, 2))
        outbox.put(one, [delivery(one, "i1"), delivery(one, "i2", 3)])
        later = {"left_out": ("i2/3",), "unknowns": 1, "due_at": NOON + 600}
        self.end(outbox, Status.DUE, **later)
        assert {t.incident: t.is_heard for t in outbox.told(["i1", "i2"])} == {
            "i1": True,
            "i2": False,
        }

    def test_what_a_newer_message_carries_is_that_one_s(self, outbox: Outbox) -> None:
        old, new = message("a"), message("b")
        outbox.put(old, [delivery(old), delivery(old, version=2)])
        self.end(outbox, Status.DROPPED)
        assert outbox.put(new, [delivery(new)])
        self.end(outbox, Status.SENT)
        assert not outbox.put(old, [delivery(old)]), "it is known, and takes nothing back"
        told = {t.version: (t.message, t.status) for t in self.reopened().told(["i1"])}
        assert told == {1: ("msg_b", Status.SENT), 2: ("msg_a", Status.DROPPED)}
        carried = {m.id: [d.version for d in each] for _, m, each in outbox.settled(0, 10)}
        assert carried == {"msg_a": [2], "msg_b": [1]}

    def test_what_waits_is_roused_for_one_person(self, outbox: Outbox) -> None:
        later = {"status": Status.WAITING, "due_at": NOON + DAY}
        self.fill(outbox, message("a", **later), message("b", "p_bia", **later))
        assert outbox.rouse("p_ana", NOON) == 1
        assert outbox.rouse("p_ana", NOON) == 0
        assert self.claim(outbox) == ["msg_a"]

    def test_what_did_not_arrive_after_all_is_dead(self, outbox: Outbox) -> None:
        self.fill(outbox, message())
        assert not outbox.fail("msg_a", "it was not sent yet", NOON)
        self.end(outbox, Status.SENT)
        seen = outbox.settled(0, 10)[-1][0]
        assert outbox.fail("msg_a", "no such number", NOON + 9)
        assert self.status(outbox, "msg_a") == Status.DEAD
        assert [m.id for m in outbox.unanswered(NOON + 9, 10)] == ["msg_a"]
        assert [m.reason for _, m, _ in outbox.settled(seen, 10)] == ["no such number"]

    def test_what_is_settled_comes_in_its_order_under_growing_numbers(self, outbox: Outbox) -> None:
        self.fill(outbox, *(message(str(i), f"p_{i}", seqs=(i,)) for i in range(4)))
        self.end(outbox, Status.SENT)
        rows = outbox.settled(0, 10)
        assert [m.id for _, m, _ in rows] == ["msg_0", "msg_1", "msg_2", "msg_3"]
        assert [d.incident for d in rows[0][2]] == ["i-msg_0"]
        numbers = [number for number, *_ in rows]
        assert numbers == sorted(set(numbers))
        assert outbox.settled(0, 2) == rows[:2]
        assert outbox.settled(numbers[1], 10) == rows[2:]
        assert outbox.settled(numbers[-1], 10) == []

    def test_one_that_is_tried_anew_is_settled_anew(self, outbox: Outbox) -> None:
        self.fill(outbox, message())
        self.end(outbox, Status.DEAD)
        [(first, *_)] = outbox.settled(0, 10)
        outbox.retry(["msg_a"], NOON, NOON + DAY)
        assert outbox.settled(0, 10) == []
        assert sum(outbox.forget(NOON + DAY)) == 0
        self.end(outbox, Status.DUE, due_at=NOON)
        assert outbox.settled(0, 10) == []
        self.end(outbox, Status.SENT)
        [(_, m, _)] = outbox.settled(first, 10)
        assert m.status == Status.SENT

    def test_what_is_old_is_forgotten_and_what_is_not_settled_stays(self, outbox: Outbox) -> None:
        for i, settled_at in enumerate((NOON, NOON + 50, NOON + 60)):
            self.fill(outbox, message(str(i), f"p_{i}", seqs=(i,)))
            self.end(outbox, Status.SENT, settled_at)
        self.fill(outbox, message("due", "p_9", due_at=NOON + DAY))
        last = outbox.settled(0, 10)[-1][0]
        assert sum(outbox.forget(NOON + 60)) == 2
        assert sorted(m.id for m in outbox.messages()) == ["msg_2", "msg_due"]
        assert outbox.told(["i-msg_0", "i-msg_1"]) == []
        assert len(outbox.told(["i-msg_2", "i-msg_due"])) == 2
        assert sum(outbox.forget(NOON + DAY)) in (0, 1), "the newest may stay"
        self.end(outbox, Status.SENT, NOON + DAY)
        assert outbox.settled(0, 10)[-1][0] > last, "a number is never given twice"
