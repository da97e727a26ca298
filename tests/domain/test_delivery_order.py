"""Which messages of an order key go before another, and how they are kept."""

from __future__ import annotations

import msgspec
import pytest

from atalaia.domain.delivery import SOON_S, Message, Status, ahead

NOW = 1_768_046_400


def older(due_at: int = NOW, status: Status = Status.DUE, lease_until: int = 0) -> Message:
    return Message(
        id="msg_1",
        person="p",
        channel="telegram",
        order_key="p",
        due_at=due_at,
        status=status,
        lease_until=lease_until,
    )


@pytest.mark.parametrize(
    ("one", "is_waited_for"),
    [
        (older(NOW), False),
        (older(NOW + 1), True),
        (older(NOW + SOON_S), True),
        (older(NOW, Status.LEASED, NOW + 1), True),
        (older(NOW, Status.LEASED, NOW + 10 * SOON_S), True),  # another has it in hand
        (older(NOW + 10 * SOON_S, Status.LEASED, NOW), False),  # who had it has died
    ],
)
def test_an_older_message_goes_first_and_is_waited_for_if_it_may_not_go_yet(
    one: Message, is_waited_for: bool
) -> None:
    assert ahead([one], NOW) == (None if is_waited_for else [one])


def test_one_that_is_put_off_for_long_is_overtaken() -> None:
    assert ahead([older(NOW + SOON_S + 1)], NOW) == []
    due = older()
    assert ahead([older(NOW + SOON_S + 1), due], NOW) == [due]


def test_the_order_key_of_a_message_that_an_earlier_version_kept_is_read() -> None:
    text = b'{"id":"msg_1","person":"p","channel":"webhook","lane":"p/i1"}'
    assert msgspec.json.decode(text, type=Message).order_key == "p/i1"
    body = msgspec.msgpack.encode(msgspec.json.decode(text))
    assert msgspec.msgpack.decode(body, type=Message).order_key == "p/i1"
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(older()))
    assert kept["lane"] == "p", "an earlier version reads what this one keeps"
