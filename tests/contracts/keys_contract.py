"""What every home's keys must do. A home's test subclasses this and says how to make one."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable

import pytest

from atalaia.domain.blocks import HEAD, block_of
from atalaia.errors import StateConflict
from atalaia.ports import Keys

ANA, BIA = "p_ana", "p_bia"


class KeysContract(ABC):
    @abstractmethod
    def reopened(self) -> Keys:
        """The same keys, opened anew."""

    @pytest.fixture
    def keys(self) -> Keys:
        return self.reopened()

    def test_nobody_has_a_key_before_it_is_made(self, keys: Keys) -> None:
        assert keys.get(ANA) is None
        assert keys.erased() == []

    def test_a_key_outlives_the_process_and_is_one_s_own(self, keys: Keys) -> None:
        ana, bia = keys.make(ANA), keys.make(BIA)
        assert len(ana) == len(bia) == 32
        assert ana != bia
        again = self.reopened()
        assert (again.get(ANA), again.get(BIA)) == (ana, bia)

    def test_keys_of_some_are_read_together(self, keys: Keys) -> None:
        ana, bia = keys.make(ANA), keys.make(BIA)
        assert keys.many([BIA, "p_no", ANA, ANA]) == {ANA: ana, BIA: bia}
        keys.destroy(ANA, 10)
        assert keys.many([ANA]) == keys.many([]) == {}

    def test_making_a_key_again_gives_the_old_one(self, keys: Keys) -> None:
        assert keys.make(ANA) == keys.make(ANA) == self.reopened().make(ANA)

    @pytest.mark.parametrize(
        "make",
        [
            lambda keys: keys.make(ANA),
            lambda keys: keys.lookup_key(1),
            lambda keys: keys.vapid_key(),
        ],
    )
    def test_many_who_make_one_key_at_once_get_the_same(
        self, keys: Keys, make: Callable[[Keys], bytes]
    ) -> None:
        made: list[bytes] = []
        threads = [
            threading.Thread(target=lambda: made.append(make(self.reopened()))) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(made) == 8
        assert set(made) == {make(keys)}

    def test_a_destroyed_key_is_gone_and_noted(self, keys: Keys) -> None:
        keys.make(ANA)
        bia = keys.make(BIA)
        keys.destroy(ANA, 100)
        for each in (keys, self.reopened()):
            assert each.get(ANA) is None
            assert each.get(BIA) == bia
            assert each.erased() == [(ANA, 100)]

    def test_destroying_again_changes_nothing(self, keys: Keys) -> None:
        keys.make(ANA)
        keys.destroy(ANA, 100)
        keys.destroy(ANA, 200)
        assert keys.erased() == [(ANA, 100)]

    def test_an_erasure_is_noted_even_where_the_key_was_lost_before(self, keys: Keys) -> None:
        keys.destroy(ANA, 100)
        assert keys.erased() == [(ANA, 100)]

    def test_stops_are_noted_and_outlive_the_process(self, keys: Keys) -> None:
        assert keys.stops() == []
        keys.note_stop(BIA, "sms", 20)
        keys.note_stop(ANA, "email", 10)
        keys.note_stop(ANA, "pager-2", 30)
        keys.note_stop(BIA, "sms", 40)
        newest = {(who, channel): at for who, channel, at in self.reopened().stops()}
        assert newest == {(BIA, "sms"): 40, (ANA, "email"): 10, (ANA, "pager-2"): 30}
        assert keys.get(ANA) is None
        assert keys.erased() == []

    def test_blocks_have_keys_when_they_are_made_and_as_long_as_nobody_of_theirs_is_erased(
        self, keys: Keys
    ) -> None:
        keys.make(ANA)
        assert keys.block_keys() == {}
        made = keys.make_block_keys()
        assert sorted(made) == list(range(HEAD + 1))
        assert len(set(made.values())) == len(made)
        assert {len(key) for key in made.values()} == {32}
        assert self.reopened().block_keys() == self.reopened().make_block_keys() == made
        for _ in range(2):
            keys.destroy(ANA, 100)
            rest = {n: key for n, key in made.items() if n != block_of(ANA)}
            assert self.reopened().block_keys() == rest
        again = self.reopened().make_block_keys()
        assert again.pop(block_of(ANA)) != made[block_of(ANA)]
        assert again == rest

    def test_a_lookup_key_stays_the_same(self, keys: Keys) -> None:
        key = keys.lookup_key(1)
        assert len(key) == 32
        keys.make_lookup_key(2)
        keys.make_lookup_key(2)
        again = self.reopened()
        assert again.lookup_key(1) == key
        assert again.lookup_key(2) not in (key, keys.make(ANA))
        assert again.lookup_key(2) == keys.lookup_key(2)

    def test_a_lookup_key_that_is_not_there_is_told_and_not_made_anew(self, keys: Keys) -> None:
        with pytest.raises(StateConflict, match="nobody is found"):
            keys.lookup_key(2)

    def test_of_lookup_keys_the_older_ones_are_destroyed(self, keys: Keys) -> None:
        keys.lookup_key(1)
        for number in (2, 3):
            keys.make_lookup_key(number)
        kept = keys.lookup_key(3)
        keys.destroy_lookup_keys(3)
        keys.destroy_lookup_keys(3)
        again = self.reopened()
        assert again.lookup_key(3) == kept
        with pytest.raises(StateConflict):
            again.lookup_key(2)

    def test_push_services_know_a_home_by_one_key_for_good(self, keys: Keys) -> None:
        key = keys.vapid_key()
        assert len(key) == 32
        assert key not in (keys.make(ANA), keys.lookup_key(1))
        keys.destroy(ANA, 100)
        assert self.reopened().vapid_key() == keys.vapid_key() == key
