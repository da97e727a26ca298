"""Half-done talks that another process goes on with."""

from __future__ import annotations

import pytest

from atalaia.domain.contact import Contact
from atalaia.domain.conversation import Incoming
from atalaia.people.conversation import Conversation
from atalaia.people.lookups import Lookups
from atalaia.people.talks import KEEP_S, SealedTalks
from people.test_conversation import Keys, Notebook

HERE, OTHER = Contact("telegram", "77000111222"), Contact("telegram", "77000111223")


class Kept(dict[str, tuple[bytes, int]]):
    """Fills `ports.Talks`."""

    def put(self, name: str, sealed: bytes, until: int) -> None:
        self[name] = sealed, until

    def remove(self, name: str) -> None:
        self.pop(name, None)


@pytest.fixture
def kept() -> Kept:
    return Kept()


def talks(kept: Kept) -> SealedTalks:
    keys: object = Keys()
    return SealedTalks(Lookups(keys, keys), kept)  # type: ignore[arg-type]


def test_a_talk_goes_on_in_another_process_and_ends_there(kept: Kept) -> None:
    desk, some = Notebook(), talks(kept)
    one, other = (Conversation(desk, some, towns=desk) for _ in range(2))
    one.answer(Incoming(contact=HERE, text="/start"), 100)
    assert kept == {}, "nothing was chosen yet"
    shared = Incoming(contact=HERE, position=(-8.05, -34.9))
    [asked] = one.answer(shared, 100)
    pressed = Incoming(contact=HERE, pressed=asked.buttons[0][0].data)
    [consent] = other.answer(pressed, 101)
    agreed = Incoming(contact=HERE, pressed=consent.buttons[0][0].data)
    one.answer(agreed, 102)
    assert desk.person(HERE) is not None
    assert kept == {}
    some.put(HERE, b"no talk", 103)
    assert [reply.asks_position != "" for reply in other.answer(agreed, 103)] == [True]
    assert kept == {}


def test_a_talk_that_rested_for_an_hour_begins_anew(kept: Kept) -> None:
    desk = Notebook()
    bot = Conversation(desk, talks(kept), towns=desk)
    [asked] = bot.answer(Incoming(contact=HERE, text="recife"), 100)
    pressed = Incoming(contact=HERE, pressed=asked.buttons[0][0].data)
    [old] = bot.answer(pressed, 100 + KEEP_S)
    assert old.asks_position, "they are asked for their place once more"
    assert desk.told == {}


def test_what_is_kept_says_neither_whose_nor_what_and_is_over_after_an_hour(kept: Kept) -> None:
    some = talks(kept)
    some.put(HERE, b"Recife", 100)
    assert some.get(HERE, 100 + KEEP_S - 1) == b"Recife"
    assert some.get(HERE, 100 + KEEP_S) == b""
    assert some.get(OTHER, 101) == b""
    [(name, (sealed, _))] = kept.items()
    assert HERE.address not in name
    assert b"Recife" not in sealed


def test_a_seal_opens_for_its_own_contact_alone(kept: Kept) -> None:
    some = talks(kept)
    some.put(HERE, b"Recife", 100)
    some.put(OTHER, b"Natal", 100)
    first, second = kept
    kept[second] = kept[first]
    assert sorted((some.get(HERE, 101), some.get(OTHER, 101))) in (
        [b"", b"Natal"],
        [b"", b"Recife"],
    )
    some.put(HERE, b"", 102)
    some.put(OTHER, b"", 102)
    assert kept == {}
