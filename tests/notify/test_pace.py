"""How fast a channel may send, and what of that outlives the process."""

from __future__ import annotations

import pytest

from atalaia.channels.telegram import Telegram
from atalaia.domain.delivery import Limits
from atalaia.notify.pace import Pace, sum_of, takes, takes_in_words
from telling import DAY, NOON

TELEGRAM = Telegram.limits


def test_telegram_takes_30_a_second() -> None:
    pace = Pace(TELEGRAM, None, NOON)
    at = [pace.turn(f"p_{i}", NOON) for i in range(301)]
    assert at[0] == NOON
    assert at[300] == pytest.approx(NOON + 10)
    for i in range(30, len(at)):
        assert at[i] - at[i - 30] > 1 - 1e-6, "never more than 30 within a second"


def test_one_chat_gets_one_message_a_second() -> None:
    pace = Pace(TELEGRAM, None, NOON)
    assert [pace.turn("p_ana", NOON) for _ in range(4)] == [NOON, NOON + 1, NOON + 2, NOON + 3]
    assert pace.turn("p_bia", NOON) < NOON + 1, "who waits for reasons of his own holds nobody up"
    assert pace.turn("p_ana", NOON + 60) == NOON + 60


def test_a_slot_that_comes_too_late_is_not_taken() -> None:
    pace = Pace(Limits(a_second=1, contact_s=60), None, NOON)
    pace.turn("p_ana", NOON)
    assert pace.turn("p_ana", NOON, latest=NOON + 40) == NOON + 60
    assert pace.turn("p_ana", NOON, latest=NOON + 60) == NOON + 60
    assert pace.turn("p_bia", NOON) == NOON + 2


def test_unused_time_is_not_saved_up() -> None:
    pace = Pace(TELEGRAM, None, NOON)
    later = [pace.turn(f"p_{i}", NOON + 3600) for i in range(31)]
    assert later[-1] - later[0] == pytest.approx(1)


def test_a_channel_without_limits_sends_at_once() -> None:
    pace = Pace(Limits(), None, NOON)
    assert {pace.turn("p_ana", NOON) for _ in range(1000)} == {NOON}
    assert pace.room(NOON) is None
    assert pace.closed_for(NOON) == 0


def test_so_many_people_a_day_and_the_rest_tomorrow() -> None:
    pace = Pace(Limits(a_day=250), None, NOON)
    assert pace.room(NOON) == 250
    for _ in range(250):
        assert pace.closed_for(NOON) == 0
        pace.spend(NOON, 0)
    assert pace.room(NOON) == 0
    assert pace.closed_for(NOON) == 12 * 3600, "until midnight UTC"
    assert (pace.room(NOON + 12 * 3600), pace.closed_for(NOON + 12 * 3600)) == (250, 0)


def test_so_much_money_a_month_and_no_more() -> None:
    pace = Pace(Limits(usd_a_month=1.0), None, NOON)
    for _ in range(20):
        assert pace.closed_for(NOON) == 0
        pace.spend(NOON, 0.05)
    assert pace.closed_for(NOON) == pytest.approx(21.5 * DAY), "until the first of February"
    assert pace.closed_for(NOON + 20 * DAY) > 0, "another day of the month does not open it"
    assert pace.closed_for(NOON + 22 * DAY) == 0


def test_a_december_ends_in_january() -> None:
    december = NOON - 15 * DAY
    pace = Pace(Limits(usd_a_month=0.01), None, december)
    pace.spend(december, 0.01)
    assert pace.closed_for(december) == pytest.approx(5.5 * DAY)


def test_what_was_sent_and_spent_outlives_the_process() -> None:
    limits = Limits(a_day=3, usd_a_month=0.11)
    pace = Pace(limits, None, NOON)
    pace.spend(NOON, 0.05)
    pace.spend(NOON, 0.05)
    kept = pace.take(NOON)
    again = Pace(limits, kept, NOON + 9)
    assert again.room(NOON + 9) == 1
    again.spend(NOON + 9, 0.05)
    kept = sum_of((kept, again.take(NOON + 9)), NOON + 9)
    assert Pace(limits, kept, NOON + DAY).room(NOON + DAY) == 3, "a new day"
    assert Pace(limits, kept, NOON + DAY).closed_for(NOON + DAY) > 0, "but not a new month"


def test_what_two_processes_spend_at_once_counts_for_both() -> None:
    limits = Limits(a_day=10, usd_a_month=1.0)
    one, other = Pace(limits, None, NOON), Pace(limits, None, NOON)
    for pace in (one, other, one):
        pace.spend(NOON, 0.25)
    kept = sum_of((one.take(NOON),), NOON)
    one.spend(NOON + 1, 0.25)  # while what was taken is being written
    one.learn(kept, NOON + 1)
    kept = sum_of((kept, other.take(NOON + 1)), NOON + 1)
    other.learn(kept, NOON + 1)
    assert (one.room(NOON + 1), other.room(NOON + 1)) == (7, 7)
    kept = sum_of((kept, one.take(NOON + 1)), NOON + 1)
    one.learn(kept, NOON + 1)
    assert one.room(NOON + 1) == 6
    assert one.closed_for(NOON + 1) > 0, "the month's money is spent by both"


def test_yesterdays_part_that_comes_late_takes_nothing_from_todays() -> None:
    late = Pace(Limits(), None, NOON)
    late.spend(NOON, 0.5)
    today = Pace(Limits(), None, NOON + DAY)
    today.spend(NOON + DAY, 0.5)
    kept = sum_of((today.take(NOON + DAY), late.take(NOON)), NOON + DAY)
    assert (kept.sent, kept.usd) == (1, 1.0)


def test_after_a_restart_nobody_is_written_to_too_soon() -> None:
    pace = Pace(TELEGRAM, None, NOON)
    pace.spend(NOON + 0.4, 0)
    again = Pace(TELEGRAM, pace.take(NOON + 0.4), NOON + 0.5)
    assert again.turn("p_whoever", NOON + 0.5) == pytest.approx(NOON + 1.4)


def test_a_pause_holds_the_whole_channel_and_the_longest_counts() -> None:
    pace = Pace(TELEGRAM, None, NOON)
    pace.pause(NOON + 30, "rate limit")
    pace.pause(NOON + 5, "again")
    assert pace.closed_for(NOON) == 30
    assert pace.closed_for(NOON + 30) == 0


def test_ten_thousand_people_take_5_min_33_s_by_telegram() -> None:
    assert takes(10_000, TELEGRAM) == pytest.approx(333.3, abs=0.1)
    words = takes_in_words(10_000, "telegram", TELEGRAM)
    assert words == "10,000 people take 5 min 33 s by Telegram"
    assert takes_in_words(1_000_000, "telegram", TELEGRAM).startswith(
        "1,000,000 people take 9 h 15 min 33 s"
    )
    assert takes_in_words(3, "email", Limits()) == "3 people take 0 s by email"


def test_a_send_that_takes_days_says_so() -> None:
    limits = Limits(a_second=80, a_day=250)
    assert takes_in_words(1_000, "whatsapp", limits) == (
        "1,000 people take 12 s by WhatsApp; its limit of 250 a day spreads them over 4 days"
    )
