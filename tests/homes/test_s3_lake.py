"""What S3 says of each of many keys, in one answer that is a 200 all the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from atalaia.errors import StateConflict
from atalaia.homes.aws.clients import Clients
from atalaia.homes.aws.lake import S3Lake


class Removing(Clients):
    """Answers with these errors, one list a call, by key; and then with none."""

    def __init__(self, *errors: Mapping[str, str]) -> None:
        super().__init__(sleep=lambda _: None)
        self._errors = list(errors)
        self.asked: list[list[str]] = []

    def get(self, service: str) -> Any:
        assert service == "s3"
        return self

    def delete_objects(self, *, Bucket: str, Delete: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803
        assert Bucket == "b-gold"
        self.asked.append([one["Key"] for one in Delete["Objects"]])
        said = self._errors.pop(0) if self._errors else {}
        return {"Errors": [{"Key": key, "Code": code} for key, code in said.items()]}


def removed(keys: Sequence[str], *errors: Mapping[str, str]) -> list[list[str]]:
    clients = Removing(*errors)
    S3Lake(clients, {"gold": "b-gold"}).delete_all(keys)
    return clients.asked


def test_a_thousand_go_with_one_call() -> None:
    keys = [f"gold/{i}" for i in range(2_001)]
    assert [len(each) for each in removed(keys)] == [1_000, 1_000, 1]


def test_what_could_not_be_removed_just_then_is_asked_for_again_alone() -> None:
    keys = ["gold/a", "gold/b", "gold/c"]
    asked = removed(keys, {"gold/b": "SlowDown", "gold/c": "InternalError"}, {"gold/c": "SlowDown"})
    assert asked == [keys, ["gold/b", "gold/c"], ["gold/c"]]


def test_what_may_not_be_removed_is_no_success() -> None:
    with pytest.raises(StateConflict, match="gold/b: AccessDenied"):
        removed(["gold/a", "gold/b"], {"gold/b": "AccessDenied"})


def test_who_is_slowed_down_for_ever_gives_up() -> None:
    with pytest.raises(StateConflict, match="SlowDown"):
        removed(["gold/a"], *100 * [{"gold/a": "SlowDown"}])
