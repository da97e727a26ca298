"""What every meter keeps: however many processes answer, whoever asks too often is told so."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence

import pytest

from atalaia.domain.rate import Allowance, Rate
from atalaia.ports import Meter

READING = Rate("asking", 100, 60)
EXACT = Rate("subscribing", 10, 3600, is_exact=True)


class MeterContract(ABC):
    """For a home's own test class, which says how its processes are made."""

    now: float

    @abstractmethod
    def processes(self, rate: Rate) -> Sequence[Meter]:
        """The meters of all that answer, over one home, by the clock `now`."""

    @pytest.fixture(autouse=True)
    def _begin(self) -> None:
        self.now = 1_700_000_040.0

    def ask(self, meter: Meter, cost: int = 1, name: str = "address:10.0.0.1") -> Allowance:
        found = meter.at_hand(name, cost)
        return found if found is not None else meter.take(name, cost)

    def test_all_together_let_the_limit_through_and_no_more_than_their_slack_besides(self) -> None:
        chance = random.Random(7)
        for turns in ((1, 1, 1), (8, 1, 1), (1, 0, 0)):  # how the requests are spread
            some = self.processes(READING)
            self.now += 600
            told = [self.ask(chance.choices(some, turns[: len(some)])[0]) for _ in range(250)]
            passed = sum(one.is_allowed for one in told)
            assert READING.limit <= passed <= READING.limit + sum(one.slack for one in some)
            assert all(one.is_allowed for one in told[: READING.limit])
            assert all(0 <= one.left <= READING.limit for one in told)

    def test_at_an_exact_rate_they_let_the_limit_through(self) -> None:
        some = self.processes(EXACT)
        told = [self.ask(some[i % len(some)]).is_allowed for i in range(25)]
        assert told == [True] * 10 + [False] * 15

    def test_who_waits_as_long_as_is_said_gets_in(self) -> None:
        some, chance = self.processes(READING), random.Random(3)
        for i in range(60):
            cost = chance.randint(1, 60)
            told = self.ask(some[i % len(some)], cost)
            assert (told.retry_in == 0) == told.is_allowed
            if not told.is_allowed:
                self.now += told.retry_in
                assert self.ask(some[i % len(some)], cost).is_allowed

    def test_what_is_refused_costs_nothing(self) -> None:
        first, *_ = self.processes(EXACT)
        assert self.ask(first, 8).is_allowed
        assert not any(self.ask(first, 5).is_allowed for _ in range(5))
        assert self.ask(first, 2).is_allowed
        assert not self.ask(first).is_allowed

    def test_what_costs_more_than_the_limit_can_be_asked_once_a_window(self) -> None:
        first, *_ = self.processes(EXACT)
        assert self.ask(first, 1_000).is_allowed
        assert not self.ask(first, 1_000).is_allowed
        self.now += EXACT.window_s
        assert self.ask(first, 1_000).is_allowed

    def test_one_name_uses_up_nothing_of_another_and_one_rate_nothing_of_another(self) -> None:
        first, *_ = self.processes(EXACT)
        other, *_ = self.processes(Rate("confirming", 10, 3600, is_exact=True))
        assert self.ask(first, 10).is_allowed
        assert self.ask(first, 10, "address:10.0.0.2").is_allowed
        assert self.ask(other, 10).is_allowed
