"""What becomes of a message after a try: one table, and what it must not do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atalaia.domain.delivery import (
    LAST,
    Limits,
    Message,
    Outcome,
    Status,
    message_id,
    released,
    settled,
)
from telling import DAY, NOON, message

SCHEDULE = (5, 30, 120)
AGAIN, NEVER = Outcome("again", "busy"), Outcome("never", "no such chat")
UNKNOWN = Outcome("unknown", "no answer")
SENT = Outcome("sent", provider_id="x7")
LIMIT = Outcome("again", "rate limit", after_s=40, pauses=True)


def leased(**changes: object) -> Message:
    return message(status=Status.LEASED, lease_until=NOON + 90, **changes)


@pytest.mark.parametrize(
    ("before", "outcome", "status", "due_s", "attempts"),
    [
        ({}, SENT, Status.SENT, None, 1),
        ({}, NEVER, Status.DEAD, None, 1),
        ({}, AGAIN, Status.DUE, 5, 1),
        ({"attempts": 1}, AGAIN, Status.DUE, 30, 2),
        ({"attempts": 2}, AGAIN, Status.DUE, 120, 3),
        ({"attempts": 3}, AGAIN, Status.DEAD, None, 4),
        ({}, Outcome("again", after_s=600), Status.DUE, 600, 1),
        ({}, Outcome("again", after_s=1), Status.DUE, 5, 1),
        ({}, UNKNOWN, Status.DUE, 5, 1),
        ({"unknowns": 1, "attempts": 1}, UNKNOWN, Status.UNKNOWN, None, 2),
        ({"unknowns": 1, "attempts": 1}, SENT, Status.SENT, None, 2),
        ({}, LIMIT, Status.DUE, 40, 0),
        ({"attempts": 3}, LIMIT, Status.DUE, 40, 3),
        ({}, Outcome("again", pauses=True), Status.DUE, 5, 0),
        ({"expires_at": NOON + 4}, AGAIN, Status.LATE, 5, 1),
        ({"expires_at": NOON + 5}, AGAIN, Status.DUE, 5, 1),
        ({"expires_at": NOON + 39}, LIMIT, Status.LATE, 40, 0),
    ],
)
def test_what_a_try_makes_of_a_message(
    before: dict[str, int], outcome: Outcome, status: Status, due_s: int | None, attempts: int
) -> None:
    after = settled(leased(**before), outcome, SCHEDULE, NOON)
    assert (after.status, after.attempts, after.reason) == (status, attempts, outcome.reason)
    assert after.lease_until == 0
    assert after.settled_at == NOON
    if due_s is not None:
        assert after.due_at == NOON + due_s


def test_what_was_sent_has_the_provider_s_name_for_it() -> None:
    assert settled(leased(), SENT, SCHEDULE, NOON).provider_id == "x7"


@given(st.lists(st.sampled_from([AGAIN, UNKNOWN, NEVER, SENT]), min_size=5, max_size=9))
def test_every_message_comes_to_an_end_within_its_schedule(outcomes: list[Outcome]) -> None:
    one, tries, now = leased(expires_at=NOON + DAY), 0, NOON
    for outcome in outcomes:
        one = settled(one, outcome, SCHEDULE, now)
        tries += 1
        if one.status in LAST:
            break
        assert one.due_at > now
        now = one.due_at
    assert one.status in LAST
    assert tries <= len(SCHEDULE) + 1
    assert one.unknowns <= 2


def test_what_is_given_back_untried_costs_nothing() -> None:
    back = released(leased(attempts=2), 7.4, NOON)
    assert (back.status, back.due_at, back.attempts, back.lease_until) == ("due", NOON + 7, 2, 0)
    assert released(leased(), 0, NOON).due_at == NOON + 1, "never at once: that would be a circle"
    assert released(leased(expires_at=NOON + 50), 60, NOON).status == Status.LATE


def test_an_id_follows_from_who_how_and_what() -> None:
    one = message_id("p_ana", "email", "7")
    assert one == message_id("p_ana", "email", "7")
    others = {
        message_id("p_bia", "email", "7"),
        message_id("p_ana", "sms", "7"),
        message_id("p_ana", "email", "8"),
    }
    assert len(others | {one}) == 4
    assert one.startswith("msg_")
    assert one.removeprefix("msg_").isalnum()
    assert "p_ana" not in one


def test_only_channels_with_limits_need_a_memory() -> None:
    assert not Limits(a_second=30).is_counted
    assert Limits(contact_s=1).is_counted
    assert Limits(a_day=1).is_counted
    assert Limits(usd_a_month=1).is_counted
