"""Many things that are each given the same time, by one timer."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from atalaia.deadlines import Deadlines


class Loop(asyncio.SelectorEventLoop):
    """A loop whose time passes at once when there is nothing to do before."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 0.0
        self.timers = 0

    def time(self) -> float:
        return self.at

    def call_at(self, when, callback, *args, context=None):  # type: ignore[no-untyped-def]
        self.timers += 1
        return super().call_at(when, callback, *args, context=context)

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.at = max(self.at, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 10), st.floats(0, 5)).map(lambda one: (round(one[0], 2), one[1])),
        max_size=30,
    )
)
def test_what_takes_longer_is_told_when_its_time_is_over_and_nothing_else(
    began_and_took: list[tuple[float, float]],
) -> None:
    over: dict[int, float] = {}
    loop = Loop()

    async def run() -> None:
        deadlines: Deadlines[int] = Deadlines(2.0, lambda one: over.setdefault(one, loop.time()))

        async def one(i: int, began: float, took: float) -> None:
            await asyncio.sleep(began)
            deadlines.begin(i)
            await asyncio.sleep(took)
            deadlines.end(i)

        await asyncio.gather(*(one(i, *each) for i, each in enumerate(began_and_took)))
        await asyncio.sleep(10)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(run())
    late = {i for i, (_, took) in enumerate(began_and_took) if took > 2.0 + 1e-9}
    exact = {i for i, (_, took) in enumerate(began_and_took) if abs(took - 2.0) <= 1e-9}
    assert late <= over.keys() <= late | exact
    for i, at in over.items():
        assert abs(at - began_and_took[i][0] - 2.0) < 1e-6


def test_a_thousand_things_that_end_in_time_cost_one_timer() -> None:
    loop = Loop()

    async def run() -> int:
        deadlines: Deadlines[int] = Deadlines(2.0, lambda one: None)
        before = loop.timers
        for i in range(1000):
            deadlines.begin(i)
            deadlines.end(i)
        return loop.timers - before

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        assert runner.run(run()) == 1


def test_what_begins_anew_is_given_its_whole_time_again() -> None:
    loop, over = Loop(), []

    async def run() -> None:
        deadlines: Deadlines[str] = Deadlines(2.0, lambda one: over.append((one, loop.time())))
        deadlines.begin("a")
        await asyncio.sleep(1.5)
        deadlines.end("a")
        deadlines.begin("a")
        await asyncio.sleep(5)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(run())
    assert over == [("a", 3.5)]
