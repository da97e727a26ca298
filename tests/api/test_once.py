"""A POST that is sent again makes nothing more; another one under its key is told so."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from fastapi import Request, Response
from pydantic import BaseModel

from atalaia.api import once as module
from atalaia.api.once import KEPT_S, REPLAYED, Once
from atalaia.api.problem import Problem


class Body(BaseModel):
    name: str = "Ana"


class Shop:
    """Makes numbered things, under keys."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.made = 0
        self.once = Once(lambda: self.now)

    def order(
        self, key: str | None, body: str = "Ana", path: str = "/v1/subscriptions",
        query: str = "", bearer: str = "", client: str | None = "10.0.0.1",
    ) -> tuple[Any, bool]:  # fmt: skip
        headers = [(b"authorization", f"Bearer {bearer}".encode())] if bearer else []
        request = Request({
            "type": "http", "method": "POST", "path": path, "query_string": query.encode(),
            "headers": headers, "client": (client, 1) if client else None, "scheme": "http",
            "server": ("localhost", 80),
        })  # fmt: skip
        response = Response()
        made = self.once.do(key, request, response, Body(name=body), self._make)
        return made, response.headers.get(REPLAYED) == "true"

    def _make(self) -> int:
        self.made += 1
        return self.made


def test_the_same_request_again_gets_the_first_answer_and_says_so() -> None:
    shop = Shop()
    assert shop.order("k1") == (1, False)
    assert shop.order("k1") == (1, True)
    assert shop.made == 1


def test_without_a_key_every_request_is_a_new_one() -> None:
    shop = Shop()
    assert [shop.order(None)[0] for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize(
    "more",
    [{"path": "/v1/keys"}, {"bearer": "another"}, {"client": "10.0.0.2"}, {"client": None}],
)
def test_nobody_meets_the_key_of_another_caller_or_path(more: dict[str, Any]) -> None:
    shop = Shop()
    shop.order("k1")
    assert shop.order("k1", **more) == (2, False)


def test_a_key_is_its_callers_wherever_they_call_from() -> None:
    shop = Shop()
    assert shop.order("k1", bearer="mine", client="10.0.0.1") == (1, False)
    assert shop.order("k1", bearer="mine", client="10.7.7.7") == (1, True)


@pytest.mark.parametrize("more", [{"body": "Bia"}, {"query": "dry=1"}])
def test_another_request_under_a_used_key_is_refused_with_the_next_step(
    more: dict[str, Any],
) -> None:
    shop = Shop()
    shop.order("k1")
    with pytest.raises(Problem, match="make a new one") as caught:
        shop.order("k1", **more)
    assert caught.value.status == 422
    assert shop.made == 1


def test_a_request_that_fails_leaves_its_key_free() -> None:
    shop = Shop()

    def fails() -> int:
        raise Problem(422, "no such town")

    make, shop._make = shop._make, fails  # type: ignore[method-assign]
    with pytest.raises(Problem, match="no such town"):
        shop.order("k1")
    shop._make = make  # type: ignore[method-assign]
    assert shop.order("k1", body="Recife") == (1, False)


def test_a_second_request_while_the_first_is_under_way_is_told_to_wait() -> None:
    shop = Shop()
    has_begun, may_end = threading.Event(), threading.Event()
    found: list[Any] = []

    def slow() -> int:
        has_begun.set()
        assert may_end.wait(60)
        return 7

    shop._make = slow  # type: ignore[method-assign]
    first = threading.Thread(target=lambda: found.append(shop.order("k1")))
    first.start()
    assert has_begun.wait(60)
    with pytest.raises(Problem, match="under way") as caught:
        shop.order("k1")
    assert caught.value.status == 409
    may_end.set()
    first.join(60)
    assert found == [(7, False)]
    assert shop.order("k1") == (7, True)


def test_an_answer_is_kept_for_a_day_and_then_the_key_is_new() -> None:
    shop = Shop()
    shop.order("k1")
    shop.now += KEPT_S
    assert shop.order("k1") == (1, True)
    shop.now += 1
    assert shop.order("k1") == (2, False)


def test_only_so_many_answers_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEPT", 3)
    shop = Shop()
    for i in range(10):
        shop.order(f"k{i}")
    assert shop.order("k9") == (10, True)
    assert shop.order("k0") == (11, False)
