"""What every home's lake must do. A home's test subclasses this and says how to make one."""

from __future__ import annotations

from abc import ABC, abstractmethod

import pytest

from atalaia.ports import Lake


class LakeContract(ABC):
    @abstractmethod
    def reopened(self) -> Lake:
        """The same lake, opened anew."""

    @pytest.fixture
    def lake(self) -> Lake:
        return self.reopened()

    def test_what_was_written_is_there_after_reopening(self, lake: Lake) -> None:
        lake.write("raw/a/b.zst", b"\x00\xff")
        lake.write("raw/empty", b"")
        again = self.reopened()
        assert again.read("raw/a/b.zst") == b"\x00\xff"
        assert again.read("raw/empty") == b""

    def test_a_file_is_replaced_as_a_whole(self, lake: Lake) -> None:
        lake.write("gold/x", b"long before")
        lake.write("gold/x", b"now")
        assert lake.read("gold/x") == b"now"
        assert lake.keys("gold/") == ["gold/x"]

    @pytest.mark.parametrize("n", [0, 3, 40])
    def test_many_files_at_once_are_as_each_alone(self, lake: Lake, n: int) -> None:
        lake.write("gold/day=0/x", b"before")
        some = {f"gold/day={i}/x": b"%d" % i for i in range(n)}
        lake.write_all(some)
        again = self.reopened()
        kept = {"gold/day=0/x": b"before"} | some
        assert {key: again.read(key) for key in again.keys("")} == kept

    @pytest.mark.parametrize("n", [0, 1, 40])
    def test_many_files_are_removed_at_once_as_each_alone(self, lake: Lake, n: int) -> None:
        gone = [f"{first}/day={i}/x y+é" for i in range(n) for first in ("raw", "gold")]
        lake.write_all(dict.fromkeys([*gone, "gold/stays"], b"x"))
        lake.delete_all(key for key in [*gone, "gold/never-there"])
        assert self.reopened().keys("") == ["gold/stays"]
        lake.delete_all(gone)
        with pytest.raises(ValueError, match="not a key"):
            lake.delete_all(["gold/stays", "../out"])

    def test_keys_are_sorted_and_below_the_prefix(self, lake: Lake) -> None:
        names = ["raw/source=b/2", "raw/source=b/1", "raw/source=bc/1", "gold/source=b/1"]
        for name in names:
            lake.write(name, b"x")
        assert lake.keys("") == sorted(names)
        assert lake.keys("raw/source=b/") == ["raw/source=b/1", "raw/source=b/2"]
        assert lake.keys("raw/source=b") == sorted(n for n in names if n.startswith("raw/source=b"))
        assert lake.keys("raw/source=b/1") == ["raw/source=b/1"]
        assert lake.keys("absent/") == []

    def test_an_absent_key_is_a_key_error(self, lake: Lake) -> None:
        lake.write("raw/a/b", b"x")
        for key in ("raw/none", "raw/a"):
            with pytest.raises(KeyError):
                lake.read(key)

    def test_deleting_is_final_and_may_be_repeated(self, lake: Lake) -> None:
        lake.write("raw/a/b", b"x")
        lake.write("raw/a/c", b"x")
        lake.delete("raw/a/b")
        lake.delete("raw/a/b")
        assert lake.keys("") == ["raw/a/c"]
        lake.delete("raw/a/c")
        lake.write("raw/a/c", b"again")
        assert lake.read("raw/a/c") == b"again"

    @pytest.mark.parametrize("key", ["../out", "a/../../out", "/etc/x", "a//b", "", "a/", "./a"])
    def test_a_key_never_leads_out_of_the_lake(self, lake: Lake, key: str) -> None:
        with pytest.raises(ValueError, match="not a key"):
            lake.write(key, b"x")
        with pytest.raises(ValueError, match="not a key"):
            lake.read(key)
