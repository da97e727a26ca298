"""Look-ups say nothing without their key, and go from one key to the next at one moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from atalaia.errors import StateConflict
from atalaia.people.lookups import Lookups, of_secret
from atalaia.ports import LookupKeys
from people.world import World, world

BOTH = LookupKeys(2, {1: 0})


def test_a_look_up_is_the_same_for_the_same_words_alone(w: World) -> None:
    lookups = w.registry.lookups
    asked = [("email", "a@b.c"), ("email", "a@b.cc"), ("emaila", "@b.c"), ("email", "a", "@b.c")]
    found = {lookups.of(*words).digest for words in asked}
    assert len(found) == len(asked), "words do not run into each other"
    assert lookups.of("email", "a@b.c") == Lookups(w.home.people, w.keys).of("email", "a@b.c")
    assert all(len(each) == 32 and b"a@b" not in each for each in found)


def test_homes_with_other_keys_find_nothing_by_each_others_look_ups(tmp_path: Path) -> None:
    with world(tmp_path / "one") as one, world(tmp_path / "two") as two:
        first, second = (w.registry.lookups.of("email", "a@b.c") for w in (one, two))
    assert first.digest != second.digest


def test_what_an_older_key_made_is_found_until_the_store_says_otherwise(w: World) -> None:
    lookups = w.registry.lookups
    before = lookups.of("email", "a@b.c")
    w.keys.make_lookup_key(2)
    assert lookups.of("email", "a@b.c") == before, "a key that is merely there is not used"
    assert w.home.people.set_lookup_keys(LookupKeys(), BOTH)
    after = lookups.of("email", "a@b.c")
    assert (after.key, after.others) == (2, (before.digest,))
    assert after.digest != before.digest
    assert w.home.people.set_lookup_keys(BOTH, LookupKeys(2))
    assert lookups.of("email", "a@b.c").every == (after.digest,)


def test_a_key_that_is_missing_is_told_and_never_made_anew(w: World) -> None:
    w.home.people.set_lookup_keys(LookupKeys(), LookupKeys(2))
    with pytest.raises(StateConflict, match="put the newest copy of the keys back"):
        w.registry.lookups.of("email", "a@b.c")


def test_a_random_secret_is_found_without_a_key() -> None:
    assert of_secret("atk_one").digest != of_secret("atk_two").digest
    assert (of_secret("atk_one").key, len(of_secret("atk_one").digest)) == (0, 32)
