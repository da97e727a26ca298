"""Half-done talks that another process goes on with."""

from __future__ import annotations

import secrets

import pytest

from atalaia.domain.contact import Contact
from atalaia.domain.conversation import Incoming
from atalaia.people.conversation import Conversation
from atalaia.people.talks import KEEP_S, SealedTalks
from atalaia.people.vault import Vault
from people.test_conversation import Notebook

HERE, OTHER = Contact("telegram", "77000111222"), Contact("telegram", "77000111223")


class Kept(dict[str, tuple[bytes, int]]):
    """Fills `TalkStore`."""

    def put(self, name: str, sealed: bytes, until: int) -> None:
        self[name] = sealed, until

    def remove(self, name: str) -> None:
        self.pop(name, None)


class Keys:
    def __init__(self) -> None:
        self.key = secrets.token_bytes(32)

    def lookup_key(self) -> bytes:
        return self.key


@pytest.fixture
def kept() -> Kept:
    return Kept()


def talks(kept: Kept) -> SealedTalks:
    keys: object = Keys()
    return SealedTalks(Vault(keys), kept)  # type: ignore[arg-type]


def test_a_talk_goes_on_in_another_process_and_ends_there() -> None:
    desk = Notebook()
    one, other = Conversation(desk), Conversation(desk)
    one.answer(Incoming(contact=HERE, text="/start"), 100)
    assert one.held(HERE) == b"", "nothing was chosen yet"
    shared = Incoming(contact=HERE, position=(-8.05, -34.9))
    [asked] = one.answer(shared, 100)
    other.recall(HERE, one.held(HERE))
    pressed = Incoming(contact=HERE, pressed=asked.buttons[0][0].data)
    [consent] = other.answer(pressed, 101)
    one.recall(HERE, other.held(HERE))
    one.answer(Incoming(contact=HERE, pressed=consent.buttons[0][0].data), 102)
    assert desk.person(HERE) is not None
    assert one.held(HERE) == b""
    other.recall(HERE, b"no talk")
    assert other.held(HERE) == b""


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
